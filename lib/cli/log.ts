/**
 * The log: a JSON line for each event, on standard error.
 *
 * @module
 */

import { configureSync, getJsonLinesFormatter, getLogger } from "@logtape/logtape";
import type { Config, LogLevel } from "../config/config.ts";
import type { ServerLog } from "../server/serve.ts";
import { describeFailure } from "../server/worker.ts";
import type { Context } from "./command.ts";
import { reasonOf } from "./load_config.ts";

// A mirror that is down fails each probe; that it is down is worth a line now and then.
const UNANSWERED_EVERY_MS = 10_000;

/** What the program as a whole tells of, too. */
export interface ProgramLog extends ServerLog {
  /** Traces are wanted, but the runtime makes none. */
  readonly untraced: () => void;
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
  const unanswered = new Map<string, { since: number; count: number }>();

  function tellUnanswered(url: string, reason: unknown): void {
    logger.debug("no answer", { url, reason: reasonOf(reason) });
    const { origin } = new URL(url);
    const told = unanswered.get(origin);
    const now = context.now();
    const count = (told?.count ?? 0) + 1;
    if (told !== undefined && now - told.since < UNANSWERED_EVERY_MS) {
      told.count = count;
      return;
    }
    logger.warning("HEAD requests without an answer", {
      server: origin,
      count,
      reason: reasonOf(reason),
    });
    unanswered.set(origin, { since: now, count: 0 });
  }

  return {
    untraced: () =>
      logger.warning("OTEL_DENO is set, but the runtime makes no traces", {
        hint: "a program makes them that was compiled for it: OTEL_DENO=true deno task compile",
      }),
    listening(address, { admin, isolates }) {
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
    stopping: (signal) => logger.info("stopping", { signal }),
    unanswered: tellUnanswered,
    failed: (error) => logger.error("internal error", { reason: describeFailure(error) }),
    mirrorDown: (mirror, answer) => logger.warning("mirror is down", { mirror, answer }),
    mirrorUp: (mirror) => logger.info("mirror is up", { mirror }),
    mirrorLost: (mirror, digest) =>
      logger.warning("mirror has lost a blob, and is asked anew for all", { mirror, digest }),
    reloaded({ log, rules, mirrors }, later) {
      configure(log.level);
      logger.info("configuration reloaded", {
        configuration: origin,
        mirrors: Object.keys(mirrors).length,
        rules: rules.length,
      });
      if (later.length > 0) {
        logger.warning("a change counts from the next start only", { keys: later });
      }
    },
    reloadRefused: (reason) =>
      logger.error("configuration not reloaded: the old one stays", { reason }),
    refreshed(changes) {
      const counts = changes.map(({ provider, added, removed }) =>
        [provider, { added: added.length, removed: removed.length }] as const
      );
      logger.info("data set refreshed", Object.fromEntries(counts));
    },
    refreshFailed: (reasons) =>
      logger.error("data set not refreshed: the old one stays", { reasons }),
    workerReplaced: (reason) => logger.error("a worker died and is replaced", { reason }),
  };
}

function formatAddress({ hostname, port }: Deno.NetAddr): string {
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}
