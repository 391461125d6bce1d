/**
 * Watches a mirror: checks it at intervals, and early when something makes it suspect. Only
 * checks decide whether a mirror is down. A probe is for a blob that a client chose, so its
 * result applies to that blob alone.
 *
 * This uses no circuit breaker library: those guard a function in one isolate, while the
 * state of a mirror is shared by all isolates.
 *
 * @module
 */

import type { Mirror } from "../routing/policy.ts";
import type { Board, Thresholds } from "./board.ts";
import type { Checked, Checker } from "./check.ts";
import type { Samples } from "./samples.ts";
import type { Sleeper } from "./sleeper.ts";

/** What watching a mirror needs. */
export interface WatchOptions {
  /** Where it is recorded whether the mirror is down. */
  readonly board: Board;
  /** Checks it. */
  readonly checker: Checker;
  /** The blobs to check it with. */
  readonly samples: Samples;
  /** How often it is checked, and the thresholds. */
  readonly health: Health;
  /** Sleeps between checks; woken when the mirror becomes suspect. */
  readonly sleeper: Sleeper;
  /** The time in milliseconds, of any monotonic clock. */
  readonly now: () => number;
  /** Returns a random number in [0, 1). */
  readonly random: () => number;
  /** Notified of the results. */
  readonly log: WatchLog;
}

/** How often a mirror is checked, and the thresholds for down and up. */
export interface Health extends Thresholds {
  /** How long to wait from one check to the next, in milliseconds. */
  readonly intervalMs: number;
  /** The longest wait between checks of a mirror that is down, in milliseconds. */
  readonly maxIntervalMs: number;
}

/** Notified of changes of a mirror. */
export interface WatchLog {
  /** Called when it goes down; `reason` is a few words. */
  readonly onDown: (mirror: Mirror, reason: string) => void;
  /** Called when it is up again, after `downMs` milliseconds. */
  readonly onUp: (mirror: Mirror, downMs: number) => void;
  /** Called with the key of a blob that it had and no longer has. */
  readonly onLost: (mirror: Mirror, key: string) => void;
  /** Called when it lost several blobs, so everything cached for it was invalidated. */
  readonly onForgotten: (mirror: Mirror, lost: readonly string[]) => void;
  /** Called after each check. */
  readonly onChecked: (mirror: Mirror, checked: Checked) => void;
}

// A mirror that hangs must be detected within `downAfter` intervals of its last good check:
// one interval until a check fails, `downAfter` timeouts, and the pauses between them. With
// these shares, the sum is slightly below `downAfter` intervals for every `downAfter`.
const TIMEOUT_SHARE = 0.85;
const CONFIRM_SHARE = 1 / 12;
const MAX_TIMEOUT_MS = 10_000;
// Keeps servers that were started together from checking in step.
const JITTER = 0.25;
// Spreads the first checks of all mirrors over a short time after the start.
const FIRST_WITHIN_MS = 500;
// After a brief failure a mirror is retried soon; after a long one, at growing intervals.
const FIRST_RETRY_SHARE = 1 / 4;
// One check in this many also asks for a random digest.
const UNKNOWN_EVERY = 60;
// Clients can make a mirror suspect as often as they like. Each good check doubles the least
// time to the next one, up to the interval.
const FIRST_SUSPECT_GAP_MS = 250;
const LOST_IN_A_ROW = 2;

/** The timeout of a check, in milliseconds. */
export function checkTimeoutMs({ intervalMs, downAfter }: Health): number {
  return Math.min(MAX_TIMEOUT_MS, TIMEOUT_SHARE * intervalMs * (downAfter - 1) / downAfter);
}

/** Watches a mirror until the sleeper is stopped. */
export async function watchMirror(mirror: Mirror, options: WatchOptions): Promise<void> {
  const { board, sleeper, health, samples, checker, log, now, random } = options;
  const timing = createTiming(health, options);
  const note = createNotes(mirror, options);
  let count = 0;
  let suspected = false;
  let doubtful = board.isDown(mirror.number);
  await sleeper.sleep(random() * Math.min(FIRST_WITHIN_MS, health.intervalMs));
  while (!sleeper.isStopped()) {
    const beganMs = now();
    const wasDown = board.isDown(mirror.number);
    const checked = await checker.check(mirror, samples, {
      timeoutMs: checkTimeoutMs(health),
      withUnknown: doubtful || count++ % UNKNOWN_EVERY === 0,
      doubtful,
    });
    if (sleeper.isStopped()) return;
    log.onChecked(mirror, checked);
    doubtful = wasDown || checked.result.kind !== "good";
    // Counts from the answer for the known blob; that for a random digest may come later.
    const sinceMs = now() - beganMs - checked.tookMs;
    const kind = await note(checked);
    if (sleeper.isStopped()) return;
    const isDown = board.isDown(mirror.number);
    const pause = timing(kind, { wasDown, isDown, suspected });
    suspected = await sleeper.sleep(pause.waitMs - sinceMs, pause.leastMs - sinceMs);
  }
}

type Kind = Checked["result"]["kind"];

/**
 * Makes a function that records a check's result on the board, and returns the kind of result
 * once all samples were verified, if they had to be.
 */
function createNotes(mirror: Mirror, options: WatchOptions): (checked: Checked) => Promise<Kind> {
  const { board, samples, checker, health, sleeper, now, log } = options;
  const { number } = mirror;
  let downSinceMs = now();
  let lost: string[] = [];
  const failsAlone = createLoners(samples);

  function down(reason: string): void {
    downSinceMs = now();
    log.onDown(mirror, reason);
  }

  function noteLost(key: string): void {
    samples.drop(key);
    lost.push(key);
    log.onLost(mirror, key);
  }

  /** Asks for all samples; invalidates what is cached if some are lost. Resolves to `works`. */
  async function verify(): Promise<boolean> {
    const found = await checker.verify(mirror, samples.list(), checkTimeoutMs(health));
    // The mirror's number may have been reused in the meantime.
    if (sleeper.isStopped()) return false;
    if (!found.works) {
      board.failed(number, health);
      return false;
    }
    const gone = [...lost, ...found.lost];
    lost = [];
    if (gone.length === 0) return true;
    // The other samples stay: they were there a moment ago.
    for (const key of found.lost) samples.drop(key);
    board.forget(number);
    log.onForgotten(mirror, gone);
    return true;
  }

  return async function note({ result }) {
    switch (result.kind) {
      case "unsent":
        return result.kind;
      case "has_all":
        if (board.takeDown(number)) down(result.reason);
        return result.kind;
      case "bad":
        if (failsAlone(false) && !board.isDown(number)) {
          const key = samples.last()!;
          samples.drop(key);
          log.onLost(mirror, key);
          return "lost";
        }
        if (board.failed(number, health)) down(result.reason);
        return result.kind;
      case "lost":
        noteLost(result.key);
        break;
      case "good":
        failsAlone(true);
        if (!board.isDown(number)) lost = [];
    }
    if (board.checkedWell(number, health)) {
      if (!await verify()) return "bad";
      // Uses the clock of the cache; rounded up, so that no older entry counts as fresh.
      board.bringUp(number, Math.ceil(now() / 1000));
      log.onUp(mirror, now() - downSinceMs);
    } else if (!board.isDown(number) && lost.length >= LOST_IN_A_ROW) {
      if (!await verify()) return "bad";
    }
    return result.kind;
  };
}

/**
 * Makes a function that is called with each good or bad check, and says whether the blob that
 * was asked for fails alone: it failed, then another one was delivered, and now it fails again.
 */
function createLoners(samples: Samples): (good: boolean) => boolean {
  let doubted: string | undefined;
  let confirmed = false;
  return (good) => {
    if (!good) {
      const alone = confirmed && doubted !== undefined && doubted === samples.last();
      doubted = samples.last();
      confirmed = false;
      return alone;
    }
    if (doubted === samples.last()) doubted = undefined;
    if (doubted === undefined) return false;
    if (!confirmed) samples.ask(doubted);
    confirmed = true;
    return false;
  };
}

/** How long to wait after a check, and at least how long even if the mirror becomes suspect. */
interface Pause {
  readonly waitMs: number;
  readonly leastMs: number;
}

/** The mirror's state before and after a check, and whether suspicion led to the check. */
interface Course {
  readonly wasDown: boolean;
  readonly isDown: boolean;
  readonly suspected: boolean;
}

/** Makes a function that says how long to wait after a check. */
function createTiming({ intervalMs, maxIntervalMs }: Health, { random }: WatchOptions) {
  const firstGapMs = Math.min(FIRST_SUSPECT_GAP_MS, intervalMs);
  const firstRetryMs = intervalMs * FIRST_RETRY_SHARE;
  const confirmMs = intervalMs * CONFIRM_SHARE;
  let retryMs = firstRetryMs;
  let gapMs = firstGapMs;

  return (kind: Kind, { wasDown, isDown, suspected }: Course): Pause => {
    const share = 1 - JITTER * random();
    if (kind === "unsent") return { waitMs: intervalMs * share, leastMs: confirmMs };
    if (isDown && (kind === "bad" || kind === "has_all")) {
      const waitMs = retryMs * share;
      retryMs = Math.min(maxIntervalMs, 2 * retryMs);
      return { waitMs, leastMs: waitMs };
    }
    // A mirror that has just come up may have failed during verification.
    if (wasDown || kind !== "good") return { waitMs: confirmMs, leastMs: confirmMs };
    gapMs = suspected ? Math.min(intervalMs, 2 * gapMs) : firstGapMs;
    // The retry interval of a mirror that goes up and down shrinks only slowly.
    retryMs = Math.max(firstRetryMs, retryMs / 2);
    return { waitMs: intervalMs * share, leastMs: gapMs };
  };
}
