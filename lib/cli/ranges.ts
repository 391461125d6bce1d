/**
 * `archeio ranges`: describes and updates the embedded data set.
 *
 * @module
 */

import { listLocations, summarizeDataSet } from "../locations/data_set.ts";
import { EMBEDDED } from "../locations/embedded.ts";
import { fetchPublished } from "../locations/fetch.ts";
import type { Provider, PublishedFile } from "../locations/provider.ts";
import { type ProviderName, PROVIDERS } from "../locations/providers.ts";
import { isDay, MOST_BYTES } from "../locations/published.ts";
import {
  type Allowance,
  type ProviderChange,
  updateDataSet,
  type UpdateFailure,
} from "../locations/update.ts";
import {
  type Command,
  type Context,
  EXIT,
  FailedError,
  parseOptions,
  UsageError,
} from "./command.ts";
import { reasonOf } from "./load_config.ts";

const NAMES = PROVIDERS.map(({ name }) => name);
const ALLOWANCES: readonly Allowance[] = ["loss", "growth"];

/** The command. */
export const rangesCommand: Command = {
  summary: "describe the embedded data, or update it",
  help: `Usage: archeio ranges [--locations]
       archeio ranges update [--from DIR] [--out FILE] [--date DAY] [--allow-loss]
                             [--allow-growth] [PROVIDER …]

Describes the embedded data of each provider: the day it was published ("-" if unknown), the
number of prefixes and regions, the source.

  --locations     print the names of all locations instead, one per line

"update" updates the data set, as the module lib/locations/embedded.ts, and reports what
changed, by provider and region. Providers are updated separately: one whose file cannot be fetched or read, or has
changed too much, keeps its old part. The exit status is then 1; if no provider can be
updated, nothing is written.

  PROVIDER …      update only these of ${NAMES.join(", ")}
  --from DIR      read the published files from a folder instead of fetching them:
${PROVIDERS.map(({ fileName }) => `                  ${fileName}\n`).join("")}\
  --out FILE      write to FILE instead of to standard output
  --date DAY      the day, YYYY-MM-DD, that files were published whose own text, URL and server
                  say none; without it, no day is known
  --allow-loss    accept a file that has lost more than a tenth of its prefixes
  --allow-growth  accept a file that has grown to more than twice its prefixes plus 1000, or to
                  more than twice its addresses plus an IPv4 /10 or IPv6 /28

Never accepted: a prefix shorter than /8 (IPv6: /16), a file of more than 64 MiB or 1,000,000
prefixes.
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
    rows.push([provider, date ?? "-", String(prefixes), String(locations), source]);
  }
  return rows.map(([provider, date, prefixes, regions, source]) =>
    `${provider!.padEnd(14)}${date!.padEnd(12)}${prefixes!.padStart(8)}${
      regions!.padStart(9)
    }  ${source}\n`
  ).join("");
}

async function update(args: readonly string[], context: Context): Promise<number> {
  const { text, flags, operands } = parseOptions(args, {
    text: ["from", "out", "date"],
    flags: ["allow-loss", "allow-growth"],
  });
  const { from, out, date } = text;
  if (date !== undefined && !isDay(date)) {
    throw new UsageError(`--date: found "${date}", allowed: a day, YYYY-MM-DD`);
  }
  const get = async (provider: Provider) => {
    const file = from === undefined
      ? await fetchPublished(provider, { fetch: context.fetch })
      : await readFile(provider, from);
    return { ...file, date: file.date ?? date };
  };
  const { dataSet, changes, failures } = await updateDataSet(EMBEDDED, get, {
    providers: operands.length === 0 ? NAMES : operands.map(parseName),
    allowed: ALLOWANCES.filter((allowance) => flags[`allow-${allowance}` as const]),
  });
  if (changes.length > 0) {
    const module = formatModule(dataSet);
    if (out === undefined) context.out(module);
    else replaceFile(out, module);
    context.err(changes.map(formatChange).join(""));
  }
  if (failures.length === 0) return EXIT.well;
  const kept = changes.length > 0 ? "the old part is kept of" : "the old data is kept";
  throw new FailedError([`${kept}:`, ...failures.map(formatFailure)].join("\n"));
}

function parseName(operand: string): ProviderName {
  const name = NAMES.find((name) => name === operand);
  if (name !== undefined) return name;
  throw new UsageError(`unknown provider "${operand}": there are ${NAMES.join(", ")}`);
}

function formatFailure({ provider, reason, allowance }: UpdateFailure): string {
  return `  ${provider}: ${reason}${allowance === undefined ? "" : `, or --allow-${allowance}`}`;
}

// The lines of a region stand together.
function formatChange({ provider, added, removed }: ProviderChange): string {
  const lines = [
    ...removed.map((line) => `  - ${line}\n`),
    ...added.map((line) => `  + ${line}\n`),
  ];
  const byRegion = Map.groupBy(lines, (line) => line.split(" ", 4)[3]!);
  const list = [...byRegion.keys()].sort().map((region) => byRegion.get(region)!.join(""));
  return `${provider}: ${added.length} added, ${removed.length} removed\n${list.join("")}`;
}

function formatModule(dataSet: string): string {
  return `/**
 * The embedded data set. Made by \`archeio ranges update\`: do not edit.
 *
 * @module
 */

/** The text of the embedded data set; its form is described in \`data_set.ts\`. */
export const EMBEDDED: string = \`${dataSet.replaceAll(/[\\`$]/g, "\\$&")}\`;
`;
}

// Replaced atomically, in case the disk is full.
function replaceFile(path: string, text: string): void {
  const part = `${path}.part`;
  try {
    Deno.writeTextFileSync(part, text);
    Deno.renameSync(part, path);
  } catch (error) {
    throw new FailedError(`cannot write "${path}": ${reasonOf(error)}`);
  }
}

// A file's modification time is that of its copy, not of its publication.
async function readFile({ source, fileName }: Provider, folder: string): Promise<PublishedFile> {
  const path = `${folder.replace(/\/+$/, "")}/${fileName}`;
  try {
    const { size } = await Deno.stat(path);
    if (size > MOST_BYTES) throw new RangeError(`it has more than ${MOST_BYTES} bytes`);
    return { source, text: await Deno.readTextFile(path) };
  } catch (error) {
    throw new FailedError(`cannot read "${path}": ${reasonOf(error)}`);
  }
}
