/**
 * What the main isolate keeps for operators, beside the counters: events, the states of mirrors,
 * the history, and the most pulled repositories.
 *
 * @module
 */

import type { World } from "../mirrors/time.ts";
import { createHistory, type History, SPANS } from "../observe/history.ts";
import { createJournal, type Journal } from "../observe/journal.ts";
import { createMirrorStates, type MirrorStates } from "../observe/mirror_states.ts";
import { createRates, type Rates, type Readings } from "../observe/readings.ts";
import { addRepositories, type RepositoryCount } from "../observe/repositories.ts";
import type { RepositoryCounts } from "../observe/repositories.ts";
import { createSeenHosts, type SeenHosts } from "../redirect/seen_hosts.ts";

/** What is kept. */
export interface Records {
  /** The last events. */
  readonly journal: Journal;
  /** Since when mirrors are up or down. */
  readonly states: MirrorStates;
  /** What was measured. */
  readonly history: History;
  /** The hosts that relaying upstreams have sent clients to, of all isolates. */
  readonly seenHosts: SeenHosts;
  /** The rates of the last seconds, once sampling has begun. */
  rates(): Readings;
  /** The most pulled repositories, of all isolates. */
  repositories(): readonly RepositoryCount[];
  /** Takes what the isolate in a slot counted by repository. */
  takeRepositories(slot: number, counts: RepositoryCounts): void;
  /** Begins to sample. */
  start(): void;
  /** Stops sampling. */
  stop(): void;
}

/** What records need. */
export interface RecordsOptions extends Pick<World, "later" | "timeOfDay" | "now"> {
  /** Reads the counters. */
  readonly counters: () => Readings;
  /** The resident memory of the process, in bytes. */
  readonly residentBytes: () => number;
}

/** The series of the resident memory, in bytes. */
export const MEMORY_SERIES = "memory";

/** Makes records of nothing. */
export function createRecords(options: RecordsOptions): Records {
  const { later, timeOfDay, now, counters } = options;
  const history = createHistory();
  const repositories = new Map<number, RepositoryCounts>();
  let rates: Rates | undefined;
  let cancel = () => {};

  function sample(): void {
    cancel = later(SPANS.hour.stepMs, sample);
    const read = counters();
    if (rates === undefined) {
      rates = createRates({ atMs: now(), counters: read });
      return;
    }
    const readings = new Map(rates.take(now(), read));
    readings.set(MEMORY_SERIES, options.residentBytes());
    history.record(timeOfDay(), readings);
  }

  return {
    journal: createJournal(timeOfDay),
    states: createMirrorStates(timeOfDay),
    history,
    seenHosts: createSeenHosts(),
    rates: () => rates?.now(now(), counters()) ?? new Map(),
    repositories: () => addRepositories([...repositories.values()]),
    takeRepositories: (slot, counts) => void repositories.set(slot, counts),
    start: sample,
    stop: () => cancel(),
  };
}
