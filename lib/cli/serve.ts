/**
 * `archeio serve`: the server.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import { EMBEDDED } from "../locations/embedded.ts";
import { createCoarseClock } from "../server/coarse_clock.ts";
import { serve } from "../server/serve.ts";
import {
  type Command,
  type Context,
  EXIT,
  FailedError,
  parseOptions,
  refuseOperands,
  UsageError,
} from "./command.ts";
import { CONFIG_HELP, loadConfig, readText, reasonOf } from "./load_config.ts";
import { createServerLog } from "./log.ts";

/** The command. */
export const serveCommand: Command = {
  summary: "serve, until SIGINT or SIGTERM (the default)",
  help: `Usage: archeio [serve] [--config FILE]

Serves, until SIGINT or SIGTERM comes; then it accepts nothing more, lets what is in
flight finish, and ends within 5 s.

Options:
${CONFIG_HELP}

Environment, over whatever the configuration says:
  HOST, PORT                    where to listen
  LOG_LEVEL                     debug, info, warning or error
  UPSTREAM_REGISTRY_ENDPOINT    the main upstream, such as https://registry.example
  UPSTREAM_REGISTRY_PATH        the path of its repositories, such as project/images
  SIGNATURE_UPSTREAM_ENDPOINT   the registry of signatures, at the same path
  DEFAULT_AWS_BASE_URL          the default mirror; blobs at <it>/containers/images/<digest>
`,
  async run(args, context) {
    const { text, operands } = parseOptions(args, { text: ["config"] });
    refuseOperands(operands);
    const { config, origin } = loadConfig(text.config, context);
    const files = readTlsFiles(config);
    dropPermissions();
    await start(config, origin, files, context);
    return EXIT.well;
  },
};

// What is remembered is remembered for seconds.
const CLOCK_RESOLUTION_MS = 100;

function start(
  config: Config,
  origin: string,
  files: ReturnType<typeof readTlsFiles>,
  context: Context,
): Promise<void> {
  const log = createServerLog(config, origin, context);
  const options = {
    dataSet: EMBEDDED,
    log,
    fetch: context.fetch,
    now: createCoarseClock(() => performance.now(), CLOCK_RESOLUTION_MS),
    defer: (work: () => void) => void setTimeout(work, 0),
  };
  try {
    return serve(config, options, files);
  } catch (error) {
    throw listenError(config, error);
  }
}

function listenError({ listen: { host, port, tls } }: Config, error: unknown): Error {
  const reason = tryAddressReason(error);
  if (reason === undefined && tls !== undefined) {
    const files = `the certificate "${tls.cert}" with the private key "${tls.key}"`;
    return new UsageError(`cannot use ${files}: ${reasonOf(error)}`);
  }
  return new FailedError(`cannot listen on ${host}, port ${port}: ${reason ?? reasonOf(error)}`);
}

const ADDRESS_ERRORS = [
  [Deno.errors.AddrInUse, "another program has this port"],
  [Deno.errors.AddrNotAvailable, "this machine has no such address"],
  [Deno.errors.PermissionDenied, "permission denied"],
] as const;

// What is wrong with the address, or `undefined` when it is something else.
function tryAddressReason(error: unknown): string | undefined {
  const known = ADDRESS_ERRORS.find(([Class]) => error instanceof Class);
  if (known !== undefined) return known[1];
  // A name that does not resolve has no class of its own.
  return /^failed to lookup address/.test(reasonOf(error)) ? "there is no such host" : undefined;
}

function readTlsFiles({ listen: { tls } }: Config): { cert: string; key: string } | undefined {
  if (tls === undefined) return undefined;
  return {
    cert: readText(tls.cert, "certificate"),
    key: readText(tls.key, "private key"),
  };
}

// What a server needs once it is configured is the network; whoever finds a way in
// finds no files and no variables.
function dropPermissions(): void {
  for (const name of ["read", "write", "env"] as const) Deno.permissions.revokeSync({ name });
}
