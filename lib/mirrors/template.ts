/**
 * URL templates: where a mirror has a blob, and under which key that is remembered.
 *
 * | placeholder | stands for |
 * |---|---|
 * | `{digest}` | the digest, such as `sha256:0123…` |
 * | `{algorithm}` | its algorithm, such as `sha256` |
 * | `{hex}` | its hexadecimal digits |
 * | `{hex:2}` | the first two of them, or as many as the number says, 1 to 64 |
 * | `{name}` | the repository's name, as clients use it |
 *
 * A URL without placeholders is short for `<url>/{digest}`.
 *
 * @module
 */

import type { Mirror, Template, TemplatePart } from "../routing/policy.ts";

/** A blob, and the repository that it is pulled from. */
export interface PulledBlob {
  /** The digest, of a registered algorithm. */
  readonly digest: string;
  /** The repository's name, as clients use it. */
  readonly name: string;
}

/** The names of placeholders, as they are written. */
export const PLACEHOLDERS = ["digest", "algorithm", "hex", "hex:2", "name"] as const;

const PLACEHOLDER = /\{(?:(digest|algorithm|hex|name)|hex:([1-9]|[1-5]\d|6[0-4]))\}/g;

/** What the source of {@linkcode PLACEHOLDER} matches, for larger patterns. */
export const PLACEHOLDER_SOURCE =
  "\\{(?:digest|algorithm|name|hex(?::(?:[1-9]|[1-5]\\d|6[0-4]))?)\\}";

const DIGEST_AT_END = "/{digest}";

/**
 * Parses a mirror's URL. Two that give each blob the same URL are the same.
 *
 * @param written a URL that the configuration's schema accepts
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const base = "https://blobs.example/images";
 * assertEquals(parseMirrorUrl(`${base}/{algorithm}:{hex}`), { url: base, template: undefined });
 * assertEquals(parseMirrorUrl(`${base}/{hex:2}/{hex}`).template?.parts.length, 5);
 * ```
 */
export function parseMirrorUrl(written: string): Pick<Mirror, "url" | "template"> {
  const start = written.indexOf("{");
  if (start < 0) return { url: normalizeUrl(written).replace(/\/+$/, ""), template: undefined };
  const url = normalizeUrl(written.slice(0, start)) +
    written.slice(start).replaceAll("{algorithm}:{hex}", "{digest}");
  if (url.endsWith(DIGEST_AT_END) && url.indexOf("{") === url.lastIndexOf("{")) {
    return { url: url.slice(0, -DIGEST_AT_END.length), template: undefined };
  }
  return { url, template: { parts: parseParts(url), named: url.includes("{name}") } };
}

// As the platform serializes it, so that it is unambiguous.
function normalizeUrl(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

function parseParts(url: string): TemplatePart[] {
  const parts: TemplatePart[] = [];
  let at = 0;
  for (const found of url.matchAll(PLACEHOLDER)) {
    const [placeholder, plain, digits] = found;
    parts.push(url.slice(at, found.index));
    parts.push(plain === undefined ? { digits: Number(digits) } : PLAIN[plain]!);
    at = found.index + placeholder.length;
  }
  return [...parts, url.slice(at)];
}

const PLAIN: Readonly<Record<string, TemplatePart>> = {
  digest: { of: "digest" },
  algorithm: { of: "algorithm" },
  hex: { of: "hex" },
  name: { of: "name" },
};

/** The URL of a blob at a mirror. */
export function blobUrl({ url, template }: Mirror, blob: PulledBlob): string {
  return template === undefined ? `${url}/${blob.digest}` : expand(template, blob);
}

function expand({ parts }: Template, { digest, name }: PulledBlob): string {
  const colon = digest.indexOf(":");
  let url = "";
  for (const part of parts) {
    if (typeof part === "string") url += part;
    else if ("digits" in part) url += digest.slice(colon + 1, colon + 1 + part.digits);
    else if (part.of === "digest") url += digest;
    else if (part.of === "name") url += name;
    else url += part.of === "hex" ? digest.slice(colon + 1) : digest.slice(0, colon);
  }
  return url;
}

/**
 * The key under which a blob is known at a mirror: its digest, after the repository's name if
 * the mirror's URL has it.
 */
export function blobKey({ template }: Mirror, { digest, name }: PulledBlob): string {
  return template === undefined || !template.named ? digest : `${name}@${digest}`;
}

/** Parses a key; for one without a repository's name, that is `""`. */
export function parseBlobKey(key: string): PulledBlob {
  const at = key.lastIndexOf("@");
  return at < 0 ? { digest: key, name: "" } : { digest: key.slice(at + 1), name: key.slice(0, at) };
}

// Names have no length limit. What is remembered is bounded in entries, and so must be bounded in
// bytes for each. Registries allow names of 255 characters at most
// (https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests).
const LONGEST_NAME = 255;

/** Whether a mirror may have a blob, by the length of the repository's name. */
export function mayHave({ template }: Mirror, { name }: PulledBlob): boolean {
  return template === undefined || !template.named || name.length <= LONGEST_NAME;
}
