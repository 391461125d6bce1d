/**
 * From a decision's parts to a `Response`. GET and HEAD get the same headers; only
 * GET gets the body.
 *
 * @module
 */

import { STATUS_CODE } from "@std/http/status";
import { formatErrorBody } from "../oci/error_body.ts";
import type { Refusal } from "../routing/decide.ts";

const TEMPORARY_REDIRECT = { status: STATUS_CODE.TemporaryRedirect };
const MOST_REDIRECTS = 1000;
// Longer than any that a client would ask for in earnest; a hostile one may be 60 KB.
const LONGEST_KEPT = 1024;

/**
 * Makes a function that gives redirects which keep the method: 307 (RFC 9110, section
 * 15.4.8).
 *
 * Most requests of a registry are for few images, and the greater part of what a
 * redirect costs is the check of its `Location`, character by character. Those in use
 * are therefore kept, and sent again: a response without a body can be. There is no
 * order among them to keep; when there are too many, all go, and those in use are back
 * at once.
 */
export function createRedirects(): (location: string) => Response {
  const kept = new Map<string, Response>();
  return function redirect(location) {
    const held = kept.get(location);
    if (held !== undefined) return held;
    const response = new Response(null, TEMPORARY_REDIRECT);
    // Cheaper than a `headers` member of the options, which would be read by WebIDL's rules.
    response.headers.append("location", location);
    if (location.length > LONGEST_KEPT) return response;
    if (kept.size >= MOST_REDIRECTS) kept.clear();
    kept.set(location, response);
    return response;
  };
}

/**
 * The answer to the API version check. Docker's older clients take a registry for
 * one of the first version when the header is not there
 * (https://distribution.github.io/distribution/spec/api/#api-version-check).
 */
export function versionResponse(): Response {
  return new Response(null, {
    status: STATUS_CODE.OK,
    headers: { "docker-distribution-api-version": "registry/2.0" },
  });
}

/** The answer to what is not served. */
export function errorResponse({ status, error, api }: Refusal, method: string): Response {
  const body = new TextEncoder().encode(api ? formatErrorBody(error) : `${error.message}\n`);
  const headers: Record<string, string> = {
    "content-type": api ? "application/json" : "text/plain; charset=utf-8",
    "content-length": String(body.length),
  };
  if (status === STATUS_CODE.MethodNotAllowed) headers.allow = "GET, HEAD";
  return new Response(method === "HEAD" ? null : body, { status, headers });
}

const INTERNAL_ERROR = formatErrorBody({ code: "UNKNOWN", message: "internal error" });

/** The answer when something went wrong that should not; it says nothing of what. */
export function failureResponse(): Response {
  return new Response(INTERNAL_ERROR, {
    status: STATUS_CODE.InternalServerError,
    headers: { "content-type": "application/json" },
  });
}
