/**
 * What an update of the data set changes, and whether it may.
 *
 * @module
 */

import { formatPrefix } from "../net/prefix.ts";
import { type ProviderRanges, readDataSet } from "./data_set.ts";

/** What an update changes in one provider's part. */
export interface ProviderChange {
  /** The cloud's name: `aws`. */
  readonly provider: string;
  /** Prefixes that are new, or have a new location: `aws/eu-west-3 35.180.0.0/16`. */
  readonly added: readonly string[];
  /** Prefixes that are gone, or had another location. */
  readonly removed: readonly string[];
  /** How many of the old prefixes are no longer there under any location. */
  readonly lost: number;
  /** How many prefixes there were. */
  readonly before: number;
}

/**
 * Compares what the providers publish now with a data set.
 *
 * @param oldText the data set's text
 */
export function compareDataSets(
  oldText: string,
  providers: readonly ProviderRanges[],
): ProviderChange[] {
  const old = readPrefixes(oldText);
  return providers.map(({ provider, locations }) => {
    const before = old.get(provider) ?? new Map<string, string>();
    const after = new Map<string, string>();
    for (const [location, prefixes] of locations) {
      for (const prefix of prefixes) after.set(formatPrefix(prefix), location);
    }
    return {
      provider,
      added: difference(after, before),
      removed: difference(before, after),
      lost: before.keys().filter((prefix) => !after.has(prefix)).toArray().length,
      before: before.size,
    };
  });
}

/** The most of its prefixes that a provider may lose in one update. */
export const MOST_LOST = 0.1;

/**
 * Whether a provider has lost more than a tenth of its prefixes. Clouds grow; a
 * file that shrinks so much is far more likely cut short than true.
 */
export function isLossy({ lost, before }: ProviderChange): boolean {
  return lost > before * MOST_LOST;
}

function difference(from: Map<string, string>, other: Map<string, string>): string[] {
  return from.entries()
    .filter(([prefix, location]) => other.get(prefix) !== location)
    .map(([prefix, location]) => `${location} ${prefix}`)
    .toArray();
}

function readPrefixes(text: string): Map<string, Map<string, string>> {
  const providers = new Map<string, Map<string, string>>();
  let prefixes = new Map<string, string>();
  let location = "";
  readDataSet(text, {
    head(key, value) {
      if (key === "provider") providers.set(value, prefixes = new Map());
    },
    location(name) {
      location = name;
    },
    prefix(address, length) {
      prefixes.set(formatPrefix({ address, length }), location);
    },
  });
  return providers;
}
