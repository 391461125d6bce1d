/**
 * A fill with sources and stores in memory, by a virtual clock.
 *
 * @module
 */

import { fill, type FillOptions, type FillRequest } from "../../lib/fill/fill.ts";
import { type Bounds, createLimits } from "../../lib/fill/limits.ts";
import { createPatientSource } from "../../lib/fill/patient_source.ts";
import type { Tally } from "../../lib/fill/tally.ts";
import type { Repository } from "../../lib/fill/walk.ts";
import { createVirtualClock, type VirtualClock } from "../mirrors/virtual_clock.ts";
import { createMemoryCache, hashes, type MemorySource, type MemoryStore } from "./fixture.ts";

/** What a fill is made of. */
export interface Filling {
  readonly source: MemorySource;
  readonly stores: Readonly<Record<string, MemoryStore>>;
  readonly repositories: readonly string[];
  readonly clock?: VirtualClock;
  readonly bounds?: Bounds;
  readonly options?: Partial<FillOptions>;
  readonly request?: Partial<FillRequest>;
}

const BOUNDS: Bounds = { inFlight: 8, requestsPerS: 1000 };

/** A repository of the only source. */
export function repositoryOf(name: string): Repository {
  return { name, origin: { source: "main", repository: name, name } };
}

/** Fills, and lets the clock go on until that has ended. */
export async function runFill(filling: Filling): Promise<Tally> {
  const clock = filling.clock ?? createVirtualClock(1_000_000);
  const { now, later } = clock;
  const { bounds = BOUNDS } = filling;
  const limits = createLimits({ bounds, now, later });
  const random = () => 0.5;
  const all = filling.repositories.map(repositoryOf);
  const running = fill({
    list: () => Promise.resolve(all),
    find: (name) => all.find((one) => one.name === name),
    dryRun: false,
    ...filling.request,
  }, {
    sources: new Map([["main", createPatientSource(filling.source, { limits, later, random })]]),
    stores: new Map(Object.entries(filling.stores)),
    asked: new Map(),
    limits,
    bounds,
    inFlight: 8,
    tags: ["*"],
    referrers: true,
    cache: createMemoryCache(),
    trueSizes: new Map(),
    createHash: hashes,
    now,
    later,
    random,
    signal: new AbortController().signal,
    onStage: () => {},
    ...filling.options,
  });
  return await drive(running, clock);
}

/** Lets the clock go on until something has ended. */
export async function drive<Value>(running: Promise<Value>, clock: VirtualClock): Promise<Value> {
  let isOver = false;
  const over = () => void (isOver = true);
  running.then(over, over);
  while (!isOver) {
    // Streams need more turns than promises.
    await new Promise((resolve) => setTimeout(resolve, 0));
    if (!isOver) await clock.toNext();
  }
  return await running;
}
