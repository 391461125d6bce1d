/**
 * The state of what is relayed.
 *
 * @module
 */

import {
  RELAY_RESULTS,
  type RelayTotals,
  TOKEN_RESULTS,
  UPSTREAM_CODES,
} from "../observe/relay_numbers.ts";
import type { Upstream } from "../routing/policy.ts";
import type { RelayedStatus, RelayStatus } from "./server_status.ts";

/** The state of what is relayed from an upstream; `null` for one that clients are sent to. */
export function statusOfRelayed(
  { number, relayed }: Upstream,
  totals: RelayTotals,
): RelayedStatus | null {
  if (relayed === undefined) return null;
  return {
    what: relayed,
    results: byName(RELAY_RESULTS, (result) => totals.relayed(number, result)),
    answers: byName(UPSTREAM_CODES, (code) => totals.responded(number, code)),
    requests_left: totals.remaining(number) ?? null,
  };
}

/** The state of relaying; `null` if no upstream is relaying. */
export function statusOfRelay(
  upstreams: readonly Upstream[],
  totals: RelayTotals,
): RelayStatus | null {
  if (upstreams.every(({ relayed }) => relayed === undefined)) return null;
  const { buckets, sumS } = totals.latency();
  const count = buckets.reduce((sum, one) => sum + one, 0);
  return {
    memory_bytes: totals.gauge("memory_bytes"),
    streams: totals.gauge("streams"),
    streamed_bytes: totals.gauge("streamed_bytes"),
    tokens: byName(TOKEN_RESULTS, (result) => totals.tokenAsked(result)),
    mean_ms: count === 0 ? null : Math.round(sumS * 10_000 / count) / 10,
  };
}

function byName<Name extends string>(
  names: readonly Name[],
  count: (name: Name) => number,
): Readonly<Record<Name, number>> {
  return Object.fromEntries(names.map((name) => [name, count(name)])) as Record<Name, number>;
}
