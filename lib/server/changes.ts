/**
 * Changes while the program serves: a configuration that is read again, a data set that
 * is fetched anew. Each is taken whole or not at all.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import { listLocations } from "../locations/data_set.ts";
import { fetchPublished } from "../locations/fetch.ts";
import { type ProviderChange, updateDataSet } from "../locations/update.ts";
import type { Setup } from "./setup.ts";
import type { Shared } from "./shared.ts";

/** A configuration that was read again, or why it cannot be used. */
export type Reread =
  | { readonly kind: "config"; readonly config: Config }
  | { readonly kind: "refused"; readonly reason: string };

/** What changes tell of. */
export interface ChangesLog {
  /** A configuration was read again and taken; some of it counts from the next start only. */
  readonly reloaded: (config: Config, later: readonly string[]) => void;
  /** A configuration was read again and not taken. */
  readonly reloadRefused: (reason: string) => void;
  /** A data set was fetched and taken. */
  readonly refreshed: (changes: readonly ProviderChange[]) => void;
  /** A data set could not be fetched, or was not fit to be taken. */
  readonly refreshFailed: (reasons: readonly string[]) => void;
  /** Something went wrong that should not. */
  readonly failed: (error: unknown) => void;
}

/** What changes need. */
export interface ChangesOptions {
  /** What is in use. */
  readonly shared: Shared;
  /** The text of the embedded data set. */
  readonly dataSet: string;
  /** Has all isolates serve by a setup; kept when they do. */
  readonly take: (setup: Setup) => Promise<void>;
  /** Reads the configuration again; the locations are those of the data set in use. */
  readonly reread: (locations: readonly string[]) => Reread;
  /** Fetches the providers' files, as the platform does. */
  readonly fetch: typeof fetch;
  /** The time of day in milliseconds since 1970. */
  readonly timeOfDay: () => number;
  /** Gives a number from 0 to below 1. */
  readonly random: () => number;
  /** Where changes are told. */
  readonly log: ChangesLog;
}

/** Changes what is served by. */
export interface Changes {
  /** Reads the configuration again. */
  reload(): void;
  /** Fetches the data set as often as the configuration in use says. */
  start(): void;
  /** Fetches no more. */
  stop(): void;
}

const HOUR_MS = 3_600_000;
// A timer of more than 24.8 days goes off at once.
const LONGEST_TIMER_MS = 24 * HOUR_MS;
// Programs that were started together do not fetch together.
const JITTER = 0.1;

/** Makes changes; one after another, so that each builds on the one before. */
export function createChanges(options: ChangesOptions): Changes {
  const { shared, log, random } = options;
  const started = shared.setup.config;
  let last = Promise.resolve();
  let fetching = false;
  let running = false;
  let timer: ReturnType<typeof setInterval> | undefined;

  function change(work: () => Promise<void>): void {
    last = last.then(work).catch(log.failed);
  }

  async function reload(): Promise<void> {
    const { setup, roster, events } = shared;
    const read = options.reread(listLocations(setup.dataSet ?? options.dataSet));
    if (read.kind === "refused") {
      events.refusedReloads++;
      return log.reloadRefused(read.reason);
    }
    const { config } = read;
    await options.take({ ...setup, config, ...roster.enter(config) });
    if (running && setup.config.ranges.refresh_h !== config.ranges.refresh_h) start();
    events.reloads++;
    log.reloaded(config, listUnchangeable(started, config));
  }

  async function refresh(): Promise<void> {
    const { setup, events } = shared;
    const { sources } = setup.config.ranges;
    const by = { fetch: options.fetch, now: options.timeOfDay, sources };
    const update = await updateDataSet(
      setup.dataSet ?? options.dataSet,
      (provider) => fetchPublished(provider, by),
    );
    if (!running) return;
    if (update.kind === "refused") {
      events.failedRefreshes++;
      const reasons = update.failures.map(({ provider, reason }) => `${provider}: ${reason}`);
      return log.refreshFailed(reasons);
    }
    change(async () => {
      await options.take({ ...shared.setup, dataSet: update.dataSet });
      events.refreshes++;
      log.refreshed(update.changes);
    });
  }

  // A reload does not wait for what is fetched, which may take minutes to fail.
  async function refreshOnce(): Promise<void> {
    if (fetching) return;
    fetching = true;
    await refresh().catch(log.failed);
    fetching = false;
  }

  function start(): void {
    stop();
    running = true;
    const hours = shared.setup.config.ranges.refresh_h;
    if (hours === undefined) return;
    const everyMs = hours * HOUR_MS * (1 - JITTER * random());
    const parts = Math.ceil(everyMs / LONGEST_TIMER_MS);
    let part = 0;
    timer = setInterval(() => ++part % parts === 0 && refreshOnce(), everyMs / parts);
  }

  function stop(): void {
    running = false;
    clearInterval(timer);
  }

  return { reload: () => change(reload), start, stop };
}

// What a reload cannot change, for it is of sockets and threads.
function listUnchangeable(started: Config, next: Config): string[] {
  return (["listen", "admin", "workers"] as const)
    .filter((key) => JSON.stringify(started[key]) !== JSON.stringify(next[key]));
}
