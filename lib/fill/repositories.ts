/**
 * Which repositories are filled: those that the configuration names, and those that upstreams
 * list where it has patterns.
 *
 * @module
 */

import { isName } from "../oci/grammar.ts";
import { createRepositories, type RepositoryFinder } from "../routing/repositories.ts";
import type { Source } from "./source.ts";
import type { Repository } from "./walk.ts";

/** Where repositories are. */
export interface RepositoryPlace {
  /** A repository's name, as clients use it, or the beginning of names and a `*`. */
  readonly pattern: string;
  /** Their name at the source, with a `*` for that of the pattern; without it, the same. */
  readonly as?: string | undefined;
  /** The name of the source that they are in. */
  readonly source: string;
  /** The name of the source that their signatures are in; by default the same. */
  readonly signatures?: string | undefined;
}

/** Finds repositories by the names that clients use; `undefined` for those not to be filled. */
export type FindRepository = (name: string) => Repository | undefined;

/**
 * Makes a function that finds repositories.
 *
 * @param patterns names and patterns of the repositories to fill
 */
export function createFinder(
  places: readonly RepositoryPlace[],
  patterns: readonly string[],
): FindRepository {
  const find: RepositoryFinder = createRepositories(places);
  const byPattern = new Map(places.map((place) => [place.pattern, place]));
  return (name) => {
    const found = isOneOf(patterns, name) ? find(name) : undefined;
    if (found === undefined) return undefined;
    const { source, signatures } = byPattern.get(found.pattern)!;
    const origin = { source, repository: found.name, name };
    return {
      name,
      origin,
      signatures: signatures === undefined ? undefined : { ...origin, source: signatures },
    };
  };
}

/** Whether a name is one of some names and patterns. */
export function isOneOf(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) =>
    pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : pattern === name
  );
}

/** What listing repositories needs. */
export interface ListRepositoriesOptions {
  /** The sources, by name. */
  readonly sources: ReadonlyMap<string, Source>;
  /** Called when a source's list cannot be had, so that repositories may be missing. */
  readonly onFailure: (place: string, reason: string) => void;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/**
 * Lists the repositories to fill. Only where patterns leave names open, sources are asked.
 *
 * @param patterns names and patterns of the repositories to fill
 */
export async function listRepositories(
  places: readonly RepositoryPlace[],
  patterns: readonly string[],
  options: ListRepositoriesOptions,
): Promise<readonly Repository[]> {
  const find = createFinder(places, patterns);
  const names = new Set(patterns.filter(isOne));
  const open = patterns.filter((pattern) => !isOne(pattern));
  for (const { pattern } of open.length === 0 ? [] : places) {
    if (isOne(pattern)) names.add(pattern);
  }
  const listed = createListing(options);
  for (const place of places) {
    const isAsked = !isOne(place.pattern) && open.some((pattern) => meet(pattern, place.pattern));
    if (!isAsked) continue;
    for (const name of await listed(place.source)) {
      const own = clientName(place, name);
      const found = own === undefined ? undefined : find(own);
      if (found?.origin.source === place.source && found.origin.repository === name) {
        names.add(own!);
      }
    }
  }
  return [...names].flatMap((name) => find(name) ?? []);
}

function isOne(pattern: string): boolean {
  return !pattern.endsWith("*");
}

// Whether two beginnings of names have names in common.
function meet(one: string, other: string): boolean {
  const [a, b] = [one.slice(0, -1), other.slice(0, -1)];
  return a.startsWith(b) || b.startsWith(a);
}

/** The name that clients use for a repository of a source, or `undefined` if there is none. */
function clientName({ pattern, as = pattern }: RepositoryPlace, name: string): string | undefined {
  const [before = "", after = ""] = as.split("*");
  const isLike = name.length >= before.length + after.length && name.startsWith(before) &&
    name.endsWith(after);
  if (!isLike) return undefined;
  const own = pattern.replace("*", () => name.slice(before.length, name.length - after.length));
  return isName(own) ? own : undefined;
}

/** Makes a function that lists a source's repositories, each source once. */
function createListing({ sources, onFailure, signal }: ListRepositoriesOptions) {
  const lists = new Map<string, readonly string[]>();

  async function ask(name: string): Promise<readonly string[]> {
    const answer = await sources.get(name)!.repositories(signal);
    if (answer.kind === "found") return answer.value;
    const reason = answer.kind === "failed" ? answer.reason : "it has no list of repositories";
    onFailure(
      `the repositories of ${name}`,
      `${reason}; name each of them in fill.repositories if it lists none`,
    );
    return [];
  }

  return async (name: string): Promise<readonly string[]> => {
    const list = lists.get(name) ?? await ask(name);
    lists.set(name, list);
    return list;
  };
}
