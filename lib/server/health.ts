/**
 * The checks of all mirrors, which the main isolate makes for all.
 *
 * @module
 */

import { type CheckedMirror, checkMirror } from "../mirrors/checks.ts";
import type { HeadAnswer } from "../mirrors/presence.ts";
import { createHead, type HeadOptions } from "./head.ts";
import type { Shared } from "./shared.ts";

/** What checks of all mirrors need. */
export interface HealthOptions extends HeadOptions {
  /** What is in use. */
  readonly shared: Shared;
  /** Waits, in milliseconds. */
  readonly wait: (ms: number) => Promise<void>;
  /** Gives a number from 0 to below 1. */
  readonly random: () => number;
  /** Where it is told what checks found. */
  readonly log: HealthLog;
}

/** What the checks tell of. */
export interface HealthLog {
  /** A mirror is down; `answer` is the last that it gave. */
  readonly mirrorDown: (mirror: string, answer: HeadAnswer) => void;
  /** A mirror is up again. */
  readonly mirrorUp: (mirror: string) => void;
  /** A mirror no longer has a blob that it had, so it is asked anew for all. */
  readonly mirrorLost: (mirror: string, digest: string) => void;
  /** Something went wrong that should not. */
  readonly failed: (error: unknown) => void;
}

/** The checks of all mirrors. */
export interface Checks {
  /** Checks the mirrors of the setup that is in use, and no others any more. */
  restart(): void;
  /** Checks no more, whatever is restarted later. */
  stop(): void;
}

/** Makes checks, none of which is begun. */
export function createChecks(options: HealthOptions): Checks {
  let stopChecks = () => {};
  let ended = false;
  return {
    restart() {
      stopChecks();
      if (!ended) stopChecks = startChecks(options);
    },
    stop() {
      ended = true;
      stopChecks();
    },
  };
}

function startChecks(options: HealthOptions): () => void {
  const { shared, log } = options;
  const { mirrors, config: { health } } = shared.setup;
  const head = createHead(options);
  let stopped = false;
  for (const number of mirrors) {
    checkMirror(shared.roster.mirrors[number]!, {
      ...options,
      head,
      board: shared.board(),
      samples: shared.samples,
      intervalMs: health.interval_ms,
      maxIntervalMs: health.max_interval_ms,
      told: {
        down: ({ name }: CheckedMirror, answer) => log.mirrorDown(name, answer),
        up: ({ name }) => log.mirrorUp(name),
        lost: ({ name }, digest) => log.mirrorLost(name, digest),
      },
    }, () => stopped).catch(log.failed);
  }
  return () => void (stopped = true);
}
