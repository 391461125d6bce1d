/**
 * The limits on what is fetched for clients, and on what of it is remembered.
 *
 * @module
 */

import type { Config } from "../../config/config.ts";

/** The limits, for one isolate. */
export interface RelayBounds {
  /** How many bytes of manifests are remembered. */
  readonly memoryBytes: number;
  /** How long a tag is remembered, in milliseconds. */
  readonly tagTtlMs: number;
  /** How long after it was last seen a tag is served while the upstream fails. */
  readonly staleMs: number;
  /** How long it is remembered that something is missing, in milliseconds. */
  readonly missingTtlMs: number;
  /** The time limit of a request, in milliseconds. */
  readonly timeoutMs: number;
  /** Whether blobs are streamed. */
  readonly stream: boolean;
  /** How many are, of all isolates. */
  readonly maxStreams: number;
  /** How many requests to one upstream may be in flight. */
  readonly maxInFlight: number;
  /** How many of them may begin in a second. */
  readonly maxPerS: number;
}

const MIB = 1024 * 1024;
// As the gate of probes has it: one server gets at most half of all places.
const SHARE_OF_UPSTREAM = 1 / 2;

/** The limits that a configuration sets. */
export function relayBoundsOf({ relay, probe }: Config, isolates: number): RelayBounds {
  return {
    memoryBytes: relay.memory_mib * MIB,
    tagTtlMs: relay.tag_ttl_s * 1000,
    staleMs: relay.stale_s * 1000,
    missingTtlMs: probe.missing_ttl_s * 1000,
    timeoutMs: relay.timeout_ms,
    stream: relay.stream,
    maxStreams: relay.max_streams,
    maxInFlight: probe.max_in_flight * SHARE_OF_UPSTREAM / isolates,
    maxPerS: probe.max_per_s / isolates,
  };
}
