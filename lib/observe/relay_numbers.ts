/**
 * The counters of what is relayed, a section of each isolate's counters.
 *
 * @module
 */

import { UPSTREAM_NUMBERS } from "../mirrors/upstream_check.ts";

/** What came of relaying a pull. */
export const RELAY_RESULTS = [
  "memory",
  "fetched",
  "stale",
  "redirect",
  "stream",
  "missing",
  "slow_down",
  "busy",
  "failed",
] as const;

/** What came of relaying a pull. */
export type RelayResult = typeof RELAY_RESULTS[number];

/** What upstreams answered; `none` for no answer. */
export const UPSTREAM_CODES = [
  ...["2xx", "3xx", "401", "403", "404", "429", "4xx", "5xx"] as const,
  "none",
] as const;

/** What token services answered. */
export const TOKEN_RESULTS = ["token", "denied", "slow_down", "failed"] as const;

/** Values that belong to no upstream. */
export const RELAY_GAUGES = ["memory_bytes", "streams", "streamed_bytes"] as const;

/** The upper bounds of the buckets of upstreams' latency, in seconds. */
export const RELAY_BOUNDS_S = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

const PER_UPSTREAM = RELAY_RESULTS.length + UPSTREAM_CODES.length + 1;
const REMAINING = PER_UPSTREAM - 1;
const BUCKETS = RELAY_BOUNDS_S.length + 2; // one past the last bound, and the sum
const GAUGES_AT = UPSTREAM_NUMBERS * PER_UPSTREAM;
const TOKENS_AT = GAUGES_AT + RELAY_GAUGES.length;
const LATENCY_AT = TOKENS_AT + TOKEN_RESULTS.length;

/** How many numbers there are. */
export const RELAY_SIZE: number = LATENCY_AT + BUCKETS;

/** Counts what is relayed. Upstreams are given by their numbers. */
export interface RelayNumbers {
  /** Counts a relayed pull. */
  relayed(upstream: number, result: RelayResult): void;
  /** Counts an answer of an upstream. */
  responded(upstream: number, status: number, tookMs: number): void;
  /** Counts a request to an upstream without an answer. */
  unanswered(upstream: number): void;
  /** Sets how many more requests an upstream says that it takes. */
  remaining(upstream: number, requests: number): void;
  /** Counts an answer of a token service. */
  tokenAsked(result: typeof TOKEN_RESULTS[number]): void;
  /** Sets a gauge. */
  set(gauge: typeof RELAY_GAUGES[number], value: number): void;
  /** Adds to a gauge. */
  add(gauge: typeof RELAY_GAUGES[number], value: number): void;
}

/** Makes an isolate's view of its section. */
export function createRelayNumbers(numbers: Float64Array): RelayNumbers {
  const gaugeAt = (gauge: typeof RELAY_GAUGES[number]) => GAUGES_AT + RELAY_GAUGES.indexOf(gauge);
  return {
    relayed(upstream, result) {
      numbers[upstream * PER_UPSTREAM + RELAY_RESULTS.indexOf(result)]!++;
    },
    responded(upstream, status, tookMs) {
      numbers[codeAt(upstream, codeOf(status))]!++;
      const took = tookMs / 1000;
      const bucket = RELAY_BOUNDS_S.findIndex((bound) => took <= bound);
      numbers[LATENCY_AT + (bucket < 0 ? RELAY_BOUNDS_S.length : bucket)]!++;
      numbers[LATENCY_AT + BUCKETS - 1]! += took;
    },
    unanswered(upstream) {
      numbers[codeAt(upstream, "none")]!++;
    },
    remaining(upstream, requests) {
      // 0 is for an upstream that says nothing.
      numbers[upstream * PER_UPSTREAM + REMAINING] = requests + 1;
    },
    tokenAsked(result) {
      numbers[TOKENS_AT + TOKEN_RESULTS.indexOf(result)]!++;
    },
    set(gauge, value) {
      numbers[gaugeAt(gauge)] = value;
    },
    add(gauge, value) {
      numbers[gaugeAt(gauge)]! += value;
    },
  };
}

function codeAt(upstream: number, code: typeof UPSTREAM_CODES[number]): number {
  return upstream * PER_UPSTREAM + RELAY_RESULTS.length + UPSTREAM_CODES.indexOf(code);
}

function codeOf(status: number): typeof UPSTREAM_CODES[number] {
  switch (status) {
    case 401:
      return "401";
    case 403:
      return "403";
    case 404:
      return "404";
    case 429:
      return "429";
    default:
      return status < 300 ? "2xx" : status < 400 ? "3xx" : status < 500 ? "4xx" : "5xx";
  }
}

/** Clears the counters of an upstream before its number is reused. */
export function clearRelayed(numbers: Float64Array, upstream: number): void {
  numbers.fill(0, upstream * PER_UPSTREAM, (upstream + 1) * PER_UPSTREAM);
}

/** The counters of what is relayed, of all isolates. */
export interface RelayTotals {
  /** How many pulls were relayed. */
  relayed(upstream: number, result: RelayResult): number;
  /** How many answers an upstream gave. */
  responded(upstream: number, code: typeof UPSTREAM_CODES[number]): number;
  /** How many more requests an upstream takes; `undefined` if it has not said so. */
  remaining(upstream: number): number | undefined;
  /** How many answers token services gave. */
  tokenAsked(result: typeof TOKEN_RESULTS[number]): number;
  /** The value of a gauge. */
  gauge(gauge: typeof RELAY_GAUGES[number]): number;
  /** The durations of requests: a count for each bucket and past the last, and the sum. */
  latency(): { readonly buckets: readonly number[]; readonly sumS: number };
}

/** Adds up the sections of all isolates. */
export function addRelayNumbers(sections: readonly Float64Array[]): RelayTotals {
  const sum = (at: number) => sections.reduce((all, numbers) => all + numbers[at]!, 0);
  return {
    relayed: (upstream, result) => sum(upstream * PER_UPSTREAM + RELAY_RESULTS.indexOf(result)),
    responded: (upstream, code) => sum(codeAt(upstream, code)),
    remaining(upstream) {
      const told = sections.map((numbers) => numbers[upstream * PER_UPSTREAM + REMAINING]!)
        .filter((number) => number > 0);
      // All ask from one address: the least is the latest, or soon will be.
      return told.length === 0 ? undefined : Math.min(...told) - 1;
    },
    tokenAsked: (result) => sum(TOKENS_AT + TOKEN_RESULTS.indexOf(result)),
    gauge: (gauge) => sum(GAUGES_AT + RELAY_GAUGES.indexOf(gauge)),
    latency() {
      const counts = Array.from({ length: BUCKETS }, (_, at) => sum(LATENCY_AT + at));
      return { buckets: counts.slice(0, -1), sumS: counts.at(-1)! };
    },
  };
}
