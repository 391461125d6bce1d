/**
 * Sending a HEAD request.
 *
 * @module
 */

import type { HeadAnswer } from "../mirrors/presence.ts";

/** What HEAD requests are sent with. */
export interface HeadOptions {
  /** Sends a request, as the platform's does. */
  readonly fetch: typeof fetch;
  /** When it is aborted, whatever is waited for counts as not sent. */
  readonly stop: AbortSignal;
  /** Told of each request that got no answer. */
  readonly onFailure: (url: string, reason: unknown) => void;
}

const HEADERS: Readonly<Record<string, string>> = {
  "user-agent": "archeio",
  // A registry that knows the type that it has is not among those accepted says 404.
  accept: [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "*/*",
  ].join(", "),
};

/**
 * Makes a function that sends a HEAD request, and waits for its answer for some
 * milliseconds. Its promise is never rejected.
 *
 * Redirects are not followed: an answer counts that the configured server gives.
 */
export function createHead(
  options: HeadOptions,
): (url: string, timeoutMs: number) => Promise<HeadAnswer> {
  const { fetch, stop, onFailure } = options;
  return async function head(url, timeoutMs) {
    const ended = new AbortController();
    const end = () => ended.abort(new DOMException("stopping", "AbortError"));
    const timer = setTimeout(
      () =>
        ended.abort(new DOMException(`no answer in ${Math.round(timeoutMs)} ms`, "TimeoutError")),
      timeoutMs,
    );
    stop.addEventListener("abort", end);
    if (stop.aborted) end();
    try {
      const response = await fetch(url, {
        method: "HEAD",
        headers: HEADERS,
        redirect: "manual",
        signal: ended.signal,
      });
      await response.body?.cancel();
      return response.status;
    } catch (reason) {
      onFailure(url, reason);
      return stop.aborted || isOwnFault(reason) ? "unsent" : "failed";
    } finally {
      clearTimeout(timer);
      stop.removeEventListener("abort", end);
    }
  };
}

// Whoever has no file descriptor left cannot say anything about others.
function isOwnFault(reason: unknown): boolean {
  for (let error = reason; error instanceof Error; error = error.cause) {
    if (/too many open files|os error (?:23|24)\)/i.test(error.message)) return true;
  }
  return false;
}
