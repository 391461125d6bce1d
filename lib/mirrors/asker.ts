/**
 * Sends requests to other servers: HEAD, or GET for the first byte.
 *
 * @module
 */

import type { Answer, Answered } from "./answer.ts";
import type { Later } from "./time.ts";

/** What an asker needs. */
export interface AskerOptions {
  /** Sends a request, like the platform's `fetch`. */
  readonly fetch: typeof fetch;
  /** The same, on a new connection. */
  readonly fetchAnew: typeof fetch;
  /** Runs the timeouts. */
  readonly later: Later;
  /** Once it is aborted, requests in flight count as not sent. */
  readonly stop: AbortSignal;
}

/** Sends requests to other servers. Its promises never reject. */
export interface Asker {
  /**
   * Sends a HEAD request. A failed one is retried once on a new connection, because a server
   * may close an idle connection at the moment a request is sent on it (RFC 9112, section
   * 9.3.1).
   */
  head(url: string, timeoutMs: number): Promise<Answer>;
  /** Sends a HEAD request on a new connection. */
  headAnew(url: string, timeoutMs: number): Promise<Answer>;
  /**
   * Requests the first byte by GET, on a new connection, and reads it: a server may answer
   * HEAD, or send headers, and still deliver nothing. In that case the answer's length is 0.
   */
  firstByte(url: string, timeoutMs: number): Promise<Answer>;
}

const HEADERS: Readonly<Record<string, string>> = {
  "user-agent": "archeio",
  // Some registries answer 404 when the stored media type is not among those accepted.
  accept: [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "*/*",
  ].join(", "),
};
// Lengths and ranges refer to the unencoded bytes.
const RANGE = { ...HEADERS, range: "bytes=0-0", "accept-encoding": "identity" };

/** Makes an asker. Redirects are not followed: only the configured server's answer counts. */
export function createAsker({ fetch, fetchAnew, later, stop }: AskerOptions): Asker {
  async function ask(
    send: typeof fetch,
    url: string,
    init: RequestInit,
    limit: Limit,
  ): Promise<Answer> {
    if (limit.signal.aborted) return toNoAnswer(limit.signal.reason);
    try {
      const response = await send(url, { ...init, redirect: "manual", signal: limit.signal });
      const answer = toAnswered(response);
      if (init.method === "GET" && response.ok) {
        return await hasFirstByte(response) ? answer : { ...answer, length: 0 };
      }
      await response.body?.cancel();
      return answer;
    } catch (reason) {
      return toNoAnswer(limit.signal.aborted ? limit.signal.reason : reason);
    }
  }

  async function limited(
    timeoutMs: number,
    work: (limit: Limit) => Promise<Answer>,
  ): Promise<Answer> {
    const limit = startLimit(timeoutMs, later, stop);
    try {
      // A stalled body does not necessarily react to the signal.
      return await Promise.race([work(limit), limit.expired]);
    } finally {
      limit.end();
    }
  }

  return {
    head: (url, timeoutMs) =>
      limited(timeoutMs, async (limit) => {
        const answer = await ask(fetch, url, { method: "HEAD", headers: HEADERS }, limit);
        if (answer.kind !== "failed" || limit.signal.aborted) return answer;
        return await ask(fetchAnew, url, { method: "HEAD", headers: HEADERS }, limit);
      }),
    headAnew: (url, timeoutMs) =>
      limited(
        timeoutMs,
        (limit) => ask(fetchAnew, url, { method: "HEAD", headers: HEADERS }, limit),
      ),
    firstByte: (url, timeoutMs) =>
      limited(timeoutMs, (limit) => ask(fetchAnew, url, { method: "GET", headers: RANGE }, limit)),
  };
}

interface Limit {
  readonly signal: AbortSignal;
  /** Resolves when the signal is aborted. */
  readonly expired: Promise<Answer>;
  readonly end: () => void;
}

const STOPPING = new DOMException("the program is stopping", "AbortError");

function startLimit(timeoutMs: number, later: Later, stop: AbortSignal): Limit {
  const ended = new AbortController();
  const { signal } = ended;
  const onStop = () => ended.abort(STOPPING);
  const cancel = later(timeoutMs, () =>
    ended.abort(
      new DOMException(`no answer in ${Math.max(1, Math.round(timeoutMs))} ms`, "TimeoutError"),
    ));
  const expired = new Promise<Answer>((resolve) =>
    signal.addEventListener("abort", () => resolve(toNoAnswer(signal.reason)), { once: true })
  );
  stop.addEventListener("abort", onStop);
  if (stop.aborted) onStop();
  return {
    signal,
    expired,
    end() {
      cancel();
      stop.removeEventListener("abort", onStop);
    },
  };
}

// `fetch` decodes what is stored with `Content-Encoding`, also when the identity was asked for.
// One byte of it was delivered, but cannot be decoded.
const UNDECODED = /invalid gzip header|unexpected end of file|unexpected EOF/i;

async function hasFirstByte({ status, body }: Response): Promise<boolean> {
  if (body === null) return false;
  const reader = body.getReader();
  try {
    const { done } = await reader.read();
    await reader.cancel();
    return !done;
  } catch (error) {
    if (status === 206 && UNDECODED.test(describeReason(error))) return true;
    throw error;
  }
}

function toAnswered({ status, headers }: Response): Answered {
  const length = headers.get("content-length");
  return {
    kind: "answered",
    status,
    length: length === null ? undefined : Number(length),
    archived: isArchived(headers),
    retryAfterMs: readRetryAfter(headers.get("retry-after")),
  };
}

// https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
function isArchived(headers: Headers): boolean {
  const storage = headers.get("x-amz-storage-class");
  const archived = storage === "GLACIER" || storage === "DEEP_ARCHIVE" ||
    headers.has("x-amz-archive-status");
  return archived && !/ongoing-request="false"/.test(headers.get("x-amz-restore") ?? "");
}

/**
 * Reads the value of `Retry-After` (RFC 9110, section 10.2.3) in milliseconds. A date is ignored.
 */
export function readRetryAfter(value: string | null): number | undefined {
  return value !== null && /^\d{1,6}$/.test(value) ? Number(value) * 1000 : undefined;
}

function toNoAnswer(error: unknown): Answer {
  const kind = error === STOPPING || isOwnFault(error) ? "unsent" : "failed";
  return { kind, reason: describeReason(error) };
}

// No file descriptors (EMFILE, ENFILE), no ports (EADDRNOTAVAIL), no route (ENETUNREACH), or
// no reachable name server (EAI_AGAIN): problems of this machine, not of the other server.
const OWN_FAULT =
  /too many open files|os error (?:23|24|99|101)\)|temporary failure in name resolution/i;

function isOwnFault(reason: unknown): boolean {
  for (let error = reason; error instanceof Error; error = error.cause) {
    if (OWN_FAULT.test(error.message)) return true;
  }
  return false;
}

/** Why a request failed, in a few words. The cause says more than "fetch failed". */
export function describeReason(reason: unknown): string {
  if (!(reason instanceof Error)) return String(reason);
  return reason.cause instanceof Error ? reason.cause.message : reason.message;
}
