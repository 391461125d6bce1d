/**
 * The metrics in Prometheus' text format
 * (https://prometheus.io/docs/instrumenting/exposition_formats/), named by its conventions
 * (https://prometheus.io/docs/practices/naming/). Label values come only from the
 * configuration, the data set or short lists, so requests cannot create new series.
 *
 * No client library is used: those count within one isolate, on the path of each request.
 *
 * @module
 */

import type { ProviderSummary } from "../locations/data_set.ts";
import type { Board } from "../mirrors/board.ts";
import type { LastCheck } from "../mirrors/checks.ts";
import type { Mirror, Upstream } from "../routing/policy.ts";
import { dataFamilies } from "./data_metrics.ts";
import type { Events } from "./events.ts";
import { family, heading, histogram, type Sample } from "./exposition.ts";
import type { LocatedTotals } from "./located.ts";
import { locationFamily } from "./metrics_of_locations.ts";
import { programFamilies } from "./metrics_of_program.ts";
import { relayFamilies } from "./relay_metrics.ts";
import {
  LATENCY_BOUNDS_S,
  MIRROR_REASONS,
  RESULTS,
  type Totals,
  UPSTREAM_REASONS,
} from "./numbers.ts";
import { ROUTES, STATUSES } from "./routes.ts";

/** The state of the program, beside the isolates' counters. */
export interface Standing {
  /** The counters of all isolates, added up. */
  readonly totals: Totals;
  /** The counters by location of all isolates, added up. */
  readonly located: LocatedTotals;
  /** All locations that are counted. */
  readonly locations: readonly string[];
  /** Which mirrors are down. */
  readonly board: Board;
  /** The configured mirrors. */
  readonly mirrors: readonly Mirror[];
  /** The configured upstreams. */
  readonly upstreams: readonly Upstream[];
  /** The last check of a mirror, given by its number. */
  readonly lastCheck: (mirror: number) => LastCheck | undefined;
  /** How many probes of all isolates are in flight. */
  readonly probesInFlight: number;
  /** The providers of the data set in use. */
  readonly dataSet: readonly ProviderSummary[];
  /** How often events of the program as a whole happened. */
  readonly events: Events;
  /** The versions of the program and of its runtime. */
  readonly versions: Readonly<Record<string, string>>;
  /** How many isolates serve. */
  readonly isolates: number;
  /** The resident memory of the process, in bytes. */
  readonly residentBytes: number;
  /** The CPU time of the process, in seconds. */
  readonly cpuS: number;
  /** When the process started, in seconds since 1970. */
  readonly startedS: number;
}

/** Formats all metrics. */
export function formatMetrics(standing: Standing): string {
  return [
    ...requestFamilies(standing),
    locationFamily(standing),
    ...probeFamilies(standing),
    ...relayFamilies(standing.totals.relay, standing.upstreams),
    ...mirrorFamilies(standing),
    ...dataFamilies(standing),
    ...programFamilies(standing),
  ].join("");
}

function* requestFamilies({ totals, mirrors, upstreams }: Standing): Generator<string> {
  yield family(
    "archeio_requests_total",
    "counter",
    "Requests answered, by kind and status.",
    ROUTES.flatMap((route) =>
      STATUSES.map((status): Sample => [
        { route, code: String(status) },
        totals.requests(route, status),
      ])
    ).filter(([{ route, code }, value]) => value > 0 || isUsual(route!, code!)),
  );
  yield family(
    "archeio_mirror_redirects_total",
    "counter",
    "Redirects to mirrors; a fallback replaces another mirror that is down.",
    mirrors.flatMap(({ name, number }) =>
      MIRROR_REASONS.map((reason): Sample => [
        { mirror: name, reason },
        totals.toMirror(number, reason),
      ])
    ),
  );
  yield family(
    "archeio_upstream_redirects_total",
    "counter",
    "Redirects to upstreams, by the reason why no mirror serves.",
    upstreams.flatMap(({ name, number }) =>
      UPSTREAM_REASONS.map((reason): Sample => [
        { upstream: name, reason },
        totals.toUpstream(number, reason),
      ])
    ),
  );
}

// Series that exist from the start, so that their first increase is visible.
function isUsual(route: string, code: string): boolean {
  switch (route) {
    case "version":
    case "backends":
      return code === "200";
    case "invalid":
      return code === "400";
    case "method":
      return code === "405";
    case "nothing":
    case "catalog":
      return code === "404";
    default:
      return code === "307";
  }
}

function* probeFamilies({ totals, mirrors, probesInFlight }: Standing): Generator<string> {
  yield family(
    "archeio_probes_total",
    "counter",
    "HEAD requests to mirrors for a client's blob, by result.",
    mirrors.flatMap(({ name, number }) =>
      RESULTS.map((result): Sample => [
        { mirror: name, result },
        totals.asked(number, result),
      ])
    ),
  );
  yield latency(totals);
  yield family("archeio_probes_in_flight", "gauge", "HEAD requests in flight.", [
    [{}, probesInFlight],
  ]);
  yield family(
    "archeio_known_blobs",
    "gauge",
    "Answers that are remembered, summed over the isolates.",
    [
      [{ state: "found" }, totals.gauge("known_found")],
      [{ state: "missing" }, totals.gauge("known_missing")],
    ],
  );
}

function latency(totals: Totals): string {
  const name = "archeio_probe_duration_seconds";
  const help = "Duration of HEAD requests to mirrors and upstreams, by result.";
  const lines = RESULTS.filter((result) => result !== "unsent").map((result) =>
    histogram(name, { result }, totals.latency(result), LATENCY_BOUNDS_S)
  );
  return heading(name, "histogram", help) + lines.join("");
}

function* mirrorFamilies({ board, mirrors, lastCheck, events }: Standing): Generator<string> {
  yield family(
    "archeio_mirror_up",
    "gauge",
    "Whether a mirror is up (1) or down (0).",
    mirrors.map(({ name, number }): Sample => [{ mirror: name }, board.isDown(number) ? 0 : 1]),
  );
  yield family(
    "archeio_mirror_not_found_in_a_row",
    "gauge",
    "Blobs in a row that a mirror was asked for and did not have.",
    mirrors.map(({ name, number }): Sample => [{ mirror: name }, board.notFound(number)]),
  );
  yield family(
    "archeio_mirror_last_check_seconds",
    "gauge",
    "Duration of the last check of a mirror.",
    mirrors.flatMap(({ name, number }): Sample[] => {
      const last = lastCheck(number);
      return last === undefined ? [] : [[{ mirror: name }, last.tookMs / 1000]];
    }),
  );
  yield family("archeio_mirror_transitions_total", "counter", "Times that mirrors changed state.", [
    [{ to: "down" }, events.mirrorsDown],
    [{ to: "up" }, events.mirrorsUp],
  ]);
}
