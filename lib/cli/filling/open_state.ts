/**
 * Opens what filling and pruning begin with: the configuration, and the folder of state.
 *
 * @module
 */

import type { Config } from "../../config/config.ts";
import type { FillConfig } from "../../config/config_of_filling.ts";
import { openStateFolder, type StateFolder } from "../../fill/stores/state_folder.ts";
import { type Context, FailedError, UsageError } from "../command.ts";
import { loadConfig, reasonOf } from "../load_config.ts";

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

/**
 * The path of the folder of state: that of the configuration, else where systemd or the user
 * keeps such things.
 *
 * @throws {UsageError} when there is none of them
 */
export function stateFolderOf(
  { state }: Pick<FillConfig, "state">,
  { environment }: Pick<Context, "environment">,
): string {
  if (state !== undefined) return state;
  // Where there are several, they are separated by colons (systemd.exec, "StateDirectory").
  const [ofUnit = ""] = (environment("STATE_DIRECTORY") ?? "").split(":");
  if (ofUnit !== "") return ofUnit;
  const ofUser = environment("XDG_STATE_HOME");
  if (ofUser) return `${ofUser}/archeio`;
  const home = environment("HOME");
  if (home) return `${home}/.local/state/archeio`;
  throw new UsageError("fill.state must be set, as there is no STATE_DIRECTORY and no HOME");
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
