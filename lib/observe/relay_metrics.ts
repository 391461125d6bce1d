/**
 * The metrics of what is relayed, in Prometheus' text format.
 *
 * @module
 */

import type { Upstream } from "../routing/policy.ts";
import { family, heading, histogram, type Sample } from "./exposition.ts";
import {
  RELAY_BOUNDS_S,
  RELAY_RESULTS,
  type RelayTotals,
  TOKEN_RESULTS,
  UPSTREAM_CODES,
} from "./relay_numbers.ts";

/** Formats the families of what is relayed; none where no upstream is relaying. */
export function* relayFamilies(
  totals: RelayTotals,
  upstreams: readonly Upstream[],
): Generator<string> {
  const relaying = upstreams.filter(({ relayed }) => relayed !== undefined);
  if (relaying.length === 0) return;
  yield* upstreamFamilies(totals, relaying);
  yield latency(totals);
  yield family(
    "archeio_relay_tokens_total",
    "counter",
    "Answers of token services, by result.",
    TOKEN_RESULTS.map((result): Sample => [{ result }, totals.tokenAsked(result)]),
  );
  yield family(
    "archeio_relay_memory_bytes",
    "gauge",
    "Bytes of manifests and tags that are remembered, summed over the isolates.",
    [[{}, totals.gauge("memory_bytes")]],
  );
  yield family("archeio_relay_streams", "gauge", "Blobs that are being streamed.", [
    [{}, totals.gauge("streams")],
  ]);
  yield family(
    "archeio_relay_streamed_bytes_total",
    "counter",
    "Bytes of blobs that were streamed.",
    [[{}, totals.gauge("streamed_bytes")]],
  );
}

function* upstreamFamilies(
  totals: RelayTotals,
  relaying: readonly Upstream[],
): Generator<string> {
  yield family(
    "archeio_relayed_total",
    "counter",
    "Pulls that were fetched for clients, or served from memory, by result.",
    relaying.flatMap(({ name, number }) =>
      RELAY_RESULTS.map((result): Sample => [
        { upstream: name, result },
        totals.relayed(number, result),
      ])
    ),
  );
  yield family(
    "archeio_relay_upstream_responses_total",
    "counter",
    "Answers of relaying upstreams, challenges too; none for no answer.",
    relaying.flatMap(({ name, number }) =>
      UPSTREAM_CODES.map((code): Sample => [
        { upstream: name, code },
        totals.responded(number, code),
      ])
    ),
  );
  yield family(
    "archeio_relay_rate_limit_remaining",
    "gauge",
    "How many more requests an upstream takes, if it says so.",
    relaying.flatMap(({ name, number }): Sample[] => {
      const left = totals.remaining(number);
      return left === undefined ? [] : [[{ upstream: name }, left]];
    }),
  );
}

function latency(totals: RelayTotals): string {
  const name = "archeio_relay_upstream_duration_seconds";
  const help = "Duration of requests to relaying upstreams, until the headers have come.";
  return heading(name, "histogram", help) +
    histogram(name, {}, totals.latency(), RELAY_BOUNDS_S);
}
