/**
 * What all isolates know of the mirrors, in shared memory: whether each is down, which cached
 * answers about it are valid, and how many redirects are diverted to it.
 *
 * # How isolates share memory
 *
 * Isolates have no objects in common. They share `SharedArrayBuffer`s of integers, and each
 * wraps these in typed arrays of its own. Two kinds are kept apart:
 *
 * - **The board, one for the program.** The main isolate, which checks mirrors, writes whether
 *   one is down; every isolate writes what it diverts. Fields with several writers are written
 *   by `Atomics`. Everything is read as a plain number, which is cheap and at worst slightly
 *   stale. Nothing blocks.
 * - **The counters (`observe/numbers.ts`) and the places in flight (`gate.ts`), one row for
 *   each isolate.** Only that isolate writes its row; readers add the rows up. The isolate that
 *   replaces a crashed one clears its row.
 *
 * A mirror's number is its index in this memory. The roster (`roster.ts`) assigns it for as
 * long as the mirror is configured, and may then assign it to another mirror. Before that, the
 * fields are cleared and the generation is incremented, so the new mirror inherits nothing.
 *
 * The *generation* is part of the key under which each isolate caches what it found at a
 * mirror. Incrementing it invalidates everything that any isolate has cached for the mirror,
 * at once and without a message; the entries are evicted like any others. `recheckFromS` is
 * weaker: earlier findings still count, but are rechecked in the background.
 *
 * What is not a number (a setup, a lost digest) is sent as a message through the main isolate
 * (`server/isolates.ts`).
 *
 * @module
 */

/** How many mirrors a configuration may have. */
export const MAX_MIRRORS = 1024;

/** How many numbers there are: while a setup is replaced, the mirrors of both have one. */
export const MIRROR_NUMBERS = 2 * MAX_MIRRORS;

// The fields of each mirror, each a 32-bit integer.
const DOWN = 0;
const FAILURES = 1;
const GOOD = 2;
const GENERATION = 3;
const SECOND = 4;
const DIVERTED = 5;
const RECHECK_FROM_S = 6;
const NOT_FOUND = 7;
const FIELDS = 8;

// Times are stored as seconds since this one (in seconds since 1970), which lasts until 2091.
const FIRST_SECOND = 1_700_000_000;

/** How many failed and good checks change a mirror's state. */
export interface Thresholds {
  /** How many failed checks in a row take a mirror down. */
  readonly downAfter: number;
  /** How many good checks in a row bring it up again. */
  readonly upAfter: number;
}

/**
 * The board. Mirrors are given by their numbers. What one isolate writes, the others read at
 * once.
 */
export interface Board {
  /** Whether a mirror is down. */
  isDown(mirror: number): boolean;
  /** Records a failed check; returns `true` if it takes the mirror down. */
  failed(mirror: number, { downAfter }: Thresholds): boolean;
  /** Takes a mirror down; returns `true` if it was up. */
  takeDown(mirror: number): boolean;
  /** Records a good check; returns `true` once enough in a row were good to bring it up. */
  checkedWell(mirror: number, { upAfter }: Thresholds): boolean;
  /** Brings a mirror up. What was found there before still counts, but must be rechecked. */
  bringUp(mirror: number, nowS: number): void;
  /** The mirror's generation: incremented to invalidate everything cached for the mirror. */
  generation(mirror: number): number;
  /** Invalidates everything cached for a mirror. */
  forget(mirror: number): void;
  /** Findings from before this time, in seconds since 1970, must be rechecked. */
  recheckFromS(mirror: number): number;
  /**
   * Takes one of the redirects that may be diverted to a mirror in a second; returns `false`
   * when none is left.
   *
   * @param nowS the time in whole seconds, the same in every isolate
   */
  divert(mirror: number, limit: number, nowS: number): boolean;
  /** Whether {@linkcode Board.divert} would return `true`. */
  mayDivert(mirror: number, limit: number, nowS: number): boolean;
  /** Records whether a mirror had a requested blob; returns how many in a row it did not have. */
  noteFound(mirror: number, found: boolean): number;
  /** How many requested blobs in a row a mirror did not have. */
  notFound(mirror: number): number;
  /** Clears a mirror's fields before its number is reused. */
  clear(mirror: number): void;
}

/** Makes the memory of a board on which every mirror is up. */
export function createBoardMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(MIRROR_NUMBERS * FIELDS * Int32Array.BYTES_PER_ELEMENT);
}

/** Makes an isolate's view of a board's memory. */
export function createBoard(memory: SharedArrayBuffer): Board {
  const fields = new Int32Array(memory);
  const at = (mirror: number, field: number) => mirror * FIELDS + field;
  const add = (mirror: number, field: number) => Atomics.add(fields, at(mirror, field), 1) + 1;
  const set = (mirror: number, field: number, value: number) =>
    Atomics.exchange(fields, at(mirror, field), value);

  function takeDown(mirror: number): boolean {
    set(mirror, GOOD, 0);
    return set(mirror, DOWN, 1) === 0;
  }

  return {
    isDown: (mirror) => fields[at(mirror, DOWN)] === 1,
    takeDown,
    failed(mirror, { downAfter }) {
      set(mirror, GOOD, 0);
      return add(mirror, FAILURES) >= downAfter && takeDown(mirror);
    },
    checkedWell(mirror, { upAfter }) {
      set(mirror, FAILURES, 0);
      return fields[at(mirror, DOWN)] === 1 && add(mirror, GOOD) >= upAfter;
    },
    bringUp(mirror, nowS) {
      set(mirror, RECHECK_FROM_S, nowS - FIRST_SECOND);
      set(mirror, GOOD, 0);
      set(mirror, FAILURES, 0);
      set(mirror, DOWN, 0);
    },
    generation: (mirror) => fields[at(mirror, GENERATION)]!,
    forget: (mirror) => void add(mirror, GENERATION),
    recheckFromS: (mirror) => fields[at(mirror, RECHECK_FROM_S)]! + FIRST_SECOND,
    divert(mirror, limit, nowS) {
      // Two isolates that see a new second at the same time may both restart the count, which
      // allows a few redirects too many, once.
      const second = nowS - FIRST_SECOND | 0;
      if (set(mirror, SECOND, second) !== second) set(mirror, DIVERTED, 0);
      return add(mirror, DIVERTED) <= limit;
    },
    mayDivert(mirror, limit, nowS) {
      const isSameSecond = fields[at(mirror, SECOND)] === (nowS - FIRST_SECOND | 0);
      return (isSameSecond ? fields[at(mirror, DIVERTED)]! : 0) < limit;
    },
    noteFound(mirror, found) {
      if (!found) return add(mirror, NOT_FOUND);
      // Read first: a write would invalidate the cache line of the other cores.
      if (fields[at(mirror, NOT_FOUND)] !== 0) set(mirror, NOT_FOUND, 0);
      return 0;
    },
    notFound: (mirror) => fields[at(mirror, NOT_FOUND)]!,
    clear(mirror) {
      for (let field = 0; field < FIELDS; field++) {
        if (field !== GENERATION) set(mirror, field, 0);
      }
      add(mirror, GENERATION);
    },
  };
}
