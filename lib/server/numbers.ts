/**
 * What an isolate counts: plain numbers in memory that is shared with the isolate that
 * tells of them. Each isolate writes into memory of its own, so that nothing waits for
 * anything, and counting costs a few nanoseconds.
 *
 * @module
 */

import { MOST_MIRRORS } from "../mirrors/board.ts";
import type { Asked } from "../oci/request.ts";

/** What requests are for: the `kind` of what is asked for. */
export const ROUTES = [
  "blob",
  "manifest_by_tag",
  "manifest_by_digest",
  "tags",
  "referrers",
  "version",
  "info",
  "privacy",
  "catalog",
  "invalid",
  "method",
  "nothing",
] as const satisfies readonly Asked["kind"][];

/** The statuses of answers. */
export const STATUSES = [200, 307, 400, 404, 405, 500] as const;

/** Why a client is sent to a mirror. */
export const MIRROR_REASONS = ["found", "fallback"] as const;

/** Why a client is sent to an upstream. */
export const UPSTREAM_REASONS = [
  "registry",
  "no_mirror",
  "missing",
  "busy",
  "down",
  "fallback_limit",
  "signature",
] as const;

/** Why a client is sent to an upstream. */
export type UpstreamReason = typeof UPSTREAM_REASONS[number];

/** What came of HEAD requests. */
export const RESULTS = ["found", "missing", "failed", "unsent"] as const;

/** What came of a HEAD request. */
export type Result = typeof RESULTS[number];

/** The upper bounds of the latency histogram's buckets, in seconds. */
export const LATENCY_BOUNDS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

/** How many upstreams are told apart; those past it share the last place. */
export const MOST_UPSTREAMS = 64;

/** Numbers that are not of a mirror or an upstream. */
export const GAUGES = ["known_found", "known_missing", "probes_in_flight"] as const;

// The places of all that is counted, one section after another.
const BUCKETS = LATENCY_BOUNDS_S.length + 2; // one past the last bound, and the sum
const REQUESTS_AT = 0;
const LATENCY_AT = REQUESTS_AT + ROUTES.length * STATUSES.length;
const GAUGES_AT = LATENCY_AT + RESULTS.length * BUCKETS;
const UPSTREAMS_AT = GAUGES_AT + GAUGES.length;
const MIRRORS_AT = UPSTREAMS_AT + MOST_UPSTREAMS * UPSTREAM_REASONS.length;
const PER_MIRROR = MIRROR_REASONS.length + RESULTS.length;
const SIZE = MIRRORS_AT + MOST_MIRRORS * PER_MIRROR;

const ROUTE_AT = new Map<string, number>(
  ROUTES.map((route, at) => [route, REQUESTS_AT + at * STATUSES.length]),
);
const STATUS_AT = new Map<number, number>(STATUSES.map((status, at) => [status, at]));
const REDIRECTED = STATUSES.indexOf(307);

/** Counts. Mirrors and upstreams are given by the numbers they have for the whole program. */
export interface Numbers {
  /** A request was answered with a redirect. */
  redirected(route: Asked["kind"]): void;
  /** A request was answered otherwise; a status that is none of `STATUSES` counts as 500. */
  answered(route: Asked["kind"], status: number): void;
  /** A client was sent to a mirror. */
  toMirror(mirror: number, diverted: boolean): void;
  /** A client was sent to an upstream. */
  toUpstream(upstream: number, reason: UpstreamReason): void;
  /** A HEAD request to a mirror, or to an upstream (`undefined`), came to its end. */
  asked(mirror: number | undefined, result: Result, tookMs: number): void;
  /** So many answers are remembered. */
  known(found: number, missing: number): void;
  /** So many probes are under way or wait for their turn. */
  inFlight(probes: number): void;
}

/** Makes the memory of one isolate's numbers, all of them 0. */
export function createNumbersMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(SIZE * Float64Array.BYTES_PER_ELEMENT);
}

/** Makes an isolate's numbers of their memory. */
export function createNumbers(memory: SharedArrayBuffer): Numbers {
  const numbers = new Float64Array(memory);
  return {
    redirected(route) {
      numbers[ROUTE_AT.get(route)! + REDIRECTED]!++;
    },
    answered(route, status) {
      numbers[ROUTE_AT.get(route)! + (STATUS_AT.get(status) ?? STATUSES.length - 1)]!++;
    },
    toMirror(mirror, diverted) {
      numbers[mirrorAt(mirror) + (diverted ? 1 : 0)]!++;
    },
    toUpstream(upstream, reason) {
      numbers[upstreamAt(upstream) + UPSTREAM_REASONS.indexOf(reason)]!++;
    },
    asked(mirror, result, tookMs) {
      const which = RESULTS.indexOf(result);
      if (mirror !== undefined) numbers[mirrorAt(mirror) + MIRROR_REASONS.length + which]!++;
      const took = tookMs / 1000;
      const first = LATENCY_AT + which * BUCKETS;
      const bucket = LATENCY_BOUNDS_S.findIndex((bound) => took <= bound);
      numbers[first + (bucket < 0 ? LATENCY_BOUNDS_S.length : bucket)]!++;
      numbers[first + BUCKETS - 1]! += took;
    },
    known(found, missing) {
      numbers[GAUGES_AT + GAUGES.indexOf("known_found")] = found;
      numbers[GAUGES_AT + GAUGES.indexOf("known_missing")] = missing;
    },
    inFlight(probes) {
      numbers[GAUGES_AT + GAUGES.indexOf("probes_in_flight")] = probes;
    },
  };
}

function mirrorAt(mirror: number): number {
  return MIRRORS_AT + Math.min(mirror, MOST_MIRRORS - 1) * PER_MIRROR;
}

function upstreamAt(upstream: number): number {
  return UPSTREAMS_AT + Math.min(upstream, MOST_UPSTREAMS - 1) * UPSTREAM_REASONS.length;
}

/** What all isolates have counted. */
export interface Totals {
  /** How many requests for `route` were answered with `status`. */
  requests(route: typeof ROUTES[number], status: typeof STATUSES[number]): number;
  /** How many clients were sent to a mirror. */
  toMirror(mirror: number, reason: typeof MIRROR_REASONS[number]): number;
  /** How many clients were sent to an upstream. */
  toUpstream(upstream: number, reason: UpstreamReason): number;
  /** How many HEAD requests to a mirror came to an end. */
  asked(mirror: number, result: Result): number;
  /** How many HEAD requests took how long, in each of the buckets and past the last. */
  latency(result: Result): { readonly buckets: readonly number[]; readonly sumS: number };
  /** One of the gauges. */
  gauge(gauge: typeof GAUGES[number]): number;
}

/** Adds up the numbers of all isolates. */
export function addNumbers(memories: readonly SharedArrayBuffer[]): Totals {
  const numbers = new Float64Array(SIZE);
  for (const memory of memories) {
    for (const [at, number] of new Float64Array(memory).entries()) numbers[at]! += number;
  }
  return {
    requests: (route, status) => numbers[ROUTE_AT.get(route)! + STATUS_AT.get(status)!]!,
    toMirror: (mirror, reason) => numbers[mirrorAt(mirror) + MIRROR_REASONS.indexOf(reason)]!,
    toUpstream: (upstream, reason) =>
      numbers[upstreamAt(upstream) + UPSTREAM_REASONS.indexOf(reason)]!,
    asked: (mirror, result) =>
      numbers[mirrorAt(mirror) + MIRROR_REASONS.length + RESULTS.indexOf(result)]!,
    latency(result) {
      const first = LATENCY_AT + RESULTS.indexOf(result) * BUCKETS;
      const buckets = [...numbers.subarray(first, first + BUCKETS - 1)];
      return { buckets, sumS: numbers[first + BUCKETS - 1]! };
    },
    gauge: (gauge) => numbers[GAUGES_AT + GAUGES.indexOf(gauge)]!,
  };
}
