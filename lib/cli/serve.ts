/**
 * `archeio serve`: the server.
 *
 * @module
 */

import { cpuUsage } from "node:process";
import metadata from "../../deno.json" with { type: "json" };
import { servesKubernetes } from "../config/builtin.ts";
import type { Config } from "../config/config.ts";
import { VARIABLES } from "../config/environment.ts";
import { EMBEDDED } from "../locations/embedded.ts";
import type { World } from "../mirrors/time.ts";
import { createEvents, type Events } from "../observe/events.ts";
import { createLineSink, type LineSink } from "../observe/line_sink.ts";
import { ListenError } from "../server/claim.ts";
import { listenOnFamilies } from "../server/families.ts";
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
import { BUILT_IN, CONFIG_HELP, reasonOf } from "./load_config.ts";
import { createServerLog, type ProgramLog } from "./log.ts";
import { holdAdminToken, loadForServing, reread } from "./reread.ts";
import { createRouteTeller, isTraced } from "./telemetry.ts";
import { withWarnings } from "./warn_at_start.ts";
import { createWorld } from "./world.ts";
import { spawnIsolate } from "./isolate.ts";

/** The command. */
export const serveCommand: Command = {
  summary: "serve, until SIGINT or SIGTERM (the default)",
  help: `Usage: archeio [serve] [--config FILE]

Serves until SIGINT or SIGTERM; then it drains, and ends within 5 s. At SIGHUP it reads its
configuration again.

Options:
${CONFIG_HELP}

Environment variables, which override the configuration:
  HOST, PORT                    where to listen
  ADMIN_HOST, ADMIN_PORT        for operators: /healthz, /readyz, /metrics, /explain
  LOG_LEVEL                     debug, info, warning or error
  OTEL_DENO                     true for traces and metrics by OpenTelemetry; also when compiling
  UPSTREAM_REGISTRY_ENDPOINT    the main upstream, such as https://registry.example
  UPSTREAM_REGISTRY_PATH        the path of its repositories, such as project/images
  SIGNATURE_UPSTREAM_ENDPOINT   the registry of signatures, at the same path
  DEFAULT_AWS_BASE_URL          the default mirror; blobs at <value>/containers/images/<digest>
`,
  async run(args, context) {
    const { text, operands } = parseOptions(args, { text: ["config"] });
    refuseOperands(operands);
    const { config, origin, ...read } = loadForServing(text.config, context);
    const token = holdAdminToken(config);
    const world = createWorld(context);
    const events = createEvents();
    const sink = openEventSink(context, world, events);
    const isBuiltIn = origin === BUILT_IN && servesKubernetes(config);
    const log = openLog(config, { origin, isBuiltIn, context, sink });
    const stop = new AbortController();
    const traced = isTraced();
    if (!traced && context.environment("OTEL_DENO") === "true") log.untraced();
    const tellRoute = traced ? await createRouteTeller() : undefined;
    // Reloads use the values that the variables have now.
    const kept = keepEnvironment(context);
    dropPermissions();
    try {
      await serve(config, {
        ...world,
        ...read,
        ...OF_THE_PROGRAM,
        // The servers of the built-in configuration are known to work.
        log: isBuiltIn ? log : withWarnings(log, config, { ...world, ...read.files, stop }),
        events,
        reread: (locations) => token.after(reread(text.config, kept, locations)),
        adminToken: token.read,
        cores: navigator.hardwareConcurrency,
        spawn: (listener) => spawnIsolate(context.program, listener, { traced }),
        writePulls: context.write,
        tellRoute,
      });
    } catch (error) {
      throw error instanceof ListenError ? listenError(config, error) : error;
    } finally {
      stop.abort();
      await sink.drained();
    }
    return EXIT.well;
  },
};

const OF_THE_PROGRAM = {
  dataSet: EMBEDDED,
  listen: listenOnFamilies,
  versions: { version: metadata.version, deno: Deno.version.deno },
  residentBytes: () => Deno.memoryUsage().rss,
  cpuS: readCpuS,
};

function isOpen({ admin }: Config): boolean {
  if (admin === undefined || admin.token_file !== undefined) return false;
  return !/^(?:localhost|127\.[\d.]+|::1)$/.test(admin.host);
}

function readCpuS(): number {
  const { user, system } = cpuUsage();
  return (user + system) / 1e6;
}

// The reader of the log may hang; serving must not wait for it.
function openEventSink({ writeErr }: Context, { later }: World, events: Events): LineSink {
  return createLineSink({
    write: writeErr,
    onLost: (lines) => void (events.lostEventLines += lines),
    later,
  });
}

interface LogOptions {
  readonly origin: string;
  readonly isBuiltIn: boolean;
  readonly context: Context;
  readonly sink: LineSink;
}

function openLog(
  config: Config,
  { origin, isBuiltIn, context, sink }: LogOptions,
): ProgramLog {
  const encoder = new TextEncoder();
  const err = (text: string) => sink.take(encoder.encode(text));
  const log = createServerLog(config, origin, { ...context, err });
  if (isBuiltIn) log.builtIn();
  if (isOpen(config)) log.openAdmin(config.admin!);
  return log;
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
  [Deno.errors.AddrInUse, "another program uses this port"],
  [Deno.errors.AddrNotAvailable, "this machine has no such address"],
  [Deno.errors.PermissionDenied, "permission denied"],
] as const;

// Describes a problem with the address; `undefined` if the problem is something else.
function tryAddressReason(error: unknown): string | undefined {
  const known = ADDRESS_ERRORS.find(([Class]) => error instanceof Class);
  if (known !== undefined) return known[1];
  // Deno has no error class for a name that does not resolve.
  return /^failed to lookup address/.test(reasonOf(error)) ? "there is no such host" : undefined;
}

// Once it is configured, a server needs only the network, and its configuration for reloads. An
// attacker then cannot write files or read environment variables.
function dropPermissions(): void {
  for (const name of ["write", "env"] as const) Deno.permissions.revokeSync({ name });
}
