/**
 * `archeio ranges`: what the embedded data set is, and how it is made anew.
 *
 * @module
 */

import {
  formatDataSet,
  listLocations,
  type ProviderRanges,
  summarizeDataSet,
} from "../locations/data_set.ts";
import { EMBEDDED } from "../locations/embedded.ts";
import { type Provider, PROVIDERS, type PublishedFile } from "../locations/providers.ts";
import { compareDataSets, isLossy, type ProviderChange } from "../locations/update.ts";
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

const TIMEOUT_MS = 60_000;

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
    ? (provider: Provider) => fetchFile(provider, context)
    : (provider: Provider) => readFile(provider, from);
  const results = await Promise.allSettled(
    PROVIDERS.map(async (provider) => provider.parse(await get(provider))),
  );
  const ranges: ProviderRanges[] = [];
  const failures: string[] = [];
  for (const [at, result] of results.entries()) {
    if (result.status === "fulfilled") ranges.push(result.value);
    else failures.push(`${PROVIDERS[at]!.name}: ${reasonOf(result.reason)}`);
  }
  const changes = compareDataSets(EMBEDDED, ranges);
  for (const change of changes) {
    if (flags["allow-loss"] || !isLossy(change)) continue;
    failures.push(
      `${change.provider}: it has lost ${change.lost} of ${change.before} prefixes; ` +
        `allowed: at most a tenth, or --allow-loss`,
    );
  }
  if (failures.length > 0) {
    throw new FailedError(
      ["the old data is kept:", ...failures.map((line) => `  ${line}`)].join("\n"),
    );
  }
  const module = formatModule(formatDataSet(ranges));
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

function day(time: Date): string {
  return time.toISOString().slice(0, 10);
}

async function readFile(provider: Provider, folder: string): Promise<PublishedFile> {
  const path = `${folder.replace(/\/+$/, "")}/${provider.fileName}`;
  try {
    const [text, { mtime }] = await Promise.all([Deno.readTextFile(path), Deno.stat(path)]);
    return { source: provider.source, text, date: day(mtime ?? new Date(0)) };
  } catch (error) {
    throw new FailedError(`cannot read "${path}": ${reasonOf(error)}`);
  }
}

async function fetchFile(provider: Provider, context: Context): Promise<PublishedFile> {
  const { source, tryLink } = provider;
  if (tryLink === undefined) return await fetchText(source, context);
  const page = await fetchText(source, context);
  const link = tryLink(page.text);
  if (link === undefined) throw new FailedError(`no link to the file stands in ${source}`);
  return await fetchText(link, context);
}

async function fetchText(url: string, { fetch, now }: Context): Promise<PublishedFile> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const text = await response.text();
    if (!response.ok) throw new FailedError(`it answered ${response.status}`);
    const modified = Date.parse(response.headers.get("last-modified") ?? "");
    return { source: url, text, date: day(new Date(Number.isNaN(modified) ? now() : modified)) };
  } catch (error) {
    throw new FailedError(`cannot fetch ${url}: ${reasonOf(error)}`);
  }
}
