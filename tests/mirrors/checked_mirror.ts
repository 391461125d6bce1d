/**
 * A mirror under checks, for tests: its clock is virtual, and it does what it is told.
 *
 * @module
 */

import { createBoard, createBoardMemory, type Thresholds } from "../../lib/mirrors/board.ts";
import { checkMirror, type Sample } from "../../lib/mirrors/checks.ts";
import type { HeadAnswer } from "../../lib/mirrors/presence.ts";
import { createVirtualClock, settle } from "./virtual_clock.ts";

/** What a mirror does: answers at once, or not at all. */
export type Behaviour = HeadAnswer | "hangs";

/** How a mirror is checked; the defaults have round thirds and twelfths. */
export interface StandOptions extends Partial<Thresholds> {
  readonly intervalMs?: number;
  readonly maxIntervalMs?: number;
  /** How long the mirror takes to answer, when it does not hang. */
  readonly latencyMs?: number;
  /** What it does at a time; by default it has every blob. */
  readonly behaviour?: (nowMs: number, url: string) => Behaviour;
  readonly random?: () => number;
  /** What the mirror is asked for at first; `null` when nothing is known of it. */
  readonly sample?: Sample | null;
}

/** What was told of a mirror. */
export type Told =
  & { readonly atMs: number }
  & (
    | { readonly what: "down"; readonly answer: HeadAnswer }
    | { readonly what: "up" }
    | { readonly what: "lost"; readonly digest: string }
  );

/** The mirror's number on the board. */
export const NUMBER = 5;
export const MIRROR = { number: NUMBER, name: "near", url: "https://near.example/blobs" };
export const DIGEST = `sha256:${"a".repeat(64)}`;

/** Begins to check a mirror. Whoever does has it stopped. */
export function createStand(options: StandOptions = {}) {
  const { intervalMs = 1200, maxIntervalMs = 9600, downAfter = 3, upAfter = 2 } = options;
  const { latencyMs = 0, behaviour = () => 200, random = () => 0 } = options;
  const { sample = { digest: DIGEST, found: true } } = options;
  const clock = createVirtualClock();
  const board = createBoard(createBoardMemory(), { downAfter, upAfter });
  const samples = new Map<number, Sample>();
  if (sample !== null) samples.set(NUMBER, sample);
  const asked: { readonly atMs: number; readonly url: string; readonly timeoutMs: number }[] = [];
  const told: Told[] = [];
  let stopped = false;

  async function head(url: string, timeoutMs: number): Promise<HeadAnswer> {
    const beganMs = clock.now();
    asked.push({ atMs: beganMs, url, timeoutMs });
    const answersInTime = latencyMs < timeoutMs && behaviour(beganMs, url) !== "hangs";
    if (latencyMs > 0) await clock.wait(Math.min(latencyMs, timeoutMs));
    // One that fails while it is asked does not answer any more.
    const answer = behaviour(clock.now(), url);
    if (answersInTime && answer !== "hangs") return answer;
    await clock.wait(beganMs + timeoutMs - clock.now());
    return "failed";
  }

  const ended = checkMirror(MIRROR, {
    board,
    head,
    samples,
    intervalMs,
    maxIntervalMs,
    wait: clock.wait,
    random,
    told: {
      down: (_, answer) => told.push({ atMs: clock.now(), what: "down", answer }),
      up: () => told.push({ atMs: clock.now(), what: "up" }),
      lost: (_, digest) => told.push({ atMs: clock.now(), what: "lost", digest }),
    },
  }, () => stopped);

  return {
    clock,
    board,
    samples,
    asked,
    told,
    isDown: () => board.isDown(NUMBER),
    /** The waits from each check to the next. */
    gapsMs: () => asked.slice(1).map(({ atMs }, at) => atMs - asked[at]!.atMs),
    /** Has the next check made, whenever that is. */
    async check(): Promise<void> {
      const before = asked.length;
      while (asked.length === before) await clock.toNext();
    },
    /** Has it not checked again. */
    stop: () => void (stopped = true),
    /** Has it stopped, and waits until that is done. */
    async end(): Promise<void> {
      stopped = true;
      while (clock.waiting > 0) await clock.toNext();
      await settle();
      await ended;
    },
  };
}
