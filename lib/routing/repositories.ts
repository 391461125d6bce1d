/**
 * Which repositories there are, and where: the configuration's `repositories`, prepared for
 * lookups.
 *
 * @module
 */

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

/**
 * Makes a finder. The most specific pattern counts: the name itself, else the longest
 * beginning. A name that would be none at the upstream is not found.
 *
 * Most requests are for few repositories, so those are cached. The cache is cleared when it is
 * full; entries in use return at once.
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
  const find = createSearch(entries);
  const kept = new Map<string, Repository>();
  return (name) => {
    const held = kept.get(name);
    if (held !== undefined) return held;
    const repository = find(name);
    if (repository === undefined || name.length > LONGEST_KEPT) return repository;
    if (kept.size >= MOST_KEPT) kept.clear();
    kept.set(name, repository);
    return repository;
  };
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
  return isName(name) ? { pattern, upstream, name } : undefined;
}
