/**
 * A whole server that lives through a day within seconds, by a clock of its own: its mirrors and
 * its clients are made up, the rest is the program. Its page is served at a real port.
 *
 * @module
 */

import { EMBEDDED } from "../../lib/locations/embedded.ts";
import { listLocations, readDataSet } from "../../lib/locations/data_set.ts";
import { readConfig } from "../../lib/config/read.ts";
import { formatAddress } from "../../lib/net/address.ts";
import { createEvents } from "../../lib/observe/events.ts";
import { serve } from "../../lib/server/serve.ts";
import type { ServerLog } from "../../lib/server/log.ts";
import { createVirtualClock, settle } from "../mirrors/virtual_clock.ts";
import { createFakeListen } from "../server/fixture.ts";

/** What is played. */
export interface Scenario {
  /** The configuration, as a file has it. */
  readonly config: Readonly<Record<string, unknown>>;
  /** For how many hours it has served. */
  readonly hours: number;
  /** How many pulls there are in a second. */
  readonly pullsPerS: number;
  /** Which mirrors fail at the end: for how many minutes, and how. */
  readonly failing?: Readonly<Record<string, Failing>>;
  /** Which mirrors failed for a while: when, in minutes before the end, and for how many. */
  readonly failed?: Readonly<Record<string, readonly [beforeEndMin: number, forMin: number]>>;
  /** Why the last reload was refused. */
  readonly refusedReload?: string;
}

/** How a mirror fails. */
export interface Failing {
  /** For how many minutes. */
  readonly forMin: number;
  /** The status of its answers; `undefined` for none. */
  readonly status?: number;
}

/** A page that is served. */
export interface Played extends AsyncDisposable {
  /** The URL of the page. */
  readonly url: string;
}

const BEGINS = Date.UTC(2026, 7, 20, 9, 30);
const STEP_MS = 10_000;

/** Plays a scenario, and serves its page. */
export async function play(scenario: Scenario): Promise<Played> {
  const clock = createVirtualClock(BEGINS);
  const endMs = BEGINS + scenario.hours * 3_600_000;
  const fake = createFakeListen();
  const read = readConfig(JSON.stringify(scenario.config), {
    environment: () => undefined,
    embedded: listLocations(EMBEDDED),
  });
  if (read.kind === "mistakes") throw new SyntaxError(read.mistakes.join("\n"));
  const random = createRandom(1);
  const fetch = createServers(scenario, { now: clock.now, endMs });
  const serving = serve(read.config, {
    ...clock,
    timeOfDay: clock.now,
    random,
    fetch,
    fetchAnew: fetch,
    dataSet: EMBEDDED,
    versions: { version: "0.2.0", deno: "2.9.6" },
    log: SILENT,
    events: createEvents(),
    cores: 1,
    listen: fake.listen,
    spawn: () => {
      throw new Error("one isolate is enough");
    },
    reread: () => ({ kind: "refused", reason: scenario.refusedReload ?? "" }),
    writePulls: () => Promise.resolve(),
    residentBytes: () => 78e6 + 4e6 * Math.sin(clock.now() / 3e6) + 1e6 * random(),
    cpuS: () => (clock.now() - BEGINS) / 1000 * 0.11 * (1 + 0.2 * Math.sin(clock.now() / 7e6)),
  });
  await settle();
  const [serves, admin] = fake.listeners;
  const pull = createPulls(random);
  for (let at = BEGINS; at < endMs; at += STEP_MS) {
    const count = scenario.pullsPerS * (1 + 0.4 * Math.sin(at / 1.3e7)) * STEP_MS / 1000;
    for (let each = 0; each < count; each++) {
      const { path, client } = pull();
      const answer = serves!.ask(path, { "x-forwarded-for": `${client}, 10.0.0.1` });
      // A request that is answered at once needs no turn.
      void answer.then((response) => response.body?.cancel());
    }
    const isLast = at + STEP_MS >= endMs;
    if (isLast && scenario.refusedReload !== undefined) {
      Deno.kill(Deno.pid, "SIGHUP");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await clock.pass(STEP_MS);
  }
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, ({ url }) => {
    const { pathname, search } = new URL(url);
    return admin!.ask(pathname + search, { host: "localhost" });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}/`,
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      Deno.kill(Deno.pid, "SIGTERM");
      await new Promise((resolve) => setTimeout(resolve, 100));
      for (const { finish } of fake.listeners) finish();
      await clock.pass(10_000);
      await serving;
    },
  };
}

const SILENT = new Proxy({}, { get: () => () => {} }) as ServerLog;

/** Mirrors that have most blobs, and fail as they are told. */
function createServers(
  { failing = {}, failed = {} }: Scenario,
  { now, endMs }: { readonly now: () => number; readonly endMs: number },
) {
  return function fetch(input: string | URL | Request, { method = "GET" }: RequestInit = {}) {
    const { hostname, pathname } = new URL(String(input));
    const [name] = hostname.split(".");
    const beforeEndMin = (endMs - now()) / 60_000;
    const fails = failing[name!];
    if (fails !== undefined && beforeEndMin < fails.forMin) {
      return fails.status === undefined
        ? Promise.reject(new TypeError("refused", { cause: new Error("Connection refused") }))
        : Promise.resolve(new Response(null, { status: fails.status }));
    }
    const [from = 0, span = 0] = failed[name!] ?? [];
    if (beforeEndMin < from && beforeEndMin > from - span) {
      return Promise.resolve(new Response(null, { status: 503 }));
    }
    const digest = pathname.split("/").at(-1)!;
    // A random digest, by which checks find out whether a mirror says that it has all, is not
    // one of those that are pulled.
    const isPulled = digest.includes("0".repeat(40));
    if (!isPulled || parseInt(digest.slice(-5), 16) % 97 < name!.length % 7) {
      return Promise.resolve(new Response(null, { status: 404 }));
    }
    const bytes = 1_000_000 + parseInt(digest.slice(-6), 16) * 2;
    return Promise.resolve(
      method === "HEAD"
        ? new Response(null, { status: 200, headers: { "content-length": String(bytes) } })
        : new Response("b", { status: 206 }),
    );
  };
}

const REPOSITORIES = [
  "pause",
  "kube-proxy",
  "coredns/coredns",
  "ingress-nginx/controller",
  "kube-apiserver",
  "etcd",
  "kube-scheduler",
  "metrics-server/metrics-server",
  "sig-storage/csi-provisioner",
  "external-dns/external-dns",
];

/** Clients in many places, that pull some blobs often and others seldom. */
function createPulls(random: () => number) {
  const places = listAddresses();
  const seldom = (most: number) => Math.floor(most * random() ** 4);
  return () => {
    const blob = seldom(3000);
    const name = REPOSITORIES[blob % REPOSITORIES.length]!;
    const digest = `sha256:${(blob * 7919).toString(16).padStart(63, "0")}b`;
    const client = random() < 0.18 ? "203.0.113.9" : places[seldom(places.length)]!;
    const kind = random() < 0.7 ? `blobs/${digest}` : "manifests/v1.31.0";
    return { path: `/v2/${name}/${kind}`, client };
  };
}

/** An address in each location, in an order of no meaning. */
function listAddresses(): string[] {
  const addresses = new Map<string, string>();
  let location = "";
  readDataSet(EMBEDDED, {
    location: (name) => void (location = name),
    prefix(address) {
      if (!addresses.has(location)) addresses.set(location, formatAddress(address));
    },
  });
  const order = (name: string) => (name.length * 7 + name.charCodeAt(name.length - 3) * 31) % 101;
  return [...addresses].filter(([name]) => !/global/i.test(name))
    .toSorted(([one], [other]) => order(one) - order(other)).map(([, address]) => address);
}

/** Numbers in [0, 1) that are always the same. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
