/**
 * The counters of an isolate: plain numbers in memory that it shares with the isolate that
 * reports them. Each isolate writes only its own memory, so nothing blocks, and counting
 * takes a few nanoseconds.
 *
 * @module
 */

import type { Verdict } from "../mirrors/answer.ts";
import { MIRROR_NUMBERS } from "../mirrors/board.ts";
import { UPSTREAM_NUMBERS } from "../mirrors/upstream_check.ts";
import {
  addRelayNumbers,
  clearRelayed,
  createRelayNumbers,
  RELAY_SIZE,
  type RelayNumbers,
  type RelayTotals,
} from "./relay_numbers.ts";
import { type Route, ROUTES, STATUSES } from "./routes.ts";

/** Why a client is sent to a mirror. */
export const MIRROR_REASONS = ["found", "fallback"] as const;

/** Why a client is sent to a mirror. */
export type MirrorReason = typeof MIRROR_REASONS[number];

/** Why a client is sent to an upstream. */
export const UPSTREAM_REASONS = [
  "registry",
  "no_mirror",
  "missing",
  "busy",
  "down",
  "fallback_limit",
  "signature",
  "retry",
] as const;

/** Why a client is sent to an upstream. */
export type UpstreamReason = typeof UPSTREAM_REASONS[number];

/** The results of HEAD requests. */
export const RESULTS = [
  "found",
  "missing",
  "slow_down",
  "failed",
  "unsent",
] as const satisfies readonly Verdict[];

/** The upper bounds of the latency histogram's buckets, in seconds. */
export const LATENCY_BOUNDS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

/** Values that belong to no mirror or upstream. */
export const GAUGES = ["known_found", "known_missing"] as const;

// The offsets of all counters, one section after another.
const BUCKETS = LATENCY_BOUNDS_S.length + 2; // one past the last bound, and the sum
const REQUESTS_AT = 0;
const LATENCY_AT = REQUESTS_AT + ROUTES.length * STATUSES.length;
const GAUGES_AT = LATENCY_AT + RESULTS.length * BUCKETS;
const UPSTREAMS_AT = GAUGES_AT + GAUGES.length;
const PER_UPSTREAM = UPSTREAM_REASONS.length + RESULTS.length + 1; // and the sum of seconds
const MIRRORS_AT = UPSTREAMS_AT + UPSTREAM_NUMBERS * PER_UPSTREAM;
const SIZES_AT = MIRROR_REASONS.length + RESULTS.length;
const PER_MIRROR = SIZES_AT + 2; // how many blobs told their size, and the sum
const RELAY_AT = MIRRORS_AT + MIRROR_NUMBERS * PER_MIRROR;
const SIZE = RELAY_AT + RELAY_SIZE;

const ROUTE_AT = new Map<string, number>(
  ROUTES.map((route, at) => [route, REQUESTS_AT + at * STATUSES.length]),
);
const STATUS_AT = new Map<number, number>(STATUSES.map((status, at) => [status, at]));
const REDIRECTED = STATUSES.indexOf(307);

/** Counts. Mirrors and upstreams are given by their numbers. */
export interface Numbers {
  /** Counts a request that was answered with a redirect. */
  redirected(route: Route): void;
  /** Counts a request answered otherwise. A status not in `STATUSES` counts as 500. */
  answered(route: Route, status: number): void;
  /** Counts a redirect to a mirror. */
  toMirror(mirror: number, diverted: boolean): void;
  /** Counts a redirect to an upstream. */
  toUpstream(upstream: number, reason: UpstreamReason): void;
  /** Counts a completed HEAD request to a mirror. */
  asked(mirror: number, result: Verdict, tookMs: number): void;
  /** Counts the size of a blob, in bytes, that a mirror was found to have. */
  sized(mirror: number, bytes: number): void;
  /** Counts a completed HEAD request to an upstream. */
  askedUpstream(upstream: number, result: Verdict, tookMs: number): void;
  /** Sets how many answers are remembered. */
  known(found: number, missing: number): void;
  /** Counts what is relayed. */
  readonly relay: RelayNumbers;
}

/** Makes the memory of an isolate's counters, all 0. */
export function createNumbersMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(SIZE * Float64Array.BYTES_PER_ELEMENT);
}

/** Makes an isolate's view of its counters. */
export function createNumbers(memory: SharedArrayBuffer): Numbers {
  const numbers = new Float64Array(memory);

  function tookFor(which: number, tookS: number): void {
    const first = LATENCY_AT + which * BUCKETS;
    const bucket = LATENCY_BOUNDS_S.findIndex((bound) => tookS <= bound);
    numbers[first + (bucket < 0 ? LATENCY_BOUNDS_S.length : bucket)]!++;
    numbers[first + BUCKETS - 1]! += tookS;
  }

  return {
    relay: createRelayNumbers(relaySection(memory)),
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
      numbers[mirrorAt(mirror) + MIRROR_REASONS.length + which]!++;
      tookFor(which, tookMs / 1000);
    },
    sized(mirror, bytes) {
      numbers[mirrorAt(mirror) + SIZES_AT]!++;
      numbers[mirrorAt(mirror) + SIZES_AT + 1]! += bytes;
    },
    askedUpstream(upstream, result, tookMs) {
      const which = RESULTS.indexOf(result);
      numbers[upstreamAt(upstream) + UPSTREAM_REASONS.length + which]!++;
      numbers[upstreamAt(upstream + 1) - 1]! += tookMs / 1000;
      tookFor(which, tookMs / 1000);
    },
    known(found, missing) {
      numbers[GAUGES_AT + GAUGES.indexOf("known_found")] = found;
      numbers[GAUGES_AT + GAUGES.indexOf("known_missing")] = missing;
    },
  };
}

function relaySection(memory: SharedArrayBuffer): Float64Array {
  return new Float64Array(memory, RELAY_AT * Float64Array.BYTES_PER_ELEMENT, RELAY_SIZE);
}

function mirrorAt(mirror: number): number {
  return MIRRORS_AT + mirror * PER_MIRROR;
}

function upstreamAt(upstream: number): number {
  return UPSTREAMS_AT + upstream * PER_UPSTREAM;
}

/** Clears the counters of a mirror before its number is reused. */
export function clearMirror(memory: SharedArrayBuffer, mirror: number): void {
  new Float64Array(memory).fill(0, mirrorAt(mirror), mirrorAt(mirror + 1));
}

/** Clears the counters of an upstream before its number is reused. */
export function clearUpstream(memory: SharedArrayBuffer, upstream: number): void {
  new Float64Array(memory).fill(0, upstreamAt(upstream), upstreamAt(upstream + 1));
  clearRelayed(relaySection(memory), upstream);
}

/** The counters of all isolates, added up. */
export interface Totals {
  /** How many requests for `route` were answered with `status`. */
  requests(route: typeof ROUTES[number], status: typeof STATUSES[number]): number;
  /** How many clients were sent to a mirror. */
  toMirror(mirror: number, reason: typeof MIRROR_REASONS[number]): number;
  /** How many clients were sent to an upstream. */
  toUpstream(upstream: number, reason: UpstreamReason): number;
  /** How many HEAD requests to a mirror were completed. */
  asked(mirror: number, result: Verdict): number;
  /** The sizes of blobs that a mirror was found to have: how many, and their sum in bytes. */
  sizes(mirror: number): { readonly blobs: number; readonly bytes: number };
  /** How many HEAD requests to an upstream were completed. */
  askedUpstream(upstream: number, result: Verdict): number;
  /** How long HEAD requests to an upstream took together, in seconds. */
  upstreamS(upstream: number): number;
  /** The durations of HEAD requests: a count for each bucket and past the last, and the sum. */
  latency(result: Verdict): { readonly buckets: readonly number[]; readonly sumS: number };
  /** The value of a gauge. */
  gauge(gauge: typeof GAUGES[number]): number;
  /** What was relayed. */
  readonly relay: RelayTotals;
}

/** Adds up the counters of all isolates. */
export function addNumbers(memories: readonly SharedArrayBuffer[]): Totals {
  const numbers = new Float64Array(SIZE);
  for (const memory of memories) {
    const counted = new Float64Array(memory);
    for (let at = 0; at < SIZE; at++) numbers[at]! += counted[at]!;
  }
  return {
    relay: addRelayNumbers(memories.map(relaySection)),
    requests: (route, status) => numbers[ROUTE_AT.get(route)! + STATUS_AT.get(status)!]!,
    toMirror: (mirror, reason) => numbers[mirrorAt(mirror) + MIRROR_REASONS.indexOf(reason)]!,
    toUpstream: (upstream, reason) =>
      numbers[upstreamAt(upstream) + UPSTREAM_REASONS.indexOf(reason)]!,
    asked: (mirror, result) =>
      numbers[mirrorAt(mirror) + MIRROR_REASONS.length + RESULTS.indexOf(result)]!,
    sizes(mirror) {
      const at = mirrorAt(mirror) + SIZES_AT;
      return { blobs: numbers[at]!, bytes: numbers[at + 1]! };
    },
    askedUpstream: (upstream, result) =>
      numbers[upstreamAt(upstream) + UPSTREAM_REASONS.length + RESULTS.indexOf(result)]!,
    upstreamS: (upstream) => numbers[upstreamAt(upstream + 1) - 1]!,
    latency(result) {
      const first = LATENCY_AT + RESULTS.indexOf(result) * BUCKETS;
      const buckets = [...numbers.subarray(first, first + BUCKETS - 1)];
      return { buckets, sumS: numbers[first + BUCKETS - 1]! };
    },
    gauge: (gauge) => numbers[GAUGES_AT + GAUGES.indexOf(gauge)]!,
  };
}
