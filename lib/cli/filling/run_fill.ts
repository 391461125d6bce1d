/**
 * Runs fills, once or again and again, until SIGINT or SIGTERM.
 *
 * @module
 */

import { formatLeaving, LEAVING_FILE, readLeaving } from "../../fill/leaving.ts";
import type { StateFolder } from "../../fill/stores/state_folder.ts";
import { createPause } from "../../fill/limits.ts";
import { isComplete } from "../../fill/tally.ts";
import { type Context, EXIT, FailedError, UsageError } from "../command.ts";
import { createWorld, type RuntimeWorld } from "../world.ts";
import { fillOnce } from "./fill_once.ts";
import { readMisses } from "./read_misses.ts";
import { startInterruption } from "./interruption.ts";
import { loadFillConfig, lock, openState } from "./open_state.ts";
import { createLineTeller, type Teller } from "./tell.ts";
import { createTerminalTeller } from "./tell_terminal.ts";

/** The options of the command. */
export interface RunFillOptions {
  /** The path of the configuration. */
  readonly config: string | undefined;
  /** Where a list of blobs is. */
  readonly from: string | undefined;
  /** The path of an OCI image layout, which is copied in place of what upstreams have. */
  readonly layout: string | undefined;
  /** Whether to copy nothing. */
  readonly dryRun: boolean;
  /** Whether to write JSON lines. */
  readonly json: boolean;
  /** The most bytes to read. */
  readonly maxBytes: number | undefined;
  /** How long to wait from one fill to the next, in milliseconds; `undefined` to fill once. */
  readonly watchMs: number | undefined;
}

/** Runs fills; returns the exit status. */
export async function runFill(options: RunFillOptions, context: Context): Promise<number> {
  const { config, fill } = loadFillConfig(options.config, context);
  const state = await openState(fill, context);
  using held = options.dryRun ? undefined : await lock(state);
  // What a prune that was killed did not delete stays.
  if (held !== undefined) await clearLeaving(state);
  const world = createWorld(context);
  const interruption = startInterruption();
  const pause = createPause(world.later);
  const { signal } = interruption;
  const teller = openTeller(options, context, world);
  try {
    for (;;) {
      const status = await fillAndTell().catch(tellFailure);
      if (options.watchMs === undefined || signal.aborted) return status;
      // Many that began at the same time do not go on at the same time.
      const waitMs = options.watchMs * (0.9 + 0.2 * world.random());
      if (await isInterrupted(pause(waitMs, signal))) return status;
    }
  } finally {
    teller.stop();
    interruption.end();
    world.close();
  }

  async function fillAndTell(): Promise<number> {
    const beganMs = world.now();
    const { dryRun, maxBytes, from, layout } = options;
    const misses = from === undefined ? undefined : await readMisses(from, context, signal);
    const task = { config, fill, misses, layout, dryRun, maxBytes };
    const { onStage } = teller;
    const tally = await fillOnce(task, { ...context, world, state, onStage, signal });
    teller.report(tally, { dryRun, tookMs: world.now() - beganMs });
    return isComplete(tally) ? EXIT.well : EXIT.failed;
  }

  // A server that does not answer now may do so the next time.
  function tellFailure(error: unknown): number {
    const isExpected = error instanceof FailedError || error instanceof UsageError;
    if (options.watchMs === undefined || signal.aborted || !isExpected) throw error;
    context.err(`archeio: ${error.message}\n`);
    return EXIT.failed;
  }
}

async function clearLeaving(state: StateFolder): Promise<void> {
  const text = await state.read(LEAVING_FILE);
  if (text !== undefined && readLeaving(text).size > 0) {
    await state.write(LEAVING_FILE, formatLeaving([]));
  }
}

async function isInterrupted(waiting: Promise<void>): Promise<boolean> {
  try {
    await waiting;
    return false;
  } catch {
    return true;
  }
}

function openTeller(
  { json }: RunFillOptions,
  { out, terminal, environment }: Context,
  world: RuntimeWorld,
): Teller {
  // One that cannot move its cursor gets what a file gets.
  if (json || terminal === undefined || environment("TERM") === "dumb") {
    return createLineTeller({ ...world, out });
  }
  // https://no-color.org
  const color = !environment("NO_COLOR");
  return createTerminalTeller({ ...world, out, terminal, color });
}
