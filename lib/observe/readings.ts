/**
 * What the history is made of: counters that are read at intervals, and their rates.
 *
 * @module
 */

import type { Mirror, Upstream } from "../routing/policy.ts";
import { MIRROR_REASONS, RESULTS, type Totals, UPSTREAM_REASONS } from "./numbers.ts";
import { RELAY_RESULTS } from "./relay_numbers.ts";
import { ROUTES, STATUSES } from "./routes.ts";

/** Counters or rates, by the name of their series. */
export type Readings = ReadonlyMap<string, number>;

/** The names of the series that do not belong to one mirror or upstream. */
export const SERIES = [
  "requests",
  "to_mirrors",
  "to_upstreams",
  "blobs_to_upstreams",
  "probes",
  "probe_failures",
  "cpu",
] as const;

/** The name of a mirror's series. */
export function mirrorSeries(name: string): string {
  return `mirror:${name}`;
}

/** The name of an upstream's series. */
export function upstreamSeries(name: string): string {
  return `upstream:${name}`;
}

/** What counters are read from. */
export interface Counted {
  /** The counters of all isolates, added up. */
  readonly totals: Totals;
  /** The configured mirrors. */
  readonly mirrors: readonly Mirror[];
  /** The configured upstreams. */
  readonly upstreams: readonly Upstream[];
  /** The CPU time of the process, in seconds. */
  readonly cpuS: number;
}

/** Reads counters. */
export function readCounters({ totals, mirrors, upstreams, cpuS }: Counted): Readings {
  const toMirrors = mirrors.map(({ name, number }) =>
    [mirrorSeries(name), sum(MIRROR_REASONS, (reason) => totals.toMirror(number, reason))] as const
  );
  const toUpstreams = upstreams.map(({ name, number }) =>
    [
      upstreamSeries(name),
      sum(UPSTREAM_REASONS, (reason) => totals.toUpstream(number, reason)) +
      sum(RELAY_RESULTS, (result) => totals.relay.relayed(number, result)),
    ] as const
  );
  const probes = (results: readonly typeof RESULTS[number][]) =>
    sum(mirrors, ({ number }) => sum(results, (result) => totals.asked(number, result)));
  const fromMirrors = sum(toMirrors, ([, count]) => count);
  const common: Record<typeof SERIES[number], number> = {
    requests: sum(ROUTES, (route) => sum(STATUSES, (status) => totals.requests(route, status))),
    to_mirrors: fromMirrors,
    blobs_to_upstreams: Math.max(0, countBlobs(totals) - fromMirrors),
    to_upstreams: sum(toUpstreams, ([, count]) => count),
    probes: probes(RESULTS),
    probe_failures: probes(["failed", "slow_down"]),
    cpu: cpuS,
  };
  return new Map([...Object.entries(common), ...toMirrors, ...toUpstreams]);
}

/** How many blobs clients were redirected to or given. */
export function countBlobs({ requests }: Pick<Totals, "requests">): number {
  return sum([200, 206, 307] as const, (status) => requests("blob", status));
}

function sum<Value>(values: readonly Value[], count: (value: Value) => number): number {
  return values.reduce((total, value) => total + count(value), 0);
}

/** Turns counters into rates. */
export interface Rates {
  /** Keeps counters, and returns their rates a second since those that were kept before. */
  take(atMs: number, counters: Readings): Readings;
  /** The rates a second of the last seconds. */
  now(atMs: number, counters: Readings): Readings;
}

/** Counters at a time. */
export interface Snapshot {
  /** The time in milliseconds, of any monotonic clock. */
  readonly atMs: number;
  /** The counters. */
  readonly counters: Readings;
}

// A shorter time says too little.
const LEAST_MS = 3000;

/** Makes rates, beginning with the first counters. */
export function createRates(first: Snapshot): Rates {
  let [before, last] = [first, first];
  return {
    take(atMs, counters) {
      [before, last] = [last, { atMs, counters }];
      return ratesBetween(before, last);
    },
    now(atMs, counters) {
      const from = atMs - last.atMs >= LEAST_MS ? last : before;
      return ratesBetween(from, { atMs, counters });
    },
  };
}

function ratesBetween(from: Snapshot, to: Snapshot): Readings {
  const seconds = Math.max(1, to.atMs - from.atMs) / 1000;
  // A counter that fell belongs to another mirror, which has the number of a removed one.
  return new Map(
    [...to.counters].map(([name, count]) => {
      const rise = count - (from.counters.get(name) ?? count);
      return [name, Math.max(0, rise) / seconds] as const;
    }),
  );
}
