/**
 * Reads a server's configuration, and the files that it names, at the start and again later.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import type { Credentials } from "../registry/server.ts";
import type { SetupFiles } from "../redirect/setup.ts";
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
    return { kind: "config", ...loadForServing(file, context, locations) };
  } catch (error) {
    if (error instanceof UsageError) return { kind: "refused", reason: error.message };
    throw error;
  }
}

/** A configuration, and what the files say that it names. */
export interface Loaded {
  readonly config: Config;
  /** Where the configuration comes from. */
  readonly origin: string;
  readonly tls: Tls | undefined;
  readonly files: Required<SetupFiles>;
}

/**
 * Loads a configuration and the files that it names.
 *
 * @param file the option's value; by default the value of `ARCHEIO_CONFIG`
 * @param locations the locations of the data set, by default the embedded one
 * @throws {UsageError} when something cannot be read, or is wrong
 */
export function loadForServing(
  file: string | undefined,
  context: Context,
  locations?: readonly string[],
): Loaded {
  const { config, origin, lists } = loadConfig(file, context, { locations, needsFiles: true });
  const files = { lists, credentials: readCredentialFiles(config) };
  return { config, origin, tls: readTlsFiles(config), files };
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

/**
 * Reads the files with the secrets of upstreams. A line break at the end is no part of one.
 *
 * @throws {UsageError} when one cannot be read, or is empty
 */
export function readCredentialFiles({ upstreams }: Config): Record<string, Credentials> {
  const all: Record<string, Credentials> = {};
  for (const [name, { credentials }] of Object.entries(upstreams)) {
    const { username, password_file: password, identity_token_file: token } = credentials ?? {};
    if (password !== undefined) {
      all[name] = { kind: "password", username: username!, password: readSecret(password) };
    } else if (token !== undefined) {
      all[name] = { kind: "identity_token", identityToken: readSecret(token) };
    }
  }
  return all;
}

function readSecret(path: string): string {
  const secret = readText(path, "secret").replace(/\r?\n$/, "");
  if (secret === "") throw new UsageError(`cannot use the secret "${path}": the file is empty`);
  return secret;
}
