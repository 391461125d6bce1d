/**
 * Runs the checks of mirrors, in the main isolate, for all isolates.
 *
 * @module
 */

import type { HealthConfig } from "../config/config.ts";
import { createAsker } from "../mirrors/asker.ts";
import type { Board } from "../mirrors/board.ts";
import { createChecker } from "../mirrors/check.ts";
import { type Checks, type ChecksLog, createChecks } from "../mirrors/checks.ts";
import type { World } from "../mirrors/time.ts";
import type { Health } from "../mirrors/watch.ts";

/** Notified of changes of mirrors. */
export interface MirrorsLog extends Omit<ChecksLog, "onChecked" | "onError"> {
  /** Called with an unexpected error. */
  readonly onFailed: (error: unknown) => void;
}

/** What the checks need. */
export interface MirrorChecksOptions extends World {
  /** Where it is recorded which mirrors are down. */
  readonly board: Board;
  /** Notified of the results. */
  readonly log: MirrorsLog;
  /** Makes every isolate forget a blob that a mirror, given by its number, has lost. */
  readonly forget: (mirror: number, digest: string) => void;
  /** Once it is aborted, checks end without an answer. */
  readonly stop?: AbortSignal;
}

/** Makes the checks. None begins before `restart`. */
export function openMirrorChecks(options: MirrorChecksOptions): Checks {
  const { log, stop = new AbortController().signal } = options;
  const asker = createAsker({ ...options, stop });
  return createChecks({
    ...options,
    checker: createChecker({ ...options, asker }),
    nowS: () => Math.floor(options.timeOfDay() / 1000),
    log: {
      ...log,
      onLost(mirror, digest) {
        log.onLost(mirror, digest);
        options.forget(mirror.number, digest);
      },
      onChecked() {},
      onError: log.onFailed,
    },
  });
}

/** The configuration of checks, with times in milliseconds. */
export function healthOf(
  { interval_ms, max_interval_ms, down_after, up_after }: HealthConfig,
): Health {
  return {
    intervalMs: interval_ms,
    maxIntervalMs: max_interval_ms,
    downAfter: down_after,
    upAfter: up_after,
  };
}
