/**
 * A bounded cache of what was found and what was missing. Each entry has its own TTL; when the
 * cache is full, the least recently used entry is evicted.
 *
 * A registry's busy server knows some hundred thousand blobs and looks one up on each
 * request. The order of use is a doubly linked list of indices in typed arrays, so an entry
 * takes 214 bytes, including its key of 76 characters; with lru-cache it takes 342.
 *
 * @module
 */

/** A bounded memory. */
export interface Memory {
  /**
   * Looks a key up, and makes its entry the most recently used. Returns when it was last found,
   * in milliseconds of the memory's clock; 0 if it is missing; `undefined` without an entry.
   */
  get(key: string): number | undefined;
  /** Sets the entry of a key, for a time in milliseconds. */
  set(key: string, found: boolean, ttlMs: number): void;
  /** Deletes the entry of a key. */
  delete(key: string): void;
  /** The number of entries, including expired ones. */
  readonly size: number;
}

/** What a memory needs. */
export interface MemoryOptions {
  /** The most entries to hold, at least 1. */
  readonly maxEntries: number;
  /** The time in milliseconds, above 0, of any monotonic clock. */
  readonly now: () => number;
}

/** Makes an empty memory. */
export function createMemory({ maxEntries, now }: MemoryOptions): Memory {
  const order = createOrder(maxEntries);
  const slots = new Map<string, number>();
  const keys: string[] = [""];
  const foundAt = new Float64Array(maxEntries + 1); // 0 for what is missing
  const until = new Float64Array(maxEntries + 1);

  function takeSlot(): number {
    if (slots.size < maxEntries) return keys.length;
    const oldest = order.oldest();
    slots.delete(keys[oldest]!);
    order.unlink(oldest);
    return oldest;
  }

  return {
    get(key) {
      const slot = slots.get(key);
      // An expired entry stays until it is set again or evicted; it does not count as used.
      if (slot === undefined || until[slot]! <= now()) return undefined;
      order.use(slot);
      return foundAt[slot];
    },
    set(key, found, ttlMs) {
      let slot = slots.get(key);
      if (slot === undefined) {
        slot = takeSlot();
        const own = copyString(key);
        keys[slot] = own;
        slots.set(own, slot);
        order.link(slot);
      } else {
        order.use(slot);
      }
      const time = now();
      foundAt[slot] = found ? time : 0;
      until[slot] = time + ttlMs;
    },
    delete(key) {
      const slot = slots.get(key);
      if (slot !== undefined) until[slot] = 0;
    },
    get size() {
      return slots.size;
    },
  };
}

/** The order in which slots were used, as a doubly linked list. */
function createOrder(maxEntries: number) {
  // Slot 0 is the head: newer[0] is the oldest entry, older[0] the newest.
  const newer = new Uint32Array(maxEntries + 1);
  const older = new Uint32Array(maxEntries + 1);

  function unlink(slot: number): void {
    newer[older[slot]!] = newer[slot]!;
    older[newer[slot]!] = older[slot]!;
  }

  function link(slot: number): void {
    const newest = older[0]!;
    older[slot] = newest;
    newer[slot] = 0;
    newer[newest] = slot;
    older[0] = slot;
  }

  return {
    unlink,
    link,
    oldest: () => newer[0]!,
    use(slot: number): void {
      if (slot === older[0]) return;
      unlink(slot);
      link(slot);
    },
  };
}

// A concatenated string keeps its parts alive, and a substring its parent. A copy holds only
// its own characters, which makes an entry a third smaller.
const encoder = new TextEncoder();
const decoder = new TextDecoder();

function copyString(text: string): string {
  return decoder.decode(encoder.encode(text));
}
