/**
 * The command line: selects the command and prints its errors.
 *
 * @module
 */

import metadata from "../../deno.json" with { type: "json" };
import { summarizeDataSet } from "../locations/data_set.ts";
import { EMBEDDED } from "../locations/embedded.ts";
import { checkCommand } from "./check.ts";
import { type Command, type Context, EXIT, FailedError, UsageError } from "./command.ts";
import { backendsCommand } from "./backends.ts";
import { configCommand } from "./config.ts";
import { explainCommand } from "./explain.ts";
import { fillCommand } from "./fill.ts";
import { healthCommand } from "./health.ts";
import { lookupCommand } from "./lookup.ts";
import { pruneCommand } from "./prune.ts";
import { rangesCommand } from "./ranges.ts";
import { serveCommand } from "./serve.ts";
import { statusCommand } from "./status.ts";

const COMMANDS: ReadonlyMap<string, Command> = new Map([
  ["serve", serveCommand],
  ["config", configCommand],
  ["check", checkCommand],
  ["explain", explainCommand],
  ["lookup", lookupCommand],
  ["backends", backendsCommand],
  ["status", statusCommand],
  ["fill", fillCommand],
  ["prune", pruneCommand],
  ["health", healthCommand],
  ["ranges", rangesCommand],
]);

const HELP = `Usage: archeio [COMMAND] [OPTION …]

Answers the requests of container runtimes with one redirect each: manifests to the
upstream registry, blobs to the mirror in the client's own cloud region.

Commands:
${
  COMMANDS.entries().map(([name, { summary }]) => `  ${name.padEnd(9)}${summary}\n`).toArray().join(
    "",
  )
}
Options:
  --help     print this, or a command's help
  --version  print the versions of the program, its data and its runtime

Exit status: 0 success; 1 failure; 2 wrong arguments or configuration.
`;

/**
 * Runs the program.
 *
 * @returns the exit status
 */
export async function run(args: readonly string[], context: Context): Promise<number> {
  try {
    return await dispatch(args, context);
  } catch (error) {
    // The reader of the output has seen enough, as in "| head".
    if (error instanceof Deno.errors.BrokenPipe) return EXIT.well;
    if (error instanceof UsageError) {
      context.err(`archeio: ${error.message}\n`);
      return EXIT.usage;
    }
    if (error instanceof FailedError) {
      context.err(`archeio: ${error.message}\n`);
      return EXIT.failed;
    }
    if (isSystemError(error)) {
      context.err(`archeio: ${error.message}\n`);
      return EXIT.failed;
    }
    throw error;
  }
}

// An error of the operating system, such as a full disk.
function isSystemError(error: unknown): error is Error {
  return error instanceof Error && "code" in error && typeof error.code === "string";
}

function dispatch(args: readonly string[], context: Context): number | Promise<number> {
  const [first] = args;
  if (first === "--help" || first === "-h" || first === "help") return print(HELP, context);
  if (first === "--version" || first === "-V") return print(formatVersion(), context);
  const named = first !== undefined && !first.startsWith("-");
  const command = COMMANDS.get(named ? first : "serve");
  if (command === undefined) {
    const names = [...COMMANDS.keys()].join(", ");
    throw new UsageError(`unknown command "${first}": there are ${names}; see archeio --help`);
  }
  const rest = named ? args.slice(1) : args;
  const options = rest.includes("--") ? rest.slice(0, rest.indexOf("--")) : rest;
  if (options.some((option) => option === "--help" || option === "-h")) {
    return print(command.help, context);
  }
  if (options.some((option) => option === "--version" || option === "-V")) {
    return print(formatVersion(), context);
  }
  return command.run(rest, context);
}

function print(text: string, { out }: Context): number {
  out(text);
  return EXIT.well;
}

function formatVersion(): string {
  const dates = summarizeDataSet(EMBEDDED).map(({ provider, date }) =>
    `${provider} ${date ?? "-"}`
  );
  return `archeio ${metadata.version} (data: ${dates.join(", ")}; Deno ${Deno.version.deno})\n`;
}
