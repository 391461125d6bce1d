/**
 * A clock for tests: it stands still until it is told to go on.
 *
 * @module
 */

/** A clock that is told what time it is. */
export interface VirtualClock {
  /** The time in milliseconds. */
  readonly now: () => number;
  /** Waits by this clock, in milliseconds. */
  readonly wait: (ms: number) => Promise<void>;
  /** Goes on to a time, and wakes whoever waits until then, one after another. */
  goTo(ms: number): Promise<void>;
  /** Goes on for so many milliseconds. */
  pass(ms: number): Promise<void>;
  /** Goes on to when the next of those who wait is to wake. */
  toNext(): Promise<void>;
  /** How many wait. */
  readonly waiting: number;
}

// More than any chain of promises that a single event sets off.
const TURNS = 25;

/** Lets everything go on that waits for nothing but its turn. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await undefined;
}

/** Makes a clock that shows 0. */
export function createVirtualClock(): VirtualClock {
  let nowMs = 0;
  let waiting: { readonly untilMs: number; readonly wake: () => void }[] = [];

  function takeNext(ms: number) {
    const due = waiting.filter(({ untilMs }) => untilMs <= ms);
    const next = due.toSorted((a, b) => a.untilMs - b.untilMs)[0];
    waiting = waiting.filter((one) => one !== next);
    return next;
  }

  async function goTo(ms: number): Promise<void> {
    await settle();
    for (let next = takeNext(ms); next !== undefined; next = takeNext(ms)) {
      nowMs = Math.max(nowMs, next.untilMs);
      next.wake();
      await settle();
    }
    nowMs = ms;
  }

  return {
    now: () => nowMs,
    wait: (ms) =>
      new Promise((wake) => {
        waiting.push({ untilMs: nowMs + ms, wake });
      }),
    goTo,
    pass: (ms) => goTo(nowMs + ms),
    async toNext() {
      await settle();
      await goTo(Math.max(nowMs, Math.min(...waiting.map(({ untilMs }) => untilMs))));
    },
    get waiting() {
      return waiting.length;
    },
  };
}
