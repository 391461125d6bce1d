/**
 * The most pulled repositories, in bounded memory: the space-saving algorithm (Metwally,
 * Agrawal, El Abbadi: Efficient computation of frequent and top-k elements in data streams,
 * 2005). A name that is not among those counted takes the place of the least counted one, and
 * its count goes on from there. So a count is too high by at most that count, its *error*, and
 * every name with more pulls than the least count is there.
 *
 * A pull that stands for several others, which were not looked at, has their number as its
 * weight. What that leaves uncertain is a part of the error, too: twice the standard deviation.
 *
 * @module
 */

/** How many names are counted. */
export const MAX_REPOSITORIES = 128;

// A name has no length limit. A longer one is not counted.
const LONGEST_NAME = 256;

/** The pulls of a repository. */
export interface RepositoryCount {
  /** The repository name, as clients ask for it. */
  readonly name: string;
  /** How often it was pulled. */
  readonly pulls: number;
  /** By how much `pulls` may be too high; if pulls were sampled, it may be too low as well. */
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
  /** Counts a pull, or as many as its weight says. */
  note(name: string, weight?: number): void;
  /** What was counted. */
  read(): RepositoryCounts;
}

/** Makes counters, all 0. */
export function createRepositories(most: number = MAX_REPOSITORIES): Repositories {
  const places = new Map<string, number>();
  const names: string[] = [];
  const counts = new Float64Array(most);
  const errors = new Float64Array(most);
  const variances = new Float64Array(most);

  function least(): number {
    let place = 0;
    for (let at = 1; at < most; at++) if (counts[at]! < counts[place]!) place = at;
    return place;
  }

  function enter(name: string): number {
    // A copy: the name is a part of the request's URL, and would keep all of it in memory.
    const copy = ` ${name}`.slice(1);
    const place = names.length < most ? names.length : least();
    if (place < names.length) {
      places.delete(names[place]!);
      errors[place] = counts[place]!;
      variances[place] = 0;
    }
    names[place] = copy;
    places.set(copy, place);
    return place;
  }

  return {
    note(name, weight = 1) {
      if (name.length > LONGEST_NAME) return;
      const place = places.get(name) ?? enter(name);
      counts[place]! += weight;
      variances[place]! += weight * (weight - 1);
    },
    read: () => ({
      counts: names.map((name, at) => ({
        name,
        pulls: counts[at]!,
        error: errors[at]! + Math.ceil(2 * Math.sqrt(variances[at]!)),
      })),
      floor: names.length < most ? 0 : counts[least()]!,
    }),
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
