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

const MOST_KEPT = 1000;
const LONGEST_KEPT = 256;
// A power of two.
const PLACES = 1024;

/**
 * Makes a finder. The most specific pattern counts: the name itself, else the longest
 * beginning. A name that would be none at the upstream is not found.
 *
 * Most requests are for few repositories, so those are kept. What is kept is cleared when it is
 * full; entries in use return at once. A name that is cut out of a request is a new string each
 * time, which is hashed anew for a map. So each name has a place, found by its characters, where the
 * repository is that was found there last.
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
  const kept = new Map<string, Repository>();
  const places: (Repository | undefined)[] = Array(PLACES).fill(undefined);

  function find(name: string): Repository | undefined {
    const held = kept.get(name);
    if (held !== undefined) return held;
    const repository = search(name);
    if (repository === undefined || name.length > LONGEST_KEPT) return repository;
    if (kept.size >= MOST_KEPT) kept.clear();
    kept.set(repository.asked, repository);
    return repository;
  }

  return (name) => {
    const place = placeOf(name);
    const held = places[place];
    if (held !== undefined && held.asked === name) return held;
    const repository = find(name);
    if (repository !== undefined && name.length <= LONGEST_KEPT) places[place] = repository;
    return repository;
  };
}

// Reading a character costs more than mixing it in, so eight are read. Names begin alike, and end
// alike: they differ in the middle, or at the very end.
function placeOf(name: string): number {
  const { length } = name;
  const middle = length >> 1;
  let place = length << 4 ^ name.charCodeAt(length >> 2);
  place = Math.imul(place, 31) + name.charCodeAt(middle - 1);
  place = Math.imul(place, 31) + name.charCodeAt(middle);
  place = Math.imul(place, 31) + name.charCodeAt(middle + (length >> 2));
  place = Math.imul(place, 31) + name.charCodeAt(length - 3);
  place = Math.imul(place, 31) + name.charCodeAt(length - 2);
  place = Math.imul(place, 31) + name.charCodeAt(length - 1);
  return (place ^ place >>> 10) & PLACES - 1;
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
