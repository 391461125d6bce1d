/**
 * A whole server in the test's own process, by a clock that stands still: its listeners have
 * no sockets, its isolates but the main one are puppets, its mirrors are a table.
 *
 * @module
 */

import { assert } from "@std/assert";
import { createEvents } from "../../lib/observe/events.ts";
import type { Reread } from "../../lib/server/changes.ts";
import type { Tls } from "../../lib/server/isolate.ts";
import type { Listen } from "../../lib/server/listener.ts";
import { serve } from "../../lib/server/serve.ts";
import type { ServerLog } from "../../lib/server/log.ts";
import { type Family, readMetrics } from "../observe/prometheus.ts";
import { createFakeListen, type FakeListener } from "./fixture.ts";
import { CONFIG, type ConfigFile, DATA_SET, readTestConfig } from "../redirect/fixture.ts";
import { createPuppet, type Puppet } from "./puppets.ts";
import { createVirtualClock, settle, type VirtualClock } from "../mirrors/virtual_clock.ts";
import { BEGUN } from "../redirect/fixture.ts";

/** What a server is to be. */
export interface StageOptions {
  readonly file: ConfigFile;
  readonly tls?: Tls;
  /** Whether nobody reads what it writes, or whoever did has gone. */
  readonly reader?: "stands still" | "is gone";
  /** In place of one that has no socket. */
  readonly listen?: Listen;
}

/** A server. */
export interface Stage {
  readonly serving: Promise<void>;
  readonly timers: VirtualClock;
  /** What it listened with: the main isolate first, then the admin listener. */
  readonly listeners: readonly FakeListener[];
  /** Its isolates but the main one, in the order in which they were started. */
  readonly puppets: readonly Puppet[];
  /** What it told, since it was last looked at. */
  readonly told: () => Told[];
  /** What of it is of one kind. */
  readonly toldOf: (kind: string) => Told[];
  /** Lets time pass until it tells something of a kind. */
  readonly passUntil: (kind: string) => Promise<void>;
  /** The lines that it wrote of pulls. */
  readonly pulls: string[];
  /** The blobs that mirrors have. */
  readonly blobs: Set<string>;
  /** The hosts that answer 500. */
  readonly broken: Set<string>;
  /** What other servers were asked, since it was last looked at. */
  readonly asked: () => string[];
  /** What is read at the next reload. */
  readonly rereads: Reread[];
  /** Sends a signal to this process, and waits until the server has told what it makes of it. */
  readonly signal: (signal: "SIGHUP" | "SIGTERM", kind: string) => Promise<void>;
  /** Asks the main isolate. */
  readonly ask: FakeListener["ask"];
  /** Asks as an operator. */
  readonly askAdmin: (path: string) => Promise<Response>;
  readonly metrics: () => Promise<Map<string, Family>>;
  /** Stops it, and waits for its end. */
  readonly end: () => Promise<void>;
}

/** What a server told. */
export type Told = readonly [kind: string, ...facts: unknown[]];

/** Starts a server. */
export async function startStage(options: StageOptions): Promise<Stage> {
  const timers = createVirtualClock(BEGUN);
  const fake = createFakeListen({ bad: new Deno.errors.InvalidData("no certificate") });
  const puppets: Puppet[] = [];
  const pulls: string[] = [];
  const rereads: Reread[] = [];
  const lines: Told[] = [];
  const world = createMirrorWorld();
  const serving = serve(readTestConfig(options.file), {
    ...timers,
    ...world,
    fetchAnew: world.fetch,
    timeOfDay: timers.now,
    random: () => 0.5,
    dataSet: DATA_SET,
    tls: options.tls,
    versions: { version: "1" },
    log: createRecorder((told) => void lines.push(told)),
    events: createEvents(),
    cores: 4,
    listen: options.listen ?? fake.listen,
    spawn(listener) {
      const { puppet, isolate } = createPuppet(listener);
      puppets.push(puppet);
      return isolate;
    },
    reread: () => rereads.shift()!,
    writePulls(bytes) {
      if (options.reader === "stands still") return new Promise(() => {});
      if (options.reader === "is gone") return Promise.reject(new Deno.errors.BrokenPipe());
      pulls.push(new TextDecoder().decode(bytes));
      return Promise.resolve();
    },
    residentBytes: () => 1,
    cpuS: () => 0,
  });
  // A rejection is the test's to look at.
  serving.catch(() => {});
  await settle();
  const { listeners } = fake;
  const stage: Stage = {
    ...world,
    serving,
    timers,
    listeners,
    puppets,
    told: () => lines.splice(0),
    toldOf: (kind) => lines.filter(([each]) => each === kind),
    async passUntil(kind) {
      for (let seconds = 0; stage.toldOf(kind).length === 0; seconds++) {
        assert(seconds < 3600, `it did not tell of ${kind} in an hour`);
        await timers.pass(1000);
      }
    },
    pulls,
    rereads,
    async signal(signal, kind) {
      const { length } = stage.toldOf(kind);
      await sendSignal(signal);
      while (stage.toldOf(kind).length === length) {
        await new Promise((resolve) => setTimeout(resolve, 0));
        await timers.pass(0);
      }
      await settle();
    },
    ask: (path, headers) => listeners[0]!.ask(path, headers),
    askAdmin: (path) => listeners[1]!.ask(path, { host: "localhost" }),
    metrics: async () => readMetrics(await (await listeners[1]!.ask("/metrics")).text()),
    async end() {
      await stage.signal("SIGTERM", "onStopping");
      for (const puppet of puppets) puppet.report({ kind: "stopped" });
      for (const { finish } of listeners) finish();
      await serving;
    },
  };
  return stage;
}

/** Sends this process a signal, and waits until it has come. */
export async function sendSignal(signal: "SIGHUP" | "SIGTERM"): Promise<void> {
  let came = false;
  const listener = () => void (came = true);
  Deno.addSignalListener(signal, listener);
  Deno.kill(Deno.pid, signal);
  // A signal alone does not keep the event loop turning.
  while (!came) await new Promise((resolve) => setTimeout(resolve, 0));
  Deno.removeSignalListener(signal, listener);
}

/** Mirrors that have some blobs; whatever is not theirs answers 404. */
function createMirrorWorld() {
  const blobs = new Set<string>();
  const broken = new Set<string>();
  const asked: string[] = [];
  const answer = (status: number, body: string | null = null) =>
    Promise.resolve(new Response(body, { status }));
  return {
    blobs,
    broken,
    asked: () => asked.splice(0),
    fetch(input: string | URL | Request, { method = "GET" }: RequestInit = {}) {
      const url = new URL(String(input));
      asked.push(`${method} ${url.href}`);
      const has = blobs.has(url.pathname.split("/").at(-1)!);
      if (broken.has(url.hostname)) return answer(500);
      if (!has) return answer(404);
      return method === "HEAD" ? answer(200) : answer(206, "b");
    },
  };
}

// Each of them, so that the type checker says when there is another one.
const KINDS: Readonly<Record<keyof ServerLog, true>> = {
  onListening: true,
  onStopping: true,
  onIsolateReplaced: true,
  onUnanswered: true,
  onStale: true,
  onNoAddress: true,
  onDown: true,
  onUp: true,
  onLost: true,
  onForgotten: true,
  onNothingFound: true,
  onReloaded: true,
  onReloadRefused: true,
  onCertified: true,
  onCertificateRefused: true,
  onRefreshed: true,
  onRefreshFailed: true,
  onFailed: true,
};

/** A log that tells what it is told; of a mirror, its name. */
function createRecorder(tell: (told: Told) => void): ServerLog {
  const nameOf = (fact: unknown) =>
    typeof fact === "object" && fact !== null && "fallbackLimit" in fact && "name" in fact
      ? fact.name
      : fact;
  const methods = Object.keys(KINDS).map((kind) => [
    kind,
    (...facts: unknown[]) => tell([kind, ...facts.map(nameOf)]),
  ]);
  return Object.fromEntries(methods) as ServerLog;
}

/** A configuration of one mirror for all, with an admin listener. */
export const ONE_MIRROR: ConfigFile = {
  ...CONFIG,
  listen: { host: "127.0.0.1", port: 0 },
  admin: { port: 0 },
  client_address: { header: null },
  mirrors: { only: { url: "https://only.example" } },
  rules: [{ clients: ["*"], mirrors: ["only"] }],
};
