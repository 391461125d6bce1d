/**
 * What a request asks for: a method and a request target, read into a union.
 *
 * The end points are those of the OCI distribution specification
 * (https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#endpoints)
 * that a pull uses, and the two pages beside them.
 *
 * @module
 */

import { isName, isOtherDigest, isRegisteredDigest, isSignatureTag, isTag } from "./grammar.ts";
import { forwardQuery } from "./query.ts";

/** The part of a request that the specification's grammar does not allow. */
export type InvalidPart = "name" | "tag" | "digest";

/** A request for what has a digest. */
export interface ByDigest {
  /** What the digest is of: a blob, a manifest, or the manifest that others refer to. */
  readonly kind: "blob" | "manifest_by_digest" | "referrers";
  /** The repository's name, such as `sig-storage/csi-attacher`. */
  readonly name: string;
  /** The digest, its algorithm before the colon. */
  readonly digest: string;
  /** Whether its algorithm is a registered one: only such digests are asked about elsewhere. */
  readonly registered: boolean;
  /** What of the query goes along to an upstream: `""`, or from its question mark on. */
  readonly query: string;
}

/**
 * What a request asks for. `query` is `""` or begins with `?`, and can stand in
 * a URL as it is, as can `name`, `tag` and `digest`.
 */
export type Asked =
  | { readonly kind: "info" }
  | { readonly kind: "privacy" }
  | { readonly kind: "version" }
  | { readonly kind: "catalog" }
  | ByDigest
  | {
    readonly kind: "manifest_by_tag";
    readonly name: string;
    readonly tag: string;
    /** Whether it is a tag that signatures are kept under. */
    readonly signature: boolean;
    readonly query: string;
  }
  | { readonly kind: "tags"; readonly name: string; readonly query: string }
  | { readonly kind: "invalid"; readonly part: InvalidPart; readonly value: string }
  | { readonly kind: "method"; readonly method: string }
  /** Nothing that is served; `api` for what is below `/v2/`. */
  | { readonly kind: "nothing"; readonly api: boolean };

/**
 * Reads what a request asks for. It never throws, whatever it is given.
 *
 * @param method the request's method, in the case it was sent
 * @param target the request target as received, neither decoded nor normalised:
 * `/v2/…`, or with scheme and authority before it, which are passed over (RFC 9112,
 * sections 3.2.1 and 3.2.2)
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseRequest("GET", "/v2/sig-storage/csi-attacher/manifests/v4.6.1?ns=k8s.io"), {
 *   kind: "manifest_by_tag",
 *   name: "sig-storage/csi-attacher",
 *   tag: "v4.6.1",
 *   signature: false,
 *   query: "",
 * });
 * assertEquals(parseRequest("GET", "/v2/../secrets/tags/list"), {
 *   kind: "invalid",
 *   part: "name",
 *   value: "../secrets",
 * });
 * assertEquals(parseRequest("PUT", "/v2/"), { kind: "method", method: "PUT" });
 * ```
 */
export function parseRequest(method: string, target: string): Asked {
  if (method !== "GET" && method !== "HEAD") return { kind: "method", method };
  const authority = authorityStart(target);
  if (authority < 0) return NOTHING;
  const mark = target.indexOf("?", authority);
  const end = mark < 0 ? target.length : mark;
  const slash = target.indexOf("/", authority);
  const start = slash < 0 || slash > end ? end : slash;
  const query = mark < 0 ? "" : target.slice(mark + 1);
  const encoded = target.indexOf("%", start);
  if (encoded < 0 || encoded > end) return parsePath(target, start, end, query);
  const path = decodePath(target.slice(start, end));
  return parsePath(path, 0, path.length, query);
}

const MOST_KEPT = 1000;
const LONGEST_KEPT = 512;

/**
 * Makes a {@linkcode parseRequest} that keeps what it has read. Most requests of a
 * registry are for few images, and to find a target again takes a third of reading it.
 * There is no order among those that are kept; when there are too many, all go, and those
 * in use are back at once.
 */
export function createRequestParser(): typeof parseRequest {
  const kept = new Map<string, Asked>();
  return (method, target) => {
    if (method !== "GET" && method !== "HEAD") return parseRequest(method, target);
    const held = kept.get(target);
    if (held !== undefined) return held;
    const asked = parseRequest(method, target);
    if (target.length > LONGEST_KEPT) return asked;
    if (kept.size >= MOST_KEPT) kept.clear();
    kept.set(target, asked);
    return asked;
  };
}

// Where the authority begins, 0 for a target that is a path alone, or -1 for one that
// is neither path nor URL, such as `*`.
function authorityStart(target: string): number {
  if (target.charCodeAt(0) === SLASH) return 0;
  const scheme = target.indexOf("://");
  return scheme < 0 ? -1 : scheme + "://".length;
}

const SLASH = 47;
const NOTHING: Asked = { kind: "nothing", api: false };

// Paths are read where they stand in the target: a piece that is cut out of a string
// costs more to read than the string itself.
function parsePath(text: string, start: number, end: number, query: string): Asked {
  if (text.startsWith("/v2/", start) && end > start + 4) return parseApi(text, start, end, query);
  switch (text.slice(start, end)) {
    case "/":
    case "": // A URL without a path means "/" (RFC 9110, section 4.2.3).
      return { kind: "info" };
    case "/privacy":
      return { kind: "privacy" };
    case "/v2":
    case "/v2/":
      return { kind: "version" };
    default:
      return NOTHING;
  }
}

// A name may itself hold `blobs` or `manifests` as components, so a path is read
// from its end: `/v2/<name>/<end point>/<last>`.
function parseApi(text: string, start: number, end: number, query: string): Asked {
  const last = lastSlash(text, end);
  const point = endPointBefore(text, last);
  const nameStart = start + "/v2/".length;
  const nameEnd = last - point.length;
  if (point === "" || nameEnd < nameStart) {
    return text.slice(start, end) === "/v2/_catalog" ? CATALOG : NO_END_POINT;
  }
  if (point === "/tags" && text.slice(last, end) !== "/list") return NO_END_POINT;
  const name = text.slice(nameStart, nameEnd);
  if (!isName(text, nameStart, nameEnd)) return { kind: "invalid", part: "name", value: name };
  const forwarded = forwardQuery(query);
  if (point === "/tags") return { kind: "tags", name, query: forwarded };
  const reference = text.slice(last + 1, end);
  if (point === "/manifests" && !reference.includes(":")) {
    if (!isTag(reference)) return { kind: "invalid", part: "tag", value: reference };
    const signature = isSignatureTag(reference);
    return { kind: "manifest_by_tag", name, tag: reference, signature, query: forwarded };
  }
  const registered = isRegisteredDigest(text, last + 1, end);
  if (!registered && !isOtherDigest(reference)) {
    return { kind: "invalid", part: "digest", value: reference };
  }
  return { kind: DIGEST_KINDS[point], name, digest: reference, registered, query: forwarded };
}

const SHA256_LENGTH = "sha256:".length + 64;

// Where a digest of the usual length would begin is looked at before the search.
function lastSlash(text: string, end: number): number {
  const usual = end - SHA256_LENGTH - 1;
  return text.charCodeAt(usual) === SLASH && text.indexOf("/", usual + 1) < 0
    ? usual
    : text.lastIndexOf("/", end - 1);
}

const CATALOG: Asked = { kind: "catalog" };
const NO_END_POINT: Asked = { kind: "nothing", api: true };

const DIGEST_KINDS = {
  "/blobs": "blob",
  "/manifests": "manifest_by_digest",
  "/referrers": "referrers",
} as const;

function endPointBefore(text: string, end: number): keyof typeof DIGEST_KINDS | "/tags" | "" {
  if (text.startsWith("/blobs", end - 6)) return "/blobs";
  if (text.startsWith("/manifests", end - 10)) return "/manifests";
  if (text.startsWith("/referrers", end - 10)) return "/referrers";
  return text.startsWith("/tags", end - 5) ? "/tags" : "";
}

// Far longer than any name with its reference, encoded whole.
const LONGEST_DECODED = 2048;

/**
 * Some clients write a digest's colon as `%3A`. Segments are decoded once and on
 * their own, so an encoded slash never makes a new segment; what does not
 * decode stays as it is, and no grammar allows it. So does a path whose decoding
 * would keep others waiting: each segment that does not decode costs an exception.
 */
function decodePath(path: string): string {
  return path.length > LONGEST_DECODED ? path : path.split("/").map(decodeSegment).join("/");
}

function decodeSegment(segment: string): string {
  try {
    const decoded = decodeURIComponent(segment);
    return decoded.includes("/") ? segment : decoded;
  } catch {
    return segment;
  }
}
