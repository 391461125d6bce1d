/**
 * Reads a provider's published file, and makes the checks that apply to every provider.
 *
 * @module
 */

import { type Address, isIpv4 } from "../net/address.ts";
import { formatPrefix, parsePrefix, type Prefix } from "../net/prefix.ts";
import type { ProviderRanges } from "./data_set.ts";
import {
  type Entry,
  type Provider,
  type PublishedFile,
  REGION,
  REGION_ALLOWED,
} from "./provider.ts";

/** The maximum size of a published file, in bytes. */
export const MOST_BYTES: number = 64 * 1024 * 1024;

/** The maximum number of prefixes in a file. */
export const MOST_ENTRIES: number = 1_000_000;

// No cloud publishes a larger block. A shorter prefix is probably a mistake, which would assign
// clients of other networks to one of the provider's regions.
const SHORTEST = { ipv4: 8, ipv6: 16 } as const;

/** The shortest length that a prefix with this address may have in a file. */
export function shortestLength(address: Address): number {
  return isIpv4(address) ? SHORTEST.ipv4 : SHORTEST.ipv6;
}

/**
 * Reads and validates a provider's file.
 *
 * @throws {SyntaxError} when the file or a prefix in it does not parse
 * @throws {TypeError} when it does not have the provider's format, or contains no prefix
 * @throws {RangeError} when a prefix has two regions, is too short or has bits set past its
 * length, or there are too many prefixes
 */
export function readPublished(provider: Provider, file: PublishedFile): ProviderRanges {
  // A byte order mark is not part of the content (RFC 8259, section 8.1).
  const { date = file.date, entries } = provider.parse({
    ...file,
    text: file.text.replace(/^\uFEFF/, ""),
  });
  if (entries.length === 0) {
    throw new TypeError("Cannot read published file: it has no prefix with a region");
  }
  if (entries.length > MOST_ENTRIES) {
    throw new RangeError(
      `Cannot read published file: it has ${entries.length} prefixes; allowed: ${MOST_ENTRIES}`,
    );
  }
  if (date !== undefined && !isDay(date)) {
    throw new TypeError(
      `Cannot read published file: found date "${date}", allowed: a day, YYYY-MM-DD`,
    );
  }
  return {
    provider: provider.name,
    source: file.source,
    date,
    locations: collect(provider, entries),
  };
}

/** Whether a text is a day, `YYYY-MM-DD`. */
export function isDay(date: string): boolean {
  return /^\d{4}-\d\d-\d\d$/.test(date) && !Number.isNaN(Date.parse(date));
}

function collect({ name }: Provider, entries: readonly Entry[]): Map<string, Prefix[]> {
  const regions = new Map<string, string>();
  const locations = new Map<string, Prefix[]>();
  for (const [region, written] of entries) {
    const prefix = parsePrefix(written);
    const key = formatPrefix(prefix);
    const held = regions.get(key);
    if (held === region) continue;
    checkEntry(region, prefix, held);
    regions.set(key, region);
    const location = `${name}/${region}`;
    const prefixes = locations.get(location);
    if (prefixes === undefined) locations.set(location, [prefix]);
    else prefixes.push(prefix);
  }
  return locations;
}

function checkEntry(region: string, prefix: Prefix, held: string | undefined): void {
  const key = formatPrefix(prefix);
  if (held !== undefined) {
    throw new RangeError(
      `Cannot read published file: ${key} has two regions, ${held} and ${region}`,
    );
  }
  if (!REGION.test(region)) {
    throw new TypeError(
      `Cannot read published file: found region "${region}", allowed: ${REGION_ALLOWED}`,
    );
  }
  const shortest = shortestLength(prefix.address);
  if (prefix.length < shortest) {
    throw new RangeError(`Cannot take prefix "${key}": length must be >= ${shortest}`);
  }
}
