/**
 * Runs `archeio prune`.
 *
 * @module
 */

import { formatBytes, formatCount } from "../../fill/format.ts";
import { formatLeaving, LEAVING_FILE } from "../../fill/leaving.ts";
import { createPause } from "../../fill/limits.ts";
import { deleteBlobs, findSurplus, type FoundSurplus, stillSurplus } from "../../fill/prune.ts";
import type { StoredBlob } from "../../fill/store.ts";
import type { StateFolder } from "../../fill/stores/state_folder.ts";
import { type Context, EXIT } from "../command.ts";
import { createWorld, type RuntimeWorld } from "../world.ts";
import { startInterruption } from "./interruption.ts";
import { type OpenedParts, openParts } from "./open_parts.ts";
import { loadFillConfig, lock, openState } from "./open_state.ts";

/** The options of the command. */
export interface RunPruneOptions {
  /** The path of the configuration. */
  readonly config: string | undefined;
  /** Whether to delete. */
  readonly isReal: boolean;
  /** How old what is deleted must be, in milliseconds. */
  readonly minAgeMs: number;
  /** The most of a store that is deleted: 0 to 1. */
  readonly maxShare: number;
}

/** What a run has. */
interface Run {
  readonly options: RunPruneOptions;
  readonly parts: OpenedParts;
  readonly world: RuntimeWorld;
  readonly state: StateFolder;
  readonly signal: AbortSignal;
  readonly out: Context["out"];
  readonly recheckMs: number;
}

/** Prunes; returns the exit status. */
export async function runPrune(options: RunPruneOptions, context: Context): Promise<number> {
  const { config, fill } = loadFillConfig(options.config, context);
  const state = await openState(fill, context);
  using _lock = await lock(state);
  const world = createWorld(context);
  const interruption = startInterruption();
  const { signal } = interruption;
  try {
    const parts = await openParts({ config, fill }, { ...context, world, state, signal });
    const recheckMs = config.probe.recheck_s * 1000;
    return await prune({ options, parts, world, state, signal, out: context.out, recheckMs });
  } finally {
    interruption.end();
    world.close();
  }
}

async function prune(run: Run): Promise<number> {
  const { options, out, recheckMs, signal, state, world } = run;
  const first = await find(run);
  tell(first, run);
  if (first.kind === "refused") return EXIT.failed;
  const chosen = new Map(
    [...first.stores].filter(([_, { refusal, surplus }]) =>
      refusal === undefined && surplus.length > 0
    ),
  );
  const isRefused = first.stores.values().some(({ refusal }) => refusal !== undefined);
  const status = isRefused ? EXIT.failed : EXIT.well;
  if (!options.isReal || chosen.size === 0) return status;
  await state.write(
    LEAVING_FILE,
    formatLeaving(chosen.entries().map(([mirror, { surplus }]) => [mirror, digestsOf(surplus)])),
  );
  out(`deleting in ${recheckMs / 1000} s, once servers know\n`);
  try {
    await createPause(world.later)(recheckMs, signal);
    // Something may have been pushed in the meantime.
    const second = await find(run);
    if (second.kind === "refused") {
      tell(second, run);
      return EXIT.failed;
    }
    let isWell = true;
    for (const [mirror, before] of chosen) {
      const blobs = stillSurplus(before, second.stores.get(mirror)!);
      isWell = await pruneStore(mirror, blobs, run) && isWell;
    }
    return isWell ? status : EXIT.failed;
  } catch (error) {
    if (!signal.aborted) throw error;
    out("interrupted: nothing more is deleted\n");
    return EXIT.failed;
  } finally {
    await state.write(LEAVING_FILE, formatLeaving([]));
  }
}

function digestsOf(blobs: readonly StoredBlob[]): readonly string[] {
  return blobs.map(({ digest }) => digest);
}

function find({ options, parts, world, signal }: Run): Promise<FoundSurplus> {
  const { minAgeMs, maxShare } = options;
  const bounds = { writtenBeforeMs: world.timeOfDay() - minAgeMs, maxShare };
  return findSurplus({ ...parts.walking, stores: parts.stores, bounds, signal });
}

function tell(found: FoundSurplus, { out }: Run): void {
  if (found.kind === "refused") {
    const { firstFailures, firstWarnings } = found.tally;
    out("nothing is deleted, as this could not be read:\n");
    for (const { place, reason } of [...firstFailures, ...firstWarnings]) {
      out(`  ${place}: ${reason}\n`);
    }
    return;
  }
  for (const [mirror, { blobs, young, surplus, refusal }] of found.stores) {
    const bytes = surplus.reduce((sum, { size }) => sum + size, 0);
    const kept = young === 0 ? "" : `; ${young} more are younger`;
    const why = refusal === undefined ? "" : `; ${refusal}`;
    out(
      `${mirror} has ${formatCount(blobs, "blob")}, ${surplus.length} of them to delete ` +
        `(${formatBytes(bytes)})${kept}${why}\n`,
    );
  }
}

async function pruneStore(
  mirror: string,
  blobs: readonly StoredBlob[],
  { parts, signal, out }: Run,
): Promise<boolean> {
  const { deleted, bytes, reason } = await deleteBlobs(parts.stores.get(mirror)!, blobs, signal);
  const why = reason === undefined ? "" : `; not the others: ${reason}`;
  out(`${mirror}: deleted ${formatCount(deleted, "blob")} (${formatBytes(bytes)})${why}\n`);
  return reason === undefined;
}
