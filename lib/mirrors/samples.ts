/**
 * The blobs that clients were recently sent to a mirror for; checks ask for them. Each is given
 * by its key (see {@link ./template.ts}): its digest, and its repository if the URL has that.
 *
 * @module
 */

import { isEmptyDigest } from "./answer.ts";
import { parseBlobKey } from "./template.ts";

/** The samples of one mirror. */
export interface Samples {
  /** Adds a blob that the mirror has; the oldest is dropped when there are too many. */
  add(key: string): void;
  /** The next blob in turn, or `undefined` when there is none. */
  next(): string | undefined;
  /** The blob that {@linkcode Samples.next} gave last. */
  last(): string | undefined;
  /** Makes a blob the next one. */
  ask(key: string): void;
  /** Drops a blob. */
  drop(key: string): void;
  /** All blobs. */
  list(): readonly string[];
}

/** How many samples are kept for a mirror. */
export const MAX_SAMPLES = 20;

/** Makes an empty list of samples. */
export function createSamples(): Samples {
  // The turn in which each was last asked for, in the order in which they were added.
  const askedAt = new Map<string, number>();
  let turns = 0;
  let last: string | undefined;

  function longestUnasked(): string | undefined {
    let next: string | undefined;
    let least = Infinity;
    for (const [key, turn] of askedAt) {
      if (turn >= least) continue;
      next = key;
      least = turn;
    }
    return next;
  }

  return {
    add(key) {
      // The empty blob has no first byte to ask for.
      if (isEmptyDigest(parseBlobKey(key).digest)) return;
      // It keeps its turn: otherwise a blob that is never asked for would be next each time.
      const turn = askedAt.get(key) ?? 0;
      askedAt.delete(key);
      askedAt.set(key, turn);
      if (askedAt.size <= MAX_SAMPLES) return;
      const [oldest] = askedAt.keys();
      askedAt.delete(oldest!);
    },
    next() {
      const key = longestUnasked();
      if (key !== undefined) askedAt.set(key, ++turns);
      return last = key;
    },
    last: () => last,
    ask(key) {
      if (askedAt.has(key)) askedAt.set(key, -1);
    },
    drop: (key) => void askedAt.delete(key),
    list: () => [...askedAt.keys()],
  };
}

// No more samples are kept, so no more need be passed on in this time.
const WINDOW_MS = 1000;

/**
 * Makes a function that passes on the blobs that clients are sent to a mirror for: at most
 * `MAX_SAMPLES` in a second.
 *
 * @param now the time in milliseconds, of any monotonic clock
 */
export function createSampler(
  now: () => number,
  onSample: (mirror: number, key: string) => void,
): (mirror: number, key: string) => void {
  const windowEnds: number[] = [];
  const counts: number[] = [];
  return (mirror, key) => {
    const time = now();
    if (time >= (windowEnds[mirror] ?? 0)) {
      windowEnds[mirror] = time + WINDOW_MS;
      counts[mirror] = 0;
    }
    if (counts[mirror]! >= MAX_SAMPLES) return;
    counts[mirror]!++;
    onSample(mirror, key);
  };
}
