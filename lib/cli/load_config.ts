/**
 * Loads the configuration for a command.
 *
 * @module
 */

import { readConfig } from "../config/read.ts";
import type { Config } from "../config/config.ts";
import type { ReadFile } from "../config/prefix_files.ts";
import { listLocations } from "../locations/data_set.ts";
import { EMBEDDED } from "../locations/embedded.ts";
import type { PrefixLists } from "../locations/prefix_list.ts";
import { MOST_BYTES } from "../locations/published.ts";
import { describeReason } from "../mirrors/asker.ts";
import { type Context, UsageError } from "./command.ts";

/** The help text for the option that `loadConfig` takes. */
export const CONFIG_HELP =
  `  --config FILE  the configuration, YAML or JSON (default: the variable ARCHEIO_CONFIG,
                 else the built-in one, which serves registry.k8s.io)`;

/** The origin of the built-in configuration. */
export const BUILT_IN = "built-in";

/** A configuration and where it came from. */
export interface LoadedConfig {
  /** The configuration. */
  readonly config: Config;
  /** A file's path, or `built-in`. */
  readonly origin: string;
  /** The prefixes of its locations, if it has files of them and they were asked for. */
  readonly lists: PrefixLists | undefined;
}

/** How to load a configuration. */
export interface LoadOptions {
  /** The locations of the data set; without them, those of the embedded one. */
  readonly locations?: readonly string[] | undefined;
  /** Whether the files that it names must be readable, as a server requires. */
  readonly needsFiles?: boolean;
  /** Whether its files of prefixes are read. Default: when it needs all files. */
  readonly needsLists?: boolean;
}

/**
 * Loads the configuration.
 *
 * @param file the option's value; by default the value of `ARCHEIO_CONFIG`
 * @throws {UsageError} when there is no such file, or it has mistakes
 */
export function loadConfig(
  file: string | undefined,
  context: Context,
  { locations = listLocations(EMBEDDED), needsFiles = false, needsLists = needsFiles }:
    LoadOptions = {},
): LoadedConfig {
  const { environment } = context;
  const path = file ?? (environment("ARCHEIO_CONFIG") || undefined);
  const origin = path ?? BUILT_IN;
  const text = path === undefined ? undefined : readText(path, "configuration");
  const read = readConfig(text, {
    environment,
    embedded: locations,
    whyUnreadable: needsFiles ? whyUnreadable : undefined,
    readFile: needsLists ? readList : undefined,
  });
  if (read.kind === "config") return { config: read.config, origin, lists: read.lists };
  const { mistakes } = read;
  const count = mistakes.length === 1 ? "a mistake" : `${mistakes.length} mistakes`;
  throw new UsageError(
    [`the configuration (${origin}) has ${count}:`, ...mistakes.map((line) => `  ${line}`)].join(
      "\n",
    ),
  );
}

/**
 * Reads a file named in the configuration.
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

function whyUnreadable(path: string): string | undefined {
  try {
    Deno.readTextFileSync(path);
    return undefined;
  } catch (error) {
    return reasonOf(error);
  }
}

// Reading a pipe could block forever.
function readList(path: string): ReturnType<ReadFile> {
  try {
    const { isFile, size } = Deno.statSync(path);
    if (!isFile) return { kind: "unreadable", reason: "it is no regular file" };
    if (size > MOST_BYTES) {
      return { kind: "unreadable", reason: `it has more than ${MOST_BYTES} bytes` };
    }
    return { kind: "text", text: Deno.readTextFileSync(path) };
  } catch (error) {
    return { kind: "unreadable", reason: reasonOf(error) };
  }
}

/** Describes an error with a file or a socket in a few words. */
export function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  if (error instanceof Deno.errors.NotCapable) return "Deno does not let programs use it";
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder";
  return describeReason(error);
}
