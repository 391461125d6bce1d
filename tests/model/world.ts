/**
 * The world of the model: the program with two isolates, its network, its clients, and what
 * must hold whatever happens.
 *
 * @module
 */

import { readConfig } from "../../lib/config/read.ts";
import type { Config } from "../../lib/config/config.ts";
import { PROVIDERS } from "../../lib/locations/providers.ts";
import type { World } from "../../lib/mirrors/time.ts";
import { createEvents } from "../../lib/observe/events.ts";
import type { Handler } from "../../lib/redirect/handler.ts";
import { createIsolate } from "../../lib/server/isolate.ts";
import type { IsolateListener, RunningIsolate } from "../../lib/server/isolates.ts";
import type { Listen, Listener } from "../../lib/server/listener.ts";
import type { ServerLog } from "../../lib/server/log.ts";
import { openProgram, type Program } from "../../lib/server/program.ts";
import type { Mirror } from "../../lib/routing/policy.ts";
import { createModelClock, type ModelClock } from "./clock.ts";
import { createNetwork, type ModelServer, type Network } from "./network.ts";
import {
  createModelRegistry,
  type ModelRegistry,
  REGISTRY,
  type RegistryRequest,
} from "./registry.ts";
import { createPublishing, type Publishing, sourceOf } from "./publisher.ts";

// What AWS publishes from the start on.
const DATA_SET = "provider aws\nsource x\ndate 2026-01-01\ncount 1\nlocation aws/x\n192.0.3.0/24\n";

export const MIRRORS = ["a", "b", "c"] as const;
export type MirrorName = typeof MIRRORS[number];

export const BOUNDS = { maxInFlight: 20, maxEntries: 256, timeoutMs: 5000, recheckS: 60 };
export const RELAY = { tag_ttl_s: 20, stale_s: 300, timeout_ms: 5000 };
/** How long it is remembered that something is missing, in seconds. */
export const MISSING_TTL_S = 30;
export const HEALTH = { interval_ms: 5000, down_after: 3, up_after: 2, max_interval_ms: 30_000 };

/** How often all data are fetched, in hours. */
export const REFRESH_H = 1;

/** The clients' networks: each has a rule of its own, or none. */
export const CLIENTS = {
  x: "192.0.2.",
  y: "198.51.100.",
  /** Of a provider. */
  z: "192.0.3.",
  /** Of a provider, once it has published that. */
  v: "198.18.0.",
  /** Of nobody. */
  w: "203.0.113.",
} as const;
export type ClientNetwork = keyof typeof CLIENTS;

type Mirrors = readonly MirrorName[];

/** What differs between configurations beside mirrors. */
interface Variant {
  readonly signatures: boolean;
  /** Whether the registry is asked with credentials, and so for what is named alone. */
  readonly signedIn: boolean;
}

/** The configurations that a reload chooses from: the mirrors of each network. */
export const CONFIGS: readonly (Variant & Record<ClientNetwork, Mirrors>)[] = [
  {
    ...{ x: ["a", "b"], y: ["b", "c"], z: ["b"], v: ["b"], w: [] },
    ...{ signatures: false, signedIn: false },
  },
  {
    ...{ x: ["b", "a"], y: ["c"], z: ["b"], v: ["b"], w: [] },
    ...{ signatures: true, signedIn: false },
  },
  {
    ...{ x: ["a"], y: ["a", "b", "c"], z: ["b"], v: ["b"], w: [] },
    ...{ signatures: false, signedIn: true },
  },
];

/** Who the registry knows. */
export const CREDENTIALS = { reg: { kind: "password", username: "bot", password: "x" } } as const;

function credentialsOf(variant: number): typeof CREDENTIALS | undefined {
  return CONFIGS[variant]!.signedIn ? CREDENTIALS : undefined;
}

/** The repositories that there are, by our names: those of the registry begin with `pub/`. */
function repositoriesOf({ signedIn }: Variant) {
  const relayed = (as: string) => ({ upstream: "reg", as, ...signedIn ? { public: true } : {} });
  return {
    "app": {},
    "pub/one": relayed("one"),
    "pub/two": relayed("two"),
    ...signedIn ? {} : { "pub/private": relayed("private") },
  };
}

function configure(variant: number): Config {
  const { x, y, z, signatures, signedIn } = CONFIGS[variant]!;
  const used = new Set<string>([...x, ...y, ...z]);
  const read = readConfig(
    JSON.stringify({
      client_address: { from_end: 1 },
      workers: 2,
      upstreams: {
        main: { endpoint: "http://main.example" },
        reg: {
          endpoint: REGISTRY,
          path: "acme",
          pull: "relay",
          ...signedIn ? { credentials: { username: "bot", password_file: "/password" } } : {},
        },
        ...signatures ? { sig: { endpoint: "http://sig.example" } } : {},
      },
      ...signatures ? { signature_upstream: "sig" } : {},
      repositories: repositoriesOf(CONFIGS[variant]!),
      relay: RELAY,
      mirrors: Object.fromEntries(
        MIRRORS.filter((name) => used.has(name)).map((
          name,
        ) => [name, { url: `http://${name}.example` }]),
      ),
      locations: { "own/x": ["192.0.2.0/24"], "own/y": ["198.51.100.0/24"] },
      rules: [
        { clients: ["own/x"], mirrors: x },
        { clients: ["own/y"], mirrors: y },
        { clients: ["aws/*", "gcp/*"], mirrors: z },
      ],
      ranges: {
        refresh_h: REFRESH_H,
        sources: Object.fromEntries(
          PROVIDERS.map(({ name }) => [name, sourceOf(name)]),
        ),
      },
      health: HEALTH,
      probe: {
        timeout_ms: BOUNDS.timeoutMs,
        recheck_s: BOUNDS.recheckS,
        missing_ttl_s: MISSING_TTL_S,
        max_entries: BOUNDS.maxEntries,
        max_in_flight: BOUNDS.maxInFlight,
      },
    }),
    { environment: () => undefined, embedded: ["aws/x", "gcp/x"] },
  );
  if (read.kind === "mistakes") throw new Error(read.mistakes.join("\n"));
  return read.config;
}

/** An isolate of the model: it can die. */
export interface ModelIsolate {
  handle: Handler | undefined;
  alive: boolean;
  /** How many of its probes, and HEAD requests to upstreams, are under way. */
  probes: number;
  /** How many HEAD requests to the main upstream it has begun. */
  upstreamHeads: number;
  readonly listener: IsolateListener | undefined;
}

/** Watches requests to the registry. */
export interface RegistryWatcher {
  /** A request is sent; gives who is to be told of the answer, if there is one. */
  sends(isolate: ModelIsolate, request: RegistryRequest): (response?: Response) => void;
}

/** The world. */
export interface ModelWorld {
  readonly clock: ModelClock;
  readonly network: Network;
  readonly registry: ModelRegistry;
  /** Who is told of each request that leaves an isolate for the registry, or goes astray. */
  watcher: RegistryWatcher | undefined;
  readonly publishing: Publishing;
  readonly program: Program;
  /** What stands in the log, for whoever reads a failure. */
  readonly told: string[];
  /** When all that was known of a mirror was last forgotten, by its name. */
  readonly forgottenMs: ReadonlyMap<string, number>;
  /** When a probe first failed at a server since it changed, by its origin. */
  readonly failedMs: Map<string, number>;
  /** Begins to count anew how many HEAD requests isolates send to the main upstream. */
  resetUpstreamHeads(): void;
  /** The most probes of all isolates that were under way at once. */
  mostProbes(): number;
  /** The isolates that serve now. */
  serving(): ModelIsolate[];
  /** Which configuration is in use. */
  variant: number;
  /** Has the configuration read again. */
  reload(variant: number): void;
  /** Has another isolate than the main one die. */
  kill(): void;
  /** Ends the program. */
  end(): Promise<void>;
}

/** What a world is made with. */
export interface WorldOptions {
  /** Gives a number from 0 to below 1. */
  readonly random: () => number;
  /** Whether the other isolates than the main one never become ready. */
  readonly stuck: boolean;
}

/** Begins a world in which everything works. */
export async function createModelWorld({ random, stuck }: WorldOptions): Promise<ModelWorld> {
  const clock = createModelClock();
  const network = createNetwork(clock);
  const registry = await createModelRegistry(clock);
  let watcher: RegistryWatcher | undefined;
  for (const name of [...MIRRORS, "main", "sig"]) {
    const origin = `http://${name}.example`;
    const server: ModelServer = {
      origin,
      mode: { kind: "works" },
      blobs: new Map(),
      latencyMs: 20,
    };
    network.servers.set(origin, server);
  }
  const publishing = createPublishing(clock.now);
  const told: string[] = [];
  const forgottenMs = new Map<string, number>();
  const failedMs = new Map<string, number>();
  const isolates: ModelIsolate[] = [];
  let mostProbes = 0;
  let variant = 0;

  function noteFailure(origin: string): void {
    if (!failedMs.has(origin)) failedMs.set(origin, clock.now());
  }

  function worldOf(isolate: ModelIsolate): World {
    const never = new Promise<never>(() => {});
    const whileAlive = (send: typeof fetch): typeof fetch => async (input, init) => {
      if (!isolate.alive) return await never;
      const [result] = await Promise.allSettled([send(input, init)]);
      // What is answered to a dead isolate, or refused it, nobody hears.
      if (!isolate.alive) return await never;
      if (result.status === "rejected") throw result.reason;
      return result.value;
    };
    const watched: typeof fetch = async (input, init: RequestInit = {}) => {
      const { method = "GET" } = init;
      const url = new URL(String(input));
      const request: RegistryRequest = { method, url, headers: new Headers(init.headers) };
      const tell = watcher?.sends(isolate, request) ?? (() => {});
      try {
        const response = await network.wait(
          registry.latencyMs,
          init.signal,
          () => registry.respond(request),
        );
        if (response.body !== null) clock.expectHash();
        tell(response);
        return response;
      } catch (error) {
        tell();
        throw error;
      }
    };
    const send: typeof fetch = (input, init) =>
      isKnown(new URL(String(input))) ? network.fetch(input, init) : watched(input, init);
    const isKnown = ({ origin }: URL) => network.servers.has(origin);
    const counted: typeof fetch = async (input, init) => {
      const file = publishing.respond(String(input));
      if (file !== undefined) return file;
      // Tokens are fetched within the places of the requests that wait for them.
      if (new URL(String(input)).pathname === "/token") return await watched(input, init);
      isolate.probes++;
      const all = isolates.reduce((sum, { probes, alive }) => alive ? sum + probes : sum, 0);
      mostProbes = Math.max(mostProbes, all);
      const { origin } = new URL(String(input));
      if (origin === "http://main.example") isolate.upstreamHeads++;
      try {
        const response = await send(input, init);
        if (response.status >= 500) noteFailure(origin);
        return response;
      } catch (error) {
        noteFailure(origin);
        throw error;
      } finally {
        isolate.probes--;
      }
    };
    return {
      fetch: whileAlive(counted),
      fetchAnew: whileAlive(send),
      now: clock.now,
      timeOfDay: clock.now,
      later: (ms, work) => clock.later(ms, () => isolate.alive && work()),
      random,
    };
  }

  function listenIn(isolate: ModelIsolate): Listen {
    return (handle): Listener => {
      isolate.handle = handle;
      const finished = Promise.withResolvers<void>();
      const stop = () => {
        isolate.handle = undefined;
        finished.resolve();
      };
      const address = { hostname: "127.0.0.1", port: 1, transport: "tcp" } as const;
      return { address, finished: finished.promise, certify() {}, stop, stopAtOnce: stop };
    };
  }

  function spawn(listener: IsolateListener): RunningIsolate {
    const own: ModelIsolate = {
      handle: undefined,
      alive: true,
      probes: 0,
      upstreamHeads: 0,
      listener,
    };
    isolates.push(own);
    const isolate = createIsolate({
      ...worldOf(own),
      dataSet: DATA_SET,
      listen: listenIn(own),
      report: (report) => own.alive && listener.onReport(structuredClone(report)),
    });
    return {
      // Orders are messages: they arrive later, and are copied.
      order: (order) =>
        void clock.later(
          1,
          () => own.alive && !stuck && void isolate.take(structuredCloneOrder(order)),
        ),
      terminate() {
        own.alive = false;
        own.handle = undefined;
        isolates.splice(isolates.indexOf(own), 1);
      },
    };
  }

  const main: ModelIsolate = {
    handle: undefined,
    alive: true,
    probes: 0,
    upstreamHeads: 0,
    listener: undefined,
  };
  isolates.push(main);
  const program = openProgram(configure(0), {
    ...worldOf(main),
    dataSet: DATA_SET,
    versions: {},
    log: createModelLog(clock, told, forgottenMs),
    events: createEvents(),
    cores: 2,
    listen: listenIn(main),
    spawn,
    files: { credentials: credentialsOf(0) },
    reread: () => ({
      kind: "config",
      config: configure(variant),
      tls: undefined,
      files: { credentials: credentialsOf(variant) },
    }),
    writePulls: () => Promise.resolve(),
    residentBytes: () => 0,
    cpuS: () => 0,
  });
  await program.start();
  return {
    clock,
    network,
    registry,
    get watcher() {
      return watcher;
    },
    set watcher(next) {
      watcher = next;
    },
    publishing,
    program,
    told,
    forgottenMs,
    failedMs,
    resetUpstreamHeads() {
      for (const isolate of isolates) isolate.upstreamHeads = 0;
    },
    mostProbes: () => mostProbes,
    serving: () => isolates.filter(({ handle }) => handle !== undefined),
    get variant() {
      return variant;
    },
    set variant(next) {
      variant = next;
    },
    reload(next) {
      variant = next;
      program.changes.reload();
    },
    kill() {
      const victim = isolates.find(({ listener, alive }) => listener !== undefined && alive);
      if (victim === undefined) return;
      victim.alive = false;
      victim.handle = undefined;
      victim.listener!.onDied("killed");
    },
    async end() {
      program.checks.stop();
      program.changes.stop();
      const order = { kind: "stop", giveUpMs: 100 } as const;
      const ended = Promise.all([program.main.take(order), stuck || program.others.stop(100)]);
      await clock.pass(30_000);
      await ended;
    },
  };
}

// Shared memory cannot be cloned by structuredClone outside of postMessage.
function structuredCloneOrder<Order extends { readonly kind: string }>(order: Order): Order {
  if (!("setup" in order)) return order;
  return { ...order, setup: structuredClone(order.setup) };
}

function createModelLog(
  clock: ModelClock,
  told: string[],
  forgottenMs: Map<string, number>,
): ServerLog {
  const beganMs = clock.now();
  return new Proxy({}, {
    get: (_, name) => (...parts: unknown[]) => {
      if (name === "onForgotten") forgottenMs.set((parts[0] as Mirror).name, clock.now());
      const text = parts.map((part) => part instanceof Error ? part.stack : JSON.stringify(part));
      told.push(`${(clock.now() - beganMs) / 1000} s: ${String(name)} ${text.join(" ")}`);
    },
    // A counting log is made of its members.
    ownKeys: () => LOG_KEYS,
    getOwnPropertyDescriptor: (_, name) =>
      LOG_KEYS.includes(String(name)) ? { enumerable: true, configurable: true } : undefined,
  }) as ServerLog;
}

const LOG_KEYS = [
  "onListening",
  "onStopping",
  "onIsolateReplaced",
  "onUnanswered",
  "onStale",
  "onNoAddress",
  "onDown",
  "onUp",
  "onLost",
  "onForgotten",
  "onNothingFound",
  "onReloaded",
  "onReloadRefused",
  "onCertified",
  "onCertificateRefused",
  "onRefreshed",
  "onRefreshFailed",
  "onFailed",
];
