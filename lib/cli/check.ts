/**
 * `archeio check`: asks all that a configuration names whether it works.
 *
 * @module
 */

import { findAll } from "../findings/find_all.ts";
import type { Finding } from "../findings/finding.ts";
import { createPlan } from "../findings/plan.ts";
import { isName } from "../oci/grammar.ts";
import type { Config } from "../config/config.ts";
import { type Command, type Context, EXIT, parseOptions, UsageError } from "./command.ts";
import type { CheckStoresOptions } from "./filling/check_stores.ts";
import { findInCertificate } from "./find_in_certificate.ts";
import { CONFIG_HELP, loadConfig } from "./load_config.ts";
import { readCredentialFiles } from "./reread.ts";
import { createWorld } from "./world.ts";

const REQUEST_LIMIT_MS = 5000;
const LIMIT_MS = 120_000;

/** The command. */
export const checkCommand: Command = {
  summary: "ask all that the configuration names whether it works",
  help: `Usage: archeio check [--config FILE] [--json] [--write] [--sample N] [NAME …]

Asks the certificate, upstreams, mirrors and stores of the configuration whether they work,
and says what to write where if they do not. The exit status is 1 if a pull would suffer.

NAME is a repository, as clients name it. It is looked at closely: whether there is a
token for it, whether its tags come in pages, whether its blobs are streamed, and which
mirrors have them. By default the names in "repositories" that have no "*" are.

Options:
${CONFIG_HELP}
  --json         print JSON
  --write        begin an upload to each store, and abort it
  --sample N     fetch N blobs of each store from its mirror, and hash them
`,
  async run(args, context) {
    const { text, flags, operands: names } = parseOptions(args, {
      text: ["config", "sample"],
      flags: ["json", "write"],
    });
    const sample = parseSample(text.sample);
    const wrong = names.find((name) => !isName(name));
    if (wrong !== undefined) {
      throw new UsageError(`Cannot check "${wrong}": it is no repository name, such as acme/app`);
    }
    const { config } = loadConfig(text.config, context, { needsFiles: true });
    const plan = createPlan(config, readCredentialFiles(config), names);
    const world = createWorld(context);
    const stop = new AbortController();
    const cancel = world.later(LIMIT_MS, () => stop.abort());
    try {
      const findings = [
        ...await findInCertificate(config, context.now()),
        ...await findAll(plan, { ...world, timeoutMs: REQUEST_LIMIT_MS, stop: stop.signal }),
        ...await findInStores(config, context, { world, write: flags.write, sample }),
      ];
      context.out(flags.json ? JSON.stringify({ findings }, null, 2) + "\n" : format(findings));
      return findings.some(({ verdict }) => verdict === "bad") ? EXIT.failed : EXIT.well;
    } finally {
      cancel();
      world.close();
    }
  },
};

const LARGEST_SAMPLE = 100_000;

function parseSample(text = "0"): number {
  if (/^\d{1,6}$/.test(text) && Number(text) <= LARGEST_SAMPLE) return Number(text);
  throw new UsageError(`Cannot parse sample "${text}": it must be from 0 to ${LARGEST_SAMPLE}`);
}

// What is hashed may be large, and whoever asks for it has the time.
async function findInStores(
  config: Config,
  { environment, timeout }: Context,
  options: Pick<CheckStoresOptions, "world" | "write" | "sample">,
): Promise<readonly Finding[]> {
  if (Object.values(config.mirrors).every(({ store }) => store === undefined)) return [];
  const signal = options.sample > 0 ? new AbortController().signal : timeout(LIMIT_MS);
  // Loaded here because a server does not need it.
  const { checkStores } = await import("./filling/check_stores.ts");
  return await checkStores(config, { ...options, environment, timeout, signal });
}

/** Formats a table: a row for each finding, and its advice below it. */
function format(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ part }) => part.length)) + 2;
  return findings.map(({ part, verdict, found, advice }) => {
    const row = `${part.padEnd(width)}${verdict.padEnd("warning  ".length)}${found}\n`;
    return advice === undefined
      ? row
      : `${row}${" ".repeat(width + "warning  ".length)}→ ${advice}\n`;
  }).join("");
}
