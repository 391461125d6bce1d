/**
 * What a server logs, at its start, of what `archeio check` would find.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import { findAll } from "../findings/find_all.ts";
import { createPlan } from "../findings/plan.ts";
import type { World } from "../mirrors/time.ts";
import type { Setup } from "../redirect/setup.ts";
import type { ProgramLog } from "./log.ts";

const REQUEST_LIMIT_MS = 5000;
const LIMIT_MS = 30_000;

/** What warning needs. */
export interface WarnOptions extends World {
  /** The credentials of upstreams. */
  readonly credentials: Setup["credentials"];
  /** Once it is aborted, nothing more is found. */
  readonly stop: AbortController;
}

/** Makes a log that, once the server listens, looks at what it serves by, and warns of it. */
export function withWarnings(log: ProgramLog, config: Config, options: WarnOptions): ProgramLog {
  return {
    ...log,
    onListening(address, more) {
      log.onListening(address, more);
      warn(config, { ...options, log }).catch(log.onFailed);
    },
  };
}

// Of what is not looked at within the limit, it says nothing.
async function warn(
  config: Config,
  options: WarnOptions & { readonly log: ProgramLog },
): Promise<void> {
  const { credentials, later, stop, log } = options;
  const over = new AbortController();
  const end = () => over.abort();
  const cancel = later(LIMIT_MS, end);
  stop.signal.addEventListener("abort", end);
  const tools = { ...options, timeoutMs: REQUEST_LIMIT_MS, stop: over.signal };
  for (const finding of await findAll(createPlan(config, credentials), tools)) {
    if (finding.verdict === "warning" || finding.verdict === "bad") log.onFinding(finding);
  }
  cancel();
  stop.signal.removeEventListener("abort", end);
}
