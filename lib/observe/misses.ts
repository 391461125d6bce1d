/**
 * What mirrors lacked when clients asked for it. Each isolate counts it in a small table of its
 * own, and sends that to the main isolate now and then, which adds them up for `/misses` and
 * `archeio fill --from`.
 *
 * Clients can ask for any number of digests that there are not. So both tables are bounded, and
 * what was asked for more often stays longest.
 *
 * @module
 */

import type { Later } from "../mirrors/time.ts";

/** A blob that a mirror lacked. */
export interface CountedMiss {
  /** The repository's name, as clients use it. */
  readonly name: string;
  /** The digest. */
  readonly digest: string;
  /** How often it was asked for and came from an upstream. */
  readonly count: number;
}

/** Counts what mirrors lack, in one isolate. */
export interface MissCounter {
  /** Counts a request for a blob that no mirror had. */
  noteAsked(blob: Pick<CountedMiss, "name" | "digest">): void;
  /** Notes that a mirror lacks a blob, which another one may have. */
  noteLacking(blob: Pick<CountedMiss, "name" | "digest">): void;
  /** Sends what was counted at once. */
  flush(): void;
}

/** What counting needs. */
export interface MissCounterOptions {
  /** Sends what was counted. */
  readonly send: (misses: readonly CountedMiss[]) => void;
  /** Runs the timer; none runs while nothing is missing. */
  readonly later: Later;
}

const SEND_EVERY_MS = 1000;
// More in a second than an isolate sends probes.
const MOST_COUNTED = 2000;

/** Makes a counter. */
export function createMissCounter({ send, later }: MissCounterOptions): MissCounter {
  let counts = new Map<string, number>();
  let cancel: (() => void) | undefined;

  function flush(): void {
    cancel?.();
    cancel = undefined;
    if (counts.size === 0) return;
    const misses = [...counts].map(([key, count]) => toMiss(key, count));
    counts = new Map();
    send(misses);
  }

  function add({ name, digest }: Pick<CountedMiss, "name" | "digest">, more: number): void {
    const key = `${name}@${digest}`;
    const count = counts.get(key);
    if (count === undefined && counts.size >= MOST_COUNTED) return;
    counts.set(key, (count ?? 0) + more);
    cancel ??= later(SEND_EVERY_MS, flush);
  }

  return {
    noteAsked: (blob) => add(blob, 1),
    noteLacking: (blob) => add(blob, 0),
    flush,
  };
}

function toMiss(key: string, count: number): CountedMiss {
  const at = key.indexOf("@");
  return { name: key.slice(0, at), digest: key.slice(at + 1), count };
}

/** Adds up what isolates counted. */
export interface MissTable {
  /** Adds what an isolate counted. */
  add(misses: readonly CountedMiss[]): void;
  /** All misses, the most asked for first, then the latest. */
  list(): readonly CountedMiss[];
}

// Some megabytes, with names of the usual length.
const MOST_KEPT = 10_000;
const LONGEST_NAME = 255;

/** Makes an empty table. When it is full, the half that was asked for least is dropped. */
export function createMissTable(most = MOST_KEPT): MissTable {
  // The latest is the last.
  let counts = new Map<string, number>();

  function listed(): [string, number][] {
    return [...counts].reverse().sort(([, one], [, other]) => other - one);
  }

  return {
    add(misses) {
      for (const { name, digest, count } of misses) {
        if (name.length > LONGEST_NAME) continue;
        const key = `${name}@${digest}`;
        const before = counts.get(key) ?? 0;
        counts.delete(key);
        counts.set(key, before + count);
      }
      if (counts.size > most) counts = new Map(listed().slice(0, most / 2).reverse());
    },
    list: () => listed().map(([key, count]) => toMiss(key, count)),
  };
}
