/**
 * Making the data set anew: what that changes, and whether it may.
 *
 * @module
 */

import { formatPrefix } from "../net/prefix.ts";
import { formatDataSet, type ProviderRanges, readDataSet } from "./data_set.ts";
import { type Provider, PROVIDERS, type PublishedFile } from "./providers.ts";

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

// The most of its prefixes that a provider may lose in one update.
const MOST_LOST = 0.1;

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

/** Why a provider's part cannot be made anew. */
export interface UpdateFailure {
  /** The cloud's name: `aws`. */
  readonly provider: string;
  /** What is wrong, to stand behind the provider's name. */
  readonly reason: string;
  /** Whether the file is fine but for having lost too much. */
  readonly lossy: boolean;
}

/** A data set made anew, or why there is none. */
export type Update =
  | {
    readonly kind: "made";
    readonly dataSet: string;
    readonly changes: readonly ProviderChange[];
  }
  | { readonly kind: "refused"; readonly failures: readonly UpdateFailure[] };

/**
 * Makes the data set anew, whole or not at all.
 *
 * @param oldText the data set's text until now
 * @param get gets a provider's file; a promise that is rejected says why not
 */
export async function updateDataSet(
  oldText: string,
  get: (provider: Provider) => Promise<PublishedFile>,
  { allowLoss = false } = {},
): Promise<Update> {
  const results = await Promise.allSettled(
    PROVIDERS.map(async (provider) => provider.parse(await get(provider))),
  );
  const ranges: ProviderRanges[] = [];
  const failures: UpdateFailure[] = [];
  for (const [at, result] of results.entries()) {
    if (result.status === "fulfilled") ranges.push(result.value);
    else failures.push({ provider: PROVIDERS[at]!.name, reason: reasonOf(result), lossy: false });
  }
  const changes = compareDataSets(oldText, ranges);
  for (const change of changes) {
    if (allowLoss || !isLossy(change)) continue;
    const { provider, lost, before } = change;
    const reason = `it has lost ${lost} of ${before} prefixes; allowed: at most a tenth`;
    failures.push({ provider, reason, lossy: true });
  }
  return failures.length > 0
    ? { kind: "refused", failures }
    : { kind: "made", dataSet: formatDataSet(ranges), changes };
}

function reasonOf({ reason }: PromiseRejectedResult): string {
  return reason instanceof Error ? reason.message : String(reason);
}
