/**
 * Which mirrors have which blobs, as probes found it, cached for a while.
 *
 * @module
 */

import { requestDigests } from "../oci/digest_reader.ts";
import { type Board, MIRROR_NUMBERS } from "./board.ts";
import { createMemory, type Memory, type MemoryOptions } from "./memory.ts";

/** What is known about a blob at a mirror. */
export type Known =
  /** It is there. */
  | "found"
  /** It was there, and must be rechecked. */
  | "stale"
  /** It is not there. */
  | "missing"
  /** Nothing is known. */
  | "unknown";

/** How long findings are remembered. */
export interface Remembering {
  /** For a blob that was found, in milliseconds. */
  readonly foundTtlMs: number;
  /** After how long a blob that was found must be rechecked, in milliseconds. */
  readonly recheckMs: number;
  /** For a blob that is missing, in milliseconds. */
  readonly missingTtlMs: number;
}

/** Remembers which mirror has which blob. */
export interface KnownBlobs {
  /** What is known about a blob at a mirror, given by its number. */
  recall(mirror: number, digest: string): Known;
  /** Remembers that a mirror has a blob. */
  found(mirror: number, digest: string): void;
  /** Remembers that a mirror does not have a blob. */
  missing(mirror: number, digest: string): void;
  /** Treats a blob as missing for a short while, after a mirror failed to serve it. */
  failed(mirror: number, digest: string): void;
  /** How many entries are remembered as found. */
  readonly foundCount: number;
  /** How many entries are remembered as missing. */
  readonly missingCount: number;
}

/** What the memory of blobs needs. */
export interface KnownBlobsOptions extends MemoryOptions {
  /** The generations of mirrors. */
  readonly board: Board;
  /** How long findings are remembered. */
  readonly remembering: () => Remembering;
}

// After a failure the mirror is asked again sooner than when the blob is missing.
const MAX_FAILED_TTL_MS = 5000;

/** Makes a memory of blobs. */
export function createKnownBlobs(options: KnownBlobsOptions): KnownBlobs {
  const { board, remembering, now } = options;
  const answers = createAnswers(options);
  const scopeOf = (mirror: number) => scopeAt(mirror, board.generation(mirror));
  return {
    recall(mirror, digest) {
      const foundAt = answers.get(digest, scopeOf(mirror));
      if (foundAt === undefined) return "unknown";
      if (foundAt === 0) return "missing";
      const fresh = foundAt > now() - remembering().recheckMs &&
        foundAt >= board.recheckFromS(mirror) * 1000;
      return fresh ? "found" : "stale";
    },
    found: (mirror, digest) => answers.found(digest, remembering().foundTtlMs, scopeOf(mirror)),
    missing: (mirror, digest) =>
      answers.missing(digest, remembering().missingTtlMs, scopeOf(mirror)),
    failed: (mirror, digest) =>
      answers.missing(
        digest,
        Math.min(MAX_FAILED_TTL_MS, remembering().missingTtlMs),
        scopeOf(mirror),
      ),
    get foundCount() {
      return answers.foundEntries.size;
    },
    get missingCount() {
      return answers.missingEntries.size;
    },
  };
}

// The share of the memory for missing blobs. Clients can request any number of them, which
// would otherwise evict all that were found.
const MISSING_SHARE = 1 / 4;

/** Makes a bounded memory of answers in which missing entries cannot evict found ones. */
export function createAnswers({ maxEntries, now, random }: MemoryOptions): Answers {
  const forMissing = Math.max(1, Math.floor(maxEntries * MISSING_SHARE));
  const shared = { now, random, reader: requestDigests };
  const forFound = Math.max(1, maxEntries - forMissing);
  const foundEntries = createMemory({ maxEntries: forFound, ...shared });
  const missingEntries = createMemory({ maxEntries: forMissing, ...shared });
  return {
    foundEntries,
    missingEntries,
    get: (key, scope) => foundEntries.get(key, scope) ?? missingEntries.get(key, scope),
    found(key, ttlMs, scope) {
      foundEntries.set(key, true, ttlMs, scope);
      missingEntries.delete(key, scope);
    },
    missing(key, ttlMs, scope) {
      foundEntries.delete(key, scope);
      missingEntries.set(key, false, ttlMs, scope);
    },
  };
}

/** A memory of answers, by key and scope, as {@linkcode Memory} has them. */
export interface Answers {
  /** As {@linkcode Memory.get}. */
  get(key: string, scope?: number): number | undefined;
  /** Remembers that something is there. */
  found(key: string, ttlMs: number, scope?: number): void;
  /** Remembers that something is not there. */
  missing(key: string, ttlMs: number, scope?: number): void;
  /** The entries that were found. */
  readonly foundEntries: Pick<Memory, "size">;
  /** The entries that were not found. */
  readonly missingEntries: Pick<Memory, "size">;
}

/**
 * The scope of a mirror's entries: a 32-bit integer, different for each generation of each
 * mirror. It repeats after two million generations, when every entry of the first has expired.
 */
export function scopeAt(mirror: number, generation: number): number {
  return Math.imul(generation, MIRROR_NUMBERS) + mirror | 0;
}
