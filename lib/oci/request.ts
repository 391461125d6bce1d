/**
 * What a request asks for: a method and a request target, read into a union.
 *
 * The end points are those of the OCI distribution specification
 * (https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#endpoints)
 * that a pull uses, and the two pages beside them.
 *
 * @module
 */

import { isDigest, isName, isRegisteredDigest, isSignatureTag, isTag } from "./grammar.ts";
import { forwardQuery } from "./query.ts";

/** The part of a request that the specification's grammar does not allow. */
export type InvalidPart = "name" | "tag" | "digest";

/**
 * What a request asks for. `query` is `""` or begins with `?`, and can stand in
 * a URL as it is, as can `name`, `tag` and `digest`.
 */
export type Asked =
  | { readonly kind: "info" }
  | { readonly kind: "privacy" }
  | { readonly kind: "version" }
  | { readonly kind: "catalog" }
  | {
    readonly kind: "blob";
    readonly name: string;
    readonly digest: string;
    /** Whether its algorithm is a registered one: only such blobs are looked for in mirrors. */
    readonly registered: boolean;
    readonly query: string;
  }
  | {
    readonly kind: "manifest_by_tag";
    readonly name: string;
    readonly tag: string;
    /** Whether it is a tag that signatures are kept under. */
    readonly signature: boolean;
    readonly query: string;
  }
  | {
    readonly kind: "manifest_by_digest";
    readonly name: string;
    readonly digest: string;
    readonly registered: boolean;
    readonly query: string;
  }
  | {
    readonly kind: "referrers";
    readonly name: string;
    readonly digest: string;
    readonly query: string;
  }
  | { readonly kind: "tags"; readonly name: string; readonly query: string }
  | { readonly kind: "invalid"; readonly part: InvalidPart; readonly value: string }
  | { readonly kind: "method"; readonly method: string }
  | { readonly kind: "nothing"; readonly api: boolean };

/**
 * Reads what a request asks for. It never throws, whatever it is given.
 *
 * @param method the request's method, in the case it was sent
 * @param target the path and query as received, neither decoded nor normalised
 */
export function parseRequest(method: string, target: string): Asked {
  if (method !== "GET" && method !== "HEAD") return { kind: "method", method };
  const mark = target.indexOf("?");
  const path = decodePath(mark < 0 ? target : target.slice(0, mark));
  const query = mark < 0 ? "" : target.slice(mark + 1);
  if (path.startsWith("/v2/")) return path === "/v2/" ? { kind: "version" } : parseApi(path, query);
  switch (path) {
    case "/":
      return { kind: "info" };
    case "/privacy":
      return { kind: "privacy" };
    case "/v2":
      return { kind: "version" };
    default:
      return { kind: "nothing", api: false };
  }
}

// A name may itself hold `blobs` or `manifests` as components, so a path is read
// from its end: `/v2/<name>/<end point>/<last>`.
function parseApi(path: string, query: string): Asked {
  const lastSlash = path.lastIndexOf("/");
  const last = path.slice(lastSlash + 1);
  const pointSlash = path.lastIndexOf("/", lastSlash - 1);
  const point = path.slice(pointSlash + 1, lastSlash);
  if (pointSlash < 4) {
    return path === "/v2/_catalog" ? { kind: "catalog" } : { kind: "nothing", api: true };
  }
  const name = path.slice(4, pointSlash);
  switch (point) {
    case "blobs":
      return checkName(name) ?? parseBlob(name, last, query);
    case "manifests":
      return checkName(name) ?? parseManifest(name, last, query);
    case "referrers":
      return checkName(name) ?? parseReferrers(name, last, query);
    case "tags":
      if (last !== "list") return { kind: "nothing", api: true };
      return checkName(name) ?? { kind: "tags", name, query: forwardQuery(query) };
    default:
      return { kind: "nothing", api: true };
  }
}

function checkName(name: string): Asked | undefined {
  return isName(name) ? undefined : { kind: "invalid", part: "name", value: name };
}

function parseBlob(name: string, digest: string, query: string): Asked {
  if (!isDigest(digest)) return { kind: "invalid", part: "digest", value: digest };
  const registered = isRegisteredDigest(digest);
  return { kind: "blob", name, digest, registered, query: forwardQuery(query) };
}

function parseManifest(name: string, reference: string, query: string): Asked {
  if (!reference.includes(":")) {
    if (!isTag(reference)) return { kind: "invalid", part: "tag", value: reference };
    const signature = isSignatureTag(reference);
    return {
      kind: "manifest_by_tag",
      name,
      tag: reference,
      signature,
      query: forwardQuery(query),
    };
  }
  if (!isDigest(reference)) return { kind: "invalid", part: "digest", value: reference };
  const registered = isRegisteredDigest(reference);
  return {
    kind: "manifest_by_digest",
    name,
    digest: reference,
    registered,
    query: forwardQuery(query),
  };
}

function parseReferrers(name: string, digest: string, query: string): Asked {
  if (!isDigest(digest)) return { kind: "invalid", part: "digest", value: digest };
  return { kind: "referrers", name, digest, query: forwardQuery(query) };
}

/**
 * Some clients write a digest's colon as `%3A`. Segments are decoded once and on
 * their own, so an encoded slash never makes a new segment; what does not
 * decode stays as it is, and no grammar allows it.
 */
function decodePath(path: string): string {
  return path.includes("%") ? path.split("/").map(decodeSegment).join("/") : path;
}

function decodeSegment(segment: string): string {
  try {
    const decoded = decodeURIComponent(segment);
    return decoded.includes("/") ? segment : decoded;
  } catch {
    return segment;
  }
}
