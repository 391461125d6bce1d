/**
 * `archeio fill`: copies what upstreams have into the stores of mirrors.
 *
 * @module
 */

import { type Command, parseOptions, refuseOperands, UsageError } from "./command.ts";
import { CONFIG_HELP } from "./load_config.ts";

/** The command. */
export const fillCommand: Command = {
  summary: "fill the mirrors: copy what they lack from the upstreams",
  help:
    `Usage: archeio fill [--config FILE] [--dry-run] [--from LIST | --layout DIR] [--max-bytes N]
                    [--watch TIME] [--json]

Copies the blobs of all repositories and tags that "fill" in the configuration names from
the upstreams into the stores of the mirrors, those that are missing there. Nothing is ever
deleted. Killed at any moment, it leaves no wrong object, and goes on from there when it is
run again.

Options:
${CONFIG_HELP}
  --dry-run      say what is missing and what copying it takes, and copy nothing
  --from LIST    copy only these blobs: the URL of a server's /misses, or a file with lines
                 of a repository's name and a digest; - for standard input
  --layout DIR   copy the blobs of the OCI image layout in a folder, in place of the upstreams'
  --max-bytes N  begin no blob that would make it more than N bytes, such as 20GB
  --watch TIME   repeat, with about so much time in between: 30s, 10m, 6h
  --json         write JSON lines, as it does where standard output is no terminal

Exit status: 0 every mirror has everything; 1 something is missing still; 2 wrong arguments
or configuration.
`,
  async run(args, context) {
    const { text, flags, operands } = parseOptions(joinDash(args), {
      text: ["config", "from", "layout", "max-bytes", "watch"],
      flags: ["dry-run", "json"],
    });
    refuseOperands(operands);
    const { config, from, layout, watch, "max-bytes": maxBytes } = text;
    const { "dry-run": dryRun, json } = flags;
    if (dryRun && watch !== undefined) {
      throw new UsageError("option --dry-run does not go with --watch");
    }
    if (from !== undefined && layout !== undefined) {
      throw new UsageError("option --from does not go with --layout");
    }
    const options = {
      config,
      from,
      layout,
      dryRun,
      json,
      maxBytes: maxBytes === undefined ? undefined : parseBytes(maxBytes),
      watchMs: watch === undefined ? undefined : parseTime(watch),
    };
    // Loaded here because a server does not need it.
    const { runFill } = await import("./filling/run_fill.ts");
    return await runFill(options, context);
  },
};

// The parser takes a dash alone for another option.
function joinDash(args: readonly string[]): readonly string[] {
  const at = args.indexOf("--from");
  return at >= 0 && args[at + 1] === "-" ? args.toSpliced(at, 2, "--from=-") : args;
}

const FACTORS: Readonly<Record<string, number>> = { "": 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };

/**
 * Parses a number of bytes, such as `1500`, `200kB` or `1.5 GB`.
 *
 * @throws {UsageError} for another text
 */
export function parseBytes(text: string): number {
  const [, number, unit = ""] = /^(\d{1,15}(?:\.\d{1,3})?) ?(?:([kmgt]?)b?)?$/i.exec(text) ?? [];
  if (number === undefined) {
    throw new UsageError(`Cannot parse bytes "${text}": it must be a number such as 500MB or 20GB`);
  }
  return Math.floor(Number(number) * FACTORS[unit.toLowerCase()]!);
}

const SPANS: Readonly<Record<string, number>> = { s: 1e3, m: 6e4, h: 3.6e6, d: 8.64e7 };
const LONGEST_MS = 30 * SPANS.d!;

/**
 * Parses a time such as `30s`, `10m` or `6h`, into milliseconds.
 *
 * @throws {UsageError} for another text
 */
export function parseTime(text: string): number {
  const [, number, unit = ""] = /^(\d{1,9}(?:\.\d{1,3})?)([smhd])$/.exec(text) ?? [];
  const ms = Number(number) * (SPANS[unit] ?? NaN);
  if (!(ms >= 1000 && ms <= LONGEST_MS)) {
    throw new UsageError(`Cannot parse time "${text}": it must be from 1s to 30d, such as 10m`);
  }
  return ms;
}
