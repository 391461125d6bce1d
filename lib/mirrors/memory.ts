/**
 * A bounded cache of what was found and what was missing. Each entry has its own TTL; when the
 * cache is full, an entry that was not used lately is evicted.
 *
 * A busy server knows some hundred thousand blobs, and looks one up on each request. So an
 * entry whose key is a sha256 digest takes 64 bytes of one typed array, a line of a core's
 * cache: the key (see `digest_index.ts`), its times, and whether it was used. Other keys, such
 * as sha512 digests and URLs, are rarer; they are stored as strings.
 *
 * Entries are evicted by second chance (the clock algorithm; Corbató, "A paging experiment with
 * the Multics system", 1968): a hand passes over them in a circle, clears the mark of those that
 * were used since it passed last, and evicts the first that was not. The least recently used
 * one would be a better choice by little, but its order of use is a linked list: each lookup
 * would write to four entries, most of which no cache holds.
 *
 * @module
 */

import { copyString } from "../oci/copy_string.ts";
import { createDigestReader, type DigestReader } from "../oci/digest_reader.ts";
import { CALLER_AT, createDigestIndex, ENTRY_SIZE } from "./digest_index.ts";

/** A bounded memory. The same key in another scope, a 32-bit integer, is another key. */
export interface Memory {
  /**
   * Looks a key up, and marks its entry as used. Returns when it was last found, in milliseconds
   * of the memory's clock; 0 if it is missing; `undefined` without an entry.
   */
  get(key: string, scope?: number): number | undefined;
  /** Sets the entry of a key, for a time in milliseconds. */
  set(key: string, found: boolean, ttlMs: number, scope?: number): void;
  /** Deletes the entry of a key. */
  delete(key: string, scope?: number): void;
  /** The number of entries, including expired ones. */
  readonly size: number;
}

/** What a memory needs. */
export interface MemoryOptions {
  /** The most entries to hold, at least 1. */
  readonly maxEntries: number;
  /** The time in milliseconds, above 0, of any monotonic clock. */
  readonly now: () => number;
  /** Returns a random number from 0 to below 1. */
  readonly random: () => number;
  /** Reads digests. Memories that share it read a key once when it is looked up in each. */
  readonly reader?: DigestReader;
}

// Offsets in an entry's 64-bit floats.
const FLOATS = ENTRY_SIZE / 2;
const FOUND_AT = CALLER_AT / 2; // 0 for what is missing
const UNTIL_AT = FOUND_AT + 1;
// Offsets in an entry's 32-bit integers.
const USED_AT = CALLER_AT + 4; // 1 when it was used since the hand passed

/** Makes an empty memory. */
export function createMemory(options: MemoryOptions): Memory {
  const { maxEntries, now } = options;
  const entries = new Int32Array((maxEntries + 1) * ENTRY_SIZE);
  const floats = new Float64Array(entries.buffer);
  const keys = createSlotsByKey(options, entries);
  let size = 0;
  let hand = 0;

  function takeSlot(): number {
    if (size < maxEntries) return ++size;
    do hand = hand % maxEntries + 1; while (takeMark(hand));
    keys.remove(hand);
    return hand;
  }

  function takeMark(slot: number): boolean {
    const at = slot * ENTRY_SIZE + USED_AT;
    const used = entries[at] === 1;
    entries[at] = 0;
    return used;
  }

  return {
    get(key, scope = 0) {
      const slot = keys.find(key, scope);
      // An expired entry stays until it is set again or evicted; it does not count as used.
      if (slot === 0 || floats[slot * FLOATS + UNTIL_AT]! <= now()) return undefined;
      entries[slot * ENTRY_SIZE + USED_AT] = 1;
      return floats[slot * FLOATS + FOUND_AT];
    },
    set(key, found, ttlMs, scope = 0) {
      let slot = keys.find(key, scope);
      if (slot !== 0) {
        entries[slot * ENTRY_SIZE + USED_AT] = 1;
      } else {
        // Not marked: an entry that is set once and never looked up goes first.
        slot = takeSlot();
        keys.enter(key, scope, slot);
      }
      const time = now();
      floats[slot * FLOATS + FOUND_AT] = found ? time : 0;
      floats[slot * FLOATS + UNTIL_AT] = time + ttlMs;
    },
    delete(key, scope = 0) {
      const slot = keys.find(key, scope);
      if (slot !== 0) floats[slot * FLOATS + UNTIL_AT] = 0;
    },
    get size() {
      return size;
    },
  };
}

/** Maps keys to slots: sha256 digests by the hash table, other keys by a `Map`. */
function createSlotsByKey(options: MemoryOptions, entries: Int32Array) {
  const { random, reader = createDigestReader() } = options;
  const digests = createDigestIndex({ words: reader.words, entries, random });
  const others = new Map<string, number>();
  const otherAt = new Map<number, string>();
  return {
    find(key: string, scope: number): number {
      return reader.read(key) ? digests.find(scope) : others.get(`${scope} ${key}`) ?? 0;
    },
    enter(key: string, scope: number, slot: number): void {
      if (reader.read(key)) return digests.enter(scope, slot);
      const own = copyString(`${scope} ${key}`);
      others.set(own, slot);
      otherAt.set(slot, own);
    },
    remove(slot: number): void {
      const other = otherAt.get(slot);
      if (other === undefined) return digests.remove(slot);
      others.delete(other);
      otherAt.delete(slot);
    },
  };
}
