/**
 * Refreshes the data set while the program runs.
 *
 * All providers are fetched soon after the start, and then once in each period. Those that fail
 * are retried in between, with growing pauses.
 *
 * @module
 */

import type { ProviderName } from "./providers.ts";
import type { Update } from "./update.ts";

/** What a refresher needs. */
export interface RefresherOptions {
  /** Updates the data set in use, like `updateDataSet()`; without names, all of it. */
  readonly update: (providers?: readonly ProviderName[]) => Promise<Update>;
  /** Called with the result of an update. The next one does not begin before it resolves. */
  readonly onUpdate: (update: Update) => void | Promise<void>;
  /** Called when `update` or `onUpdate` rejects, which counts as a failure of all providers. */
  readonly onError: (error: unknown) => void;
  /** Calls a function once after some milliseconds; the returned function cancels that. */
  readonly setTimer: (call: () => void, ms: number) => () => void;
  /** A monotonic time in milliseconds. */
  readonly now: () => number;
  /** Returns a random number in [0, 1). */
  readonly random: () => number;
}

/** Refreshes the data set periodically. */
export interface Refresher {
  /**
   * Starts refreshing, the first time within a minute. When already started, changes the
   * period, which counts from the last fetch of all; `undefined` stops it.
   */
  start(periodMs: number | undefined): void;
  /** Stops refreshing. The result of an update in progress is discarded. */
  stop(): void;
}

const FIRST_MS = 60_000;
// The first pause after a failure; each further one is twice as long, up to the period.
const RETRY_MS = 60_000;
// Keeps programs that were started together from fetching together.
const JITTER = 0.1;
// A timer of more than 24.8 days (2^31 ms) would fire at once.
const LONGEST_TIMER_MS = 86_400_000;

/** Makes a refresher, which is not started. */
export function createRefresher(options: RefresherOptions): Refresher {
  const { now, random, setTimer } = options;
  let periodMs: number | undefined;
  let cancel = () => {};
  // One update at a time, even if a stopped one is still in progress.
  let updating = false;
  // Incremented by stop() to discard what began before.
  let runs = 0;
  let askedAllAtMs: number | undefined;
  let dueMs = 0;
  let failed: readonly ProviderName[] | "all" = [];
  let failures = 0;
  let retryMs = Infinity;

  function start(nextMs: number | undefined): void {
    if (nextMs === periodMs) return;
    if (nextMs === undefined) return stop();
    periodMs = nextMs;
    schedule(nextMs);
  }

  function stop(): void {
    cancel();
    runs++;
    periodMs = askedAllAtMs = undefined;
    failed = [];
    failures = 0;
    retryMs = Infinity;
  }

  // Schedules the next fetch of all, from when they were last fetched.
  function schedule(periodMs: number): void {
    dueMs = askedAllAtMs === undefined
      ? now() + Math.min(FIRST_MS, periodMs) * random()
      : askedAllAtMs + jitter(periodMs);
    if (!updating) waitUntil(Math.min(dueMs, retryMs));
  }

  function jitter(ms: number): number {
    return ms * (1 - JITTER * random());
  }

  function waitUntil(atMs: number): void {
    cancel();
    const leftMs = Math.max(0, atMs - now());
    cancel = setTimer(
      () => now() < atMs ? waitUntil(atMs) : void update(),
      Math.min(leftMs, LONGEST_TIMER_MS),
    );
  }

  async function update(): Promise<void> {
    const run = runs;
    const providers = now() >= dueMs || failed === "all" ? undefined : failed;
    updating = true;
    const nextFailed = await ask(providers, () => run === runs);
    updating = false;
    if (periodMs === undefined) return;
    if (run !== runs) return schedule(periodMs);
    failed = nextFailed;
    failures = failed.length === 0 ? 0 : failures + 1;
    retryMs = failures === 0
      ? Infinity
      : now() + jitter(Math.min(periodMs, RETRY_MS * 2 ** (failures - 1)));
    if (providers === undefined) askedAllAtMs = now();
    schedule(periodMs);
  }

  /** Updates some providers, or all; resolves with those that failed. */
  async function ask(
    providers: readonly ProviderName[] | undefined,
    isWanted: () => boolean,
  ): Promise<readonly ProviderName[] | "all"> {
    try {
      const result = await options.update(providers);
      if (isWanted()) await options.onUpdate(result);
      return [...new Set(result.failures.map(({ provider }) => provider))];
    } catch (error) {
      if (isWanted()) options.onError(error);
      return providers ?? "all";
    }
  }

  return { start, stop };
}
