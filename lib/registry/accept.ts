/**
 * Which media types a registry is asked for.
 *
 * @module
 */

// What images and indexes are: https://github.com/opencontainers/image-spec/blob/main/media-types.md,
// https://distribution.github.io/distribution/spec/manifest-v2-2/.
const USUAL = [
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
];

const MOST_OTHERS = 8;
// RFC 9110, section 8.3.1, without parameters, and RFC 6838, section 4.2.
const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$/;
// As long as any that clients send.
const LONGEST = 8 * 1024;

/**
 * The value of `Accept` that a registry is asked with for a client: the usual types, and up to
 * eight others that the client named, all sorted. So clients that mean the same get the same.
 *
 * Parameters are dropped, and so are types with `*`: what comes is handed on as it is.
 *
 * @param accept the client's header
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const [first] = normalizeAccept("application/vnd.cncf.helm.config.v1+json;q=0.5").split(", ");
 * assertEquals(first, "application/vnd.cncf.helm.config.v1+json");
 * assertEquals(normalizeAccept("application/json;q=0.5, text/*"), normalizeAccept("application/json"));
 * ```
 */
export function normalizeAccept(accept: string | null): string {
  if (accept === null || accept.length > LONGEST) return JOINED;
  const others = new Set<string>();
  for (const range of accept.split(",")) {
    const type = range.replace(/;.*/s, "").trim().toLowerCase();
    if (MEDIA_TYPE.test(type) && !USUAL.includes(type)) others.add(type);
  }
  return [...USUAL, ...[...others].toSorted().slice(0, MOST_OTHERS)].toSorted().join(", ");
}

const JOINED = USUAL.join(", ");

const MOST_KEPT = 1000;
const LONGEST_KEPT = 1024;

/** Makes a {@linkcode normalizeAccept} with a cache: there are few clients, and all ask often. */
export function createAcceptReader(): typeof normalizeAccept {
  const kept = new Map<string, string>();
  return (accept) => {
    if (accept === null || accept.length > LONGEST_KEPT) return normalizeAccept(accept);
    const held = kept.get(accept);
    if (held !== undefined) return held;
    if (kept.size >= MOST_KEPT) kept.clear();
    const normal = normalizeAccept(accept);
    kept.set(accept, normal);
    return normal;
  };
}
