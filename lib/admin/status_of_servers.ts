/**
 * The state of mirrors and upstreams.
 *
 * @module
 */

import type { FillState } from "../fill/state.ts";
import type { Verdict } from "../mirrors/answer.ts";
import type { CheckResult } from "../mirrors/check.ts";
import type { LastCheck } from "../mirrors/checks.ts";
import { parseBlobKey } from "../mirrors/template.ts";
import type { Standing } from "../observe/metrics.ts";
import type { MirrorStates } from "../observe/mirror_states.ts";
import { RESULTS, UPSTREAM_REASONS } from "../observe/numbers.ts";
import { mirrorSeries, type Readings, upstreamSeries } from "../observe/readings.ts";
import type { Mirror, Upstream } from "../routing/policy.ts";
import { formatTime } from "./format_time.ts";
import { statusOfMirrorFill } from "./status_of_fill.ts";
import { statusOfRelayed } from "./status_of_relay.ts";
import type { CheckStatus, MirrorStatus, UpstreamStatus } from "./status.ts";

/** What the state of servers is made from. */
export interface ServersOptions extends Pick<Standing, "totals" | "board" | "lastCheck"> {
  /** Since when mirrors are up or down. */
  readonly states: Pick<MirrorStates, "of">;
  /** The rates of the last seconds. */
  readonly rates: Readings;
  /** How often something happened within the last day, by series. */
  readonly lastDay: (series: string) => number | null;
  /** What the last fill found, if that is known. */
  readonly fill?: FillState | undefined;
  /** When the program started, in seconds since 1970. */
  readonly startedS: number;
}

/** The state of a mirror. */
export function statusOfMirror(mirror: Mirror, options: ServersOptions): MirrorStatus {
  const { totals, board, states, rates, lastDay, lastCheck, startedS } = options;
  const { name, number, url, fallbackLimit } = mirror;
  const state = states.of(mirror);
  const probes = byResult((result) => totals.asked(number, result));
  const answered = probes.found + probes.missing;
  const fallbacks = totals.toMirror(number, "fallback");
  const check = lastCheck(number);
  const isDown = board.isDown(number);
  return {
    name,
    url,
    state: isDown ? "down" : "up",
    since: formatTime(state?.sinceMs ?? startedS * 1000),
    reason: isDown ? state?.reason ?? null : null,
    last_check: check === undefined ? null : statusOfCheck(check),
    redirects: totals.toMirror(number, "found") + fallbacks,
    redirects_per_s: rates.get(mirrorSeries(name)) ?? null,
    redirects_last_day: lastDay(mirrorSeries(name)),
    fallback_redirects: fallbacks,
    probes,
    found_share: answered === 0 ? null : probes.found / answered,
    not_found_in_a_row: board.notFound(number),
    fallback_limit: fallbackLimit === Infinity ? null : fallbackLimit,
    fill: statusOfMirrorFill(name, options.fill),
  };
}

function statusOfCheck({ atS, result, status, tookMs }: LastCheck): CheckStatus {
  return {
    time: formatTime(atS * 1000),
    result: result.kind,
    status: status ?? null,
    reason: reasonOf(result),
    ms: Math.round(tookMs * 10) / 10,
  };
}

function reasonOf(result: CheckResult): string | null {
  switch (result.kind) {
    case "good":
      return null;
    case "lost":
      return `it has lost the blob ${parseBlobKey(result.key).digest}`;
    case "bad":
    case "has_all":
      return result.reason;
    case "unsent":
      return "this machine could not send the request";
  }
}

/** The state of an upstream. */
export function statusOfUpstream(
  upstream: Upstream,
  { totals, rates }: ServersOptions,
): UpstreamStatus {
  const { name, number, base } = upstream;
  const asked = byResult((result) => totals.askedUpstream(number, result));
  const count = Object.values(asked).reduce((sum, one) => sum + one, 0);
  return {
    name,
    url: base,
    redirects: Object.fromEntries(
      UPSTREAM_REASONS.map((reason) => [reason, totals.toUpstream(number, reason)]),
    ),
    relayed: statusOfRelayed(upstream, totals.relay),
    pulls_per_s: rates.get(upstreamSeries(name)) ?? null,
    asked,
    mean_ms: count === 0 ? null : Math.round(totals.upstreamS(number) * 10_000 / count) / 10,
  };
}

function byResult(count: (result: Verdict) => number): Readonly<Record<Verdict, number>> {
  const counts = RESULTS.map((result) => [result, count(result)] as const);
  return Object.fromEntries(counts) as Record<Verdict, number>;
}
