/**
 * Watches what is about to be deleted from mirrors, which `archeio prune` writes into the folder
 * of state, and makes all isolates send no client there for it.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import { type Leaving, LEAVING_FILE, NOTHING_LEAVING, readLeaving } from "../fill/leaving.ts";
import type { Later } from "../mirrors/time.ts";

/** What watching needs. */
export interface LeavingOptions {
  /** The configuration in use. */
  readonly config: () => Config;
  /** Runs the timer; none runs where the configuration names no folder of state. */
  readonly later: Later;
  /** Tells all isolates. */
  readonly tell: (leaving: Leaving) => void;
}

/** Watches what is about to be deleted. */
export interface LeavingWatch {
  /** Begins to watch, by the configuration in use. */
  start(): void;
  /** Stops. */
  stop(): void;
}

const EVERY_MS = 60_000;
const MOST_BYTES = 64 * 1024 * 1024;

/** Makes a watch. */
export function createLeavingWatch({ config, later, tell }: LeavingOptions): LeavingWatch {
  let cancel = () => {};
  let last = NOTHING_LEAVING;

  async function look(folder: string): Promise<void> {
    const leaving = await read(`${folder}/${LEAVING_FILE}`);
    // Again and again, for isolates that started in the meantime.
    if (leaving.size > 0 || last.size > 0) tell(leaving);
    last = leaving;
  }

  function start(): void {
    cancel();
    const { fill, probe } = config();
    if (fill?.state === undefined) return;
    const { state } = fill;
    // Prune waits for as long as blobs are not rechecked.
    const everyMs = Math.min(EVERY_MS, probe.recheck_s * 1000 / 3);
    cancel = later(everyMs, () => {
      start();
      void look(state);
    });
  }

  return { start, stop: () => cancel() };
}

async function read(path: string): Promise<Leaving> {
  try {
    const { isFile, size } = await Deno.stat(path);
    return isFile && size <= MOST_BYTES
      ? readLeaving(await Deno.readTextFile(path))
      : NOTHING_LEAVING;
  } catch {
    return NOTHING_LEAVING;
  }
}
