/**
 * `archeio check`: asks all that a configuration names whether it works.
 *
 * @module
 */

import { findAll } from "../findings/find_all.ts";
import type { Finding } from "../findings/finding.ts";
import { createPlan } from "../findings/plan.ts";
import { isName } from "../oci/grammar.ts";
import { type Command, EXIT, parseOptions, UsageError } from "./command.ts";
import { findInCertificate } from "./find_in_certificate.ts";
import { CONFIG_HELP, loadConfig } from "./load_config.ts";
import { readCredentialFiles } from "./reread.ts";
import { createWorld } from "./world.ts";

const REQUEST_LIMIT_MS = 5000;
const LIMIT_MS = 120_000;

/** The command. */
export const checkCommand: Command = {
  summary: "ask all that the configuration names whether it works",
  help: `Usage: archeio check [--config FILE] [--json] [NAME …]

Asks the certificate, upstreams and mirrors of the configuration whether they work, and
says what to write where if they do not. The exit status is 1 if a pull would suffer.

NAME is a repository, as clients name it. It is looked at closely: whether there is a
token for it, whether its tags come in pages, whether its blobs are streamed, and which
mirrors have them. By default the names in "repositories" that have no "*" are.

Options:
${CONFIG_HELP}
  --json         print JSON
`,
  async run(args, context) {
    const { text, flags, operands: names } = parseOptions(args, {
      text: ["config"],
      flags: ["json"],
    });
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
      ];
      context.out(flags.json ? JSON.stringify({ findings }, null, 2) + "\n" : format(findings));
      return findings.some(({ verdict }) => verdict === "bad") ? EXIT.failed : EXIT.well;
    } finally {
      cancel();
      world.close();
    }
  },
};

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
