/**
 * Updates the data set, and limits how much an update may change.
 *
 * @module
 */

import { type Address, isIpv4 } from "../net/address.ts";
import { formatPrefix } from "../net/prefix.ts";
import { formatDataSet, type ProviderRanges, readDataSet, splitProviders } from "./data_set.ts";
import type { Provider, PublishedFile } from "./provider.ts";
import { type ProviderName, PROVIDERS } from "./providers.ts";
import { readPublished } from "./published.ts";

/** How much a provider publishes. Nested prefixes count separately. */
export interface Extent {
  /** The number of prefixes. */
  readonly prefixes: number;
  /** The number of IPv4 addresses in them. */
  readonly ipv4: number;
  /** The number of IPv6 networks of length 48 in them. */
  readonly ipv6: number;
}

/** What an update changes in one provider's part. */
export interface ProviderChange {
  /** The cloud's name: `aws`. */
  readonly provider: string;
  /** Prefixes that are new or changed their location: `aws/eu-west-3 35.180.0.0/16`. */
  readonly added: readonly string[];
  /** Prefixes that were removed or changed their location. */
  readonly removed: readonly string[];
  /** How many of the old prefixes are gone from all locations. */
  readonly lost: number;
  /** The extent before; all zeros for a new provider. */
  readonly before: Extent;
  /** The extent after. */
  readonly after: Extent;
}

/**
 * Compares what providers publish now with the old data set.
 *
 * @param oldText the old data set's text
 */
export function compareDataSets(
  oldText: string,
  providers: readonly ProviderRanges[],
): ProviderChange[] {
  const old = readParts(oldText);
  return providers.map(({ provider, locations }) => {
    const before = old.get(provider) ?? createPart();
    const after = createPart();
    for (const [location, prefixes] of locations) {
      for (const { address, length } of prefixes) after.add(location, address, length);
    }
    return {
      provider,
      added: difference(after.locations, before.locations),
      removed: difference(before.locations, after.locations),
      lost: before.locations.keys()
        .filter((prefix) => !after.locations.has(prefix)).toArray().length,
      before: before.extent(),
      after: after.extent(),
    };
  });
}

// A provider's part: the location of each prefix, and the extent.
function createPart() {
  const locations = new Map<string, string>();
  let ipv4 = 0;
  let ipv6 = 0;
  return {
    locations,
    add(location: string, address: Address, length: number) {
      locations.set(formatPrefix({ address, length }), location);
      if (isIpv4(address)) ipv4 += 2 ** (32 - length);
      else ipv6 += 2 ** (48 - length);
    },
    extent: (): Extent => ({ prefixes: locations.size, ipv4, ipv6 }),
  };
}

function difference(
  from: ReadonlyMap<string, string>,
  other: ReadonlyMap<string, string>,
): string[] {
  return from.entries()
    .filter(([prefix, location]) => other.get(prefix) !== location)
    .map(([prefix, location]) => `${location} ${prefix}`)
    .toArray();
}

function readParts(text: string): Map<string, ReturnType<typeof createPart>> {
  const parts = new Map<string, ReturnType<typeof createPart>>();
  let part = createPart();
  let location = "";
  readDataSet(text, {
    head(key, value) {
      if (key === "provider") parts.set(value, part = createPart());
    },
    location(name) {
      location = name;
    },
    prefix: (address, length) => part.add(location, address, length),
  });
  return parts;
}

// The share of its prefixes that a provider may lose in one update. Clouds grow; a file that
// shrinks more is probably truncated.
const MOST_LOST = 0.1;

// How much a provider may grow in one update: to twice the size plus this, which gives a small
// one room. Beyond that, one bad file could capture the clients of other networks.
const MORE: readonly { readonly of: keyof Extent; readonly unit: string; readonly more: number }[] =
  [
    { of: "prefixes", unit: "prefixes", more: 1000 },
    { of: "ipv4", unit: "IPv4 addresses", more: 2 ** 22 },
    { of: "ipv6", unit: "IPv6 networks of length 48", more: 2 ** 20 },
  ];

/** An option that allows a change beyond the limits. */
export type Allowance = "loss" | "growth";

/** Why a provider's part was not updated. */
export interface UpdateFailure {
  /** The cloud's name: `aws`. */
  readonly provider: ProviderName;
  /** The reason, as text that follows the provider's name. */
  readonly reason: string;
  /** The option that would allow the change, if there is one. */
  readonly allowance?: Allowance;
}

/**
 * Finds changes beyond the limits: the loss of more than a tenth of the prefixes; growth of
 * the prefixes to more than twice as many plus 1000, of the IPv4 addresses to more than twice
 * as many plus a /10, or of the IPv6 addresses to more than twice as many plus a /28. A new
 * provider may have any size.
 */
export function findExcess(
  { lost, before, after }: ProviderChange,
): { readonly reason: string; readonly allowance: Allowance }[] {
  if (before.prefixes === 0) return [];
  const excess: { reason: string; allowance: Allowance }[] = [];
  if (lost > before.prefixes * MOST_LOST) {
    const reason = `it has lost ${lost} of ${before.prefixes} prefixes; allowed: at most a tenth`;
    excess.push({ reason, allowance: "loss" });
  }
  const grown = MORE.find(({ of, more }) => after[of] > 2 * before[of] + more);
  if (grown !== undefined) {
    const { of, unit, more } = grown;
    const reason = `it has grown from ${before[of]} to ${after[of]} ${unit}; ` +
      `allowed: at most ${2 * before[of] + more}`;
    excess.push({ reason, allowance: "growth" });
  }
  return excess;
}

/** The result of an update. */
export interface Update {
  /** The text of the new data set; providers that failed keep their old parts. */
  readonly dataSet: string;
  /** The changes of each provider that was updated. */
  readonly changes: readonly ProviderChange[];
  /** The failures; a provider may have two, for loss and growth. */
  readonly failures: readonly UpdateFailure[];
}

/** What to update, and which limits apply. */
export interface UpdateOptions {
  /** The providers to update; by default all. */
  readonly providers?: readonly ProviderName[];
  /** The limits of {@linkcode findExcess} to lift. */
  readonly allowed?: readonly Allowance[];
}

/**
 * Updates the data set, each provider separately: one that fails keeps its old part.
 *
 * @param oldText the old data set's text
 * @param get gets a provider's file, or rejects with the reason
 */
export async function updateDataSet(
  oldText: string,
  get: (provider: Provider<ProviderName>) => Promise<PublishedFile>,
  { providers, allowed = [] }: UpdateOptions = {},
): Promise<Update> {
  const asked = PROVIDERS.filter(({ name }) => providers?.includes(name) ?? true);
  const results = await Promise.allSettled(
    asked.map(async (provider) => readPublished(provider, await get(provider))),
  );
  const ranges = new Map<string, ProviderRanges>();
  const failures: UpdateFailure[] = [];
  for (const [at, { name }] of asked.entries()) {
    const result = results[at]!;
    if (result.status === "fulfilled") ranges.set(name, result.value);
    else failures.push({ provider: name, reason: reasonOf(result) });
  }
  const changes = compareDataSets(oldText, [...ranges.values()]).filter((change) => {
    const excess = findExcess(change).filter(({ allowance }) => !allowed.includes(allowance));
    const provider = change.provider as ProviderName;
    failures.push(...excess.map((one) => ({ provider, ...one })));
    if (excess.length > 0) ranges.delete(provider);
    return excess.length === 0;
  });
  const old = splitProviders(oldText);
  const parts = PROVIDERS.map(({ name }) => {
    const own = ranges.get(name);
    return own === undefined ? old.get(name) ?? "" : formatDataSet([own]);
  });
  return { dataSet: parts.join(""), changes, failures };
}

function reasonOf({ reason }: PromiseRejectedResult): string {
  return reason instanceof Error ? reason.message : String(reason);
}
