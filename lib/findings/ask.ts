/**
 * Asks a server as somebody does who knows nothing of it: on a new connection, without a token,
 * and without following redirects.
 *
 * @module
 */

import { describeReason } from "../mirrors/asker.ts";
import type { World } from "../mirrors/time.ts";
import { type Limit, startLimit } from "../registry/limit.ts";
import { tryReadBody } from "../registry/read_body.ts";

/** The answer to a request. */
export type Reply =
  | {
    readonly kind: "answered";
    readonly status: number;
    readonly headers: Headers;
    /** The body; `""` when it is longer than what archeio reads. */
    readonly body: string;
  }
  /** None; `reason` is for people. */
  | { readonly kind: "failed"; readonly reason: string };

/** Sends a request. The promise never rejects. */
export type Ask = (method: "GET" | "HEAD", url: string) => Promise<Reply>;

/** What looking at servers needs. */
export interface Tools extends Pick<World, "fetch" | "fetchAnew" | "later" | "now" | "random"> {
  /** The time limit of a request, in milliseconds. */
  readonly timeoutMs: number;
  /** Once it is aborted, requests end without an answer. */
  readonly stop: AbortSignal;
}

/** Does some work with a time limit. */
export async function withLimit<Result>(
  { timeoutMs, later, stop }: Pick<Tools, "timeoutMs" | "later" | "stop">,
  work: (limit: Limit) => Promise<Result>,
): Promise<Result> {
  const limit = startLimit({ timeoutMs, later, signals: [stop] });
  try {
    return await work(limit);
  } finally {
    limit.end();
  }
}

// Error bodies, and lists of repositories or tags.
const MAX_BODY_BYTES = 256 * 1024;
const HEADERS = { "user-agent": "archeio" };

// The platform's reason begins with the URL, which is known.
function describe(error: unknown): string {
  return describeReason(error).replace(/^error sending request for url \(.*?\): /, "");
}

/** Makes a function that asks servers. */
export function createAsk(tools: Tools): Ask {
  return (method, url) =>
    withLimit(tools, async (limit) => {
      try {
        const init: RequestInit = { method, headers: HEADERS, redirect: "manual" };
        const response = await limit.race(tools.fetchAnew(url, { ...init, signal: limit.signal }));
        const { status, headers } = response;
        const bytes = await tryReadBody(response, MAX_BODY_BYTES, limit);
        return { kind: "answered", status, headers, body: new TextDecoder().decode(bytes) };
      } catch (error) {
        return { kind: "failed", reason: describe(error) };
      }
    });
}
