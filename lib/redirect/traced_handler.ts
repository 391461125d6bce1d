/**
 * Traces: puts an id into answers, and ties the requests of a pull together by a session.
 *
 * A session is the token flow of registries
 * (https://distribution.github.io/distribution/spec/auth/token/), used for its side effect:
 * clients that are challenged at `/v2/` present the same token with all requests of a pull. It
 * is no login. Any token is served, and none.
 *
 * @module
 */

import type { TraceConfig } from "../config/config.ts";
import type { Numbers } from "../observe/numbers.ts";
import { CHALLENGE } from "../routing/refusals.ts";
import type { Handler, IdentifiedHandler } from "./handler.ts";
import { createRequestIdentifier, createSessionIds } from "./request_id.ts";
import { errorResponse, textResponse } from "./responses.ts";

/** What a traced handler needs. */
export interface TracedHandlerOptions {
  /** What is traced. */
  readonly trace: TraceConfig;
  /** The counters. */
  readonly numbers: Pick<Numbers, "answered">;
  /** The time of day in milliseconds since 1970. */
  readonly timeOfDay: () => number;
  /** Returns a random number in [0, 1). */
  readonly random: () => number;
}

/** The header in which clients get the id of their request. */
const ID_HEADER = "x-request-id";

/** Makes a handler that gives requests their ids. */
export function createTracedHandler(
  handle: IdentifiedHandler,
  options: TracedHandlerOptions,
): Handler {
  const { trace } = options;
  const identify = createRequestIdentifier(options);
  const answerSession = trace.session ? createSession(options) : () => undefined;

  return (request, info) => {
    const id = identify(request.headers);
    const answer = answerSession(request) ?? handle(request, info, id);
    if (!trace.request_id) return answer;
    return answer instanceof Promise
      ? answer.then((response) => withId(response, id))
      : withId(answer, id);
  };
}

// A token's own id is in its header already.
function withId(response: Response, id: string | undefined): Response {
  if (id !== undefined && !response.headers.has(ID_HEADER)) response.headers.set(ID_HEADER, id);
  return response;
}

const URL_PARTS = /^(https?):\/\/([^/?#]*)([^?#]*)/;
const AUTHORITY = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;
const LIFETIME_S = 3600;

/** Makes the function that answers the requests of the token flow. */
function createSession({ trace, numbers, timeOfDay, random }: TracedHandlerOptions) {
  const idOf = createSessionIds(random);

  function serveToken({ method, headers }: Request): Response {
    numbers.answered("token", 200);
    const id = idOf(headers);
    const issued = new Date(timeOfDay()).toISOString();
    const token = { token: id, access_token: id, expires_in: LIFETIME_S, issued_at: issued };
    const response = textResponse(JSON.stringify(token), { method, type: "application/json" });
    // RFC 6749, section 5.1.
    response.headers.set("cache-control", "no-store");
    if (trace.request_id) response.headers.set(ID_HEADER, id);
    return response;
  }

  function challenge({ method, headers }: Request, scheme: string, host: string): Response {
    numbers.answered("version", CHALLENGE.status);
    const forwarded = headers.get("x-forwarded-proto");
    const outer = forwarded === "http" || forwarded === "https" ? forwarded : scheme;
    const response = errorResponse(CHALLENGE, method);
    response.headers.set(
      "www-authenticate",
      `Bearer realm="${outer}://${host}/token",service="${host}"`,
    );
    response.headers.set("docker-distribution-api-version", "registry/2.0");
    response.headers.set("cache-control", "no-store");
    return response;
  }

  return (request: Request): Response | undefined => {
    const { method, url, headers } = request;
    const [, scheme = "", host = "", path] = URL_PARTS.exec(url) ?? [];
    const isRead = method === "GET" || method === "HEAD";
    if (path === "/token") return isRead || method === "POST" ? serveToken(request) : undefined;
    if (!isRead || path !== "/v2/" && path !== "/v2" || headers.get("authorization") !== null) {
      return undefined;
    }
    // No host that a header or a URL could not have as it is.
    return AUTHORITY.test(host) ? challenge(request, scheme, host) : undefined;
  };
}
