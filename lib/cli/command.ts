/**
 * The commands of the program, and the parsing of their arguments.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";

/** What commands need from the outside world. */
export interface Context {
  /** Returns the value of an environment variable. */
  readonly environment: (variable: string) => string | undefined;
  /** Sends a request, like the platform's `fetch`. */
  readonly fetch: typeof fetch;
  /** Standard input. */
  readonly stdin: ReadableStream<Uint8Array>;
  /** Writes to standard output. */
  readonly out: (text: string) => void;
  /** Writes to standard error. */
  readonly err: (text: string) => void;
  /** Writes to standard output asynchronously. */
  readonly write: (bytes: Uint8Array) => Promise<void>;
  /** Writes to standard error asynchronously. */
  readonly writeErr: (bytes: Uint8Array) => Promise<void>;
  /** The URL of the program's module, which worker threads run as well. */
  readonly program: string;
  /** The terminal that standard output is; `undefined` where it is none. */
  readonly terminal?: Terminal | undefined;
  /** The time of day in milliseconds since 1970. */
  readonly now: () => number;
  /** Makes a signal that aborts after some milliseconds. */
  readonly timeout: (ms: number) => AbortSignal;
}

/** A terminal. */
export interface Terminal {
  /** How many characters a line has at the moment, and how many lines there are. */
  readonly size: () => { readonly columns: number; readonly rows: number };
}

/** A command. */
export interface Command {
  /** A one-line summary for the list of commands. */
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

/** The program was called or configured incorrectly. */
export class UsageError extends Error {
  /** The class's name. */
  override readonly name = "UsageError";
}

/** The program failed to do what it was called for. */
export class FailedError extends Error {
  /** The class's name. */
  override readonly name = "FailedError";
}

/** The options of a command. */
export interface OptionNames<Text extends string, Flag extends string> {
  /** Options with a value. */
  readonly text?: readonly Text[];
  /** Options without a value. */
  readonly flags?: readonly Flag[];
}

/** A command's arguments. */
export interface Options<Text extends string, Flag extends string> {
  /** The values of the options that take one. */
  readonly text: Readonly<Partial<Record<Text, string>>>;
  /** Whether each option without a value was given. */
  readonly flags: Readonly<Record<Flag, boolean>>;
  /** The arguments that are not options. */
  readonly operands: readonly string[];
}

/**
 * Parses a command's arguments.
 *
 * @throws {UsageError} for an unknown option, or one without its value
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
 * Checks that a command has no operands.
 *
 * @throws {UsageError} when it has
 */
export function refuseOperands(operands: readonly string[]): void {
  if (operands.length > 0) {
    throw new UsageError(`unexpected argument "${operands[0]}": this command takes none`);
  }
}
