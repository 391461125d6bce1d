/**
 * From an address to its location: the longest prefix that holds it, among those
 * of the data set and those of the configuration.
 *
 * @module
 */

import type { Address } from "../net/address.ts";
import { formatPrefix, maskAddress, type Prefix } from "../net/prefix.ts";
import { createPrefixTable, matchLength, matchValue, NO_MATCH } from "../net/prefix_table.ts";
import { readDataSet } from "./data_set.ts";

/** Finds locations. */
export interface Locator {
  /** Every location there is, each once. */
  readonly locations: readonly string[];
  /** The number of an address's location in `locations`, or -1 for an address that has none. */
  locate(address: Address): number;
  /** The prefix that an address's location comes from, or `undefined` when it has none. */
  explain(address: Address): { readonly location: string; readonly prefix: string } | undefined;
}

// What the published prefixes need today, and room to grow.
const NODES = 16384;

/**
 * Makes a locator.
 *
 * @param dataSet the data set's text
 * @param own prefixes of locations beside the data set's, by the location's name. Where
 * both have the very same prefix, this one counts.
 * @throws {SyntaxError} when the data set is malformed
 */
export function createLocator(
  dataSet: string,
  own: ReadonlyMap<string, readonly Prefix[]> = new Map(),
): Locator {
  const table = createPrefixTable({ nodes: NODES });
  const locations: string[] = [];
  readDataSet(dataSet, {
    location: (name) => void locations.push(name),
    prefix: (address, length) => table.insert({ address, length }, locations.length - 1),
  });
  for (const [location, prefixes] of own) {
    let number = locations.indexOf(location);
    if (number < 0) number = locations.push(location) - 1;
    for (const prefix of prefixes) table.insert(prefix, number);
  }
  return {
    locations,
    locate(address) {
      return matchValue(table.lookup(address));
    },
    explain(address) {
      const match = table.lookup(address);
      if (match === NO_MATCH) return undefined;
      const length = matchLength(match);
      const prefix = formatPrefix({ address: maskAddress(address, length), length });
      return { location: locations[matchValue(match)]!, prefix };
    },
  };
}
