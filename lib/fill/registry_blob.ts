/**
 * Opens blobs of a registry, at any byte. Where it redirects to its storage, that is asked
 * without its token.
 *
 * @module
 */

import { startLimit } from "../registry/limit.ts";
import { dropBody } from "../registry/read_body.ts";
import { judgeLocation } from "../registry/server.ts";
import { failed, failedBy, failedByStatus, type Failure } from "./failure.ts";
import type { Unanswered } from "./registry_answers.ts";
import { describeStatus } from "./registry_answers.ts";
import type { RegistrySourceOptions } from "./registry_source.ts";
import type { Opened, Source } from "./source.ts";

/** What opening blobs needs. */
export interface BlobOpenerOptions extends RegistrySourceOptions {
  /** Reads the failure in an answer. */
  readonly toFailure: (answer: Unanswered) => Failure;
}

/** The time limit of a request, until the headers of its answer have come. */
const TIMEOUT_MS = 30_000;
const MOST_REDIRECTS = 5;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/** Makes a function that opens blobs. */
export function createBlobOpener(options: BlobOpenerOptions): Source["blob"] {
  const { server, registry, fetch, later, timeOfDay, toFailure } = options;

  async function follow(
    first: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Response | Failure> {
    for (let location = first, redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
      const response = await fetch(location, { headers, redirect: "manual", signal });
      if (!REDIRECTS.includes(response.status)) return response;
      dropBody(response);
      const judged = judgeLocation(response.headers.get("location"), location, server);
      if (judged.kind === "refused") return failed(`its storage: ${judged.reason}`);
      location = new URL(judged.url, location).href;
    }
    return failed(`its storage redirects more than ${MOST_REDIRECTS} times`);
  }

  return async function open(name, digest, from, signal) {
    const limit = startLimit({ timeoutMs: TIMEOUT_MS, later, signals: [signal] });
    const headers: Record<string, string> = {
      "accept-encoding": "identity",
      ...from === 0 ? {} : { range: `bytes=${from}-` },
    };
    try {
      const asked = { kind: "blob", name, digest, registered: true, query: "" } as const;
      const answer = await registry({ server, asked, method: "GET", headers, limit });
      if (answer.kind === "missing") return answer;
      if (answer.kind === "answered") return toOpened(answer.response, from, timeOfDay());
      if (answer.kind !== "redirect") return toFailure(answer);
      const url = new URL(answer.location, server.base).href;
      const response = await limit.race(follow(url, headers, limit.signal));
      return "kind" in response ? response : toOpened(response, from, timeOfDay());
    } catch (error) {
      return failedBy(error);
    } finally {
      limit.end();
    }
  };
}

function toOpened(response: Response, from: number, timeOfDay: number): Opened {
  const { status, headers, body } = response;
  if ((status !== 200 && status !== 206) || body === null) {
    dropBody(response);
    return failedByStatus(response, describeStatus(status), timeOfDay);
  }
  if (status === 200) {
    // A length is that of the encoded bytes.
    const length = headers.has("content-encoding") ? null : headers.get("content-length");
    const size = length !== null && /^\d{1,15}$/.test(length) ? Number(length) : undefined;
    return { kind: "open", from: 0, size, body };
  }
  const range = /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15}|\*)$/.exec(
    headers.get("content-range") ?? "",
  );
  if (range === null || from === 0) {
    dropBody(response);
    return failed("it answered 206 without saying which bytes");
  }
  const [, first, size] = range;
  return {
    kind: "open",
    from: Number(first),
    size: size === "*" ? undefined : Number(size),
    body,
  };
}
