/**
 * Parses a request's method and target into a union that says what is asked for.
 *
 * The end points are those of the OCI distribution specification
 * (https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#endpoints)
 * that a pull uses, plus three pages.
 *
 * @module
 */

import { decodePath } from "./decode.ts";
import { requestDigests } from "./digest_reader.ts";
import { isName, isOtherDigest, isRegisteredDigest, isSignatureTag, isTag } from "./grammar.ts";
import { forwardQuery } from "./query.ts";

/** The part of a request that violates the specification's grammar. */
export type InvalidPart = "name" | "tag" | "digest";

/** A request for content with a digest. */
export interface ByDigest {
  /** What the digest identifies: a blob, a manifest, or the subject of referrers. */
  readonly kind: "blob" | "manifest_by_digest" | "referrers";
  /** The repository name, such as `sig-storage/csi-attacher`. */
  readonly name: string;
  /** The digest, including its algorithm. */
  readonly digest: string;
  /** Whether the algorithm is registered: mirrors are asked only for such digests. */
  readonly registered: boolean;
  /** The query to forward to an upstream: `""`, or beginning with its question mark. */
  readonly query: string;
}

/**
 * What a request asks for. `query` is `""` or begins with `?`. Like `name`, `tag` and
 * `digest`, it can be put into a URL as it is.
 */
export type Asked =
  | { readonly kind: "info" }
  | { readonly kind: "privacy" }
  | { readonly kind: "backends" }
  | { readonly kind: "version" }
  | { readonly kind: "catalog" }
  | ByDigest
  | {
    readonly kind: "manifest_by_tag";
    readonly name: string;
    readonly tag: string;
    /** Whether the tag is one used for signatures. */
    readonly signature: boolean;
    readonly query: string;
  }
  | { readonly kind: "tags"; readonly name: string; readonly query: string }
  | { readonly kind: "invalid"; readonly part: InvalidPart; readonly value: string }
  | { readonly kind: "method"; readonly method: string }
  /** Nothing that is served; `api` is true below `/v2/`. */
  | { readonly kind: "nothing"; readonly api: boolean };

/** A pull: a request that names a repository. */
export type Pulled = Extract<Asked, { readonly name: string }>;

/**
 * The path of a pull below `/v2/`, without its query: the inverse of
 * {@linkcode parseRequest}.
 *
 * @param name the repository's name there, by default the one that was asked for
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(formatPath({ kind: "tags", name: "etcd", query: "?n=50" }), "etcd/tags/list");
 * ```
 */
export function formatPath(asked: Pulled, name: string = asked.name): string {
  switch (asked.kind) {
    case "blob":
      return `${name}/blobs/${asked.digest}`;
    case "manifest_by_tag":
      return `${name}/manifests/${asked.tag}`;
    case "manifest_by_digest":
      return `${name}/manifests/${asked.digest}`;
    case "referrers":
      return `${name}/referrers/${asked.digest}`;
    case "tags":
      return `${name}/tags/list`;
  }
}

/**
 * Parses what a request asks for. It never throws.
 *
 * @param method the request's method, in the case it was sent
 * @param target the request target as received, neither decoded nor normalised: `/v2/…`,
 * optionally preceded by scheme and authority, which are ignored (RFC 9112, sections 3.2.1
 * and 3.2.2)
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

// The start of the authority; 0 for a target that is only a path, or -1 for one that is
// neither a path nor a URL, such as `*`.
function authorityStart(target: string): number {
  if (target.charCodeAt(0) === SLASH) return 0;
  const scheme = target.indexOf("://");
  return scheme < 0 ? -1 : scheme + "://".length;
}

const SLASH = 47;
const NOTHING: Asked = { kind: "nothing", api: false };

// Paths are parsed in place: reading a substring costs more than reading the string that it
// comes from.
function parsePath(text: string, start: number, end: number, query: string): Asked {
  if (text.startsWith("/v2/", start) && end > start + 4) return parseApi(text, start, end, query);
  switch (text.slice(start, end)) {
    case "/":
    case "": // A URL without a path means "/" (RFC 9110, section 4.2.3).
      return { kind: "info" };
    case "/privacy":
      return { kind: "privacy" };
    case "/backends":
      return { kind: "backends" };
    case "/v2":
    case "/v2/":
      return { kind: "version" };
    default:
      return NOTHING;
  }
}

// A name may contain the components `blobs` or `manifests`, so a path is parsed from its
// end: `/v2/<name>/<end point>/<last>`.
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
  const registered = reference.length === SHA256_LENGTH
    ? requestDigests.read(reference, text, last + 1)
    : isRegisteredDigest(reference);
  if (!registered && !isOtherDigest(reference)) {
    return { kind: "invalid", part: "digest", value: reference };
  }
  return { kind: DIGEST_KINDS[point], name, digest: reference, registered, query: forwarded };
}

const SHA256_LENGTH = "sha256:".length + 64;

// Tries the place where a digest of the usual length would begin before searching.
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
