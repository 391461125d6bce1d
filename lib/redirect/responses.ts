/**
 * Makes a `Response` from the parts of a decision. GET and HEAD get the same headers; only
 * GET gets the body.
 *
 * @module
 */

import { STATUS_CODE } from "@std/http/status";
import { formatErrorBody } from "../oci/error_body.ts";
import type { Refusal } from "../routing/decide.ts";

const TEMPORARY_REDIRECT = { status: STATUS_CODE.TemporaryRedirect };

/** The properties of a redirect. */
export interface RedirectOptions {
  /** The request's method. */
  readonly method: string;
  /** The value of `Cache-Control`, none by default. */
  readonly cacheControl?: string | undefined;
}

/** Makes a redirect that preserves the method: 307 (RFC 9110, section 15.4.8). */
export function createRedirect(
  location: string,
  { method, cacheControl }: RedirectOptions,
): Response {
  const response = new Response(null, TEMPORARY_REDIRECT);
  // Cheaper than the `headers` option, which is converted by WebIDL's rules.
  const { headers } = response;
  headers.append("location", location);
  if (cacheControl !== undefined) headers.append("cache-control", cacheControl);
  // Servers add it to answers to GET; Deno before 2.8 does not to those to HEAD.
  if (method === "HEAD") headers.append("content-length", "0");
  return response;
}

/**
 * The answer to the API version check. Older Docker clients assume a version 1 registry
 * without the header
 * (https://distribution.github.io/distribution/spec/api/#api-version-check).
 */
export function versionResponse(): Response {
  return new Response(null, {
    status: STATUS_CODE.OK,
    headers: { "docker-distribution-api-version": "registry/2.0", "content-length": "0" },
  });
}

// Deno before 2.8 compresses bodies unless told not to, and adds `vary` to any answer with a
// body. HEAD has no body, and must have the headers of GET.
const AS_HEAD = { "cache-control": "no-transform", "vary": "accept-encoding" };

/** The properties of an answer with a text. */
export interface TextOptions {
  /** The request's method: HEAD gets only the headers, which are those of GET. */
  readonly method: string;
  /** The status, 200 by default. */
  readonly status?: number;
  /** The media type, plain text by default. */
  readonly type?: string;
}

/** Makes an answer with a text. */
export function textResponse(
  text: string,
  { method, status = STATUS_CODE.OK, type = "text/plain; charset=utf-8" }: TextOptions,
): Response {
  const body = new TextEncoder().encode(text);
  const headers: Record<string, string> = {
    "content-type": type,
    "content-length": String(body.length),
    ...AS_HEAD,
  };
  if (status === STATUS_CODE.MethodNotAllowed) headers.allow = "GET, HEAD";
  return new Response(method === "HEAD" ? null : body, { status, headers });
}

const JSON_TYPE = "application/json";

/** Makes the answer to a refused request. */
export function errorResponse({ status, error, api }: Refusal, method: string): Response {
  return api
    ? textResponse(formatErrorBody(error), { method, status, type: JSON_TYPE })
    : textResponse(`${error.message}\n`, { method, status });
}

const INTERNAL_ERROR = formatErrorBody({ code: "UNKNOWN", message: "internal error" });

/** The answer after an unexpected error; it reveals no details. */
export function failureResponse(): Response {
  return textResponse(INTERNAL_ERROR, {
    method: "GET",
    status: STATUS_CODE.InternalServerError,
    type: JSON_TYPE,
  });
}
