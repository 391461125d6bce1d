/**
 * A hash table with sha256 digests as keys, in one typed array.
 *
 * A digest that is sliced from a request is a new string each time. Hashing such a string, and
 * retaining it as a key, costs more than the lookup itself. So a digest is read as eight 32-bit
 * integers (`oci/digest_reader.ts`), which are compared with those of the entries. An entry takes
 * 64 bytes, and a lookup allocates nothing.
 *
 * Clients choose which digests they request, so the table must withstand chosen keys:
 *
 * - All 256 bits are compared. With a shorter key, a client could request a digest that
 *   collides with another blob's, and change what is cached for that blob.
 * - The hash function has random factors. With a fixed one, a client could request digests that
 *   all fall into one bucket (hash flooding). It is multilinear: the sum of the key's 16-bit
 *   parts, each times its factor, modulo a prime. While the factors are secret, two keys
 *   collide with a probability of 2^-31 (Carter and Wegman, "Universal classes of hash
 *   functions", 1979).
 *
 * @module
 */

/** The length of an entry in 32-bit integers: the digest, six for the caller, two for the table. */
export const ENTRY_SIZE = 16;
/** The offset of the six integers that belong to the caller. */
export const CALLER_AT = 8;
const SCOPE_AT = 14;
const NEXT_AT = 15;

const WORDS = 8;
const PRIME = 2 ** 31 - 1;

/**
 * A hash table from a digest and a scope to a slot. Slots are numbered from 1. The digest is the
 * one that the `DigestReader` read last.
 */
export interface DigestIndex {
  /** Returns the slot of the digest, or 0 if there is none. */
  find(scope: number): number;
  /** Inserts the digest at a free slot. */
  enter(scope: number, slot: number): void;
  /** Removes the digest at a slot. */
  remove(slot: number): void;
}

/** What a table needs. */
export interface DigestIndexOptions {
  /** The words of a `DigestReader`. */
  readonly words: Int32Array;
  /** The memory of all entries: {@linkcode ENTRY_SIZE} integers for each slot, from slot 0. */
  readonly entries: Int32Array;
  /** Returns a random number from 0 to below 1; draws the factors of the hash function. */
  readonly random: () => number;
}

/** Makes an empty table. */
export function createDigestIndex({ words, entries, random }: DigestIndexOptions): DigestIndex {
  const hash = createDigestHash(random);
  const heads = new Int32Array(2 ** Math.ceil(Math.log2(entries.length / ENTRY_SIZE)));
  const mask = heads.length - 1;

  function isAt(at: number, scope: number): boolean {
    if (entries[at + SCOPE_AT] !== scope) return false;
    for (let word = 0; word < WORDS; word++) {
      if (entries[at + word] !== words[word]) return false;
    }
    return true;
  }

  return {
    find(scope) {
      let slot = heads[hash(words, 0, scope) & mask]!;
      while (slot !== 0 && !isAt(slot * ENTRY_SIZE, scope)) {
        slot = entries[slot * ENTRY_SIZE + NEXT_AT]!;
      }
      return slot;
    },
    enter(scope, slot) {
      const at = slot * ENTRY_SIZE;
      const bucket = hash(words, 0, scope) & mask;
      entries.set(words, at);
      entries[at + SCOPE_AT] = scope;
      entries[at + NEXT_AT] = heads[bucket]!;
      heads[bucket] = slot;
    },
    remove(slot) {
      const at = slot * ENTRY_SIZE;
      const bucket = hash(entries, at, entries[at + SCOPE_AT]!) & mask;
      const next = entries[at + NEXT_AT]!;
      if (heads[bucket] === slot) {
        heads[bucket] = next;
        return;
      }
      let before = heads[bucket]! * ENTRY_SIZE;
      while (entries[before + NEXT_AT] !== slot) before = entries[before + NEXT_AT]! * ENTRY_SIZE;
      entries[before + NEXT_AT] = next;
    },
  };
}

/**
 * A hash function of the eight integers from an index on, and a scope. Returns a number of which
 * the low bits select a bucket.
 */
export type DigestHash = (from: Int32Array, at: number, scope: number) => number;

/** Makes a hash function with random factors. */
export function createDigestHash(random: () => number): DigestHash {
  const factors = Float64Array.from(
    { length: 2 * WORDS + 2 },
    () => 1 + Math.floor(random() * (PRIME - 1)),
  );
  return (from, at, scope) => {
    // The sum of 18 products of 16 and 31 bits stays below 2^53, so it is exact.
    let sum = factors[2 * WORDS]! * (scope >>> 16) + factors[2 * WORDS + 1]! * (scope & 0xffff);
    for (let word = 0; word < WORDS; word++) {
      const bits = from[at + word]!;
      sum += factors[2 * word]! * (bits >>> 16) + factors[2 * word + 1]! * (bits & 0xffff);
    }
    return sum - Math.floor(sum / PRIME) * PRIME;
  };
}
