/**
 * Which mirrors have which blobs, as probes found it, cached for a while.
 *
 * @module
 */

import type { Board } from "./board.ts";
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
  const keyOf = createKeys(board);
  return {
    recall(mirror, digest) {
      const foundAt = answers.get(keyOf(mirror, digest));
      if (foundAt === undefined) return "unknown";
      if (foundAt === 0) return "missing";
      const fresh = foundAt > now() - remembering().recheckMs &&
        foundAt >= board.recheckFromS(mirror) * 1000;
      return fresh ? "found" : "stale";
    },
    found: (mirror, digest) => answers.found(keyOf(mirror, digest), remembering().foundTtlMs),
    missing: (mirror, digest) => answers.missing(keyOf(mirror, digest), remembering().missingTtlMs),
    failed: (mirror, digest) =>
      answers.missing(
        keyOf(mirror, digest),
        Math.min(MAX_FAILED_TTL_MS, remembering().missingTtlMs),
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
export function createAnswers({ maxEntries, now }: MemoryOptions): Answers {
  const forMissing = Math.max(1, Math.floor(maxEntries * MISSING_SHARE));
  const foundEntries = createMemory({ maxEntries: Math.max(1, maxEntries - forMissing), now });
  const missingEntries = createMemory({ maxEntries: forMissing, now });
  return {
    foundEntries,
    missingEntries,
    get: (key) => foundEntries.get(key) ?? missingEntries.get(key),
    found(key, ttlMs) {
      foundEntries.set(key, true, ttlMs);
      missingEntries.delete(key);
    },
    missing(key, ttlMs) {
      foundEntries.delete(key);
      missingEntries.set(key, false, ttlMs);
    },
  };
}

/** A memory of answers, by key. */
export interface Answers {
  /** As {@linkcode Memory.get}. */
  get(key: string): number | undefined;
  /** Remembers that something is there. */
  found(key: string, ttlMs: number): void;
  /** Remembers that something is not there. */
  missing(key: string, ttlMs: number): void;
  /** The entries that were found. */
  readonly foundEntries: Pick<Memory, "size">;
  /** The entries that were not found. */
  readonly missingEntries: Pick<Memory, "size">;
}

/**
 * Makes the function for the key of a blob at a mirror. There are many keys, so they are
 * shorter than the URL. Each generation of a mirror has keys of its own.
 */
export function createKeys(board: Board): (mirror: number, digest: string) => string {
  const prefixes: string[] = [];
  const generations: number[] = [];
  return (mirror, digest) => {
    const generation = board.generation(mirror);
    if (generations[mirror] !== generation) {
      generations[mirror] = generation;
      prefixes[mirror] = `${mirror.toString(36)}.${generation.toString(36)} `;
    }
    return prefixes[mirror] + digest;
  };
}
