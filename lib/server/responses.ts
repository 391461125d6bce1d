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

/** A redirect that keeps the method: 307 (RFC 9110, section 15.4.8). */
export function redirectResponse(location: string): Response {
  const response = new Response(null, TEMPORARY_REDIRECT);
  // Cheaper than a `headers` member of the options, which would be read by WebIDL's rules.
  response.headers.append("location", location);
  return response;
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

/** The answer when something went wrong that should not; it says nothing of what. */
export function failureResponse(): Response {
  return new Response("internal error\n", { status: STATUS_CODE.InternalServerError });
}
