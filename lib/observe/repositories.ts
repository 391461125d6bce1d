/**
 * The most pulled repositories, in bounded memory: the space-saving algorithm (Metwally,
 * Agrawal, El Abbadi: Efficient computation of frequent and top-k elements in data streams,
 * 2005). A name that is not among those counted takes the place of the least counted one, and
 * its count goes on from there. So a count is too high by at most that count, its *error*, and
 * every name with more pulls than the least count is there.
 *
 * @module
 */

import type { Later } from "../mirrors/time.ts";

/** How many names are counted. */
export const MAX_REPOSITORIES = 128;

// A name has no length limit. A longer one is not counted.
const LONGEST_NAME = 256;

/** The pulls of a repository. */
export interface RepositoryCount {
  /** The repository name, as clients ask for it. */
  readonly name: string;
  /** How often it was pulled, at most. */
  readonly pulls: number;
  /** By how much `pulls` may be too high. */
  readonly error: number;
}

/** What one isolate counted. */
export interface RepositoryCounts {
  /** The counted names, in no order. */
  readonly counts: readonly RepositoryCount[];
  /** The most pulls that a name can have that is not among them. */
  readonly floor: number;
}

/** Counts pulls by repository. */
export interface Repositories {
  /** Counts a pull. */
  note(name: string): void;
  /** What was counted. */
  read(): RepositoryCounts;
}

/** Makes counters, all 0. */
export function createRepositories(most: number = MAX_REPOSITORIES): Repositories {
  const places = new Map<string, number>();
  const names: string[] = [];
  const counts = new Float64Array(most);
  const errors = new Float64Array(most);

  function least(): number {
    let place = 0;
    for (let at = 1; at < most; at++) if (counts[at]! < counts[place]!) place = at;
    return place;
  }

  function enter(name: string): void {
    if (name.length > LONGEST_NAME) return;
    // A copy: the name is a part of the request's URL, and would keep all of it in memory.
    const copy = ` ${name}`.slice(1);
    const place = names.length < most ? names.length : least();
    if (place < names.length) {
      places.delete(names[place]!);
      errors[place] = counts[place]!;
    }
    names[place] = copy;
    places.set(copy, place);
    counts[place]!++;
  }

  return {
    note(name) {
      const place = places.get(name);
      if (place === undefined) enter(name);
      else counts[place]!++;
    },
    read: () => ({
      counts: names.map((name, at) => ({ name, pulls: counts[at]!, error: errors[at]! })),
      floor: names.length < most ? 0 : counts[least()]!,
    }),
  };
}

const REPORT_MS = 2000;

/** Counts pulls by repository, and reports the counts. */
export interface ReportedRepositories extends Pick<Repositories, "note"> {
  /** Reports what was counted since the last report. */
  flush(): void;
}

/** Makes counters that are reported within two seconds after they have changed. */
export function createReportedRepositories(
  { report, later }: {
    readonly report: (counts: RepositoryCounts) => void;
    readonly later: Later;
  },
): ReportedRepositories {
  const repositories = createRepositories();
  let cancel: (() => void) | undefined;

  function flush(): void {
    if (cancel === undefined) return;
    cancel();
    cancel = undefined;
    report(repositories.read());
  }

  return {
    flush,
    note(name) {
      repositories.note(name);
      cancel ??= later(REPORT_MS, flush);
    },
  };
}

/** Adds up what isolates counted, the most pulled first. */
export function addRepositories(all: readonly RepositoryCounts[]): RepositoryCount[] {
  const floors = all.reduce((sum, { floor }) => sum + floor, 0);
  const added = new Map<string, RepositoryCount>();
  for (const { counts, floor } of all) {
    for (const { name, pulls, error } of counts) {
      // An isolate that does not count a name may have seen it as often as its floor says.
      const before = added.get(name) ?? { name, pulls: floors, error: floors };
      added.set(name, {
        name,
        pulls: before.pulls + pulls - floor,
        error: before.error + error - floor,
      });
    }
  }
  return [...added.values()].toSorted((one, other) =>
    other.pulls - one.pulls || (one.name < other.name ? -1 : 1)
  );
}
