/**
 * A clock for tests: it stands still until it is told to go on.
 *
 * @module
 */

import type { Later } from "../../lib/mirrors/time.ts";

/** A clock that is told what time it is. */
export interface VirtualClock {
  /** The time in milliseconds. */
  readonly now: () => number;
  /** Waits by this clock, in milliseconds. */
  readonly wait: (ms: number) => Promise<void>;
  /** Calls back by this clock. */
  readonly later: Later;
  /** Goes on to a time, and wakes whoever waits until then, one after another. */
  goTo(ms: number): Promise<void>;
  /** Goes on for so many milliseconds. */
  pass(ms: number): Promise<void>;
  /** Goes on to when the next of those who wait is to wake, if anybody waits. */
  toNext(): Promise<void>;
  /** How many wait. */
  readonly waiting: number;
}

// More than any chain of promises that a single event sets off.
const TURNS = 60;

/** Lets everything go on that waits for nothing but its turn. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await undefined;
}

interface Waiting {
  readonly untilMs: number;
  readonly wake: () => void;
}

/** Makes a clock that shows `startMs`. */
export function createVirtualClock(startMs = 0): VirtualClock {
  let nowMs = startMs;
  const waiting = new Set<Waiting>();

  function next(): Waiting | undefined {
    let first: Waiting | undefined;
    for (const one of waiting) if (first === undefined || one.untilMs < first.untilMs) first = one;
    return first;
  }

  const later: Later = (ms, wake) => {
    const one = { untilMs: nowMs + ms, wake };
    waiting.add(one);
    return () => void waiting.delete(one);
  };

  async function goTo(ms: number): Promise<void> {
    await settle();
    for (let one = next(); one !== undefined && one.untilMs <= ms; one = next()) {
      waiting.delete(one);
      nowMs = Math.max(nowMs, one.untilMs);
      one.wake();
      await settle();
    }
    nowMs = ms;
  }

  return {
    now: () => nowMs,
    wait: (ms) => new Promise((wake) => void later(ms, wake)),
    later,
    goTo,
    pass: (ms) => goTo(nowMs + ms),
    async toNext() {
      await settle();
      const one = next();
      if (one !== undefined) await goTo(Math.max(nowMs, one.untilMs));
    },
    get waiting() {
      return waiting.size;
    },
  };
}
