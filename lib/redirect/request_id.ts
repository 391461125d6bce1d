/**
 * Ids of requests, by which the log of archeio and those of stores and registries are joined:
 * 128 bits in lower-case hexadecimal.
 *
 * An id comes from the token of a session, else from what is in front of archeio, else it is
 * made. Clients choose the first two, so they are checked strictly: an id stands in headers,
 * URLs and log lines.
 *
 * @module
 */

import type { TraceConfig } from "../config/config.ts";

/** Whether a configuration traces requests. */
export function isTraced({ request_id, session, redirect_parameter }: TraceConfig): boolean {
  return request_id || session || redirect_parameter !== null;
}

/** Finds out the id of a request; `undefined` for none. */
export type RequestIdentifier = (headers: Headers) => string | undefined;

/** What ids need. */
export interface RequestIdOptions {
  /** Which ids are in use. */
  readonly trace: TraceConfig;
  /** Returns a random number in [0, 1). */
  readonly random: () => number;
}

/** Makes an identifier. */
export function createRequestIdentifier({ trace, random }: RequestIdOptions): RequestIdentifier {
  // A session alone leaves requests outside of it without an id.
  const isMade = trace.request_id || trace.redirect_parameter !== null;
  return (headers) =>
    (trace.session ? trySessionId(headers) : undefined) ??
      (isMade ? tryForwardedId(headers) ?? createId(random) : undefined);
}

/** Makes the function that gives a session its id: one from in front of archeio, or a new one. */
export function createSessionIds(random: () => number): (headers: Headers) => string {
  return (headers) => tryForwardedId(headers) ?? createId(random);
}

const BEARER = /^Bearer +([0-9a-f]{32})$/i;

/** The id that a client presents as a token (RFC 6750, section 2.1). */
function trySessionId(headers: Headers): string | undefined {
  return tryId(BEARER, headers.get("authorization"));
}

// https://www.w3.org/TR/trace-context-1/#traceparent-header
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:$|-)/i;
// https://cloud.google.com/trace/docs/trace-context#legacy-http-header
const CLOUD_TRACE = /^([0-9a-f]{32})(?:$|[/;])/i;

function tryForwardedId(headers: Headers): string | undefined {
  return tryId(TRACEPARENT, headers.get("traceparent")) ??
    tryId(CLOUD_TRACE, headers.get("x-cloud-trace-context"));
}

const NO_ID = "0".repeat(32);

function tryId(pattern: RegExp, value: string | null): string | undefined {
  const id = value === null ? undefined : pattern.exec(value)?.[1]?.toLowerCase();
  return id === NO_ID ? undefined : id;
}

const WORDS = 4;

function createId(random: () => number): string {
  let id = "";
  for (let word = 0; word < WORDS; word++) {
    id += Math.floor(random() * 2 ** 32).toString(16).padStart(8, "0");
  }
  return id;
}
