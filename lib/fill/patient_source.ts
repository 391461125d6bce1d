/**
 * A source that is asked within the limits of its host, and again where it failed.
 *
 * @module
 */

import type { Later } from "../mirrors/time.ts";
import { createPause, type Limits } from "./limits.ts";
import type { Listed, Source } from "./source.ts";

/** What a patient source needs. */
export interface PatienceOptions {
  /** The limits. */
  readonly limits: Limits;
  /** Runs timers. */
  readonly later: Later;
  /** Returns a random number in [0, 1). */
  readonly random: () => number;
}

const MOST_TRIES = 4;
const RETRY_MS = 1000;

/**
 * Makes a source patient. A blob is opened once a call, and takes no place of its own, because
 * a copy has one already.
 */
export function createPatientSource(source: Source, options: PatienceOptions): Source {
  const { limits, later, random } = options;
  const { host } = source;
  const pause = createPause(later);

  async function once<Value>(
    ask: () => Promise<Listed<Value>>,
    signal: AbortSignal,
  ): Promise<Listed<Value>> {
    const leave = await limits.enter([host], signal);
    try {
      await limits.turn(host, signal);
      return await ask();
    } finally {
      leave();
    }
  }

  async function patiently<Value>(
    ask: () => Promise<Listed<Value>>,
    signal: AbortSignal,
  ): Promise<Listed<Value>> {
    for (let tries = 1;; tries++) {
      const answer = await once(ask, signal);
      if (answer.kind !== "failed") return answer;
      if (answer.retryAfterMs !== undefined) limits.pause(host, answer.retryAfterMs);
      if (answer.lasting || tries === MOST_TRIES) return answer;
      await pause(RETRY_MS * 2 ** (tries - 1) * (0.5 + random()), signal);
    }
  }

  return {
    host,
    repositories: (signal) => patiently(() => source.repositories(signal), signal),
    tags: (name, signal) => patiently(() => source.tags(name, signal), signal),
    digestOf: (name, tag, signal) => patiently(() => source.digestOf(name, tag, signal), signal),
    manifest: (name, reference, signal) =>
      patiently(() => source.manifest(name, reference, signal), signal),
    referrers: (name, digest, signal) =>
      patiently(() => source.referrers(name, digest, signal), signal),
    async blob(name, digest, from, signal) {
      await limits.turn(host, signal);
      return await source.blob(name, digest, from, signal);
    },
  };
}
