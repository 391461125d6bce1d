/**
 * Changes while the program serves: a reloaded configuration or certificate, a fetched data
 * set. Each is applied as a whole or not at all.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import { listLocations } from "../locations/data_set.ts";
import { fetchPublished } from "../locations/fetch.ts";
import { createRefresher, type Refresher } from "../locations/refresher.ts";
import { type ProviderChange, type Update, updateDataSet } from "../locations/update.ts";
import type { World } from "../mirrors/time.ts";
import type { SetupFiles } from "../redirect/setup.ts";
import type { Events } from "../observe/events.ts";
import type { Tls } from "./isolate.ts";
import type { SetupOwner } from "./owner.ts";

/** A configuration that was read again, or the reason why it cannot be used. */
export type Reread =
  | {
    readonly kind: "config";
    readonly config: Config;
    readonly tls: Tls | undefined;
    /** What its files say. */
    readonly files?: SetupFiles;
  }
  | { readonly kind: "refused"; readonly reason: string };

/** Notified of changes. */
export interface ChangesLog {
  /** Called when a configuration is applied; the keys in `later` need a restart. */
  readonly onReloaded: (config: Config, later: readonly string[]) => void;
  /** Called when a configuration is rejected. */
  readonly onReloadRefused: (reason: string) => void;
  /** Called when another certificate is in use. */
  readonly onCertified: () => void;
  /** Called when another certificate cannot be used; the old one stays. */
  readonly onCertificateRefused: (reason: unknown) => void;
  /** Called when a fetched data set is applied. */
  readonly onRefreshed: (changes: readonly ProviderChange[]) => void;
  /** Called when data could not be fetched, or was rejected. */
  readonly onRefreshFailed: (reasons: readonly string[]) => void;
  /** Called with an unexpected error. */
  readonly onFailed: (error: unknown) => void;
}

/** What changes need. */
export interface ChangesOptions extends World {
  /** Holds the setup in use. */
  readonly owner: SetupOwner;
  /** The text of the embedded data set. */
  readonly dataSet: string;
  /** Reads the configuration again, given the locations of the data set in use. */
  readonly reread: (locations: readonly string[]) => Reread;
  /** The PEM texts of `listen.tls` at the start. */
  readonly tls?: Tls | undefined;
  /** Makes all isolates serve with a certificate; rejects when it cannot be used. */
  readonly certify: (tls: Tls) => Promise<void>;
  /** The event counters. */
  readonly events: Events;
  /** Notified of changes. */
  readonly log: ChangesLog;
}

/** Applies changes. */
export interface Changes {
  /** Reads the configuration again. */
  reload(): void;
  /** Fetches the data set at the interval in the current configuration. */
  start(): void;
  /** Stops fetching. */
  stop(): void;
}

const HOUR_MS = 3_600_000;

/** Makes the changes, which run one after another, so that each builds on the one before. */
export function createChanges(options: ChangesOptions): Changes {
  const { owner, log, events } = options;
  const started = owner.current().config;
  const certificate = createRenewal(options);
  let last = Promise.resolve();
  let running = false;

  function change(work: () => Promise<void>): Promise<void> {
    return last = last.then(work).catch(log.onFailed);
  }

  const refresher = openRefresher(options, (update) => change(() => takeUpdate(update)));

  async function takeUpdate({ dataSet, changes }: Update): Promise<void> {
    const { dataSet: inUse = options.dataSet } = owner.current();
    if (dataSet !== inUse) await owner.takeDataSet(dataSet);
    events.refreshes++;
    log.onRefreshed(changes);
  }

  function schedule(): void {
    const hours = owner.current().config.ranges.refresh_h;
    if (hours === undefined) events.fetchedS.clear();
    refresher.start(hours === undefined ? undefined : hours * HOUR_MS);
  }

  async function reload(): Promise<void> {
    const dataSet = owner.current().dataSet ?? options.dataSet;
    const read = options.reread(listLocations(dataSet));
    if (read.kind === "refused") {
      events.refusedReloads++;
      return log.onReloadRefused(read.reason);
    }
    await owner.takeConfig(read.config, read.files);
    if (running) schedule();
    events.reloads++;
    log.onReloaded(read.config, listUnchangeable(started, read.config));
    await certificate.renew(read.tls);
  }

  return {
    reload: () => void change(reload),
    start() {
      running = true;
      schedule();
    },
    stop() {
      running = false;
      refresher.stop();
    },
  };
}

function openRefresher(
  options: ChangesOptions,
  take: (update: Update) => Promise<void>,
): Refresher {
  const { owner, log, events, fetch } = options;
  return createRefresher({
    ...options,
    setTimer: (call, ms) => options.later(ms, call),
    onError: log.onFailed,
    update(providers) {
      const { dataSet, config } = owner.current();
      const by = { fetch, sources: config.ranges.sources };
      return updateDataSet(
        dataSet ?? options.dataSet,
        (provider) => fetchPublished(provider, by),
        providers === undefined ? {} : { providers },
      );
    },
    async onUpdate(update) {
      noteFetched(update, events, options.timeOfDay() / 1000);
      if (update.failures.length > 0) {
        events.failedRefreshes++;
        log.onRefreshFailed(
          update.failures.map(({ provider, reason }) => `${provider}: ${reason}`),
        );
      }
      // A reload does not wait for a fetch, which may take minutes to fail.
      if (update.changes.length > 0) await take(update);
    },
  });
}

function noteFetched({ changes, failures }: Update, { fetchedS }: Events, nowS: number): void {
  for (const { provider } of changes) fetchedS.set(provider, nowS);
  for (const { provider } of failures) {
    if (!fetchedS.has(provider)) fetchedS.set(provider, nowS);
  }
}

/** Renews the certificate when its files have changed. */
function createRenewal({ tls, certify, log }: ChangesOptions) {
  let inUse = tls;
  return {
    async renew(next: Tls | undefined): Promise<void> {
      if (inUse === undefined || next === undefined) return;
      if (inUse.cert === next.cert && inUse.key === next.key) return;
      try {
        await certify(next);
      } catch (error) {
        return log.onCertificateRefused(error);
      }
      inUse = next;
      log.onCertified();
    },
  };
}

/** Lists the changed keys that need a restart: sockets and threads stay. */
function listUnchangeable(started: Config, next: Config): string[] {
  const [before, after] = [unchangeableOf(started), unchangeableOf(next)];
  return (["listen", "admin", "workers"] as const)
    .filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]));
}

// A certificate can be renewed, but a listener cannot switch between HTTP and HTTPS.
function unchangeableOf({ listen, admin, workers }: Config) {
  return { listen: { ...listen, tls: listen.tls !== undefined }, admin, workers };
}
