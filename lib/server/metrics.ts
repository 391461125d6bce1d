/**
 * What is counted, in Prometheus' text format
 * (https://prometheus.io/docs/instrumenting/exposition_formats/), named as its
 * conventions say (https://prometheus.io/docs/practices/naming/). Labels have values of
 * the configuration or of short lists alone, so no request can make new ones.
 *
 * No client library is used: they count within one isolate, and on each request's path.
 *
 * @module
 */

import type { Board } from "../mirrors/board.ts";
import type { ProviderSummary } from "../locations/data_set.ts";
import {
  LATENCY_BOUNDS_S,
  MIRROR_REASONS,
  RESULTS,
  ROUTES,
  STATUSES,
  type Totals,
  UPSTREAM_REASONS,
} from "./numbers.ts";
import type { Roster } from "./setup.ts";

/** What is told beside the numbers of the isolates. */
export interface Standing {
  /** What all isolates have counted. */
  readonly totals: Totals;
  /** Which mirrors are down. */
  readonly board: Board;
  /** The names of mirrors and upstreams. */
  readonly roster: Roster;
  /** The numbers of the mirrors that are configured now. */
  readonly configured: readonly number[];
  /** The data set that is in use. */
  readonly dataSet: readonly ProviderSummary[];
  /** What happened to the program as a whole. */
  readonly events: Events;
  /** The versions of the program and of what it runs on. */
  readonly versions: Readonly<Record<string, string>>;
  /** How many isolates serve. */
  readonly isolates: number;
  /** How much memory the process holds, in bytes. */
  readonly residentBytes: number;
  /** When the process started, in seconds since 1970. */
  readonly startedS: number;
}

/** What happened to the program as a whole, how often. */
export interface Events {
  /** Configurations that were read again and taken. */
  reloads: number;
  /** Configurations that were read again and had mistakes. */
  refusedReloads: number;
  /** Data sets that were fetched and taken. */
  refreshes: number;
  /** Data sets that could not be fetched, or were not fit to be taken. */
  failedRefreshes: number;
  /** Times that a mirror went down. */
  mirrorsDown: number;
  /** Times that a mirror came up again. */
  mirrorsUp: number;
  /** Workers that died and were replaced. */
  replacedWorkers: number;
  /** Lines of the pull log that nobody took in time. */
  lostLines: number;
}

/** Makes the record of a program to which nothing has happened. */
export function createEvents(): Events {
  return {
    reloads: 0,
    refusedReloads: 0,
    refreshes: 0,
    failedRefreshes: 0,
    mirrorsDown: 0,
    mirrorsUp: 0,
    replacedWorkers: 0,
    lostLines: 0,
  };
}

/** The media type of the text. */
export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number];

/** Writes all metrics. */
export function formatMetrics(standing: Standing): string {
  return [
    ...requestFamilies(standing),
    ...probeFamilies(standing),
    ...mirrorFamilies(standing),
    ...dataFamilies(standing),
    ...programFamilies(standing),
  ].join("");
}

function* requestFamilies({ totals, roster }: Standing): Generator<string> {
  yield family(
    "archeio_requests_total",
    "counter",
    "Requests answered, by what they are for and by the answer's status.",
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
    "Redirects to mirrors; a fallback is in place of another mirror that is down.",
    byName(
      roster.mirrors,
      (number, name) =>
        MIRROR_REASONS.map((reason) => [{ mirror: name, reason }, totals.toMirror(number, reason)]),
    ),
  );
  yield family(
    "archeio_upstream_redirects_total",
    "counter",
    "Redirects to upstreams, by why no mirror serves.",
    roster.upstreams.flatMap((upstream, number) =>
      UPSTREAM_REASONS.map((reason): Sample => [
        { upstream, reason },
        totals.toUpstream(number, reason),
      ])
    ),
  );
}

// Those that are there from the start, so that their first increase is seen.
function isUsual(route: string, code: string): boolean {
  switch (route) {
    case "version":
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

function* probeFamilies({ totals, roster }: Standing): Generator<string> {
  yield family(
    "archeio_probes_total",
    "counter",
    "HEAD requests to mirrors for a client's blob, by what came of them.",
    byName(
      roster.mirrors,
      (number, name) =>
        RESULTS.map((result) => [{ mirror: name, result }, totals.asked(number, result)]),
    ),
  );
  yield histogram(totals);
  yield family("archeio_probes_in_flight", "gauge", "HEAD requests under way.", [
    [{}, totals.gauge("probes_in_flight")],
  ]);
  yield family(
    "archeio_known_blobs",
    "gauge",
    "Answers that are remembered, summed over the workers.",
    [
      [{ state: "found" }, totals.gauge("known_found")],
      [{ state: "missing" }, totals.gauge("known_missing")],
    ],
  );
}

function histogram(totals: Totals): string {
  const name = "archeio_probe_duration_seconds";
  const lines = RESULTS.filter((result) => result !== "unsent").flatMap((result) => {
    const { buckets, sumS } = totals.latency(result);
    let count = 0;
    const cumulated = buckets.map((bucket) => count += bucket);
    return [
      ...cumulated.map((below, at) =>
        sample(`${name}_bucket`, { result, le: String(LATENCY_BOUNDS_S[at] ?? "+Inf") }, below)
      ),
      sample(`${name}_sum`, { result }, sumS),
      sample(`${name}_count`, { result }, count),
    ];
  });
  const help = "How long HEAD requests to mirrors and upstreams took, by what came of them.";
  return heading(name, "histogram", help) + lines.join("");
}

function* mirrorFamilies({ board, roster, configured, events }: Standing): Generator<string> {
  yield family(
    "archeio_mirror_up",
    "gauge",
    "Whether a mirror is up (1), or down and passed over (0).",
    configured.map((number): Sample => [
      { mirror: roster.mirrors[number]!.name },
      board.isDown(number) ? 0 : 1,
    ]),
  );
  yield family("archeio_mirror_transitions_total", "counter", "Times that mirrors changed state.", [
    [{ to: "down" }, events.mirrorsDown],
    [{ to: "up" }, events.mirrorsUp],
  ]);
}

function* dataFamilies({ dataSet, events }: Standing): Generator<string> {
  yield family(
    "archeio_data_set_published_timestamp_seconds",
    "gauge",
    "When the prefixes of a provider were published; time() less this is their age.",
    dataSet.map(({ provider, date }): Sample => [{ provider }, Date.parse(date) / 1000]),
  );
  yield family(
    "archeio_data_set_prefixes",
    "gauge",
    "Prefixes of a provider.",
    dataSet.map(({ provider, prefixes }): Sample => [{ provider }, prefixes]),
  );
  yield family("archeio_data_set_refreshes_total", "counter", "Data sets fetched anew.", [
    [{ result: "taken" }, events.refreshes],
    [{ result: "failed" }, events.failedRefreshes],
  ]);
}

function* programFamilies(standing: Standing): Generator<string> {
  const { events, isolates, residentBytes, startedS, versions } = standing;
  yield family("archeio_reloads_total", "counter", "Configurations read again.", [
    [{ result: "taken" }, events.reloads],
    [{ result: "refused" }, events.refusedReloads],
  ]);
  yield family("archeio_workers", "gauge", "Isolates that serve.", [[{}, isolates]]);
  yield family("archeio_worker_replacements_total", "counter", "Workers that died.", [
    [{}, events.replacedWorkers],
  ]);
  yield family(
    "archeio_pull_log_lost_lines_total",
    "counter",
    "Lines of the pull log that nobody took in time.",
    [[{}, events.lostLines]],
  );
  yield family("archeio_build_info", "gauge", "The versions, as labels.", [[versions, 1]]);
  yield family("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.", [
    [{}, residentBytes],
  ]);
  yield family(
    "process_start_time_seconds",
    "gauge",
    "Start time of the process since unix epoch in seconds.",
    [[{}, startedS]],
  );
}

// A mirror that got another URL is another mirror of the same name.
function byName(
  mirrors: Roster["mirrors"],
  samplesOf: (number: number, name: string) => Sample[],
): Sample[] {
  const sums = new Map<string, Sample>();
  for (const { number, name } of mirrors) {
    for (const [labels, value] of samplesOf(number, name)) {
      const key = formatLabels(labels);
      sums.set(key, [labels, value + (sums.get(key)?.[1] ?? 0)]);
    }
  }
  return [...sums.values()];
}

function family(
  name: string,
  type: "counter" | "gauge",
  help: string,
  samples: readonly Sample[],
): string {
  return heading(name, type, help) +
    samples.map(([labels, value]) => sample(name, labels, value)).join("");
}

function heading(name: string, type: string, help: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}

function sample(name: string, labels: Labels, value: number): string {
  return `${name}${formatLabels(labels)} ${value}\n`;
}

function formatLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) =>
    `${name}="${value.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n")}"`
  );
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}
