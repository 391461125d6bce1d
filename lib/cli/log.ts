/**
 * The log: a JSON line for each event, on standard error.
 *
 * @module
 */

import { configureSync, getJsonLinesFormatter, getLogger } from "@logtape/logtape";
import type { Config } from "../config/config.ts";
import type { ServerLog } from "../server/serve.ts";
import type { Context } from "./command.ts";
import { reasonOf } from "./load_config.ts";

// A mirror that is down fails each probe; that it is down is worth a line now and then.
const UNANSWERED_EVERY_MS = 10_000;

/** Makes the log of a server. */
export function createServerLog(config: Config, origin: string, context: Context): ServerLog {
  const format = getJsonLinesFormatter({ properties: "flatten" });
  configureSync({
    reset: true,
    sinks: { stderr: (record) => context.err(format(record)) },
    loggers: [
      { category: "archeio", lowestLevel: config.log.level, sinks: ["stderr"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["stderr"] },
    ],
  });
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
    listening({ hostname, port }) {
      const scheme = config.listen.tls === undefined ? "http" : "https";
      const host = hostname.includes(":") ? `[${hostname}]` : hostname;
      logger.info("listening", {
        url: `${scheme}://${host}:${port}/`,
        configuration: origin,
        upstreams: Object.keys(config.upstreams).length,
        mirrors: Object.keys(config.mirrors).length,
        rules: config.rules.length,
      });
    },
    stopping: (signal) => logger.info("stopping", { signal }),
    unanswered: tellUnanswered,
    failed: (error) => logger.error("internal error", { reason: describe(error) }),
  };
}

function describe(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}
