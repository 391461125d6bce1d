/**
 * Reads a server's configuration, and the files that it names, at the start and again later.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import type { Reread } from "../server/changes.ts";
import type { Tls } from "../server/isolate.ts";
import { type Context, UsageError } from "./command.ts";
import { loadConfig, readText } from "./load_config.ts";

/**
 * Reads the configuration again; mistakes in it are returned as a value.
 *
 * @param file the option's value; by default the value of `ARCHEIO_CONFIG`
 * @param locations the locations of the data set
 * @throws {Error} errors of the program, not of the configuration
 */
export function reread(
  file: string | undefined,
  context: Context,
  locations: readonly string[],
): Reread {
  try {
    const path = file ?? context.environment("ARCHEIO_CONFIG");
    if (path && isOtherThanFile(path)) throw new UsageError(`"${path}" is no regular file`);
    const { config, lists } = loadConfig(file, context, { locations, needsFiles: true });
    return { kind: "config", config, lists, tls: readTlsFiles(config) };
  } catch (error) {
    if (error instanceof UsageError) return { kind: "refused", reason: error.message };
    throw error;
  }
}

// Reading a pipe could block forever, waiting for its writer, and with it all requests.
function isOtherThanFile(path: string): boolean {
  try {
    return !Deno.statSync(path).isFile;
  } catch {
    return false; // What is wrong with it shows when it is read.
  }
}

/**
 * Reads the files of a certificate and its key.
 *
 * @throws {UsageError} when they cannot be read
 */
export function readTlsFiles({ listen: { tls } }: Config): Tls | undefined {
  if (tls === undefined) return undefined;
  return {
    cert: readText(tls.cert, "certificate"),
    key: readText(tls.key, "private key"),
  };
}
