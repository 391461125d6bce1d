/**
 * A table that maps prefixes to numbers, with lookup by longest prefix match.
 *
 * It is a multibit trie (Srinivasan and Varghese, "Faster IP lookups using controlled prefix
 * expansion", 1998): the first 16 bits of an address index a root, each further 4 bits a node
 * of 16 slots. A slot contains either the index of its node, or the answer for all addresses
 * that reach it, so a lookup takes a handful of dependent reads and never backtracks. The
 * stride is 4 bits because the nodes of all published prefixes then take 0.7 MB and fit a
 * core's cache; 8 bits need fewer reads, but 5 MB.
 *
 * @module
 */

import type { Address } from "./address.ts";
import type { Prefix } from "./prefix.ts";

/** A table of prefixes. */
export interface PrefixTable {
  /**
   * Adds a prefix. The same prefix added again takes the later value.
   *
   * @param value from 0 to {@linkcode MAX_VALUE}
   */
  insert(prefix: Prefix, value: number): void;
  /** The match of the longest prefix that contains the address, or {@linkcode NO_MATCH}. */
  lookup(address: Address): Match;
}

/**
 * A value and the length of its prefix, packed into one number: see {@linkcode matchValue} and
 * {@linkcode matchLength}.
 */
export type Match = number;

/** The result of a lookup when no prefix contains the address. */
export const NO_MATCH: Match = 0;

/** The largest value that a table can hold. */
export const MAX_VALUE = 0x3ffffe;

/** Packs a value and the length of its prefix. */
export function packMatch(value: number, length: number): Match {
  return value + 1 << 8 | length;
}

/** The value of the prefix that matched. */
export function matchValue(match: Match): number {
  return (match >> 8) - 1;
}

/** The length in bits of the prefix that matched. */
export function matchLength(match: Match): number {
  return match & 0xff;
}

const ROOT_BITS = 16;
const NODE_BITS = 4;
const NODE_SIZE = 1 << NODE_BITS;
const IPV6_ROOT = 1 << ROOT_BITS;
const FIRST_NODE = 2 << ROOT_BITS;

/**
 * Makes an empty table.
 *
 * @param nodes how many nodes to allocate at first; the table grows as needed
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { parseAddress } from "./address.ts";
 * import { parsePrefix } from "./prefix.ts";
 *
 * const table = createPrefixTable();
 * table.insert(parsePrefix("198.51.0.0/16"), 1);
 * table.insert(parsePrefix("198.51.100.0/24"), 2);
 * const match = table.lookup(parseAddress("198.51.100.7"));
 * assertEquals([matchValue(match), matchLength(match)], [2, 24]);
 * assertEquals(table.lookup(parseAddress("192.0.2.1")), NO_MATCH);
 * ```
 */
export function createPrefixTable({ nodes = 1024 } = {}): PrefixTable {
  // A slot: 0 for nothing, a positive match, or the negated index of a node.
  let slots = new Int32Array(FIRST_NODE + nodes * NODE_SIZE);
  let end = FIRST_NODE;

  function insert({ address, length }: Prefix, value: number): void {
    let slot = (address.length === 2 ? 0 : IPV6_ROOT) + address[0]!;
    let depth = ROOT_BITS;
    for (; length > depth; depth += NODE_BITS) {
      const shift = 16 - NODE_BITS - (depth & 15);
      slot = nodeAt(slot) + (address[depth >> 4]! >> shift & NODE_SIZE - 1);
    }
    cover(slot, 1 << depth - length, packMatch(value, length));
  }

  function nodeAt(slot: number): number {
    const held = slots[slot]!;
    if (held < 0) return -held;
    if (end + NODE_SIZE > slots.length) {
      const grown = new Int32Array(slots.length * 2);
      grown.set(slots);
      slots = grown;
    }
    const node = end;
    end += NODE_SIZE;
    slots[slot] = -node;
    // A loop, because `fill` costs more than 16 writes.
    if (held !== NO_MATCH) { for (let at = node; at < end; at++) slots[at] = held; }
    return node;
  }

  // Sets `count` slots to a match, except those with a longer prefix.
  function cover(slot: number, count: number, match: Match): void {
    for (const last = slot + count; slot < last; slot++) {
      const held = slots[slot]!;
      if (held < 0) cover(-held, NODE_SIZE, match);
      else if (matchLength(held) <= matchLength(match)) slots[slot] = match;
    }
  }

  function lookup(address: Address): Match {
    let held = slots[(address.length === 2 ? 0 : IPV6_ROOT) + address[0]!]!;
    for (let at = 1; held < 0; at++) {
      const group = address[at]!;
      held = slots[(group >> 12) - held]!;
      if (held >= 0) break;
      held = slots[(group >> 8 & 15) - held]!;
      if (held >= 0) break;
      held = slots[(group >> 4 & 15) - held]!;
      if (held >= 0) break;
      held = slots[(group & 15) - held]!;
    }
    return held;
  }

  return { insert, lookup };
}
