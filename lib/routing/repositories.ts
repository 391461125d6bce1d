/**
 * Which repositories there are, and where: the configuration's `repositories`, prepared for
 * lookups.
 *
 * @module
 */

import { copyString } from "../oci/copy_string.ts";
import { isName } from "../oci/grammar.ts";
import type { Upstream } from "./policy.ts";

/** An entry of the configuration's `repositories`. */
export interface RepositoryEntry {
  /** A repository name, or the beginning of one and a `*`, which stands for any rest. */
  readonly pattern: string;
  /** The upstream that the repositories are in; without it, the main one. */
  readonly upstream?: Upstream | undefined;
  /** Their name there, with a `*` for that of the pattern; without it, the same name. */
  readonly as?: string | undefined;
}

/** Where a repository is. */
export interface Repository {
  /** The name that clients use. */
  readonly asked: string;
  /** The pattern that matches it. */
  readonly pattern: string;
  /** The upstream that it is in; `undefined` for the one that serves the client's location. */
  readonly upstream: Upstream | undefined;
  /** Its name there. */
  readonly name: string;
}

/** Finds a repository by the name that clients use; `undefined` when there is none. */
export type RepositoryFinder = (name: string) => Repository | undefined;

// A power of two, so that a mask selects a slot.
const MOST_KEPT = 4096;
const LONGEST_KEPT = 256;

/**
 * Makes a finder. The most specific pattern counts: the name itself, else the longest
 * beginning. A name that would be none at the upstream is not found.
 *
 * Most requests are for few repositories, so those found last are kept, in a direct-mapped cache:
 * some characters of a name select its only slot. A `Map` would hash the whole name on each
 * request, because a name that is cut out of a request is a new string.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const find = createRepositories([
 *   { pattern: "app" },
 *   { pattern: "charts/*", as: "acme-charts/*" },
 * ]);
 *
 * assertEquals(find("app")?.name, "app");
 * assertEquals(find("charts/web")?.name, "acme-charts/web");
 * assertEquals(find("other"), undefined);
 * ```
 */
export function createRepositories(entries: readonly RepositoryEntry[]): RepositoryFinder {
  const search = createSearch(entries);
  const kept: (Repository | undefined)[] = Array(MOST_KEPT).fill(undefined);

  return (name) => {
    const slot = slotOf(name);
    const held = kept[slot];
    if (held !== undefined && held.asked === name) return held;
    const repository = search(name);
    if (repository !== undefined && name.length <= LONGEST_KEPT) kept[slot] = repository;
    return repository;
  };
}

// Reading a character costs more than mixing it in, so seven are read. Names begin alike, and end
// alike: they differ in the middle, or at the very end.
function slotOf(name: string): number {
  const { length } = name;
  const middle = length >> 1;
  let slot = length << 4 ^ name.charCodeAt(length >> 2);
  slot = Math.imul(slot, 31) + name.charCodeAt(middle - 1);
  slot = Math.imul(slot, 31) + name.charCodeAt(middle);
  slot = Math.imul(slot, 31) + name.charCodeAt(middle + (length >> 2));
  slot = Math.imul(slot, 31) + name.charCodeAt(length - 3);
  slot = Math.imul(slot, 31) + name.charCodeAt(length - 2);
  slot = Math.imul(slot, 31) + name.charCodeAt(length - 1);
  return (slot ^ slot >>> 12) & MOST_KEPT - 1;
}

function createSearch(entries: readonly RepositoryEntry[]): RepositoryFinder {
  // By the text before the `*`, or by the whole pattern.
  const byBeginning = new Map<string, RepositoryEntry>();
  const byName = new Map<string, RepositoryEntry>();
  for (const entry of entries) {
    const { pattern } = entry;
    if (pattern.endsWith("*")) byBeginning.set(pattern.slice(0, -1), entry);
    else byName.set(pattern, entry);
  }
  const lengths = [...new Set(byBeginning.keys().map(({ length }) => length))]
    .sort((one, other) => other - one);

  return (name) => {
    const exact = byName.get(name);
    if (exact !== undefined) return locate(exact, "", name);
    for (const length of lengths) {
      if (length > name.length) continue;
      const entry = byBeginning.get(name.slice(0, length));
      if (entry !== undefined) return locate(entry, name.slice(length), name);
    }
    return undefined;
  };
}

// The rest of a name may begin with a separator, or be nothing.
function locate(
  { pattern, upstream, as }: RepositoryEntry,
  rest: string,
  asked: string,
): Repository | undefined {
  const name = as === undefined ? asked : as.replace("*", () => rest);
  return isName(name)
    ? { asked: copyString(asked), pattern, upstream, name: copyString(name) }
    : undefined;
}
