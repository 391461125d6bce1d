/**
 * Prefixes as sorted ranges of addresses, with lookup by longest prefix match.
 *
 * A prefix table ({@linkcode createPrefixTable}) takes up to 2 KB for a long prefix that has no
 * neighbours. A list of a million such prefixes fits here in 40 MB, which all isolates share.
 * A lookup is a binary search: slower than the table, and only made where there are lists.
 *
 * @module
 */

import type { Address } from "./address.ts";
import type { Prefix } from "./prefix.ts";
import { type Match, matchLength, matchValue, NO_MATCH, packMatch } from "./prefix_table.ts";

/** The ranges of a family: each begins at its start, and ends where the next begins. */
export interface FamilyRanges {
  /** The first addresses, in ascending order, one or four words each. */
  readonly starts: Uint32Array<SharedArrayBuffer>;
  /** The match of each range; {@linkcode NO_MATCH} for one that is in no prefix. */
  readonly matches: Int32Array<SharedArrayBuffer>;
  /** How many there are. */
  readonly count: number;
}

/** Ranges of addresses. They can be sent to another isolate, which then shares their memory. */
export interface PrefixRanges {
  /** The ranges of IPv4 addresses. */
  readonly ipv4: FamilyRanges;
  /** The ranges of IPv6 addresses. */
  readonly ipv6: FamilyRanges;
}

/** Called with a prefix that was added with two values. */
export type OnTwice = (prefix: Prefix, first: number, second: number) => void;

/** Collects prefixes. */
export interface PrefixCollector {
  /**
   * Adds a prefix.
   *
   * @param value from 0 to `MAX_VALUE` of a prefix table
   */
  add(address: Address, length: number, value: number): void;
  /** Makes the ranges of all that was added. The first of two values of a prefix applies. */
  build(onTwice: OnTwice): PrefixRanges;
}

/**
 * Makes an empty collector.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { parseAddress } from "./address.ts";
 * import { matchLength, matchValue } from "./prefix_table.ts";
 *
 * const collector = createPrefixCollector();
 * collector.add(parseAddress("198.51.0.0"), 16, 1);
 * collector.add(parseAddress("198.51.100.0"), 24, 2);
 * const lookup = createRangeLookup(collector.build(() => {}));
 * const match = lookup(parseAddress("198.51.100.7"));
 * assertEquals([matchValue(match), matchLength(match)], [2, 24]);
 * ```
 */
export function createPrefixCollector(): PrefixCollector {
  const ipv4 = createRows(1);
  const ipv6 = createRows(4);
  return {
    add: (address, length, value) =>
      (address.length === 2 ? ipv4 : ipv6).add(address, length, value),
    build: (onTwice) => ({
      ipv4: toRanges(ipv4.sorted(), 1, onTwice),
      ipv6: toRanges(ipv6.sorted(), 4, onTwice),
    }),
  };
}

type Words = 1 | 4;

/** Rows of an address and of its value and length. */
function createRows(words: Words) {
  const size = words + 1;
  let rows = new Uint32Array(size * 64);
  let count = 0;
  const lengthAt = (at: number) => rows[at + words]! & 0xff;
  return {
    add(address: Address, length: number, value: number): void {
      let at = size * count++;
      if (at === rows.length) {
        const grown = new Uint32Array(rows.length * 2);
        grown.set(rows);
        rows = grown;
      }
      for (let group = 0; group < address.length; group += 2) {
        rows[at++] = address[group]! << 16 | address[group + 1]!;
      }
      rows[at] = value << 8 | length;
    },
    /** The rows, by address, then the shorter first. */
    sorted(): Uint32Array {
      const order = new Uint32Array(count);
      for (let at = 0; at < count; at++) order[at] = at * size;
      order.sort((a, b) =>
        compareWords(rows, a, rows, b, words) || lengthAt(a) - lengthAt(b) || a - b
      );
      const sorted = new Uint32Array(count * size);
      for (let at = 0; at < count; at++) {
        for (let word = 0; word < size; word++) {
          sorted[at * size + word] = rows[order[at]! + word]!;
        }
      }
      return sorted;
    },
  };
}

function compareWords(
  a: Uint32Array,
  aAt: number,
  b: Uint32Array,
  bAt: number,
  words: Words,
): number {
  for (let word = 0; word < words; word++) {
    const difference = a[aAt + word]! - b[bAt + word]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

const DEEPEST = 129;

/** Sweeps over sorted rows, with a stack of the prefixes that hold the current address. */
function toRanges(rows: Uint32Array, words: Words, onTwice: OnTwice): FamilyRanges {
  const size = words + 1;
  const ranges = createRangeList(words, 2 * rows.length / size);
  const ends = new Uint32Array(DEEPEST * words);
  const matches = new Int32Array(DEEPEST);
  let depth = 0;

  function pop(): void {
    depth--;
    const end = ends.subarray(depth * words, (depth + 1) * words);
    if (increment(end)) ranges.add(end, 0, depth === 0 ? NO_MATCH : matches[depth - 1]!);
  }

  for (let at = 0; at < rows.length; at += size) {
    const match = packMatch(rows[at + words]! >> 8, rows[at + words]! & 0xff);
    while (depth > 0 && compareWords(ends, (depth - 1) * words, rows, at, words) < 0) pop();
    const isAgain = at > 0 && compareWords(rows, at - size, rows, at, words) === 0 &&
      matchLength(matches[depth - 1]!) === matchLength(match);
    if (isAgain) {
      const [first, second] = [matchValue(matches[depth - 1]!), matchValue(match)];
      if (first !== second) onTwice(prefixOf(rows, at, words), first, second);
      continue;
    }
    ranges.add(rows, at, match);
    for (let word = 0; word < words; word++) {
      const bits = Math.min(Math.max(matchLength(match) - word * 32, 0), 32);
      ends[depth * words + word] = rows[at + word]! | (bits === 32 ? 0 : 0xffffffff >>> bits);
    }
    matches[depth++] = match;
  }
  while (depth > 0) pop();
  return ranges.ended();
}

/** Adds 1 to an address. Returns whether there is such an address. */
function increment(address: Uint32Array): boolean {
  for (let word = address.length - 1; word >= 0; word--) {
    address[word] = address[word]! + 1;
    if (address[word] !== 0) return true;
  }
  return false;
}

function createRangeList(words: Words, most: number) {
  const starts = new Uint32Array(new SharedArrayBuffer(4 * words * most));
  const matches = new Int32Array(new SharedArrayBuffer(4 * most));
  let count = 0;
  return {
    /** Begins another range, or, where one has just begun, puts a longer match in its place. */
    add(from: Uint32Array, at: number, match: Match): void {
      const isNew = count === 0 || compareWords(starts, (count - 1) * words, from, at, words) !== 0;
      if (isNew) {
        for (let word = 0; word < words; word++) starts[count * words + word] = from[at + word]!;
        count++;
      }
      matches[count - 1] = match;
    },
    ended: (): FamilyRanges => ({ starts, matches, count }),
  };
}

function prefixOf(rows: Uint32Array, at: number, words: Words): Prefix {
  const address: number[] = [];
  for (let word = 0; word < words; word++) {
    address.push(rows[at + word]! >>> 16, rows[at + word]! & 0xffff);
  }
  return { address, length: rows[at + words]! & 0xff };
}

/** Makes a function that finds the match of the longest prefix that contains an address. */
export function createRangeLookup({ ipv4, ipv6 }: PrefixRanges): (address: Address) => Match {
  const asked = new Uint32Array(4);
  return (address) => {
    for (let group = 0; group < address.length; group += 2) {
      asked[group >> 1] = address[group]! << 16 | address[group + 1]!;
    }
    return address.length === 2 ? find(ipv4, asked, 1) : find(ipv6, asked, 4);
  };
}

function find({ starts, matches, count }: FamilyRanges, asked: Uint32Array, words: Words): Match {
  let low = 0;
  for (let high = count; low < high;) {
    const middle = low + high >> 1;
    if (compareWords(starts, middle * words, asked, 0, words) <= 0) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? NO_MATCH : matches[low - 1]!;
}
