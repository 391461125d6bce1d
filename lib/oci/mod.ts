/**
 * The requests that the OCI distribution specification defines for pulls: the grammar of
 * names, tags and digests, the request parser, and the body of an error.
 *
 * @example
 * ```ts
 * import { parseRequest } from "@archeio/archeio/oci";
 * import { assertEquals } from "@std/assert";
 *
 * const asked = parseRequest("GET", "/v2/library/alpine/manifests/3.22");
 *
 * assertEquals(asked.kind, "manifest_by_tag");
 * if (asked.kind === "manifest_by_tag") assertEquals([asked.name, asked.tag], ["library/alpine", "3.22"]);
 * ```
 *
 * @module
 */

export * from "./error_body.ts";
export * from "./grammar.ts";
export * from "./image.ts";
export * from "./query.ts";
export * from "./request.ts";
