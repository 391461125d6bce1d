/**
 * Runs fills, once or again and again, until SIGINT or SIGTERM.
 *
 * @module
 */

import type { Config } from "../../config/config.ts";
import type { FillConfig } from "../../config/config_of_filling.ts";
import { createPause } from "../../fill/limits.ts";
import { openStateFolder, type StateFolder } from "../../fill/stores/state_folder.ts";
import { isComplete, type Tally } from "../../fill/tally.ts";
import { type Context, EXIT, FailedError, UsageError } from "../command.ts";
import { loadConfig, reasonOf } from "../load_config.ts";
import { createWorld, type RuntimeWorld } from "../world.ts";
import { fillOnce } from "./fill_once.ts";
import { readMisses } from "./read_misses.ts";
import { startInterruption } from "./interruption.ts";
import { stateFolderOf } from "./state_path.ts";
import { createLineTeller, createTerminalTeller, type Teller } from "./tell.ts";

/** The options of the command. */
export interface RunFillOptions {
  /** The path of the configuration. */
  readonly config: string | undefined;
  /** Where a list of blobs is. */
  readonly from: string | undefined;
  /** Whether to copy nothing. */
  readonly dryRun: boolean;
  /** Whether to write JSON lines. */
  readonly json: boolean;
  /** The most bytes to read. */
  readonly maxBytes: number | undefined;
  /** How long to wait from one fill to the next, in milliseconds; `undefined` to fill once. */
  readonly watchMs: number | undefined;
}

/**
 * Loads a configuration that says what is filled.
 *
 * @throws {UsageError} when it does not
 */
export function loadFillConfig(
  file: string | undefined,
  context: Context,
): { readonly config: Config; readonly fill: FillConfig } {
  const { config, origin } = loadConfig(file, context);
  const { fill } = config;
  if (fill !== undefined) return { config, fill };
  throw new UsageError(
    `the configuration (${origin}) has no "fill": it says which repositories to copy, such as ` +
      "fill: { repositories: [app] }",
  );
}

/** Runs fills; returns the exit status. */
export async function runFill(options: RunFillOptions, context: Context): Promise<number> {
  const { config, fill } = loadFillConfig(options.config, context);
  const state = await openState(fill, context);
  using _lock = options.dryRun ? undefined : await lock(state);
  const world = createWorld(context);
  const interruption = startInterruption();
  const pause = createPause(world.later);
  const { signal } = interruption;
  const teller = openTeller(options, context, world);
  try {
    for (;;) {
      const tally = await fillAndTell();
      const status = isComplete(tally) ? EXIT.well : EXIT.failed;
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

  async function fillAndTell(): Promise<Tally> {
    const beganMs = world.now();
    const { dryRun, maxBytes, from } = options;
    const misses = from === undefined ? undefined : await readMisses(from, context, signal);
    const task = { config, fill, misses, dryRun, maxBytes };
    const { onStage } = teller;
    const tally = await fillOnce(task, { ...context, world, state, onStage, signal });
    teller.report(tally, { dryRun, tookMs: world.now() - beganMs });
    return tally;
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

/**
 * Opens the folder of state.
 *
 * @throws {FailedError} when it cannot be used
 */
export async function openState(fill: FillConfig, context: Context): Promise<StateFolder> {
  const path = stateFolderOf(fill, context);
  try {
    return await openStateFolder(path, () => crypto.randomUUID());
  } catch (error) {
    throw new FailedError(`cannot use the folder of state "${path}": ${reasonOf(error)}`);
  }
}

/**
 * Takes the lock.
 *
 * @throws {FailedError} when another program has it
 */
export async function lock(state: StateFolder): Promise<Disposable> {
  const held = await state.tryLock();
  if (held !== undefined) return held;
  throw new FailedError("another archeio is filling or pruning with the same folder of state");
}

function openTeller(
  { json }: RunFillOptions,
  { out, terminal }: Context,
  world: RuntimeWorld,
): Teller {
  return json || terminal === undefined
    ? createLineTeller({ ...world, out })
    : createTerminalTeller({ ...world, out });
}
