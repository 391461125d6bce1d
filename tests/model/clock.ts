/**
 * A clock for the model of the world: timers of {@linkcode Later}, which go off when it is
 * told to go on.
 *
 * @module
 */

import type { Later } from "../../lib/mirrors/time.ts";

/** A clock that is told what time it is. */
export interface ModelClock {
  /** The time in milliseconds since 1970. */
  now(): number;
  /** Runs timers by this clock. */
  readonly later: Later;
  /** Goes on for so many milliseconds; timers go off one after another. */
  pass(ms: number): Promise<void>;
  /** Lets all promises go on that wait for nothing but their turn. */
  settle(): Promise<void>;
  /** Something is about to be hashed, which the runtime does in its own time. */
  expectHash(): void;
}

interface Timer {
  readonly atMs: number;
  readonly order: number;
  readonly work: () => void;
}

// 2026-11-25, so that seconds fit where the program holds them.
const START_MS = 1_795_564_800_000;

// More than any chain of promises that a single event sets off. A message to oneself would not
// do: the runtime may deliver it before such a chain is at its end.
const TURNS = 300;

async function takeTurns(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await undefined;
}

const HASHES = 3;
// Far more than what is hashed before it, so that it takes longer.
const MUCH = new Uint8Array(256 * 1024);

/** Waits until what was to be hashed before is hashed. */
async function awaitHashes(): Promise<void> {
  for (let hash = 0; hash < HASHES; hash++) {
    await crypto.subtle.digest("SHA-256", MUCH);
    await new Promise((resolve) => setTimeout(resolve));
  }
}

/** Makes a clock. */
export function createModelClock(): ModelClock {
  const timers = new Set<Timer>();
  let nowMs = START_MS;
  let order = 0;
  let hashes = false;

  async function settle(): Promise<void> {
    await takeTurns();
    while (hashes) {
      hashes = false;
      await awaitHashes();
      await takeTurns();
    }
  }

  function next(untilMs: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of timers) {
      if (timer.atMs > untilMs) continue;
      if (
        first === undefined || timer.atMs < first.atMs ||
        timer.atMs === first.atMs && timer.order < first.order
      ) first = timer;
    }
    return first;
  }

  return {
    now: () => nowMs,
    later(ms, work) {
      const timer = { atMs: nowMs + Math.max(0, ms), order: order++, work };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    async pass(ms) {
      const untilMs = nowMs + ms;
      await settle();
      for (let timer = next(untilMs); timer !== undefined; timer = next(untilMs)) {
        nowMs = Math.max(nowMs, timer.atMs);
        timers.delete(timer);
        timer.work();
        await settle();
      }
      nowMs = untilMs;
    },
    settle,
    expectHash: () => void (hashes = true),
  };
}
