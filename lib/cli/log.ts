/**
 * The log: a JSON line for each event, on standard error.
 *
 * @module
 */

import { configureSync, getJsonLinesFormatter, getLogger, type Logger } from "@logtape/logtape";
import type { Config, LogLevel } from "../config/config.ts";
import type { AdminConfig } from "../config/config_of_listeners.ts";
import type { Finding } from "../findings/finding.ts";
import { describeFailure } from "../server/isolate.ts";
import type { Mirror } from "../routing/policy.ts";
import type { ChangesLog } from "../server/changes.ts";
import type { ServerLog } from "../server/log.ts";
import type { Context } from "./command.ts";
import { reasonOf } from "./load_config.ts";

const TELL_EVERY_MS = 10_000;
// More servers than most configurations have.
const MAX_TOLD = 1000;

/** Notified of events in the whole program. */
export interface ProgramLog extends ServerLog {
  /** Called when traces are requested, but the runtime makes none. */
  readonly untraced: () => void;
  /** Called when operators are answered on other addresses than loopback, without a token. */
  readonly openAdmin: (admin: AdminConfig) => void;
  /** Called when the built-in configuration, for registry.k8s.io, is used by default. */
  readonly builtIn: () => void;
  /** Called with what looking at upstreams and mirrors has found, if it is not good. */
  readonly onFinding: (finding: Finding) => void;
}

/** Makes the log of a server. */
export function createServerLog(config: Config, origin: string, context: Context): ProgramLog {
  const format = getJsonLinesFormatter({ properties: "flatten" });
  const configure = (level: LogLevel) =>
    configureSync({
      reset: true,
      sinks: { stderr: (record) => context.err(format(record)) },
      loggers: [
        { category: "archeio", lowestLevel: level, sinks: ["stderr"] },
        { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["stderr"] },
      ],
    });
  configure(config.log.level);
  const logger = getLogger("archeio");
  return {
    untraced: () =>
      logger.warning("OTEL_DENO is set, but the runtime makes no traces", {
        hint: "compile the program with it: OTEL_DENO=true deno task compile",
      }),
    openAdmin: ({ host }) =>
      logger.warning("anyone who reaches the admin listener can ask it", {
        host,
        hint: "set admin.token_file, or listen on 127.0.0.1",
      }),
    builtIn: () =>
      logger.warning("no configuration is given: the images of registry.k8s.io are served", {
        hint: "name a file with --config or ARCHEIO_CONFIG, or an upstream with " +
          "UPSTREAM_REGISTRY_ENDPOINT",
      }),
    onFinding: ({ part, found, advice }) =>
      logger.warning(`${part} ${found}`, { part, ...(advice && { hint: advice }) }),
    onListening(address, { admin, isolates }) {
      const scheme = config.listen.tls === undefined ? "http" : "https";
      logger.info("listening", {
        url: `${scheme}://${formatAddress(address)}/`,
        ...admin === undefined ? {} : { admin: `http://${formatAddress(admin)}/` },
        configuration: origin,
        upstreams: Object.keys(config.upstreams).length,
        mirrors: Object.keys(config.mirrors).length,
        rules: config.rules.length,
        workers: isolates,
      });
    },
    onStopping: (signal) => logger.info("stopping", { signal }),
    onIsolateReplaced: (reason) => logger.error("an isolate died and is replaced", { reason }),
    ...createRequestsLog(logger, context),
    ...createMirrorsLog(logger),
    ...createChangesLog(logger, origin, configure),
  };
}

/** Logs events of requests at a limited rate, because clients can cause any number of them. */
function createRequestsLog(logger: Logger, { now }: Context) {
  const tellUnanswered = createLimit(now);
  const tellNoAddress = createLimit(now);
  const tellStale = createLimit(now);
  return {
    onUnanswered(url: string, reason: string): void {
      logger.debug("no answer", { url, reason });
      const { origin: server } = new URL(url);
      tellUnanswered(
        server,
        (count) =>
          logger.warning("requests to a mirror or upstream without an answer", {
            server,
            count,
            reason,
          }),
      );
    },
    onStale(upstream: string, reason: string): void {
      tellStale(
        upstream,
        (count) =>
          logger.warning("pulls are served from memory because their upstream fails", {
            upstream,
            count,
            reason,
          }),
      );
    },
    onNoAddress(reason: string): void {
      tellNoAddress(
        "",
        (count) =>
          logger.warning("requests are refused because their client address cannot be read", {
            count,
            reason,
          }),
      );
    },
  };
}

/** Reports an event once, and again after a while with the number of repetitions. */
function createLimit(now: () => number) {
  const told = new Map<string, { readonly sinceMs: number; count: number }>();
  return (what: string, tell: (count: number) => void): void => {
    const before = told.get(what);
    if (before !== undefined && now() - before.sinceMs < TELL_EVERY_MS) {
      before.count++;
      return;
    }
    if (told.size >= MAX_TOLD) told.clear();
    told.set(what, { sinceMs: now(), count: 0 });
    tell((before?.count ?? 0) + 1);
  };
}

function createMirrorsLog(logger: Logger) {
  return {
    onDown: ({ name }: Mirror, reason: string) =>
      logger.warning("mirror is down", { mirror: name, reason }),
    onUp: ({ name }: Mirror, downMs: number) =>
      logger.info("mirror is up", { mirror: name, down_s: Math.round(downMs / 100) / 10 }),
    onLost: ({ name }: Mirror, digest: string) =>
      logger.warning("mirror has lost a blob", { mirror: name, digest }),
    onForgotten: ({ name }: Mirror, lost: readonly string[]) =>
      logger.warning("mirror has lost blobs: everything cached for it is invalidated", {
        mirror: name,
        lost: lost.length,
        digest: lost[0],
      }),
    onNothingFound: (mirror: string, blobs: number, answer: string) =>
      logger.warning("mirror has none of the blobs that it is asked for", {
        mirror,
        blobs,
        answer,
        hint: "is its URL right, and is it filled?",
      }),
  };
}

function createChangesLog(
  logger: Logger,
  origin: string,
  configure: (level: LogLevel) => void,
): ChangesLog {
  return {
    onFailed: (error) => logger.error("internal error", { reason: describeFailure(error) }),
    onReloaded({ log, rules, mirrors }, later) {
      configure(log.level);
      logger.info("configuration reloaded", {
        configuration: origin,
        mirrors: Object.keys(mirrors).length,
        rules: rules.length,
      });
      if (later.length > 0) {
        logger.warning("a change needs a restart", { keys: later });
      }
    },
    onReloadRefused: (reason) =>
      logger.error("configuration not reloaded: the old one stays", { reason }),
    onCertified: () => logger.info("certificate renewed"),
    onCertificateRefused: (error) =>
      logger.error("certificate not renewed: the old one stays", { reason: reasonOf(error) }),
    onRefreshed(changes) {
      const counts = changes.map(({ provider, added, removed }) =>
        [provider, { added: added.length, removed: removed.length }] as const
      );
      logger.info("data set refreshed", Object.fromEntries(counts));
    },
    onRefreshFailed: (reasons) =>
      logger.error("providers not refreshed: their old data stays", { reasons }),
  };
}

function formatAddress({ hostname, port }: Deno.NetAddr): string {
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}
