/**
 * `archeio prune`: deletes what upstreams have no more from the stores of mirrors.
 *
 * @module
 */

import { type Command, parseOptions, refuseOperands, UsageError } from "./command.ts";
import { parseTime } from "./fill.ts";
import { CONFIG_HELP } from "./load_config.ts";

const WEEK_MS = 7 * 86_400_000;
const SHARE = 0.1;

/** The command. */
export const pruneCommand: Command = {
  summary: "delete from the mirrors what the upstreams have no more",
  help: `Usage: archeio prune [--config FILE] [--delete] [--older-than TIME] [--max-share PERCENT]

Finds the blobs in the stores of mirrors that no manifest names, of all repositories and
tags that "fill" in the configuration names. Without --delete it only says how many they are.

Only objects whose key is exactly that of a blob are looked at. Nothing is deleted if any
list or manifest could not be read. Before it deletes, it tells the servers that read the same
folder of state, waits probe.recheck_s, and looks again.

Options:
${CONFIG_HELP}
  --delete             delete them
  --older-than TIME    keep what was written later, such as 12h or 30d (default: 7d)
  --max-share PERCENT  delete nothing from a store of which more would go (default: 10)

Exit status: 0 well; 1 something could not be read or deleted, or is more than --max-share;
2 wrong arguments or configuration.
`,
  async run(args, context) {
    const { text, flags, operands } = parseOptions(args, {
      text: ["config", "older-than", "max-share"],
      flags: ["delete"],
    });
    refuseOperands(operands);
    const { "older-than": age, "max-share": share } = text;
    const options = {
      config: text.config,
      isReal: flags.delete,
      minAgeMs: age === undefined ? WEEK_MS : parseTime(age),
      maxShare: share === undefined ? SHARE : parseShare(share),
    };
    // Loaded here because a server does not need it.
    const { runPrune } = await import("./filling/run_prune.ts");
    return await runPrune(options, context);
  },
};

function parseShare(text: string): number {
  const [, number] = /^(\d{1,3}(?:\.\d{1,3})?) ?%?$/.exec(text) ?? [];
  if (number !== undefined && Number(number) <= 100) return Number(number) / 100;
  throw new UsageError(`Cannot parse share "${text}": it must be from 0 to 100`);
}
