/**
 * What the program promises, and how it is seen from outside whether that holds.
 *
 * @module
 */

import { delivers, isHealthy, type ModelServer } from "./network.ts";
import { createSeenServers, type Seen } from "./seen.ts";
import {
  BOUNDS,
  type ClientNetwork,
  CONFIGS,
  HEALTH,
  type ModelIsolate,
  type ModelWorld,
  REFRESH_H,
} from "./world.ts";

/** What a request may wait for beside the search: a second look, and turns of the clock. */
export const SLACK_MS = 500;
/** How long a mirror as a whole may fail before clients are sent there no more. */
const BOUND_MS = HEALTH.interval_ms * HEALTH.down_after;
/** How long a mirror may be passed over after it has begun to work again. */
const BACK_MS = HEALTH.max_interval_ms + 2 * HEALTH.interval_ms;
// Checks and probes that were begun before a change have ended then.
const UNDER_WAY_MS = 10_000;
// A mirror that fails at once is down after three checks, the first of them made at once.
const SUSPECTED_MS = 2500;
const CALM_MS = 30_000;
// Second looks: how long a good one counts, how many may be under way, how many may be bad.
const LOOK_COUNTS_MS = 2000;
const LOOK_WAITS_MS = 300;
const LOOKS_AT_ONCE = 4;
const LOOKS_AT_ALL = 15;
const AGAIN_MS = 14_000;
// A probe that waits for its turn begins within a second, and soon ends where all is well.
const QUEUE_MS = 1500;
const PROBE_MS = 150;
const HANGING_MS = 10_000;
const CROWD = 5;
// The breaker of an upstream: five failures, and what was under way; then one try in 5 s.
const HEADS_AT_ONCE = 5 + BOUNDS.maxInFlight;
const REST_MS = 5000;
// Data are fetched within a minute, and again after waits that double.
const FIRST_FETCH_MS = 60_000;
const FETCH_SLACK_MS = 2000;

/** A promise of the program that did not hold. */
export class BrokenPromise extends Error {}

/** A client's request for a blob. */
export interface Asking {
  readonly digest: string;
  readonly from: ClientNetwork;
  readonly address: string;
  readonly method: "GET" | "HEAD";
  /** The isolate that is asked. */
  readonly isolate: ModelIsolate;
}

/** A request that was made, and what it can expect. */
export interface Asked extends Asking {
  readonly askedMs: number;
  /** Which configuration was in use. */
  readonly variant: number;
  /** Whether a probe because of it finds a place. */
  readonly hasPlace: boolean;
  /** Whether so many probes are under way that one more may find no place at its mirror. */
  readonly isCrowded: boolean;
  /** Where its client was sent for this blob some seconds ago. */
  readonly before: SentTo | undefined;
  /** Whether there are second looks for it. */
  readonly isLookedAt: boolean;
  /** The first mirror that the isolate knows to have the blob, and those before it. */
  readonly known: readonly string[];
}

/** Where a client was sent, if it was answered, and when. */
export interface SentTo {
  readonly origin: string | undefined;
  readonly atMs: number;
  /** Which of the isolate's requests that was. */
  readonly turn: number;
  /** Whether it had asked for the same before. */
  readonly again: boolean;
}

/** What the program promises. */
export interface Promises {
  /** A server changes. */
  changes(server: ModelServer, work: (server: ModelServer) => void): void;
  /** Clients flood the program. */
  floods(): void;
  /** The configuration or the isolates change. */
  unrests(): void;
  /** A client asks. */
  asks(asking: Asking): Asked;
  /** It is answered. */
  answers(asked: Asked, response: Response): void;
  /** Something failed. */
  fail(error: unknown): void;
  /** Throws when a promise did not hold. */
  check(): void;
}

/** Watches whether a world's program keeps its promises. */
export function createPromises(world: ModelWorld): Promises {
  const { clock, network, program } = world;
  const now = clock.now;
  const beganMs = now();
  const servers = createSeenServers(now);
  const pending = new Set<Asked>();
  /** When an isolate sent a client to a mirror for a blob. */
  const sent = new WeakMap<ModelIsolate, Map<string, number>>();
  const passedOver = new WeakMap<ModelIsolate, Map<string, number>>();
  const clients = new WeakMap<ModelIsolate, Map<string, SentTo>>();
  const looks = new WeakMap<ModelIsolate, number[]>();
  const turns = new WeakMap<ModelIsolate, number>();
  let lastFloodMs = -Infinity;
  let lastUnrestMs = now();
  let askedMs: number[] = [];
  let failure: unknown;

  function serverOf(mirror: string): ModelServer {
    return network.servers.get(`http://${mirror}.example`)!;
  }

  function fail(error: unknown): void {
    failure ??= error;
  }

  function breaks(promise: string): void {
    fail(new BrokenPromise(promise));
  }

  /** Whether an isolate knows that a mirror has a blob, and the mirror has worked since. */
  function isKnown(isolate: ModelIsolate, mirror: string, digest: string): boolean {
    const server = serverOf(mirror);
    const seen = servers.of(server);
    const sentMs = sent.get(isolate)?.get(`${server.origin} ${digest}`) ?? -Infinity;
    return isTrusted(server, seen) && server.blobs.get(digest) === "whole" &&
      sentMs > seen.changedMs + UNDER_WAY_MS && sentMs > lastUnrestMs + QUEUE_MS &&
      sentMs > (world.forgottenMs.get(mirror) ?? -Infinity);
  }

  /** Whether a mirror works, as far as checks can tell. */
  function isTrusted(server: ModelServer, { lied, lost }: Seen): boolean {
    // One that fails at what it has lost may be taken for one that fails.
    return isHealthy(server) && (server.mode.kind === "works" || !lied && lost.size === 0);
  }

  function listKnown({ from, isolate, digest }: Asking): readonly string[] {
    if (from === "v" && !isTaken()) return [];
    const mirrors: readonly string[] = CONFIGS[world.variant]![from];
    const at = mirrors.findIndex((mirror) => isKnown(isolate, mirror, digest));
    return mirrors.slice(0, at + 1);
  }

  /** Whether a probe that is begun now finds a place. */
  function hasPlace(): boolean {
    const time = now();
    askedMs = askedMs.filter((atMs) => time - atMs < PROBE_MS);
    const all = [...network.servers.values()];
    const alone = askedMs.length === 0 && time - lastFloodMs > QUEUE_MS;
    const isSlow = all.some(({ latencyMs }) => latencyMs > 100);
    if (alone && !(isSlow && time - lastFloodMs < HANGING_MS)) return true;
    return askedMs.length < CROWD && time - lastFloodMs > HANGING_MS && all.every(isQuick);
  }

  function asks(asking: Asking): Asked {
    const { isolate, address, digest, method } = asking;
    const own = ownMap(clients, isolate);
    const client = `${address} ${digest}`;
    const last = own.get(client);
    const before = last !== undefined && now() - last.atMs < AGAIN_MS + 2000 ? last : undefined;
    const asked: Asked = {
      ...asking,
      askedMs: now(),
      variant: world.variant,
      hasPlace: hasPlace(),
      isCrowded: world.program.standing().probesInFlight >= CROWD,
      before,
      isLookedAt: before !== undefined && method === "GET" && noteLook(isolate),
      known: listKnown(asking),
    };
    askedMs.push(now());
    if (method === "GET") {
      const turn = (turns.get(isolate) ?? 0) + 1;
      turns.set(isolate, turn);
      own.set(client, { origin: undefined, atMs: now(), turn, again: before !== undefined });
    }
    pending.add(asked);
    return asked;
  }

  function noteLook(isolate: ModelIsolate): boolean {
    const own = looks.get(isolate) ?? [];
    looks.set(isolate, own);
    own.push(now());
    const recent = own.filter((atMs) => now() - atMs < LOOK_COUNTS_MS + LOOK_WAITS_MS);
    return own.length <= LOOKS_AT_ALL && recent.length <= LOOKS_AT_ONCE;
  }

  function answers(asked: Asked, response: Response): void {
    pending.delete(asked);
    const { digest, isolate, address, method } = asked;
    const location = response.headers.get("location");
    if (response.status !== 307 || location === null) {
      return breaks(`answered ${response.status}, not with a redirect`);
    }
    const server = network.servers.get(new URL(location).origin);
    if (server === undefined || !location.endsWith(digest)) return breaks(`sent to ${location}`);
    if (isMirror(server) && asked.from === "w") {
      return breaks("sent a client of nobody to a mirror");
    }
    if (isMirror(server)) judgeMirror(server, asked);
    judgeKnown(server, asked);
    if (now() - asked.askedMs < 1000) judgeChoice(server, asked);
    if (isMirror(server)) ownMap(sent, isolate).set(`${server.origin} ${digest}`, now());
    const own = ownMap(clients, isolate);
    const client = `${address} ${digest}`;
    if (method === "GET") {
      own.set(client, { ...own.get(client)!, origin: server.origin, atMs: now() });
    }
  }

  /** Nobody is sent for longer than the bound to a mirror that does not deliver. */
  function judgeMirror(server: ModelServer, asked: Asked): void {
    if (delivers(server, asked.digest)) return;
    const seen = servers.of(server);
    if (seen.deadSinceMs === undefined) return judgeLost(server, seen, asked);
    seen.firstWrongMs ??= now();
    const mode = JSON.stringify(server.mode);
    const dead = `${server.origin}, dead for ${now() - seen.deadSinceMs} ms (${mode})`;
    if (now() - seen.firstWrongMs > BOUND_MS) {
      breaks(`sent to ${dead}, first sent there ${now() - seen.firstWrongMs} ms ago`);
    }
    const failedMs = world.failedMs.get(server.origin) ?? Infinity;
    const isCalm = seen.workedMs > CALM_MS && now() - lastUnrestMs > BACK_MS;
    if (isCalm && failsAtOnce(server) && now() - failedMs > SUSPECTED_MS) {
      breaks(`sent to ${dead}, a probe failed there ${now() - failedMs} ms ago`);
    }
    judgeAgain(server, seen.deadSinceMs, asked);
  }

  /** Whoever asks again is not sent again to where it failed. */
  function judgeAgain(server: ModelServer, deadSinceMs: number, asked: Asked): void {
    const { before, isLookedAt, from, variant, digest } = asked;
    if (!isLookedAt || before?.origin !== server.origin) return;
    const others = CONFIGS[variant]![from].map(serverOf).filter((other) => other !== server);
    if (!others.every((other) => delivers(other, digest) && isHealthy(other))) return;
    if (asked.askedMs - deadSinceMs < LOOK_COUNTS_MS + LOOK_WAITS_MS) return;
    const sinceMs = asked.askedMs - before.atMs;
    if (sinceMs > AGAIN_MS) return;
    // One that asks again and again is noticed now and then.
    if (before.again && sinceMs < LOOK_COUNTS_MS + LOOK_WAITS_MS) return;
    // Other requests may displace a request in the table by which repeats are noticed.
    if (turns.get(asked.isolate) !== before.turn + 1) return;
    breaks(`${asked.address} was sent to ${server.origin} again, where it failed`);
  }

  /** A blob that a mirror has lost alone is asked for again behind the answer. */
  function judgeLost(server: ModelServer, seen: Seen, { digest, isolate, hasPlace }: Asked): void {
    const lost = seen.lost.get(digest);
    if (lost === undefined || server.mode.kind !== "works" || !isHealthy(server)) return;
    if (now() - seen.changedMs < Math.max(BACK_MS, BOUNDS.recheckS * 1000 + 1000)) return;
    const askedMs = lost.askedMs.get(isolate) ?? (hasPlace ? now() : undefined);
    if (askedMs === undefined) return;
    lost.askedMs.set(isolate, askedMs);
    if (now() - askedMs > 1000) {
      breaks(`sent to ${server.origin} for a blob lost ${now() - lost.sinceMs} ms ago`);
    }
  }

  /** A blob that is known at a mirror that works is delivered, whatever happens elsewhere. */
  function judgeKnown(server: ModelServer, { known, before, askedMs, digest }: Asked): void {
    if (known.length === 0) return;
    const [first] = known;
    const mirrors = known.map(serverOf);
    if (Math.max(servers.of(mirrors.at(-1)!).changedMs, lastUnrestMs) >= askedMs) return;
    const what = `for ${digest}, known at ${mirrors.at(-1)!.origin},`;
    if (known.length === 1 && server !== serverOf(first!)) {
      breaks(`${what} not sent there, but to ${server.origin}`);
    }
    if (!mirrors.includes(server)) breaks(`${what} sent to ${server.origin}`);
    const tookMs = now() - askedMs;
    if (tookMs > (before === undefined ? 0 : LOOK_WAITS_MS + PROBE_MS)) {
      breaks(`${what} answered after ${tookMs} ms`);
    }
  }

  /** Whether the data have been fetched that say where the clients of "v" are. */
  function isTaken(): boolean {
    const { last: { aws } } = world.publishing;
    return aws?.file === "more" && now() - aws.atMs > FETCH_SLACK_MS;
  }

  /** A mirror that works gets the clients that it is the first choice of. */
  function judgeChoice(server: ModelServer, asked: Asked): void {
    const { digest, from, variant, isolate, hasPlace, isCrowded } = asked;
    if (now() - lastUnrestMs < BACK_MS || variant !== world.variant || !hasPlace) return;
    const [first] = CONFIGS[variant]![from];
    if (first === undefined || from === "v" && !isTaken()) return;
    const mirror = serverOf(first);
    const seen = servers.of(mirror);
    if (server === mirror || !isTrusted(mirror, seen) || !isQuick(mirror)) return;
    if (now() - seen.changedMs < BACK_MS || mirror.blobs.get(digest) !== "whole") return;
    // A mirror of which nothing is known yet is asked behind the answer of one that has it.
    const own = ownMap(passedOver, isolate);
    const key = `${mirror.origin} ${digest} ${seen.changedMs}`;
    const sinceMs = own.get(key) ?? now();
    // One that found no place was not asked, and is the next time.
    if (!isCrowded) own.set(key, sinceMs);
    if (isMirror(server) && now() - sinceMs < 1000) return;
    breaks(`not sent to ${mirror.origin}, which works, but to ${server.origin}`);
  }

  function checkAnswered(): void {
    for (const { address, digest, askedMs, isolate } of pending) {
      if (isolate.alive && now() - askedMs > BOUNDS.timeoutMs + SLACK_MS) {
        throw new BrokenPromise(`no answer to ${address} ${digest} for ${now() - askedMs} ms`);
      }
    }
  }

  /** Data are fetched soon after the start, and soon again when they could not be taken. */
  function checkFetched(): void {
    const { last: { aws }, rounds } = world.publishing;
    if (aws?.file === "same" || aws?.file === "more") return;
    const waitMs = Math.min(REFRESH_H * 3_600_000, FIRST_FETCH_MS * 2 ** Math.max(0, rounds - 1));
    const dueMs = (aws?.atMs ?? beganMs) + waitMs + FETCH_SLACK_MS;
    if (now() > dueMs) throw new BrokenPromise(`data were to be fetched ${now() - dueMs} ms ago`);
  }

  function checkBounds(): void {
    if (world.mostProbes() > BOUNDS.maxInFlight) {
      throw new BrokenPromise(`${world.mostProbes()} probes at once`);
    }
    const { totals, probesInFlight } = program.standing();
    if (probesInFlight < 0 || probesInFlight > BOUNDS.maxInFlight) {
      throw new BrokenPromise(`${probesInFlight} probes are counted`);
    }
    const known = totals.gauge("known_found") + totals.gauge("known_missing");
    if (known > 2 * BOUNDS.maxEntries) throw new BrokenPromise(`${known} blobs are remembered`);
    const main = serverOf("main");
    const failingMs = now() - servers.of(main).changedMs;
    const heads = HEADS_AT_ONCE + BOUNDS.maxInFlight * Math.floor(failingMs / REST_MS);
    for (const { upstreamHeads } of world.serving()) {
      if (failsHeads(main) && upstreamHeads > heads) {
        throw new BrokenPromise(`${upstreamHeads} HEADs in ${failingMs} ms to a failing upstream`);
      }
    }
  }

  return {
    changes(server, work) {
      servers.change(server, work);
      world.failedMs.delete(server.origin);
      if (server === serverOf("main")) world.resetUpstreamHeads();
    },
    floods() {
      lastFloodMs = now();
    },
    unrests() {
      lastUnrestMs = now();
    },
    asks,
    answers,
    fail,
    check() {
      if (failure !== undefined) throw failure;
      checkAnswered();
      checkBounds();
      checkFetched();
      const errors = world.told.filter((line) => line.includes(": onFailed "));
      if (errors.length > 0) throw new BrokenPromise(errors.join("\n"));
    },
  };
}

function ownMap<Value>(
  maps: WeakMap<ModelIsolate, Map<string, Value>>,
  isolate: ModelIsolate,
): Map<string, Value> {
  let own = maps.get(isolate);
  if (own === undefined) maps.set(isolate, own = new Map());
  return own;
}

function isMirror({ origin }: ModelServer): boolean {
  return origin !== "http://main.example" && origin !== "http://sig.example";
}

/** Whether a server works, and holds no probe for long. */
function isQuick(server: ModelServer): boolean {
  return isHealthy(server) && server.mode.kind !== "hangs_unknown";
}

/** Whether every request to a server fails, and soon. */
function failsAtOnce({ mode, latencyMs }: ModelServer): boolean {
  const fails = mode.kind === "refuses" ||
    mode.kind === "status" && mode.method === "all" && mode.status >= 500;
  return fails && latencyMs <= 100;
}

/** Whether HEAD requests to an upstream fail. */
function failsHeads({ mode }: ModelServer): boolean {
  if (mode.kind === "refuses") return true;
  if (mode.kind !== "status" && mode.kind !== "hangs" || mode.method === "GET") return false;
  return mode.kind === "hangs" || mode.status >= 400 && mode.status !== 404;
}
