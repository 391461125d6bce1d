/**
 * Relays pulls: fetches for clients what they cannot be redirected to. It lives as long as the
 * isolate, and reads its limits and upstreams from the setup in use each time, so a reload
 * keeps everything that is remembered or in flight.
 *
 * @module
 */

import type { Gate } from "../../mirrors/gate.ts";
import type { Places } from "../../mirrors/places.ts";
import type { World } from "../../mirrors/time.ts";
import type { RelayNumbers } from "../../observe/relay_numbers.ts";
import type { Pulled } from "../../oci/request.ts";
import { createAcceptReader } from "../../registry/accept.ts";
import { createRegistry, type RegistryResponse } from "../../registry/registry.ts";
import type { RegistryServer } from "../../registry/server.ts";
import { createBlobs } from "./blobs.ts";
import { createJudge } from "./judge.ts";
import { createLists } from "./lists.ts";
import type { Waiting } from "./manifest_fetches.ts";
import { createManifests } from "./manifests.ts";
import type { Outcome } from "./outcome.ts";
import type { RelayBounds } from "./relay_bounds.ts";
import { createRelayMemory, type RelayMemory } from "./relay_memory.ts";
import { createShares } from "./shares.ts";
import { createAsk, type Source } from "./source.ts";
import { createStreams } from "./streams.ts";

/** Relays pulls. */
export interface Relay {
  /**
   * Fetches what is pulled from an upstream, or takes it from memory. Returns a promise only
   * when the upstream is asked; it never rejects.
   */
  pull(source: Source, pull: RelayedPull): Outcome | Promise<Outcome>;
  /** Whether a manifest would be served without asking the upstream. */
  remembers(source: Source, asked: Pulled, name: string): boolean;
}

/** A pull to relay. */
export interface RelayedPull {
  /** What is pulled. */
  readonly asked: Pulled;
  /** The repository's name at the upstream. */
  readonly name: string;
  /** The client's request. */
  readonly request: Request;
}

/** What relaying needs. */
export interface RelayOptions
  extends Pick<World, "fetch" | "fetchAnew" | "later" | "now" | "random"> {
  /** Admits requests to other servers. */
  readonly gate: Gate;
  /** The places of streams, of all isolates. */
  readonly places: Places;
  /** The limits in use. */
  readonly bounds: () => RelayBounds;
  /** The counters. */
  readonly numbers: RelayNumbers;
  /** Once it is aborted, requests to other servers end without an answer. */
  readonly stop: AbortSignal;
}

/** Makes a relay that remembers nothing. */
export function createRelay(options: RelayOptions): Relay {
  const { bounds, now, later, numbers, places } = options;
  // Whose the answers are that the registry's client tells of.
  const upstreams = new WeakMap<RegistryServer, number>();
  const memory = createMemories(options);
  const registry = createRegistry({
    ...options,
    tokenTimeoutMs: () => bounds().timeoutMs,
    onToken: (_, { kind }) => numbers.tokenAsked(kind),
    onResponse: (server, response) => count(numbers, upstreams.get(server)!, response),
  });
  const shares = createShares(bounds, now);
  const ask = createAsk({
    ...options,
    registry,
    shares,
    onUnanswered: ({ number }) => numbers.unanswered(number),
  });
  const judge = createJudge({ memory: memory.get, bounds, now });
  const manifests = createManifests({ ask, judge, memory: memory.get, bounds, now });
  const lists = createLists({ ask, judge });
  const streams = createStreams({
    places,
    later,
    maxStreams: () => bounds().maxStreams,
    timeoutMs: () => bounds().timeoutMs,
    onChange(count, bytes) {
      numbers.set("streams", count);
      numbers.add("streamed_bytes", bytes);
    },
  });
  const blobs = createBlobs({ ask, judge, streams, bounds });
  const readAccept = createAcceptReader();

  function waitingOf({ request }: RelayedPull): Waiting {
    return {
      accept: readAccept(request.headers.get("accept")),
      signal: () => request.signal,
    };
  }

  return {
    pull(source, pull) {
      upstreams.set(source.server, source.upstream.number);
      const { request, name } = pull;
      const asked: Pulled = pull.asked.name === name ? pull.asked : { ...pull.asked, name };
      switch (asked.kind) {
        case "manifest_by_digest":
          return manifests.byDigest(source, asked, () => waitingOf(pull));
        case "manifest_by_tag":
          return manifests.byTag(source, asked, waitingOf(pull));
        case "blob":
          return blobs(source, { asked, request });
        case "referrers":
        case "tags":
          return lists(source, { asked, name: pull.asked.name, signal: request.signal });
      }
    },
    remembers: (source, asked, name) => manifests.remembers(source, { ...asked, name }),
  };
}

function count(
  numbers: RelayNumbers,
  upstream: number,
  { status, tookMs, headers }: RegistryResponse,
): void {
  numbers.responded(upstream, status, tookMs);
  // https://docs.docker.com/docker-hub/usage/pulls/#view-pull-rate-and-limit
  const left = /^(\d{1,9})(?:;|$)/.exec(headers.get("ratelimit-remaining") ?? "")?.[1];
  if (left !== undefined) numbers.remaining(upstream, Number(left));
}

/** Replaces the memory when its configured size changes. */
function createMemories({ bounds, now, random, numbers }: RelayOptions) {
  let held: { readonly maxBytes: number; readonly memory: RelayMemory } | undefined;
  return {
    get(): RelayMemory {
      const { memoryBytes: maxBytes } = bounds();
      if (held?.maxBytes === maxBytes) return held.memory;
      const memory = createRelayMemory({
        maxBytes,
        missingTtlMs: () => bounds().missingTtlMs,
        now,
        random,
        onChange: (bytes) => numbers.set("memory_bytes", bytes),
      });
      held = { maxBytes, memory };
      return memory;
    },
  };
}
