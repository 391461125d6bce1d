/**
 * What a manifest refers to. Every byte of it is the upstream's, so nothing in it is trusted:
 * it only says which blobs to copy, and each of those is checked against its digest.
 *
 * Manifests are read by their fields, not by their media type: whatever has `layers` names
 * blobs, whatever has `manifests` names manifests, and a manifest of a type that nobody knows
 * is found out by having neither. The image manifest and index:
 * https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md. The artifact manifest
 * of OCI 1.1's release candidates has `blobs`, Docker's schema 1 has `fsLayers`.
 *
 * @module
 */

import { isRegisteredDigest } from "../oci/grammar.ts";

/** A reference to a blob or a manifest. */
export interface Descriptor {
  /** Its digest, `sha256` or `sha512`. */
  readonly digest: string;
  /** The size that the manifest gives, in bytes; `undefined` if it gives none that can be. */
  readonly size: number | undefined;
  /** Its media type, or an empty text. */
  readonly mediaType: string;
}

/** What a manifest refers to. */
export interface ManifestContent {
  /** The blobs: the configuration and the layers. */
  readonly blobs: readonly Descriptor[];
  /** The manifests: of platforms, of attestations, other indexes. */
  readonly manifests: readonly Descriptor[];
  /** How many layers are fetched from elsewhere, such as those of Windows' base images. */
  readonly foreign: number;
  /** What in it is wrong, as texts; it is left out. */
  readonly wrong: readonly string[];
  /** Whether its digest does not cover all of its bytes: Docker's signed schema 1. */
  readonly isSigned: boolean;
}

/** The most bytes of a manifest, as in the distribution specification. */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

// Docker's and OCI's layers that a registry need not have.
const FOREIGN = /\.foreign\.|\.nondistributable\./;

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads a manifest.
 *
 * @returns what it refers to, or why it cannot be read
 */
export function readManifest(bytes: Uint8Array): ManifestContent | string {
  const fields = tryFields(bytes);
  if (fields === undefined) return "it is no JSON object";
  const { config, layers, blobs, manifests, fsLayers, signatures } = fields;
  const known = [config, layers, blobs, manifests, fsLayers];
  if (known.every((field) => field === undefined)) return describeUnknown(fields);
  const wrong: string[] = [];
  const all = [
    ...config === undefined ? [] : [config],
    ...listOf(layers, "layers", wrong),
    ...listOf(blobs, "blobs", wrong),
    ...listOf(fsLayers, "fsLayers", wrong).map(fromSchema1),
  ];
  const foreign = all.filter(isForeign).length;
  return {
    blobs: all.filter((one) => !isForeign(one)).flatMap((one) => toDescriptor(one, wrong)),
    manifests: listOf(manifests, "manifests", wrong).flatMap((one) => toDescriptor(one, wrong)),
    foreign,
    wrong,
    isSigned: fsLayers !== undefined && signatures !== undefined,
  };
}

function tryFields(bytes: Uint8Array): Fields | undefined {
  try {
    return tryObject(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
  } catch {
    // No UTF-8, no JSON, or too many levels of nesting for the parser.
    return undefined;
  }
}

function tryObject(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Fields
    : undefined;
}

function describeUnknown({ mediaType, schemaVersion }: Fields): string {
  const type = typeof mediaType === "string" ? ` "${excerpt(mediaType)}"` : "";
  const version = typeof schemaVersion === "number" ? `, schema version ${schemaVersion}` : "";
  return `it is of an unknown type${type}${version}`;
}

function listOf(value: unknown, key: string, wrong: string[]): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  wrong.push(`"${key}" is no list`);
  return [];
}

function fromSchema1(layer: unknown): unknown {
  return { digest: tryObject(layer)?.blobSum };
}

function isForeign(value: unknown): boolean {
  const { mediaType, urls } = tryObject(value) ?? {};
  const hasUrls = Array.isArray(urls) && urls.length > 0;
  return hasUrls && typeof mediaType === "string" && FOREIGN.test(mediaType);
}

function toDescriptor(value: unknown, wrong: string[]): Descriptor[] {
  const { digest, size, mediaType } = tryObject(value) ?? {};
  if (typeof digest !== "string" || !isRegisteredDigest(digest)) {
    const found = typeof digest === "string" ? `"${excerpt(digest)}"` : "none";
    wrong.push(`a descriptor's digest must be sha256 or sha512, not ${found}`);
    return [];
  }
  const isSize = typeof size === "number" && Number.isSafeInteger(size) && size >= 0;
  if (size !== undefined && !isSize) wrong.push(`the size of ${digest} is no number of bytes`);
  return [{
    digest,
    size: isSize ? size : undefined,
    mediaType: typeof mediaType === "string" ? mediaType : "",
  }];
}

/** A text of somebody else, short enough for a line, and without control characters. */
export function excerpt(text: string, most = 100): string {
  // deno-lint-ignore no-control-regex -- exactly those are not to reach a terminal
  const clean = text.replaceAll(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, "?");
  return clean.length > most ? `${clean.slice(0, most)}…` : clean;
}

const MANIFEST_TYPES: readonly string[] = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.oci.artifact.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.docker.distribution.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v1+prettyjws",
];

/**
 * Whether a media type is a manifest's. An index may list blobs as well: BuildKit's caches
 * list their layers so.
 */
export function isManifestType(mediaType: string): boolean {
  return MANIFEST_TYPES.includes(mediaType);
}
