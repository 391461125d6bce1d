/**
 * A sleep that can be cut short, and stopped for good.
 *
 * @module
 */

import type { Later } from "./time.ts";

/** Sleeps, and can be woken. */
export interface Sleeper {
  /**
   * Sleeps for some milliseconds, or until woken, but at least for `leastMs`. A call of `wake`
   * before it sleeps counts.
   *
   * @returns whether it was woken
   */
  sleep(ms: number, leastMs?: number): Promise<boolean>;
  /** Wakes the sleeper. */
  wake(): void;
  /** Ends this sleep and all later ones. */
  stop(): void;
  /** Whether it is stopped. */
  isStopped(): boolean;
}

/** Makes a sleeper. */
export function createSleeper(later: Later): Sleeper {
  let stopped = false;
  let woken = false;
  let onWake = () => {};
  let onStop = () => {};

  return {
    async sleep(ms, leastMs = 0) {
      if (stopped) return false;
      let resolve = () => {};
      const risen = new Promise<void>((rise) => resolve = rise);
      let rested = leastMs <= 0;
      onStop = resolve;
      onWake = () => rested && resolve();
      const cancelRest = later(leastMs, () => {
        rested = true;
        if (woken) resolve();
      });
      const cancelSleep = later(ms, resolve);
      if (woken) onWake();
      await risen;
      cancelRest();
      cancelSleep();
      const wasWoken = woken;
      woken = false;
      return wasWoken;
    },
    wake() {
      woken = true;
      onWake();
    },
    stop() {
      stopped = true;
      onStop();
    },
    isStopped: () => stopped,
  };
}
