/**
 * What a command of the program is, and how its arguments are read.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";

/** The world outside, as commands see it. */
export interface Context {
  /** Gives the value of an environment variable. */
  readonly environment: (variable: string) => string | undefined;
  /** Fetches over the network. */
  readonly fetch: typeof fetch;
  /** Standard input. */
  readonly stdin: ReadableStream<Uint8Array>;
  /** Writes to standard output. */
  readonly out: (text: string) => void;
  /** Writes to standard error. */
  readonly err: (text: string) => void;
  /** Writes to standard output what others must not wait for. */
  readonly write: (bytes: Uint8Array) => Promise<void>;
  /** The same, to standard error. */
  readonly writeErr: (bytes: Uint8Array) => Promise<void>;
  /** The URL of the program's module, which workers run, too. */
  readonly program: string;
  /** The time of day in milliseconds since 1970. */
  readonly now: () => number;
}

/** A command. */
export interface Command {
  /** What it does, in one line for the list of commands. */
  readonly summary: string;
  /** Its help text. */
  readonly help: string;
  /**
   * Runs it.
   *
   * @returns the exit status
   * @throws {UsageError} when it is called or configured wrongly
   */
  readonly run: (args: readonly string[], context: Context) => number | Promise<number>;
}

/** The exit statuses. */
export const EXIT = { well: 0, failed: 1, usage: 2 } as const;

/** The program was called or configured wrongly. */
export class UsageError extends Error {
  /** The class's name. */
  override readonly name = "UsageError";
}

/** The program could not do what it was called for. */
export class FailedError extends Error {
  /** The class's name. */
  override readonly name = "FailedError";
}

/** Which options a command has. */
export interface OptionNames<Text extends string, Flag extends string> {
  /** Options with a value. */
  readonly text?: readonly Text[];
  /** Options without. */
  readonly flags?: readonly Flag[];
}

/** A command's arguments. */
export interface Options<Text extends string, Flag extends string> {
  /** The values of the options that were given one. */
  readonly text: Readonly<Partial<Record<Text, string>>>;
  /** Whether each option without a value was given. */
  readonly flags: Readonly<Record<Flag, boolean>>;
  /** What is no option. */
  readonly operands: readonly string[];
}

/**
 * Reads a command's arguments.
 *
 * @throws {UsageError} for an option that the command does not have, or one without its value
 */
export function parseOptions<Text extends string = never, Flag extends string = never>(
  args: readonly string[],
  { text = [], flags = [] }: OptionNames<Text, Flag>,
): Options<Text, Flag> {
  const known = [...text, ...flags];
  const parsed = parseArgs([...args], {
    string: [...text, "_"],
    boolean: [...flags],
    unknown(argument, key) {
      if (key === undefined) return true;
      const allowed = [...known, "help", "version"].map((name) => `--${name}`).join(", ");
      throw new UsageError(`unknown option "${argument}": there are ${allowed}`);
    },
  });
  const values: Partial<Record<Text, string>> = {};
  for (const name of text) {
    const value = parsed[name];
    if (value === undefined) continue;
    if (typeof value !== "string" || value === "") {
      throw new UsageError(`option "--${name}" must be given with a value`);
    }
    values[name] = value;
  }
  const set = Object.fromEntries(flags.map((name) => [name, parsed[name] === true]));
  return { text: values, flags: set as Record<Flag, boolean>, operands: parsed._.map(String) };
}

/**
 * Checks that a command got no operands.
 *
 * @throws {UsageError} when it did
 */
export function refuseOperands(operands: readonly string[]): void {
  if (operands.length > 0) {
    throw new UsageError(`unexpected argument "${operands[0]}": this command takes none`);
  }
}
