/**
 * Finds the location of an address: that of the longest matching prefix in the data set and
 * the configuration.
 *
 * @module
 */

import type { Address } from "../net/address.ts";
import { formatPrefix, maskAddress, type Prefix } from "../net/prefix.ts";
import { createRangeLookup } from "../net/prefix_ranges.ts";
import {
  createPrefixTable,
  type Match,
  matchLength,
  matchValue,
  NO_MATCH,
  packMatch,
} from "../net/prefix_table.ts";
import { readDataSet, splitDataSet } from "./data_set.ts";
import type { PrefixLists } from "./prefix_list.ts";

/** Finds locations. */
export interface Locator {
  /** All locations, each once. */
  readonly locations: readonly string[];
  /** The index of an address's location in `locations`, or -1 without one. */
  locate(address: Address): number;
  /** The location of an address and the prefix that determines it, or `undefined` without one. */
  explain(address: Address): { readonly location: string; readonly prefix: string } | undefined;
  /**
   * Reads the prefixes of one more location of the data set, which takes at most a
   * millisecond. The first lookup reads everything that is left, unless the server has called
   * this often enough between requests.
   *
   * @returns whether there is more to read
   */
  prepare(): boolean;
}

// Enough for the prefixes published today, with room to grow.
const NODES = 16384;

/**
 * Makes a locator.
 *
 * @param dataSet the data set's text
 * @param own prefixes of other locations, by the location's name, or read from files. They
 * override equal prefixes of the data set.
 */
export function createLocator(
  dataSet: string,
  own: ReadonlyMap<string, readonly Prefix[]> | PrefixLists = new Map(),
): Locator {
  const table = createPrefixTable({ nodes: NODES });
  const parts = splitDataSet(dataSet);
  const locations = parts.map(({ location }) => location);
  const lists = "ranges" in own ? own : undefined;
  const listed = "ranges" in own ? new Map<string, readonly Prefix[]>() : own;
  for (const location of lists?.locations ?? listed.keys()) {
    if (!locations.includes(location)) locations.push(location);
  }
  let next = 0;

  function prepare(): boolean {
    if (next > parts.length) return false;
    const number = next++;
    const part = parts[number];
    if (part !== undefined) {
      readDataSet(dataSet, {
        prefix: (address, length) => table.insert({ address, length }, number),
      }, part);
      return true;
    }
    // Last, because the last value of a prefix applies.
    for (const [location, prefixes] of listed) {
      const number = locations.indexOf(location);
      for (const prefix of prefixes) table.insert(prefix, number);
    }
    return false;
  }

  function findInDataSet(address: Address): Match {
    while (next <= parts.length) prepare();
    return table.lookup(address);
  }

  const find = lists === undefined ? findInDataSet : createFinder(lists, locations, findInDataSet);

  return {
    locations,
    prepare,
    locate: (address) => matchValue(find(address)),
    explain(address) {
      const match = find(address);
      if (match === NO_MATCH) return undefined;
      const length = matchLength(match);
      const prefix = formatPrefix({ address: maskAddress(address, length), length });
      return { location: locations[matchValue(match)]!, prefix };
    },
  };
}

/** Makes a function that finds the longest prefix of lists and of the data set. */
function createFinder(
  { locations, ranges }: PrefixLists,
  all: readonly string[],
  findInDataSet: (address: Address) => Match,
): (address: Address) => Match {
  const lookup = createRangeLookup(ranges);
  const numbers = locations.map((location) => all.indexOf(location));
  return (address) => {
    const match = findInDataSet(address);
    const own = lookup(address);
    if (own === NO_MATCH || matchLength(own) < matchLength(match)) return match;
    return packMatch(numbers[matchValue(own)]!, matchLength(own));
  };
}
