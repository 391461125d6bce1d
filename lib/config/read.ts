/**
 * Reading a configuration: a file's text or the built-in one, the environment over
 * it, and every mistake in them at once.
 *
 * @module
 */

import * as v from "valibot";
import { parse as parseYaml } from "@std/yaml";
import { BUILTIN_CONFIG } from "./builtin.ts";
import type { Config } from "./config.ts";
import { type Environment, overrideConfig } from "./environment.ts";
import { formatPath } from "./mapping.ts";
import { findMistakes, type Mistake } from "./mistakes.ts";
import { ConfigSchema } from "./schema.ts";

/** A configuration, or what is wrong with it, a line for each mistake. */
export type ReadConfig =
  | { readonly kind: "config"; readonly config: Config }
  | { readonly kind: "mistakes"; readonly mistakes: readonly string[] };

/** What a configuration is read with. */
export interface ReadConfigOptions {
  /** What stands over the file. */
  readonly environment: Environment;
  /** The locations of the data set. */
  readonly embedded: readonly string[];
}

/**
 * Reads a configuration.
 *
 * @param text a file's text, YAML or JSON; `undefined` for the built-in configuration
 */
export function readConfig(text: string | undefined, options: ReadConfigOptions): ReadConfig {
  let written: unknown = BUILTIN_CONFIG;
  try {
    if (text !== undefined) written = parseYaml(text);
  } catch (error) {
    // It reads a level of nesting by calling itself, so that only the stack can be
    // at its end beside the text being wrong.
    const reason = error instanceof SyntaxError ? error.message : "too many levels of nesting";
    return { kind: "mistakes", mistakes: [formatUnreadable(reason)] };
  }
  const { value, variables } = overrideConfig(written, options.environment);
  const result = v.safeParse(ConfigSchema, value, { abortPipeEarly: true });
  const mistakes = (result.issues ?? []).map(toMistake);
  const paths = new Set(mistakes.map(({ path }) => path));
  mistakes.push(
    ...findMistakes(value, options.embedded).filter(({ path }) => !paths.has(path)),
  );
  if (result.success && mistakes.length === 0) return { kind: "config", config: result.output };
  return { kind: "mistakes", mistakes: mistakes.map((each) => formatMistake(each, variables)) };
}

// The reader's message is "<what> at line 3, column 18:\n<that line>\n<a caret below>".
function formatUnreadable(reason: string): string {
  const [what, where = "the whole file", shown = ""] = reason.split(/ at (?=line \d)|:(?=\n)/, 3);
  const allowed = 'YAML or JSON, each key once, "*" in quotes';
  // Of a key that is there twice, the reader gets the column wrong.
  const place = where.replace(/, column -\d+$/, "");
  return `${place}: found no valid YAML or JSON (${what}); allowed: ${allowed}${shown}`;
}

function toMistake({ path, input, message }: v.BaseIssue<unknown>): Mistake {
  if (path === undefined) {
    return { path: "the whole file", found: input ?? undefined, allowed: message };
  }
  return { path: formatPath(path.map(({ key }) => key)), found: input, allowed: message };
}

function formatMistake(
  { path, found, allowed }: Mistake,
  variables: ReadonlyMap<string, string>,
): string {
  const variable = variables.get(path);
  const where = variable === undefined ? path : `${variable} (${path})`;
  return `${where}: found ${formatFound(found)}; allowed: ${allowed}`;
}

const FOUND_LENGTH = 80;

function formatFound(found: unknown): string {
  if (found === undefined) return "nothing";
  // YAML's aliases can put a value into itself, or many times into others; and past so
  // many, none can be seen.
  const seen = new Set<unknown>();
  const shown = JSON.stringify(found, (_key, value: unknown) => {
    if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
    if (typeof value !== "object" || value === null) return value;
    if (seen.has(value) || seen.size > FOUND_LENGTH) return "…";
    seen.add(value);
    return value;
  });
  // A password that is where none may be still is one.
  const safe = shown.replace(/(?<=:\/\/)[^/?#@"\s]*@/g, "…@");
  return safe.length > FOUND_LENGTH ? `${safe.slice(0, FOUND_LENGTH)}…` : safe;
}
