/**
 * A hash table from sha256 digests to the slots of a memory, in one typed array.
 *
 * A digest that is cut out of a request is a new string each time, and strings are expensive
 * to hash and to keep. So a digest is read into eight 32-bit integers, which are compared with
 * those in the table: an entry takes one cache line, and a lookup allocates nothing.
 *
 * All 256 bits are compared, because clients choose the digests that they ask for: with fewer,
 * a client could change what is known about somebody else's blob. The hash is keyed at random,
 * because clients could otherwise choose digests that share a bucket. It is a multilinear hash
 * (Carter and Wegman, "Universal classes of hash functions", 1979): the sum of 16-bit pieces
 * times random factors, modulo a prime. For whoever does not know the factors, two keys
 * collide with a probability of 2^-31.
 *
 * @module
 */

/** The number of 32-bit integers of an entry: the digest, the caller's, the table's. */
export const ENTRY_SIZE = 16;
/** The first of the six integers that belong to the caller. */
export const CALLER_AT = 8;
const SCOPE_AT = 14;
const NEXT_AT = 15;

const WORDS = 8;
const DIGITS = 8;
const PREFIX = "sha256:";
const LENGTH = PREFIX.length + WORDS * DIGITS;
const PRIME = 2 ** 31 - 1;
const NO_DIGIT = 16;

// The value of each hexadecimal digit's code.
const VALUES = new Uint8Array(128).fill(NO_DIGIT);
for (const [value, digit] of [..."0123456789abcdef"].entries()) {
  VALUES[digit.charCodeAt(0)] = value;
}

/** Reads sha256 digests as integers. */
export interface DigestReader {
  /** The integers of the digest that was read last. */
  readonly words: Int32Array;
  /**
   * Reads a digest, unless it is the one that was read last.
   *
   * @returns whether the text is a sha256 digest in lower-case hexadecimal
   */
  read(digest: string): boolean;
}

/** Makes a reader that has read nothing. */
export function createDigestReader(): DigestReader {
  const words = new Int32Array(WORDS);
  let last = "";
  return {
    words,
    read(digest) {
      if (digest === last) return digest !== "";
      if (digest.length !== LENGTH || !digest.startsWith(PREFIX)) return false;
      last = "";
      let all = 0;
      let at = PREFIX.length;
      for (let word = 0; word < WORDS; word++) {
        let bits = 0;
        for (const end = at + DIGITS; at < end; at++) {
          const value = VALUES[digest.charCodeAt(at)] ?? NO_DIGIT;
          all |= value;
          bits = bits << 4 | value;
        }
        words[word] = bits;
      }
      if (all >= NO_DIGIT) return false;
      last = digest;
      return true;
    },
  };
}

/** A table of entries. Slots are numbered from 1. */
export interface DigestIndex {
  /** The slot of the digest that was read last, in a scope; 0 without one. */
  find(scope: number): number;
  /** Enters the digest that was read last, in a scope, at a free slot. */
  enter(scope: number, slot: number): void;
  /** Removes the entry at a slot. */
  remove(slot: number): void;
}

/** What a table needs. */
export interface DigestIndexOptions {
  /** Holds the digest that was read last. */
  readonly words: Int32Array;
  /** {@linkcode ENTRY_SIZE} integers for each slot, and for slot 0. */
  readonly entries: Int32Array;
  /** A random number from 0 to below 1; the factors of the hash are made with it. */
  readonly random: () => number;
}

/** Makes a table without entries. */
export function createDigestIndex({ words, entries, random }: DigestIndexOptions): DigestIndex {
  const hash = createHash(random);
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

type Hash = (from: Int32Array, at: number, scope: number) => number;

/** Makes a hash of eight integers and a scope, with factors of its own. */
function createHash(random: () => number): Hash {
  const factors = Float64Array.from(
    { length: 2 * WORDS + 2 },
    () => 1 + Math.floor(random() * (PRIME - 1)),
  );
  return (from, at, scope) => {
    // 18 products of 47 bits, so the sum is exact.
    let sum = factors[2 * WORDS]! * (scope >>> 16) + factors[2 * WORDS + 1]! * (scope & 0xffff);
    for (let word = 0; word < WORDS; word++) {
      const bits = from[at + word]!;
      sum += factors[2 * word]! * (bits >>> 16) + factors[2 * word + 1]! * (bits & 0xffff);
    }
    return sum - Math.floor(sum / PRIME) * PRIME;
  };
}
