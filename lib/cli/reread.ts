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
    const read = loadForServing(file, context, locations);
    readAdminToken(read.config);
    return { kind: "config", ...read };
  } catch (error) {
    if (error instanceof UsageError) return { kind: "refused", reason: error.message };
    throw error;
  }
}

/** A configuration, and what the files say that it names. */
export interface Loaded {
  /** The configuration. */
  readonly config: Config;
  /** Where the configuration comes from. */
  readonly origin: string;
  /** Its certificate and key; `undefined` without TLS. */
  readonly tls: Tls | undefined;
  /** The secrets and prefixes in the files that it names. */
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

// RFC 6750, section 2.1.
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;

/**
 * Reads the token that operators must present.
 *
 * @throws {UsageError} when it cannot be read, or is no token
 */
export function readAdminToken({ admin }: Config): string | undefined {
  if (admin?.token_file === undefined) return undefined;
  const token = readText(admin.token_file, "token").trim();
  if (TOKEN.test(token)) return token;
  throw new UsageError(
    `cannot use the token in "${admin.token_file}": it must be letters, digits, -, ., _, ~, + ` +
      "and / on one line",
  );
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

/** The token in use. */
export interface AdminToken {
  /** The token that operators must present; `undefined` when none is needed. */
  read(): string | undefined;
  /** Takes the token that a configuration names, which was read again. */
  after(read: Reread): Reread;
}

/**
 * Holds the token that operators must present. One that the configuration no longer names
 * stays, so that no reload opens the listener by accident.
 *
 * @throws {UsageError} when it cannot be read, or is no token
 */
export function holdAdminToken(config: Config): AdminToken {
  let token = readAdminToken(config);
  return {
    read: () => token,
    after(read: Reread): Reread {
      if (read.kind === "config") token = readAdminToken(read.config) ?? token;
      return read;
    },
  };
}
