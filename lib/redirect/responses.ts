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
// A power of two, so that a mask selects a slot.
const MOST_REDIRECTS = 1024;
// Longer than the URL of any legitimate request; that of a hostile one may have 60 KB.
const LONGEST_KEPT = 1024;

/** Makes a redirect that preserves the method, with a value of `Cache-Control`. */
export function createRedirect(location: string, cacheControl?: string): Response {
  const response = new Response(null, TEMPORARY_REDIRECT);
  // Cheaper than the `headers` option, which is converted by WebIDL's rules.
  response.headers.append("location", location);
  response.headers.append("content-length", "0");
  if (cacheControl !== undefined) response.headers.append("cache-control", cacheControl);
  return response;
}

/**
 * Makes a function that returns redirects which preserve the method: 307 (RFC 9110, section
 * 15.4.8).
 *
 * Most of the cost of a redirect is the validation of its `Location`, character by character.
 * So frequent redirects are cached and sent again, which is possible because they have no body.
 * The cache is direct-mapped: a hash of the last characters of a `Location`, the end of a digest
 * or tag, selects its only slot. Hashing all of it would cost as much as the cache saves. A
 * redirect is cached when it is requested twice in a row among those of its slot, so rare
 * redirects do not evict frequent ones.
 *
 * @param cacheControl the value of `Cache-Control`, none by default
 */
export function createRedirects(cacheControl?: string): (location: string) => Response {
  const kept: (Response | undefined)[] = Array(MOST_REDIRECTS).fill(undefined);
  const locations: string[] = Array(MOST_REDIRECTS).fill("");
  const candidates = new Int32Array(MOST_REDIRECTS);

  return function redirect(location) {
    const mark = markOf(location);
    const slot = mark & MOST_REDIRECTS - 1;
    if (locations[slot] === location) return kept[slot]!;
    const response = createRedirect(location, cacheControl);
    if (candidates[slot] === mark && location.length <= LONGEST_KEPT) {
      locations[slot] = location;
      kept[slot] = response;
    }
    candidates[slot] = mark;
    return response;
  };
}

const MARK_DIGITS = 8;

// FNV-1a. Colliding redirects only evict each other, because the whole `Location` is compared.
function markOf(location: string): number {
  let mark = 0x811c9dc5;
  for (let at = location.length - MARK_DIGITS; at < location.length; at++) {
    mark = Math.imul(mark ^ location.charCodeAt(at), 0x01000193);
  }
  return mark ^ mark >>> 15;
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
