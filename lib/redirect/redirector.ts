/**
 * The redirector of one isolate: it makes a handler from a setup, and replaces it when the
 * setup changes. The state of mirrors stays.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import { type Leaving, NOTHING_LEAVING } from "../fill/leaving.ts";
import type { Mirrors, MirrorsOptions, ProbeBounds } from "../mirrors/mirrors.ts";
import { createPlaces } from "../mirrors/places.ts";
import { createSampler } from "../mirrors/samples.ts";
import { createWait, type World } from "../mirrors/time.ts";
import { createLocated } from "../observe/located.ts";
import { createMissCounter, type MissCounter } from "../observe/misses.ts";
import { createNumbers, type Numbers } from "../observe/numbers.ts";
import type { PullLog } from "../observe/pull_log.ts";
import type { Repositories } from "../observe/repositories.ts";
import type { Asked } from "../oci/request.ts";
import type { Upstream } from "../routing/policy.ts";
import { createBackendLister } from "./backends.ts";
import { createRouting, type Routing } from "./create_routing.ts";
import type { Present } from "./explain.ts";
import { createHandler, type Handler } from "./handler.ts";
import { openMirrors } from "./open_mirrors.ts";
import { createRelay, type Relay } from "./relay/relay.ts";
import { type RelayBounds, relayBoundsOf } from "./relay/relay_bounds.ts";
import type { RedirectorLog } from "./redirector_log.ts";
import type { Source } from "./relay/source.ts";
import { isTraced } from "./request_id.ts";
import { createSeenHosts, type SeenHost, type SeenHosts } from "./seen_hosts.ts";
import { createSources, type Setup } from "./setup.ts";
import { createTracedHandler } from "./traced_handler.ts";

/** The memory that an isolate shares with the others. */
export interface SharedMemory {
  /** The board: what all isolates know of the mirrors. */
  readonly board: SharedArrayBuffer;
  /** The places of probes in flight, a row for each isolate. */
  readonly places: SharedArrayBuffer;
  /** The places of streams, a row for each isolate. */
  readonly streams: SharedArrayBuffer;
  /** The counters of this isolate. */
  readonly numbers: SharedArrayBuffer;
  /** The counters by location of this isolate. */
  readonly located: SharedArrayBuffer;
  /** This isolate's row in the places, from 0. */
  readonly slot: number;
}

/** What a redirector needs for the lifetime of its isolate. */
export interface RedirectorOptions extends World, Pick<MirrorsOptions, "coarseNow"> {
  /** The text of the embedded data set. */
  readonly dataSet: string;
  /** The memory it shares with other isolates. */
  readonly memory: SharedMemory;
  /** Where pulls are logged, if the configuration says so. */
  readonly pulls: PullLog;
  /** Where pulls are counted by repository. */
  readonly repositories?: Pick<Repositories, "note"> | undefined;
  /** Notified of events. */
  readonly log: RedirectorLog;
  /** Called with the kind of each request, for traces. */
  readonly tellRoute?: ((asked: Asked, method: string) => void) | undefined;
  /** Once it is aborted, requests to other servers end without an answer. */
  readonly stop: AbortSignal;
}

/** The redirector of one isolate. */
export interface Redirector {
  /** Answers requests according to the current setup. */
  readonly fetch: Handler;
  /** Reports at once what mirrors lacked. */
  readonly flushMisses: () => void;
  /** Counts a request that it failed to answer. */
  readonly onThrown: () => void;
  /** What decisions are made from. */
  readonly routing: () => Routing;
  /** The current state, to explain how a request would be answered. */
  readonly present: Present;
  /** Takes a blob, given by its key, that a mirror, given by its number, has lost for missing. */
  readonly forget: (mirror: number, key: string) => void;
  /** Takes a host that a relaying upstream has sent clients of another isolate to. */
  readonly see: (seen: SeenHost) => void;
  /** Takes blobs that are about to be deleted from mirrors for missing, from now on. */
  readonly leave: (leaving: Leaving) => void;
  /**
   * Prepares another setup in steps, answering requests with the old one in between, and then
   * switches to it.
   */
  change(setup: Setup): Promise<void>;
}

/** What is made from a setup. */
interface Made {
  readonly routing: Routing;
  readonly handle: Handler;
  readonly bounds: ProbeBounds;
  readonly relayBounds: RelayBounds;
  readonly sourceOf: (upstream: Upstream) => Source;
  /** Counts what mirrors lack, if the configuration says what they are filled with. */
  readonly misses: MissCounter | undefined;
}

/** What lives as long as the isolate. */
interface Kept {
  readonly numbers: Numbers;
  readonly mirrors: Mirrors;
  readonly relay: Relay;
  readonly seen: SeenHosts;
  readonly misses: MissCounter;
}

/** Makes a redirector. It reads its data set in steps, so the first requests need not wait. */
export function createRedirector(setup: Setup, options: RedirectorOptions): Redirector {
  const numbers = createNumbers(options.memory.numbers);
  let leaving = NOTHING_LEAVING;
  const misses = createMissCounter({ send: options.log.onMisses, later: options.later });
  const mirrors = openMirrors(options, {
    numbers,
    misses: () => made.misses,
    leaving: () => leaving,
    bounds: () => made.bounds,
  });
  const relay = openRelay(options, { numbers, mirrors }, () => made);
  const prepare = createPreparation(options);
  const seen = createSeenHosts(options.log.onRedirectHost);
  const kept: Kept = { numbers, mirrors, relay, seen, misses };
  let made = make(setup, options, kept);
  let mirrorsInUse = setup.mirrors;
  prepare(made.routing);

  return {
    fetch: (request, info) => made.handle(request, info),
    flushMisses: misses.flush,
    onThrown: () => numbers.answered("nothing", 500),
    routing: () => made.routing,
    present: {
      ...mirrors.foresight,
      remembers: (upstream, asked, name) => relay.remembers(made.sourceOf(upstream), asked, name),
    },
    // Not forgotten: a mirror that still says by HEAD that it has it would get clients at once.
    forget: (mirror, key) => mirrors.known().missing(mirror, key),
    see: seen.add,
    leave(next) {
      leaving = next;
      for (const { name, number } of mirrorsInUse) {
        for (const digest of next.get(name) ?? []) mirrors.known().missing(number, digest);
      }
    },
    async change(setup) {
      const next = make(setup, options, kept);
      await prepare(next.routing);
      made = next;
      mirrorsInUse = setup.mirrors;
    },
  };
}

function createPreparation(
  { later, stop }: RedirectorOptions,
): (routing: Routing) => Promise<void> {
  const turn = createWait(later);
  return async ({ locator }) => {
    do await turn(0); while (!stop.aborted && locator.prepare());
  };
}

function openRelay(
  options: RedirectorOptions,
  { numbers, mirrors }: Pick<Kept, "numbers" | "mirrors">,
  made: () => Made,
): Relay {
  const { memory } = options;
  // As above: what an isolate that died remembered and streamed is gone.
  numbers.relay.set("memory_bytes", 0);
  numbers.relay.set("streams", 0);
  return createRelay({
    ...options,
    gate: mirrors.gate,
    places: createPlaces(memory.streams, memory.slot, 1),
    bounds: () => made().relayBounds,
    numbers: numbers.relay,
  });
}

function make(
  setup: Setup,
  options: RedirectorOptions,
  { numbers, mirrors, relay, seen, ...kept }: Kept,
): Made {
  const { config } = setup;
  const { client_address: client, trace } = config;
  const routing = createRouting(setup, setup.dataSet ?? options.dataSet);
  const sourceOf = createSources(setup);
  const relayBounds = relayBoundsOf(config, setup.isolates);
  const misses = config.fill === undefined ? undefined : kept.misses;
  const handle = createHandler({
    ...routing,
    clientAddress: { header: client.header, fromEnd: client.from_end },
    mirrors,
    noteSample: createSampler(mirrors.coarseNow, options.log.onSample),
    noteMiss: misses?.noteAsked,
    timeoutMs: config.probe.timeout_ms,
    now: options.now,
    numbers,
    backends: createBackendLister(config, seen),
    onRedirect: seen.note,
    located: createLocated(options.memory.located, routing.locator.locations, setup.locations),
    repositories: config.admin === undefined ? undefined : options.repositories,
    pulls: config.log.pulls ? options.pulls : undefined,
    trace,
    tellRoute: options.tellRoute,
    onNoAddress: options.log.onNoAddress,
    relay,
    sourceOf,
    compresses: options.compresses,
    tagTtlMs: relayBounds.tagTtlMs,
    onNotServed({ name, base }, reason, isStale) {
      if (isStale) options.log.onStale(name, reason);
      else if (!options.stop.aborted) options.log.onUnanswered(base, reason);
    },
  });
  return {
    routing,
    handle: isTraced(trace) ? createTracedHandler(handle, { ...options, trace, numbers }) : handle,
    bounds: boundsOf(config, setup.isolates),
    relayBounds,
    sourceOf,
    misses,
  };
}

function boundsOf({ probe }: Config, isolates: number): ProbeBounds {
  return {
    timeoutMs: probe.timeout_ms,
    foundTtlMs: probe.found_ttl_s * 1000,
    recheckMs: probe.recheck_s * 1000,
    missingTtlMs: probe.missing_ttl_s * 1000,
    maxEntries: probe.max_entries,
    maxInFlight: probe.max_in_flight,
    maxPerS: probe.max_per_s / isolates,
  };
}
