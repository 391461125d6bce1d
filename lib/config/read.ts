/**
 * Reading a configuration: a file's text or the built-in one, the environment over
 * it, and every mistake in them at once.
 *
 * @module
 */

import * as v from "valibot";
import { parse as parseYaml } from "@std/yaml";
import { BUILTIN_CONFIG } from "./builtin.ts";
import { type Environment, overrideConfig } from "./environment.ts";
import { findMistakes, type Mistake } from "./mistakes.ts";
import { type Config, ConfigSchema } from "./schema.ts";

/** A configuration, or what is wrong with it, a line for each mistake. */
export type ReadConfig =
  | { readonly kind: "config"; readonly config: Config }
  | { readonly kind: "mistakes"; readonly mistakes: readonly string[] };

/** What a configuration is read with. */
export interface ReadConfigOptions {
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
    if (!(error instanceof SyntaxError)) throw error;
    return { kind: "mistakes", mistakes: [`it is neither YAML nor JSON: ${error.message}`] };
  }
  const { value, variables } = overrideConfig(written, options.environment);
  const result = v.safeParse(ConfigSchema, value);
  const mistakes = (result.issues ?? []).map(toMistake);
  const paths = new Set(mistakes.map(({ path }) => path));
  mistakes.push(
    ...findMistakes(value, options.embedded).filter(({ path }) => !paths.has(path)),
  );
  if (result.success && mistakes.length === 0) return { kind: "config", config: result.output };
  return { kind: "mistakes", mistakes: mistakes.map((each) => formatMistake(each, variables)) };
}

function toMistake(issue: v.InferIssue<typeof ConfigSchema>): Mistake {
  let path = "";
  for (const { key } of issue.path ?? []) {
    path += typeof key === "number" ? `[${key}]` : path === "" ? String(key) : `.${String(key)}`;
  }
  return { path: path === "" ? "the whole" : path, found: issue.input, allowed: issue.message };
}

const FOUND_LENGTH = 80;

function formatMistake(
  { path, found, allowed }: Mistake,
  variables: ReadonlyMap<string, string>,
): string {
  const shown = found === undefined ? "nothing" : JSON.stringify(found);
  const cut = shown.length > FOUND_LENGTH ? `${shown.slice(0, FOUND_LENGTH)}…` : shown;
  const variable = variables.get(path);
  return `${
    variable === undefined ? path : `${variable} (${path})`
  }: found ${cut}; allowed: ${allowed}`;
}
