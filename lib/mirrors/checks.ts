/**
 * The checks of all mirrors. The main isolate makes them for all isolates.
 *
 * @module
 */

import type { Mirror } from "../routing/policy.ts";
import type { Later } from "./time.ts";
import type { Board } from "./board.ts";
import type { Checked, Checker } from "./check.ts";
import { createSamples, type Samples } from "./samples.ts";
import { createSleeper, type Sleeper } from "./sleeper.ts";
import { type Health, type WatchLog, watchMirror } from "./watch.ts";

/** What the checks need. */
export interface ChecksOptions {
  /** Where it is recorded which mirrors are down. */
  readonly board: Board;
  /** Checks a mirror. */
  readonly checker: Checker;
  /** Runs the pauses. */
  readonly later: Later;
  /** The time in milliseconds, of any monotonic clock. */
  readonly now: () => number;
  /** The time in whole seconds, the same in every isolate. */
  readonly nowS: () => number;
  /** Returns a random number in [0, 1). */
  readonly random: () => number;
  /** Notified of the results. */
  readonly log: ChecksLog;
}

/** Notified of the results of checks. */
export interface ChecksLog extends WatchLog {
  /** Called with an unexpected error. */
  readonly onError: (error: unknown) => void;
}

/** The checks of all mirrors. */
export interface Checks {
  /** Checks these mirrors, and no others, from now on. */
  restart(mirrors: readonly Mirror[], health: Health): void;
  /** Stops all checks for good. */
  stop(): void;
  /** Adds a sample: the key of a blob that a mirror, given by its number, has. */
  addSample(mirror: number, key: string): void;
  /** Schedules an early check of a mirror, given by its number. */
  suspect(mirror: number): void;
  /** The last check of a mirror, given by its number. */
  last(mirror: number): LastCheck | undefined;
}

/** The last check of a mirror. */
export interface LastCheck extends Checked {
  /** When it ended, in whole seconds. */
  readonly atS: number;
}

interface Watched {
  readonly mirror: Mirror;
  readonly health: Health;
  readonly samples: Samples;
  readonly sleeper: Sleeper;
  last: LastCheck | undefined;
}

/** Makes checks; none begins before {@linkcode Checks.restart}. */
export function createChecks(options: ChecksOptions): Checks {
  const { later, log, nowS } = options;
  const watched = new Map<number, Watched>();
  let stopped = false;

  function watch(mirror: Mirror, health: Health, before: Watched | undefined): void {
    // A mirror that stays configured keeps its samples and its last check.
    const same = before?.mirror.url === mirror.url;
    const one: Watched = {
      mirror,
      health,
      samples: same ? before.samples : createSamples(),
      sleeper: createSleeper(later),
      last: same ? before.last : undefined,
    };
    watched.set(mirror.number, one);
    watchMirror(mirror, {
      ...options,
      ...one,
      log: {
        ...log,
        onChecked(mirror, checked) {
          one.last = { ...checked, atS: nowS() };
          log.onChecked(mirror, checked);
        },
      },
    }).catch(log.onError);
  }

  return {
    restart(mirrors, health) {
      if (stopped) return;
      const before = new Map(watched);
      watched.clear();
      for (const mirror of mirrors) {
        const held = before.get(mirror.number);
        if (held !== undefined && isSame(held, mirror, health)) watched.set(mirror.number, held);
        else watch(mirror, health, held);
      }
      for (const one of before.values()) {
        if (watched.get(one.mirror.number) !== one) one.sleeper.stop();
      }
    },
    stop() {
      stopped = true;
      for (const { sleeper } of watched.values()) sleeper.stop();
    },
    addSample: (mirror, key) => watched.get(mirror)?.samples.add(key),
    suspect: (mirror) => watched.get(mirror)?.sleeper.wake(),
    last: (mirror) => watched.get(mirror)?.last,
  };
}

function isSame(watched: Watched, mirror: Mirror, health: Health): boolean {
  return watched.mirror.url === mirror.url && watched.mirror.name === mirror.name &&
    JSON.stringify(watched.health) === JSON.stringify(health);
}
