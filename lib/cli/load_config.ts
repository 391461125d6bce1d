/**
 * Getting the configuration that a command is to use.
 *
 * @module
 */

import { readConfig } from "../config/read.ts";
import type { Config } from "../config/config.ts";
import { listLocations } from "../locations/data_set.ts";
import { EMBEDDED } from "../locations/embedded.ts";
import { describeReason } from "../server/worker.ts";
import { type Context, UsageError } from "./command.ts";

/** What stands in each command's help for the option that `loadConfig` takes. */
export const CONFIG_HELP =
  `  --config FILE  the configuration, YAML or JSON (default: the variable ARCHEIO_CONFIG,
                 else the built-in one, which serves registry.k8s.io)`;

/** A configuration and where it came from. */
export interface LoadedConfig {
  /** The configuration. */
  readonly config: Config;
  /** A file's path, or `built-in`. */
  readonly origin: string;
}

/**
 * Loads the configuration.
 *
 * @param file the option's value; without one, `ARCHEIO_CONFIG` names the file
 * @param locations the locations of the data set
 * @throws {UsageError} when there is no such file, or it has mistakes
 */
export function loadConfig(
  file: string | undefined,
  context: Context,
  locations: readonly string[] = listLocations(EMBEDDED),
): LoadedConfig {
  const { environment } = context;
  const path = file ?? (environment("ARCHEIO_CONFIG") || undefined);
  const origin = path ?? "built-in";
  const text = path === undefined ? undefined : readText(path, "configuration");
  const read = readConfig(text, { environment, embedded: locations });
  if (read.kind === "config") return { config: read.config, origin };
  const { mistakes } = read;
  const count = mistakes.length === 1 ? "a mistake" : `${mistakes.length} mistakes`;
  throw new UsageError(
    [`the configuration (${origin}) has ${count}:`, ...mistakes.map((line) => `  ${line}`)].join(
      "\n",
    ),
  );
}

/**
 * Reads a file that the configuration names.
 *
 * @throws {UsageError} when it cannot be read
 */
export function readText(path: string, what: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw new UsageError(`cannot read the ${what} "${path}": ${reasonOf(error)}`);
  }
}

/** Why something with a file or a socket failed, in a few words. */
export function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  if (error instanceof Deno.errors.NotCapable) return "Deno lets no program use it";
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder";
  return describeReason(error);
}
