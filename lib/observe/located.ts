/**
 * Counts pulls by the client's location, and by what became of them: plain numbers in shared
 * memory, as in `numbers.ts`.
 *
 * Locations are numbered by the main isolate, once for the life of the program, because a new
 * data set or configuration orders them differently. There are only as many as the data set and
 * the configuration name.
 *
 * @module
 */

import { MIRROR_REASONS, UPSTREAM_REASONS, type UpstreamReason } from "./numbers.ts";

/** What became of a pull: why a mirror served it, or why an upstream did. */
export const OUTCOMES = [...MIRROR_REASONS, ...UPSTREAM_REASONS] as const;

/** What became of a pull. */
export type Outcome = typeof OUTCOMES[number];

/** How many locations are counted apart. */
export const LOCATION_NUMBERS = 2048;

// The rows for clients whose location was not needed, for those that have none, and for
// locations past the last number.
const UNASKED = 0;
const NOWHERE = 1;
const OTHERS = 2;
const FIRST = 3;

const WIDTH = OUTCOMES.length;
const SIZE = (FIRST + LOCATION_NUMBERS) * WIDTH;
const UPSTREAMS_AT = MIRROR_REASONS.length;

/** The numbers of locations, by their names. */
export type LocationNumbers = ReadonlyMap<string, number>;

/** Makes a function that numbers locations; each keeps its number. */
export function createLocationNumbers(): (names: readonly string[]) => LocationNumbers {
  const numbers = new Map<string, number>();
  return (names) => {
    for (const name of names) {
      if (numbers.size === LOCATION_NUMBERS) break;
      if (!numbers.has(name)) numbers.set(name, numbers.size);
    }
    // A copy, because a setup must not change.
    return new Map(numbers);
  };
}

/** Counts pulls. A location is an index in a locator's list, -1 for none. */
export interface Located {
  /** Counts a pull from a mirror. `undefined` is a location that nothing depended on. */
  toMirror(location: number | undefined, diverted: boolean): void;
  /** Counts a pull from an upstream. */
  toUpstream(location: number | undefined, reason: UpstreamReason): void;
}

/** Makes the memory of an isolate's counters, all 0. */
export function createLocatedMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(SIZE * Float64Array.BYTES_PER_ELEMENT);
}

/**
 * Makes an isolate's view of its counters.
 *
 * @param locations the locator's list
 * @param numbers the numbers of these locations; by default their order
 */
export function createLocated(
  memory: SharedArrayBuffer,
  locations: readonly string[],
  numbers: LocationNumbers = createLocationNumbers()(locations),
): Located {
  const counts = new Float64Array(memory);
  const rows = Uint32Array.from(
    locations,
    (name) => (numbers.has(name) ? FIRST + numbers.get(name)! : OTHERS) * WIDTH,
  );
  const rowOf = (location: number | undefined) =>
    location === undefined ? UNASKED * WIDTH : location < 0 ? NOWHERE * WIDTH : rows[location]!;
  return {
    toMirror(location, diverted) {
      counts[rowOf(location) + (diverted ? 1 : 0)]!++;
    },
    toUpstream(location, reason) {
      counts[rowOf(location) + UPSTREAMS_AT + UPSTREAM_REASONS.indexOf(reason)]!++;
    },
  };
}

/** How often each outcome happened. */
export type Outcomes = Readonly<Record<Outcome, number>>;

/** The counters of all isolates, added up. */
export interface LocatedTotals {
  /** Of clients in a location, given by its name; `undefined` without any. */
  of(location: string): Outcomes | undefined;
  /** Of clients in no known location. */
  readonly nowhere: Outcomes | undefined;
  /** Of clients in locations past the last number. */
  readonly others: Outcomes | undefined;
  /** Of clients whose location was not needed for the answer. */
  readonly unasked: Outcomes | undefined;
}

/** Adds up the counters of all isolates. */
export function addLocated(
  memories: readonly SharedArrayBuffer[],
  numbers: LocationNumbers,
): LocatedTotals {
  const views = memories.map((memory) => new Float64Array(memory));

  function read(row: number): Outcomes | undefined {
    let sum = 0;
    const outcomes = Object.fromEntries(OUTCOMES.map((outcome, at) => {
      const count = views.reduce((total, counts) => total + counts[row * WIDTH + at]!, 0);
      sum += count;
      return [outcome, count];
    }));
    return sum === 0 ? undefined : outcomes as Outcomes;
  }

  return {
    of(location) {
      const number = numbers.get(location);
      return number === undefined ? undefined : read(FIRST + number);
    },
    nowhere: read(NOWHERE),
    others: read(OTHERS),
    unasked: read(UNASKED),
  };
}

/** How many pulls mirrors served. */
export function countMirrored(outcomes: Outcomes): number {
  return sum(outcomes, MIRROR_REASONS);
}

/** How many pulls upstreams served. */
export function countUpstream(outcomes: Outcomes): number {
  return sum(outcomes, UPSTREAM_REASONS);
}

function sum(outcomes: Outcomes, reasons: readonly Outcome[]): number {
  return reasons.reduce((total, reason) => total + outcomes[reason], 0);
}

/** Adds outcomes up. */
export function addOutcomes(all: readonly Outcomes[]): Outcomes {
  const added = OUTCOMES.map((outcome) =>
    [outcome, all.reduce((total, outcomes) => total + outcomes[outcome], 0)] as const
  );
  return Object.fromEntries(added) as unknown as Outcomes;
}
