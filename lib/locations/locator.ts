/**
 * From an address to its location: the longest prefix that holds it, among those
 * of the data set and those of the configuration.
 *
 * @module
 */

import type { Address } from "../net/address.ts";
import { formatPrefix, maskAddress, type Prefix } from "../net/prefix.ts";
import {
  createPrefixTable,
  type Match,
  matchLength,
  matchValue,
  NO_MATCH,
} from "../net/prefix_table.ts";
import { readDataSet, splitDataSet } from "./data_set.ts";

/** Finds locations. */
export interface Locator {
  /** Every location there is, each once. */
  readonly locations: readonly string[];
  /** The number of an address's location in `locations`, or -1 for an address that has none. */
  locate(address: Address): number;
  /** The prefix that an address's location comes from, or `undefined` when it has none. */
  explain(address: Address): { readonly location: string; readonly prefix: string } | undefined;
  /**
   * Reads the prefixes of one more location of the data set, which takes a millisecond
   * or less. The first lookup reads all that is left; a server that calls this between
   * requests has it done before one needs it.
   *
   * @returns whether there is more to read
   */
  prepare(): boolean;
}

// What the published prefixes need today, and room to grow.
const NODES = 16384;

/**
 * Makes a locator.
 *
 * @param dataSet the data set's text
 * @param own prefixes of locations beside the data set's, by the location's name. Where
 * both have the very same prefix, this one counts.
 */
export function createLocator(
  dataSet: string,
  own: ReadonlyMap<string, readonly Prefix[]> = new Map(),
): Locator {
  const table = createPrefixTable({ nodes: NODES });
  const parts = splitDataSet(dataSet);
  const locations = parts.map(({ location }) => location);
  for (const location of own.keys()) {
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
    // Last, for the later of two values of one prefix counts.
    for (const [location, prefixes] of own) {
      const number = locations.indexOf(location);
      for (const prefix of prefixes) table.insert(prefix, number);
    }
    return false;
  }

  function find(address: Address): Match {
    while (next <= parts.length) prepare();
    return table.lookup(address);
  }

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
