/**
 * A mirror under checks, for tests: its clock is virtual, and it does what it is told.
 *
 * @module
 */

import { EMPTY_DIGEST } from "../../lib/mirrors/answer.ts";
import { createAsker } from "../../lib/mirrors/asker.ts";
import { createBoard, createBoardMemory } from "../../lib/mirrors/board.ts";
import { createChecker } from "../../lib/mirrors/check.ts";
import { createSamples } from "../../lib/mirrors/samples.ts";
import { createSleeper } from "../../lib/mirrors/sleeper.ts";
import { checkTimeoutMs, type Health, watchMirror } from "../../lib/mirrors/watch.ts";
import { createFakeServers, type Reply, type Sent } from "./fake_servers.ts";
import { createVirtualClock, settle } from "./virtual_clock.ts";

/** How a mirror is checked; the defaults have round twelfths. */
export interface StandOptions extends Partial<Health> {
  /** How long the mirror takes to answer, when it does not hang. */
  readonly latencyMs?: number;
  /** What it does with a request for a blob that is no unknown one; by default it has all. */
  readonly behaviour?: (nowMs: number, sent: Sent) => Reply;
  /** What it does with a request for a blob that nobody has. */
  readonly unknown?: (nowMs: number) => Reply;
  readonly random?: () => number;
  /** The blobs that clients were lately sent to it for. */
  readonly known?: readonly string[];
}

/** What was told of a mirror. */
export interface Told {
  readonly atMs: number;
  readonly what: "down" | "up" | "lost" | "forgotten";
  /** Why it is down, how long it was, or what it has lost. */
  readonly detail: string | number | readonly string[];
}

export const BEGUN_MS = 1_800_000_000_000;
/** The mirror's number on the board. */
export const NUMBER = 5;
export const MIRROR = {
  number: NUMBER,
  name: "near",
  url: "https://near.example/blobs",
  fallbackLimit: Infinity,
};
export const DIGEST = `sha256:${"a".repeat(64)}`;

/** A digest for each number. */
export function digestOf(at: number): string {
  return `sha256:${String(at).padStart(64, "c")}`;
}

/** Begins to check a mirror. Whoever does has it stopped. */
export function createStand(options: StandOptions = {}) {
  const { intervalMs = 1200, maxIntervalMs = 9600, downAfter = 3, upAfter = 2 } = options;
  const { latencyMs = 0, behaviour = () => 206, unknown = () => 404 } = options;
  const { random = () => 0, known = [DIGEST] } = options;
  const health = { intervalMs, maxIntervalMs, downAfter, upAfter };
  const clock = createVirtualClock(BEGUN_MS);
  const nowMs = () => clock.now() - BEGUN_MS;
  const board = createBoard(createBoardMemory());
  const samples = createSamples();
  known.forEach(samples.add);
  const told: Told[] = [];
  const everKnown = new Set([...known, EMPTY_DIGEST]);

  const digestIn = (url: string) => url.slice(MIRROR.url.length + 1);
  const isKnown = (url: string) =>
    everKnown.has(digestIn(url)) || samples.list().includes(digestIn(url));
  const servers = createFakeServers(
    clock,
    (sent) => isKnown(sent.url) ? behaviour(nowMs(), sent) : unknown(nowMs()),
    { latencyMs },
  );
  const sleeper = createSleeper(clock.later);
  const asker = createAsker({
    ...servers,
    later: clock.later,
    stop: new AbortController().signal,
  });
  const asked = () =>
    servers.sent.map(({ atMs, method, url }) => ({
      atMs: atMs - BEGUN_MS,
      method,
      digest: digestIn(url),
    }));
  const askedForKnown = () => asked().filter(({ digest }) => everKnown.has(digest));
  let checks = 0;
  const note = (what: Told["what"], detail: Told["detail"]) =>
    void told.push({ atMs: nowMs(), what, detail });
  const ended = watchMirror(MIRROR, {
    board,
    checker: createChecker({ asker, random: Math.random, now: clock.now }),
    samples,
    health,
    sleeper,
    now: clock.now,
    random,
    log: {
      onDown: (_, reason) => note("down", reason),
      onUp: (_, downMs) => note("up", downMs),
      onLost: (_, digest) => note("lost", digest),
      onForgotten: (_, lost) => note("forgotten", lost),
      onChecked: () => void checks++,
    },
  });

  return {
    clock,
    board,
    samples,
    sleeper,
    /** The requests that were sent. */
    asked,
    told,
    what: () => told.map(({ what }) => what),
    timeoutMs: checkTimeoutMs(health),
    isDown: () => board.isDown(NUMBER),
    goTo: (ms: number) => clock.goTo(BEGUN_MS + ms),
    nowMs,
    checks: () => checks,
    /** The requests for blobs that it had. */
    askedForKnown,
    /** The waits from each time at which it was asked for these to the next. */
    gapsMs(): number[] {
      const times = [...new Set(askedForKnown().map(({ atMs }) => atMs))];
      return times.slice(1).map((atMs, at) => atMs - times[at]!);
    },
    /** Has the next check made, whenever that is. */
    async check(): Promise<void> {
      const before = checks;
      while (checks === before) await clock.toNext();
    },
    /** Has it stopped, and waits until that is done. */
    async end(): Promise<void> {
      sleeper.stop();
      while (clock.waiting > 0) await clock.toNext();
      await settle();
      await ended;
    },
  };
}
