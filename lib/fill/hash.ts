/**
 * The running hash of a blob's bytes. Web platforms hash whole buffers only, and blobs are
 * larger than memory, so the hash comes in with what filling needs.
 *
 * @module
 */

/** A hash that bytes are added to. */
export interface Hash {
  /** Adds bytes. */
  update(bytes: Uint8Array): void;
  /** The hash of all of them, in lower-case hexadecimal digits. */
  hex(): string;
}

/** Makes a hash of the algorithm of a digest. */
export type CreateHash = (algorithm: "sha256" | "sha512") => Hash;

/** The algorithm of a registered digest. */
export function algorithmOf(digest: string): "sha256" | "sha512" {
  return digest.startsWith("sha512:") ? "sha512" : "sha256";
}

/** Whether bytes are what a digest names. */
export function isDigestOf(digest: string, bytes: Uint8Array, createHash: CreateHash): boolean {
  const algorithm = algorithmOf(digest);
  const hash = createHash(algorithm);
  hash.update(bytes);
  return `${algorithm}:${hash.hex()}` === digest;
}
