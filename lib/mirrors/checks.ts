/**
 * Checks: every few seconds a HEAD request to each mirror that clients are sent to, for
 * a blob that it had. So a mirror that has failed is noticed though all its blobs are
 * remembered as found, and one that is back is used again.
 *
 * No library for circuit breakers is used: they guard one function in one isolate, and
 * what is known of a mirror here is shared by all of them.
 *
 * @module
 */

import type { Board } from "./board.ts";
import { type HeadAnswer, isFailure } from "./presence.ts";

/** A mirror to check. */
export interface CheckedMirror {
  /** Its number on the board. */
  readonly number: number;
  /** Its name in the configuration. */
  readonly name: string;
  /** Its base URL. */
  readonly url: string;
}

/** A blob to ask a mirror for. */
export interface Sample {
  /** Its digest. */
  readonly digest: string;
  /** Whether the mirror had it when it was last asked. */
  readonly found: boolean;
}

/** What checks need. */
export interface ChecksOptions {
  /** Which mirrors are down; the same board as that of those who send clients there. */
  readonly board: Board;
  /** Sends a HEAD request that may take so many milliseconds. Never rejected. */
  readonly head: (url: string, timeoutMs: number) => Promise<HeadAnswer>;
  /** What to ask a mirror for, by its number; those of which none is known are not asked. */
  readonly samples: Map<number, Sample>;
  /** How long to wait from one check of a mirror to the next, in milliseconds. */
  readonly intervalMs: number;
  /** The longest wait between checks of a mirror that is down, in milliseconds. */
  readonly maxIntervalMs: number;
  /** Waits, in milliseconds. */
  readonly wait: (ms: number) => Promise<void>;
  /** Gives a number from 0 to below 1. */
  readonly random: () => number;
  /** Told of each check. */
  readonly told: ChecksLog;
}

/** What checks tell of. */
export interface ChecksLog {
  /** A check took a mirror down. */
  readonly down: (mirror: CheckedMirror, answer: HeadAnswer) => void;
  /** A check brought a mirror up. */
  readonly up: (mirror: CheckedMirror) => void;
  /** A mirror no longer has a blob that it had. */
  readonly lost: (mirror: CheckedMirror, digest: string) => void;
}

/**
 * What to ask a mirror for of which no blob is known that it had: the blob of no bytes.
 * Any answer that is no failure is a good one.
 */
export const ANY_SAMPLE: Sample = {
  digest: "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  found: false,
};

// A mirror that hangs is to be noticed within `down_after` intervals of its last good
// check: the wait for the first check that fails, and for each an answer that does not
// come in a third of an interval, and a twelfth to the next; for two checks 1.75 intervals.
const TIMEOUT_SHARE = 1 / 3;
const CONFIRM_SHARE = 1 / 12;
// Servers that were started together do not check together for long.
const JITTER = 0.25;

/**
 * Checks a mirror for as long as `isStopped` says that it should.
 *
 * While it is down, each failed check doubles the wait to the next. When it is up, each
 * good one halves that again, so one that goes up and down is soon left alone.
 */
export async function checkMirror(
  mirror: CheckedMirror,
  options: ChecksOptions,
  isStopped: () => boolean,
): Promise<void> {
  const { board, head, samples, intervalMs, maxIntervalMs, wait, random, told } = options;
  const { number } = mirror;
  let doublings = 0;
  let waitMs = random() * intervalMs;
  for (;;) {
    await wait(waitMs * (1 - JITTER * random()));
    if (isStopped()) return;
    waitMs = intervalMs;
    const sample = samples.get(number);
    if (sample === undefined) continue;
    const answer = await head(`${mirror.url}/${sample.digest}`, intervalMs * TIMEOUT_SHARE);
    if (isStopped()) return;
    if (answer === "unsent") continue;
    if (isFailure(answer)) {
      // It may be the blob: a mirror that works must not stay down for one that it fails at.
      if (board.isDown(number)) samples.set(number, ANY_SAMPLE);
      if (board.failed(number)) told.down(mirror, answer);
      // No more than it takes to the longest wait, or they would take as long to undo.
      else if (board.isDown(number) && intervalMs * 2 ** doublings < maxIntervalMs) doublings++;
      waitMs = board.isDown(number)
        ? Math.max(intervalMs, Math.min(maxIntervalMs, intervalMs * 2 ** doublings))
        : intervalMs * CONFIRM_SHARE;
      continue;
    }
    if (sample.found && isGone(answer)) {
      // It is still asked for: without it, a mirror that is down would never come up.
      samples.set(number, { digest: sample.digest, found: false });
      board.forget(number);
      told.lost(mirror, sample.digest);
    }
    if (board.checkedWell(number)) told.up(mirror);
    else if (!board.isDown(number)) doublings = Math.max(0, doublings - 1);
  }
}

// S3 says 403 for what is not there to those who may not list the bucket.
function isGone(answer: HeadAnswer): boolean {
  return answer === 404 || answer === 403 || answer === 410;
}
