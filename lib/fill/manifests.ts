/**
 * Gets manifests by digest: from the cache on disk, for they never change, else from their
 * source, checked.
 *
 * @module
 */

import { type Failure, wrongBlob } from "./failure.ts";
import { type CreateHash, isDigestOf } from "./hash.ts";
import { type ManifestContent, MAX_MANIFEST_BYTES, readManifest } from "./manifest.ts";
import type { Source } from "./source.ts";

/** Keeps manifests. What it gives is checked, so it may lose and mix up what it likes. */
export interface ManifestCache {
  /** The bytes of a manifest, or `undefined`. */
  get(digest: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Keeps the bytes of a manifest. */
  put(digest: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
}

/** What getting manifests needs. */
export interface ManifestsOptions {
  /** Keeps them from run to run. */
  readonly cache: ManifestCache;
  /** Makes a hash. */
  readonly createHash: CreateHash;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** What a manifest is found to be. */
export type GotManifest =
  | { readonly kind: "manifest"; readonly content: ManifestContent }
  /** It cannot be read, for a reason. */
  | { readonly kind: "unknown"; readonly reason: string }
  | { readonly kind: "missing" }
  | Failure;

/** Gets manifests. */
export type GetManifest = (
  source: Source,
  repository: string,
  digest: string,
) => Promise<GotManifest>;

/** Makes a function that gets manifests. */
export function createManifests(
  { cache, createHash, signal }: ManifestsOptions,
): GetManifest {
  return async function get(source, repository, digest) {
    const kept = await cache.get(digest);
    if (kept !== undefined && isDigestOf(digest, kept, createHash)) return read(kept);
    const answer = await source.manifest(repository, digest, signal);
    if (answer.kind !== "found") return answer;
    const bytes = answer.value;
    if (bytes.length > MAX_MANIFEST_BYTES) return unknown("it has more than 4 MiB");
    const got = read(bytes);
    if (isDigestOf(digest, bytes, createHash)) {
      await cache.put(digest, bytes);
      return got;
    }
    // The digest of a signed schema 1 leaves its signatures out. It only says which blobs to
    // copy, and each of those is checked.
    if (got.kind === "manifest" && got.content.isSigned) return got;
    return wrongBlob("the upstream's bytes have another digest");
  };
}

function read(bytes: Uint8Array): GotManifest {
  const content = readManifest(bytes);
  return typeof content === "string" ? unknown(content) : { kind: "manifest", content };
}

function unknown(reason: string): GotManifest {
  return { kind: "unknown", reason };
}
