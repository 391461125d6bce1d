/**
 * Detects clients that ask for a blob again soon after they were sent to a mirror for it:
 * they may have failed there. They may also share an address, so the reaction must suit both
 * cases.
 *
 * @module
 */

import type { Address } from "../net/address.ts";

/** Detects repeated requests. */
export interface Repeats {
  /**
   * Records that a client asks for a blob, given by its key. Returns `true` when it did so within
   * the last seconds, and no such repeat was reported a moment ago.
   */
  note(client: Address, key: string): boolean;
  /** Reports the client's next request for the blob at once. */
  expect(client: Address, key: string): void;
}

/** What the detection needs. */
export interface RepeatsOptions {
  /** The time in milliseconds, of any monotonic clock. */
  readonly now: () => number;
  /** How many requests are remembered: a power of two. */
  readonly size?: number;
}

// Runtimes retry within 5 s; the rest allows for the duration of the first try.
const WINDOW_MS = 15_000;
const SIZE = 1 << 14;
// Clients that share an address request the same blob all the time.
const NOTICED_EVERY_MS = 2000;

/**
 * Makes a detector of repeats. It stores three numbers for each request in a hash table of
 * fixed size. Colliding requests replace each other, so a repeat can be missed, and one in
 * four billion is reported where there is none. Both cost little.
 */
export function createRepeats({ now, size = SIZE }: RepeatsOptions): Repeats {
  const marks = new Int32Array(size);
  const times = new Float64Array(size);
  const quietUntil = new Float64Array(size);
  const placeOf = (mark: number) => (mark ^ mark >>> 15) & size - 1;
  return {
    note(client, key) {
      const mark = hash(client, key);
      const at = placeOf(mark);
      const time = now();
      const repeated = marks[at] === mark && time - times[at]! < WINDOW_MS && times[at]! > 0;
      marks[at] = mark;
      times[at] = time;
      if (repeated && time < quietUntil[at]!) return false;
      quietUntil[at] = repeated ? time + NOTICED_EVERY_MS : 0;
      return repeated;
    },
    expect(client, key) {
      const mark = hash(client, key);
      if (marks[placeOf(mark)] === mark) quietUntil[placeOf(mark)] = 0;
    },
  };
}

const HASHED_DIGITS = 8;

// FNV-1a over the address and the last digits of the digest, then MurmurHash3's finalizer.
// Of a key with a repository's name, all.
function hash(client: Address, key: string): number {
  let value = 0x811c9dc5;
  for (const group of client) value = Math.imul(value ^ group, 0x01000193);
  const start = key.includes("@") ? 0 : key.length - HASHED_DIGITS;
  for (let at = start; at < key.length; at++) {
    value = Math.imul(value ^ key.charCodeAt(at), 0x01000193);
  }
  value = Math.imul(value ^ value >>> 16, 0x85ebca6b);
  value = Math.imul(value ^ value >>> 13, 0xc2b2ae35);
  return value ^ value >>> 16;
}
