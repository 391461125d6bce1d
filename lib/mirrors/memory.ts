/**
 * A bounded cache of what was found and what was missing. Each entry has its own TTL; when the
 * cache is full, the least recently used entry is evicted.
 *
 * A busy server knows some hundred thousand blobs, and looks one up on each request. So an
 * entry whose key is a sha256 digest takes 64 bytes of one typed array: the key (see
 * `digest_index.ts`), its times, and its links in a doubly linked list, the order of use. Other
 * keys, such as sha512 digests and URLs, are rarer; they are stored as strings.
 *
 * @module
 */

import {
  CALLER_AT,
  createDigestIndex,
  createDigestReader,
  type DigestReader,
  ENTRY_SIZE,
} from "./digest_index.ts";

/** A bounded memory. The same key in another scope, a 32-bit integer, is another key. */
export interface Memory {
  /**
   * Looks a key up, and makes its entry the most recently used. Returns when it was last found,
   * in milliseconds of the memory's clock; 0 if it is missing; `undefined` without an entry.
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
  /** Parses digests. Memories that share it parse a key once when it is looked up in each. */
  readonly reader?: DigestReader;
}

// Offsets in an entry's 64-bit floats.
const FLOATS = ENTRY_SIZE / 2;
const FOUND_AT = CALLER_AT / 2; // 0 for what is missing
const UNTIL_AT = FOUND_AT + 1;
// Offsets in an entry's 32-bit integers.
const NEWER_AT = CALLER_AT + 4;
const OLDER_AT = CALLER_AT + 5;

/** Makes an empty memory. */
export function createMemory(options: MemoryOptions): Memory {
  const { maxEntries, now } = options;
  const entries = new Int32Array((maxEntries + 1) * ENTRY_SIZE);
  const floats = new Float64Array(entries.buffer);
  const order = createOrder(entries);
  const keys = createSlotsByKey(options, entries);
  let size = 0;

  function takeSlot(): number {
    if (size < maxEntries) return ++size;
    const oldest = order.oldest();
    keys.remove(oldest);
    order.unlink(oldest);
    return oldest;
  }

  return {
    get(key, scope = 0) {
      const slot = keys.find(key, scope);
      // An expired entry stays until it is set again or evicted; it does not count as used.
      if (slot === 0 || floats[slot * FLOATS + UNTIL_AT]! <= now()) return undefined;
      order.use(slot);
      return floats[slot * FLOATS + FOUND_AT];
    },
    set(key, found, ttlMs, scope = 0) {
      let slot = keys.find(key, scope);
      if (slot === 0) {
        slot = takeSlot();
        keys.enter(key, scope, slot);
        order.link(slot);
      } else {
        order.use(slot);
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

/** The order in which slots were used, as a doubly linked list. */
function createOrder(entries: Int32Array) {
  // A circular list with slot 0 as sentinel: the oldest entry comes after it, the newest before it.
  const newer = (slot: number) => entries[slot * ENTRY_SIZE + NEWER_AT]!;
  const older = (slot: number) => entries[slot * ENTRY_SIZE + OLDER_AT]!;

  function join(older: number, newer: number): void {
    entries[older * ENTRY_SIZE + NEWER_AT] = newer;
    entries[newer * ENTRY_SIZE + OLDER_AT] = older;
  }

  function unlink(slot: number): void {
    join(older(slot), newer(slot));
  }

  function link(slot: number): void {
    join(older(0), slot);
    join(slot, 0);
  }

  return {
    unlink,
    link,
    oldest: () => newer(0),
    use(slot: number): void {
      if (slot === older(0)) return;
      unlink(slot);
      link(slot);
    },
  };
}

// A concatenated string keeps its parts alive, and a substring its parent. A copy holds only
// its own characters.
const encoder = new TextEncoder();
const decoder = new TextDecoder();

function copyString(text: string): string {
  return decoder.decode(encoder.encode(text));
}
