/**
 * What all isolates know of the mirrors: whether each is up, how many failures in a row
 * it has had, how much has been diverted to it. It stands in memory that they share.
 *
 * @module
 */

/** How many mirrors a board has room for; those past it share the last place. */
export const MOST_MIRRORS = 1024;

// What is held of each mirror, a 32-bit integer each.
const STATE = 0;
const FAILURES = 1;
const GOOD = 2;
const GENERATION = 3;
const SECOND = 4;
const DIVERTED = 5;
const FIELDS = 8;

const UP = 0;
const DOWN = 1;

/** How many failures and good checks it takes. */
export interface Thresholds {
  /** After how many failures in a row a mirror is down. */
  readonly downAfter: number;
  /** After how many good checks in a row it is up again. */
  readonly upAfter: number;
}

/**
 * The board. A mirror is given by its number, from 0. What one isolate writes, the
 * others read at once.
 */
export interface Board {
  /** Whether a mirror is down. */
  isDown(mirror: number): boolean;
  /** Notes a failure; `true` when it is the one that takes the mirror down. */
  failed(mirror: number): boolean;
  /** Notes an answer to a client's probe: the failures before it no longer count. */
  answered(mirror: number): void;
  /** Notes a good check; `true` when it is the one that brings the mirror up. */
  checkedWell(mirror: number): boolean;
  /** Rises each time that what is remembered of a mirror is to be forgotten. */
  generation(mirror: number): number;
  /** Has what is remembered of a mirror forgotten. */
  forget(mirror: number): void;
  /**
   * Takes one of the redirects that may be diverted to a mirror in a second; `false`
   * when none is left.
   *
   * @param nowS the time in whole seconds, the same in every isolate
   */
  divert(mirror: number, limit: number, nowS: number): boolean;
}

/** Makes the memory of a board on which every mirror is up. */
export function createBoardMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(MOST_MIRRORS * FIELDS * Int32Array.BYTES_PER_ELEMENT);
}

/** Makes a board of its memory. */
export function createBoard(memory: SharedArrayBuffer, thresholds: Thresholds): Board {
  const fields = new Int32Array(memory);
  const at = (mirror: number, field: number) => Math.min(mirror, MOST_MIRRORS - 1) * FIELDS + field;
  return {
    isDown: (mirror) => fields[at(mirror, STATE)] === DOWN,
    failed(mirror) {
      Atomics.store(fields, at(mirror, GOOD), 0);
      const failures = Atomics.add(fields, at(mirror, FAILURES), 1) + 1;
      if (failures < thresholds.downAfter) return false;
      return Atomics.compareExchange(fields, at(mirror, STATE), UP, DOWN) === UP;
    },
    answered(mirror) {
      // Read first: a write takes the line of memory from the other cores.
      if (fields[at(mirror, FAILURES)] !== 0) Atomics.store(fields, at(mirror, FAILURES), 0);
    },
    checkedWell(mirror) {
      Atomics.store(fields, at(mirror, FAILURES), 0);
      if (fields[at(mirror, STATE)] === UP) return false;
      const good = Atomics.add(fields, at(mirror, GOOD), 1) + 1;
      if (good < thresholds.upAfter) return false;
      Atomics.store(fields, at(mirror, GOOD), 0);
      return Atomics.compareExchange(fields, at(mirror, STATE), DOWN, UP) === DOWN;
    },
    generation: (mirror) => fields[at(mirror, GENERATION)]!,
    forget: (mirror) => void Atomics.add(fields, at(mirror, GENERATION), 1),
    divert(mirror, limit, nowS) {
      // Two isolates that see a new second at once may both begin to count; that
      // allows a few too many, once.
      const second = nowS | 0; // as it is held, also after January 2038
      if (Atomics.exchange(fields, at(mirror, SECOND), second) !== second) {
        Atomics.store(fields, at(mirror, DIVERTED), 0);
      }
      return Atomics.add(fields, at(mirror, DIVERTED), 1) < limit;
    },
  };
}
