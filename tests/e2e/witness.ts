/**
 * The stores' logs as a witness: where a client got what.
 *
 * @module
 */

import type { LogEntry, Store } from "./store.ts";

/** The stores, in the order of the table. */
export const STORE_NAMES = ["near", "far", "upstream", "signatures"] as const;

/** The name of a store. */
export type StoreName = typeof STORE_NAMES[number];

/** What clients asked of each store. */
export type Testimony = Readonly<Record<StoreName, readonly LogEntry[]>>;

/** Does something, and reads from the logs what clients asked meanwhile. */
export async function witness<T>(
  stores: Readonly<Record<StoreName, Store>>,
  act: () => Promise<T>,
): Promise<{ readonly result: T; readonly testimony: Testimony }> {
  const before = await readLogs(stores);
  const result = await act();
  const after = await readLogs(stores);
  const testimony = mapStores((name) =>
    // archeio's own requests, by which it finds out who has a blob, are no client's.
    after[name].slice(before[name].length).filter(({ agent }) => agent !== "archeio")
  );
  return { result, testimony };
}

async function readLogs(stores: Readonly<Record<StoreName, Store>>): Promise<Testimony> {
  const logs = await Promise.all(STORE_NAMES.map((name) => stores[name].log()));
  return mapStores((_, at) => logs[at]!);
}

/** A value for each store. */
export function mapStores<T>(valueOf: (name: StoreName, at: number) => T): Record<StoreName, T> {
  const entries = STORE_NAMES.map((name, at) => [name, valueOf(name, at)]);
  return Object.fromEntries(entries) as Record<StoreName, T>;
}

/** A method that clients use. */
export type Method = "GET" | "HEAD";

/** What to read from a testimony. */
export interface GivenOptions {
  /** By default `GET`. */
  readonly method?: Method | undefined;
  /** The digests of manifests that were asked for by tag. */
  readonly digests?: ReadonlyMap<string, string>;
}

/**
 * Which stores gave which blobs or manifests, such as `near sha256:…`, each once, in order.
 */
export function listGiven(
  testimony: Testimony,
  kind: "blobs" | "manifests",
  { method = "GET", digests = new Map() }: GivenOptions = {},
): string[] {
  const given = STORE_NAMES.flatMap((name) =>
    testimony[name].filter((entry) => entry.method === method && kindOf(entry.path) === kind)
      .map(({ path }) => path.slice(path.lastIndexOf("/") + 1))
      .map((reference) => `${name} ${digests.get(reference) ?? reference}`)
  );
  return [...new Set(given)].toSorted();
}

/** What a path asks for: in a mirror, everything is a blob. */
function kindOf(path: string): string | undefined {
  if (!path.startsWith("/v2/")) return "blobs";
  return /\/(blobs|manifests)\/[^/]+$/.exec(path)?.[1];
}
