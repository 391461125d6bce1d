/**
 * Makes the state of the program, as JSON has it.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import type { FillState } from "../fill/state.ts";
import type { History, HistoryOfSpan, Span } from "../observe/history.ts";
import type { Journal } from "../observe/journal.ts";
import type { Standing } from "../observe/metrics.ts";
import type { MirrorStates } from "../observe/mirror_states.ts";
import { countBlobs, type Readings } from "../observe/readings.ts";
import { ROUTES, STATUSES } from "../observe/routes.ts";
import type { RepositoryCount } from "../observe/repositories.ts";
import { listBackends } from "../redirect/backends.ts";
import type { SeenHosts } from "../redirect/seen_hosts.ts";
import type { Routing } from "../redirect/create_routing.ts";
import { hideSecrets } from "./hide_secrets.ts";
import { findProblems } from "./problems.ts";
import type { DataStatus, ProgramStatus, SpanStatus, Status, TrafficStatus } from "./status.ts";
import { statusOfClients } from "./status_of_clients.ts";
import { statusOfFill } from "./status_of_fill.ts";
import { statusOfRelay } from "./status_of_relay.ts";
import { formatTime } from "./format_time.ts";
import { statusOfMirror, statusOfUpstream } from "./status_of_servers.ts";

/** What is kept for operators. */
export interface Kept {
  /** The last events. */
  readonly journal: Pick<Journal, "list">;
  /** Since when mirrors are up or down. */
  readonly states: Pick<MirrorStates, "of">;
  /** What was measured. */
  readonly history: Pick<History, "read">;
  /** The hosts that relaying upstreams have sent clients to. */
  readonly seenHosts: Pick<SeenHosts, "list">;
  /** The rates of the last seconds. */
  rates(): Readings;
  /** The most pulled repositories. */
  repositories(): readonly RepositoryCount[];
}

/** What the state is made from. */
export interface StatusOptions {
  /** Why the program is not ready for requests, or `undefined` when it is. */
  readonly unready: () => string | undefined;
  /** The counters and gauges. */
  readonly standing: () => Standing;
  /** What is kept for operators. */
  readonly kept: Kept;
  /** The configuration in use. */
  readonly config: () => Config;
  /** What decisions are made from. */
  readonly routing: () => Routing;
  /** The time of day in milliseconds since 1970. */
  readonly timeOfDay: () => number;
}

/**
 * Makes the state of the program at this moment.
 *
 * @param fill what the last fill of the mirrors found, if that is known
 */
export type CreateStatus = (withHistory: boolean, fill?: FillState) => Status;

/** Makes a function that makes the state of the program. */
export function createStatus(options: StatusOptions): CreateStatus {
  const { kept, timeOfDay } = options;
  return (withHistory, fill) => {
    const standing = options.standing();
    const config = options.config();
    const nowMs = timeOfDay();
    const time = formatTime(nowMs);
    const rates = kept.rates();
    const lastDay = createDaySums(kept.history.read("day"));
    const servers = { ...standing, ...kept, rates, lastDay, fill };
    const program = statusOfProgram(standing, { rates, unready: options.unready() });
    const mirrors = standing.mirrors.map((mirror) => statusOfMirror(mirror, servers));
    const data = standing.dataSet.map((summary) => statusOfData(summary, nowMs));
    const { clients, rules } = statusOfClients({ ...standing, routing: options.routing() });
    const events = kept.journal.list()
      .map(({ atMs, ...event }) => ({ time: formatTime(atMs), ...event }));
    return {
      time,
      program,
      problems: findProblems({ time, program, mirrors, rules, data, events }),
      traffic: statusOfTraffic(standing, { rates, lastDay }),
      mirrors,
      clients,
      rules,
      fill: fill === undefined ? null : statusOfFill(fill),
      upstreams: standing.upstreams.map((upstream) => statusOfUpstream(upstream, servers)),
      relay: statusOfRelay(standing.upstreams, standing.totals.relay),
      repositories: kept.repositories().slice(0, MOST_REPOSITORIES),
      data,
      events,
      backends: listBackends(config, kept.seenHosts.list()),
      configuration: hideSecrets(config),
      ...withHistory ? { history: readHistory(kept.history) } : {},
    };
  };
}

// More than a person reads.
const MOST_REPOSITORIES = 50;

function statusOfProgram(
  { versions, startedS, isolates, residentBytes }: Standing,
  { rates, unready }: { readonly rates: Readings; readonly unready: string | undefined },
): ProgramStatus {
  return {
    version: versions.version ?? "",
    deno: versions.deno ?? "",
    started: formatTime(startedS * 1000),
    unready: unready ?? null,
    isolates,
    cpu_cores: rates.get("cpu") ?? null,
    resident_bytes: residentBytes,
  };
}

function statusOfTraffic(
  { totals, mirrors, probesInFlight }: Standing,
  { rates, lastDay }: {
    readonly rates: Readings;
    readonly lastDay: (series: string) => number | null;
  },
): TrafficStatus {
  const sum = <Value>(values: readonly Value[], count: (value: Value) => number) =>
    values.reduce((total, value) => total + count(value), 0);
  const blobs = countBlobs(totals);
  const fromMirrors = sum(
    mirrors,
    ({ number }) => totals.toMirror(number, "found") + totals.toMirror(number, "fallback"),
  );
  const sizes = mirrors.map(({ number }) => totals.sizes(number));
  const sized = sum(sizes, ({ blobs }) => blobs);
  const mean = sized === 0 ? null : Math.round(sum(sizes, ({ bytes }) => bytes) / sized);
  const estimate = (series: string) => {
    const count = lastDay(series);
    return count === null || mean === null ? null : Math.round(count * mean);
  };
  return {
    requests: sum(ROUTES, (route) => sum(STATUSES, (status) => totals.requests(route, status))),
    requests_per_s: rates.get("requests") ?? null,
    blobs,
    // A mirror that is configured no more is not counted.
    blobs_from_mirrors: Math.min(blobs, fromMirrors),
    blobs_from_upstreams: Math.max(0, blobs - fromMirrors),
    mean_blob_bytes: mean,
    estimated_bytes_from_mirrors_per_day: estimate("to_mirrors"),
    estimated_bytes_from_upstreams_per_day: estimate("blobs_to_upstreams"),
    probes_in_flight: probesInFlight,
    remembered: { found: totals.gauge("known_found"), missing: totals.gauge("known_missing") },
  };
}

const DAY_MS = 86_400_000;

function statusOfData(
  { provider, source, date, prefixes, locations }: Standing["dataSet"][number],
  nowMs: number,
): DataStatus {
  return {
    provider,
    source,
    date: date ?? null,
    age_days: date === undefined ? null : Math.floor((nowMs - Date.parse(date)) / DAY_MS),
    prefixes,
    locations,
  };
}

/** Makes a function that says how often something happened within the last day. */
function createDaySums(
  { series, measuredMs }: HistoryOfSpan,
): (name: string) => number | null {
  return (name) => {
    const values = series.get(name);
    if (values === undefined) return null;
    const sum = values.reduce<number>(
      (total, value, at) => total + (value ?? 0) * measuredMs[at]! / 1000,
      0,
    );
    return Math.round(sum);
  };
}

function readHistory(history: Pick<History, "read">): Record<Span, SpanStatus> {
  const read = (span: Span): SpanStatus => {
    const { beginsMs, stepMs, series } = history.read(span);
    const rounded = [...series].map(([name, values]) => [name, values.map(round)] as const);
    return {
      begins: formatTime(beginsMs),
      step_s: stepMs / 1000,
      series: Object.fromEntries(rounded),
    };
  };
  return { hour: read("hour"), day: read("day") };
}

function round(value: number | null): number | null {
  return value === null ? null : Number(value.toPrecision(4));
}
