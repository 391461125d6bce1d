/**
 * Reads what the last fill of the mirrors found, from the file that `archeio fill` writes.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import { type FillState, STATE_FILE, tryState } from "../fill/state.ts";

// Some hundred bytes for each mirror.
const MOST_BYTES = 4 * 1024 * 1024;

/**
 * Reads the state of filling.
 *
 * @returns `undefined` where the configuration names no folder, or no good file is in it
 */
export async function readFillState({ fill }: Config): Promise<FillState | undefined> {
  if (fill?.state === undefined) return undefined;
  const path = `${fill.state}/${STATE_FILE}`;
  try {
    // Reading a pipe could last for ever.
    const { isFile, size } = await Deno.stat(path);
    return isFile && size <= MOST_BYTES ? tryState(await Deno.readTextFile(path)) : undefined;
  } catch {
    return undefined;
  }
}
