/**
 * `archeio ranges`: what the embedded data set is, and how it is made anew.
 *
 * @module
 */

import { listLocations, summarizeDataSet } from "../locations/data_set.ts";
import { EMBEDDED } from "../locations/embedded.ts";
import { fetchPublished, formatDay } from "../locations/fetch.ts";
import { type Provider, PROVIDERS, type PublishedFile } from "../locations/providers.ts";
import { type ProviderChange, updateDataSet } from "../locations/update.ts";
import {
  type Command,
  type Context,
  EXIT,
  FailedError,
  parseOptions,
  refuseOperands,
  UsageError,
} from "./command.ts";
import { reasonOf } from "./load_config.ts";

/** The command. */
export const rangesCommand: Command = {
  summary: "say what the embedded data is, or make it anew",
  help: `Usage: archeio ranges [--locations]
       archeio ranges update [--from DIR] [--out FILE] [--allow-loss]

Prints, for each provider, what the embedded data is: the day it was published (where
the file does not say: its own day), how many prefixes and regions, where it is from.

  --locations    print the name of every location instead, a line each

"update" makes the data set anew, as the module lib/locations/embedded.ts, and says
what changed. The old one is kept, and the exit status is 1, when a file is missing or
malformed, or has lost more than a tenth of its prefixes.

  --from DIR     read the published files from a folder (${
    PROVIDERS.map(({ fileName }) => fileName).join(", ")
  })
                 instead of fetching them
  --out FILE     write to FILE instead of to standard output
  --allow-loss   take a file that has lost more than a tenth of its prefixes
`,
  run(args, context) {
    const [first, ...rest] = args;
    if (first === "update") return update(rest, context);
    const { flags, operands } = parseOptions(args, { flags: ["locations"] });
    if (operands.length > 0) {
      throw new UsageError(`unknown subcommand "${operands[0]}": there is only update`);
    }
    context.out(flags.locations ? listLocations(EMBEDDED).join("\n") + "\n" : formatSummary());
    return EXIT.well;
  },
};

function formatSummary(): string {
  const rows = [["provider", "date", "prefixes", "regions", "source"]];
  for (const { provider, date, prefixes, locations, source } of summarizeDataSet(EMBEDDED)) {
    rows.push([provider, date, String(prefixes), String(locations), source]);
  }
  return rows.map(([provider, date, prefixes, regions, source]) =>
    `${provider!.padEnd(10)}${date!.padEnd(12)}${prefixes!.padStart(8)}${
      regions!.padStart(9)
    }  ${source}\n`
  ).join("");
}

async function update(args: readonly string[], context: Context): Promise<number> {
  const { text, flags, operands } = parseOptions(args, {
    text: ["from", "out"],
    flags: ["allow-loss"],
  });
  refuseOperands(operands);
  const { from, out } = text;
  const get = from === undefined
    ? (provider: Provider) => fetchPublished(provider, context)
    : (provider: Provider) => readFile(provider, from);
  const update = await updateDataSet(EMBEDDED, get, { allowLoss: flags["allow-loss"] });
  if (update.kind === "refused") {
    const allowed = update.failures.some(({ lossy }) => lossy) ? ", or --allow-loss" : "";
    const lines = update.failures.map(({ provider, reason, lossy }) =>
      `  ${provider}: ${reason}${lossy ? allowed : ""}`
    );
    throw new FailedError(["the old data is kept:", ...lines].join("\n"));
  }
  const { dataSet, changes } = update;
  const module = formatModule(dataSet);
  if (out === undefined) context.out(module);
  else replaceFile(out, module);
  context.err(changes.map(formatChange).join(""));
  return EXIT.well;
}

function formatChange({ provider, added, removed }: ProviderChange): string {
  const list = [...removed.map((line) => `  - ${line}\n`), ...added.map((line) => `  + ${line}\n`)];
  return `${provider}: ${added.length} added, ${removed.length} removed\n${list.join("")}`;
}

function formatModule(dataSet: string): string {
  return `/**
 * The embedded data set. Made by \`archeio ranges update\`: do not edit.
 *
 * @module
 */

/** The text of the embedded data set; its form is described in \`data_set.ts\`. */
export const EMBEDDED: string = \`${dataSet}\`;
`;
}

// Whole or not at all, should the disk be full.
function replaceFile(path: string, text: string): void {
  const part = `${path}.part`;
  try {
    Deno.writeTextFileSync(part, text);
    Deno.renameSync(part, path);
  } catch (error) {
    throw new FailedError(`cannot write "${path}": ${reasonOf(error)}`);
  }
}

async function readFile(provider: Provider, folder: string): Promise<PublishedFile> {
  const path = `${folder.replace(/\/+$/, "")}/${provider.fileName}`;
  try {
    const [text, { mtime }] = await Promise.all([Deno.readTextFile(path), Deno.stat(path)]);
    return { source: provider.source, text, date: formatDay(mtime ?? new Date(0)) };
  } catch (error) {
    throw new FailedError(`cannot read "${path}": ${reasonOf(error)}`);
  }
}
