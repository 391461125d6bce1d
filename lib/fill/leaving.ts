/**
 * The blobs that are about to be deleted from mirrors: a file in the folder of state, by which
 * `archeio prune` tells servers not to send clients there any more.
 *
 * @module
 */

import { isRegisteredDigest } from "../oci/grammar.ts";

/** The name of the file. */
export const LEAVING_FILE = "leaving.json";

/** The digests that are leaving a mirror, by the mirror's name. */
export type Leaving = ReadonlyMap<string, ReadonlySet<string>>;

/** Nothing is leaving. */
export const NOTHING_LEAVING: Leaving = new Map();

/** Formats what is leaving. */
export function formatLeaving(
  leaving: Iterable<readonly [mirror: string, digests: readonly string[]]>,
): string {
  return `${JSON.stringify(Object.fromEntries(leaving))}\n`;
}

/** Reads what is leaving; what is wrong in the text is left out. */
export function readLeaving(text: string): Leaving {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return NOTHING_LEAVING;
  }
  if (typeof value !== "object" || value === null) return NOTHING_LEAVING;
  const entries = Object.entries(value).flatMap(([mirror, digests]) =>
    Array.isArray(digests) ? [[mirror, new Set(digests.filter(isDigest))] as const] : []
  );
  return new Map(entries.filter(([_, digests]) => digests.size > 0));
}

function isDigest(value: unknown): value is string {
  return typeof value === "string" && isRegisteredDigest(value);
}
