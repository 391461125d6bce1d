/**
 * Where the state of filling is.
 *
 * @module
 */

import type { FillConfig } from "../../config/config_of_filling.ts";
import { type Context, UsageError } from "../command.ts";

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
