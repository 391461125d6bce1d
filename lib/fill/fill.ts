/**
 * One fill: plan, compare, copy. What it finds and does is told by a tally, which the display
 * reads while it runs.
 *
 * @module
 */

import type { AskedMirror } from "./asked_mirror.ts";
import { copyAll, type CopyOptions } from "./copy.ts";
import { estimate } from "./estimate.ts";
import type { Failure } from "./failure.ts";
import { joinAll } from "./join.ts";
import type { Bounds } from "./limits.ts";
import type { Miss } from "./misses.ts";
import { compare, type Compared, createPlan, type PlannedBlob, sizeOf } from "./plan.ts";
import { createLines } from "./lines.ts";
import {
  addMirror,
  createCopyTally,
  createTally,
  createWalkTally,
  noteComparison,
  type Tally,
} from "./tally.ts";
import { type Repository, walk, type WalkOptions } from "./walk.ts";

/** What a fill is about. */
export interface FillRequest {
  /** Lists the repositories to walk; tells the tally what cannot be listed. */
  readonly list: (tally: Tally) => Promise<readonly Repository[]>;
  /** Blobs to fill in place of all that repositories have. */
  readonly misses?: readonly Miss[] | undefined;
  /** Finds a repository by its name; `undefined` if it is none of those to fill. */
  readonly find: (name: string) => Repository | undefined;
  /** Whether to end before anything is copied. */
  readonly dryRun: boolean;
}

/** The stages of a fill. */
export type FillStage = "plan" | "compare" | "copy" | "end";

/** What a fill needs. */
export interface FillOptions
  extends Omit<CopyOptions, "log">, Omit<WalkOptions, "log" | "createHash" | "signal"> {
  /** The mirrors without a store, by name. */
  readonly asked: ReadonlyMap<string, AskedMirror>;
  /** The limits, in numbers. */
  readonly bounds: Bounds;
  /** The sizes of blobs whose manifests give others, as earlier fills found them. */
  readonly trueSizes: ReadonlyMap<string, number>;
  /** Told of each stage as it begins. */
  readonly onStage: (stage: FillStage, tally: Tally) => void;
}

/**
 * Fills all mirrors once. When it is ended by its signal, the tally says what was done until
 * then, and is not complete.
 */
export async function fill(request: FillRequest, options: FillOptions): Promise<Tally> {
  const tally = createTally();
  const { onStage, stores, asked, signal } = options;
  for (const name of stores.keys()) addMirror(tally, name, false);
  for (const name of asked.keys()) addMirror(tally, name, true);
  try {
    await run(request, tally, options);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  // What was not read is not in the plan.
  if (signal.aborted && !tally.isCompared) {
    createWalkTally(tally).onFailure("the run", "it was interrupted");
  }
  onStage("end", tally);
  return tally;
}

async function run(request: FillRequest, tally: Tally, options: FillOptions): Promise<void> {
  const { onStage, stores, signal } = options;
  onStage("plan", tally);
  const [blobs, listings] = await joinAll([
    plan(request, tally, options),
    listStores(tally, request, options),
  ]);
  signal.throwIfAborted();
  tally.blobs = blobs.length;
  tally.bytes = blobs.reduce((sum, blob) => sum + sizeOf(blob), 0);
  onStage("compare", tally);
  for (const [name, listing] of await askMirrors(blobs, tally, options)) {
    listings.set(name, listing);
  }
  signal.throwIfAborted();
  const compared = compare(blobs, listings, options);
  noteComparison(tally, compared.mirrors);
  const copies = copiesTo(stores, compared);
  tally.estimate = estimate(copies, {
    hostOfSource: (name) => options.sources.get(name)!.host,
    hostOfMirror: (name) => stores.get(name)!.host,
    bounds: options.bounds,
  });
  if (request.dryRun) return;
  onStage("copy", tally);
  const log = createCopyTally(tally, { mayBeNowhere: request.misses !== undefined });
  await copyAll(copies, { ...options, log });
}

async function plan(
  { list, misses, find }: FillRequest,
  tally: Tally,
  options: FillOptions,
): Promise<readonly PlannedBlob[]> {
  const plan = createPlan();
  if (misses === undefined) {
    await walk(await list(tally), plan, { ...options, log: createWalkTally(tally) });
    return plan.blobs();
  }
  const log = createWalkTally(tally);
  for (const { name, digest } of misses) {
    const repository = find(name);
    if (repository === undefined) {
      log.onWarning(`${name}@${digest}`, "fill.repositories does not match its name");
      continue;
    }
    const { origin, signatures } = repository;
    plan.add({ digest, size: undefined }, origin);
    if (signatures !== undefined) plan.add({ digest, size: undefined }, signatures);
  }
  return plan.blobs();
}

type Listing = Map<string, number>;

/** Lists all stores, after what earlier runs left in them is removed. */
async function listStores(
  tally: Tally,
  { dryRun }: FillRequest,
  { stores, limits, signal }: FillOptions,
): Promise<Map<string, Listing>> {
  const listings = new Map<string, Listing>();
  await joinAll(
    [...stores].map(async ([name, store]) => {
      const listing: Listing = new Map();
      const leave = await limits.enter([store.host], signal);
      try {
        if (!dryRun) await store.tidy(signal);
        const onBlob = ({ digest, size }: { digest: string; size: number }) =>
          void listing.set(digest, size);
        const outcome = await store.list({ onBlob, signal });
        if (outcome.kind === "done") listings.set(name, listing);
        else tally.mirrors.get(name)!.unknown = describe(outcome);
      } finally {
        leave();
      }
    }),
  );
  return listings;
}

function describe({ reason }: Failure): string {
  return `it cannot be listed: ${reason}`;
}

// More in a row, and it is no use to ask a mirror for all others.
const MOST_FAILURES = 12;

/** Asks the mirrors without a store for all blobs. */
async function askMirrors(
  blobs: readonly PlannedBlob[],
  tally: Tally,
  { asked, inFlight, signal }: FillOptions,
): Promise<Map<string, Listing>> {
  const listings = new Map<string, Listing>();
  await joinAll(
    [...asked].map(async ([name, mirror]) => {
      const listing: Listing = new Map();
      const own = tally.mirrors.get(name)!;
      let failures = 0;
      const lines = createLines<PlannedBlob>(inFlight, async (blob) => {
        if (own.unknown !== undefined || signal.aborted) return;
        const answer = await mirror.ask(blob, signal);
        if (answer.kind === "found") listing.set(blob.digest, answer.value ?? sizeOf(blob));
        failures = answer.kind === "failed" ? failures + 1 : 0;
        if (answer.kind !== "failed") return;
        if (failures >= MOST_FAILURES) own.unknown = `it cannot be asked: ${answer.reason}`;
      });
      for (const blob of blobs) lines.push("", blob);
      await lines.idle();
      if (own.unknown === undefined) listings.set(name, listing);
    }),
  );
  return listings;
}

/** The copies to mirrors that have a store. */
function copiesTo(stores: FillOptions["stores"], { copies }: Compared): Compared["copies"] {
  return copies
    .map(({ blob, to }) => ({ blob, to: to.filter((mirror) => stores.has(mirror)) }))
    .filter(({ to }) => to.length > 0);
}
