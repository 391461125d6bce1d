/**
 * Clocks and timers, which are passed in, and what is built on them.
 *
 * @module
 */

/**
 * Calls a function after some milliseconds, at once when they are 0 or less. The function that
 * it returns prevents that.
 */
export type Later = (ms: number, work: () => void) => () => void;

/** What a redirector needs from its platform. */
export interface World {
  /** Sends a request, like the platform's `fetch`. */
  readonly fetch: typeof fetch;
  /** The same, on a new connection; the platform's `fetch` where that is not possible. */
  readonly fetchAnew: typeof fetch;
  /**
   * The time in milliseconds since 1970, of a monotonic clock. It is the same in every isolate,
   * except for corrections of the system's clock between their starts.
   */
  readonly now: () => number;
  /** The time of day in milliseconds since 1970. */
  readonly timeOfDay: () => number;
  /** Runs timers. */
  readonly later: Later;
  /** Returns a random number in [0, 1). */
  readonly random: () => number;
  /** Whether the platform compresses answers, unless they are said to be left as they are. */
  readonly compresses?: boolean;
}

/** Makes a function that resolves after some milliseconds. */
export function createWait(later: Later): (ms: number) => Promise<void> {
  return (ms) => new Promise((resolve) => void later(ms, resolve));
}

/** Resolves like `work`, or with `undefined` after some milliseconds. */
export type Within = <T>(ms: number, work: Promise<T>) => Promise<T | undefined>;

/** Makes a function that waits for a promise, up to a limit. */
export function createWithin(later: Later): Within {
  return async (ms, work) => {
    let cancel = () => {};
    const late = new Promise<undefined>((resolve) => {
      cancel = later(ms, () => resolve(undefined));
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      cancel();
    }
  };
}

/**
 * Makes a clock that reads another one at most once in `resolutionMs`: a reading costs more
 * than the rest of a request for a known blob. Its timer runs only after a reading, so an
 * idle server sleeps.
 *
 * @returns a function that gives the time, up to `resolutionMs` late
 */
export function createCoarseClock(
  now: () => number,
  later: Later,
  resolutionMs: number,
): () => number {
  let time: number | undefined;
  const forget = () => {
    time = undefined;
  };
  return () => {
    if (time !== undefined) return time;
    later(resolutionMs, forget);
    return time = now();
  };
}
