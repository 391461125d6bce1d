/**
 * `archeio serve`: the server.
 *
 * @module
 */

import metadata from "../../deno.json" with { type: "json" };
import type { Config } from "../config/config.ts";
import { VARIABLES } from "../config/environment.ts";
import { EMBEDDED } from "../locations/embedded.ts";
import type { Reread } from "../server/changes.ts";
import { createLineSink } from "../server/line_sink.ts";
import { ListenError, serve } from "../server/serve.ts";
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
import { createRouteTeller, isTraced } from "./telemetry.ts";
import { spawnWorker } from "./worker.ts";

/** The command. */
export const serveCommand: Command = {
  summary: "serve, until SIGINT or SIGTERM (the default)",
  help: `Usage: archeio [serve] [--config FILE]

Serves, until SIGINT or SIGTERM comes; then it bids clients farewell, lets what is in
flight finish, and ends within 5 s.

Options:
${CONFIG_HELP}

Environment, over whatever the configuration says:
  HOST, PORT                    where to listen
  ADMIN_HOST, ADMIN_PORT        where operators ask: /healthz, /readyz, /metrics, /explain
  LOG_LEVEL                     debug, info, warning or error
  OTEL_DENO                     true for traces and metrics by OpenTelemetry; also when compiling
  UPSTREAM_REGISTRY_ENDPOINT    the main upstream, such as https://registry.example
  UPSTREAM_REGISTRY_PATH        the path of its repositories, such as project/images
  SIGNATURE_UPSTREAM_ENDPOINT   the registry of signatures, at the same path
  DEFAULT_AWS_BASE_URL          the default mirror; blobs at <it>/containers/images/<digest>
`,
  async run(args, context) {
    const { text, operands } = parseOptions(args, { text: ["config"] });
    refuseOperands(operands);
    const { config, origin } = loadConfig(text.config, context);
    const tls = readTlsFiles(config);
    // Whoever reads the log may stand still; nothing that is served waits for that.
    const sink = createLineSink({ write: context.writeErr, lost() {} });
    const encoder = new TextEncoder();
    const err = (text: string) => sink.take(encoder.encode(text));
    const log = createServerLog(config, origin, { ...context, err });
    const traced = isTraced();
    if (!traced && context.environment("OTEL_DENO") === "true") log.untraced();
    const tellRoute = traced ? await createRouteTeller() : undefined;
    // Whatever is read again later is read by what the variables say now.
    const kept = keepEnvironment(context);
    dropPermissions();
    try {
      await serve(config, {
        tls,
        dataSet: EMBEDDED,
        versions: { version: metadata.version, deno: Deno.version.deno },
        log,
        reread: (locations) => reread(text.config, kept, locations),
        cores: navigator.hardwareConcurrency,
        spawn: (listener) => spawnWorker(context.program, listener, { traced }),
        writePulls: context.write,
        tellRoute,
        fetch: context.fetch,
        now: () => performance.now(),
        timeOfDay: context.now,
        random: Math.random,
      });
    } catch (error) {
      throw error instanceof ListenError ? listenError(config, error) : error;
    } finally {
      await sink.drained();
    }
    return EXIT.well;
  },
};

function reread(file: string | undefined, context: Context, locations: readonly string[]): Reread {
  try {
    const path = file ?? context.environment("ARCHEIO_CONFIG");
    if (path && isOtherThanFile(path)) throw new UsageError(`"${path}" is no regular file`);
    return { kind: "config", config: loadConfig(file, context, locations).config };
  } catch (error) {
    return { kind: "refused", reason: reasonOf(error) };
  }
}

// To read a pipe could mean to wait for its writer for ever, and all requests with it.
function isOtherThanFile(path: string): boolean {
  try {
    return !Deno.statSync(path).isFile;
  } catch {
    return false; // What is wrong with it shows when it is read.
  }
}

function keepEnvironment(context: Context): Context {
  const names = ["ARCHEIO_CONFIG", ...VARIABLES];
  const values = new Map(names.map((name) => [name, context.environment(name)]));
  return { ...context, environment: (name) => values.get(name) };
}

function listenError(config: Config, { key, cause }: ListenError): Error {
  const reason = tryAddressReason(cause);
  const { tls } = config.listen;
  if (reason === undefined && key === "listen" && tls !== undefined) {
    const files = `the certificate "${tls.cert}" with the private key "${tls.key}"`;
    return new UsageError(`cannot use ${files}: ${reasonOf(cause)}`);
  }
  const { host, port } = config[key]!;
  const what = key === "admin" ? " for admin" : "";
  return new FailedError(
    `cannot listen on ${host}, port ${port}${what}: ${reason ?? reasonOf(cause)}`,
  );
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

// What a server needs once it is configured is the network, and its configuration when it
// is to be read again; whoever finds a way in writes no files and sees no variables.
function dropPermissions(): void {
  for (const name of ["write", "env"] as const) Deno.permissions.revokeSync({ name });
}
