/** What the tests of this room share. */

import { AssertionError } from "@std/assert";
import type { Config } from "../../lib/config/config.ts";
import type { VARIABLES } from "../../lib/config/environment.ts";
import { isMapping } from "../../lib/config/mapping.ts";
import { readConfig } from "../../lib/config/read.ts";

/** Locations of a small data set. */
export const LOCATIONS = ["aws/eu-west-3", "aws/us-east-1", "gcp/europe-west9"];

/** What a configuration must have. */
export const UPSTREAM = "upstreams: { main: { endpoint: https://registry.example } }\n";

/** Values of environment variables. */
export type Variables = Partial<Record<typeof VARIABLES[number], string>>;

/** The mistakes in a configuration, none for one that is well, without their lines. */
export function mistakesOf(text: string | undefined, variables: Variables = {}): readonly string[] {
  return placedMistakesOf(text, variables)
    .map((mistake) => mistake.replace(/^line \d+, column \d+: (?!found )/, ""));
}

/** The same, each with its line. */
export function placedMistakesOf(
  text: string | undefined,
  variables: Variables = {},
): readonly string[] {
  const read = readConfig(text, { environment: (name) => variables[name], embedded: LOCATIONS });
  return read.kind === "mistakes" ? read.mistakes : [];
}

/** A configuration that must be well. */
export function configOf(text: string, variables: Variables = {}): Config {
  const read = readConfig(text, { environment: (name) => variables[name], embedded: LOCATIONS });
  if (read.kind === "config") return read.config;
  throw new AssertionError(read.mistakes.join("\n"));
}

/** A configuration with one value put into it, where its path leads. */
export function withValue(path: string, value: unknown): string {
  const keys = path.replaceAll("[", ".[").split(".");
  const inner = keys.reduceRight<unknown>(
    (inner, key) => key.startsWith("[") ? [inner] : { [key]: inner },
    value,
  );
  const main = { endpoint: "https://registry.example" };
  return JSON.stringify(withUses(merge({ upstreams: { main } }, inner)));
}

/** A configuration with a rule for its mirrors, when it has none. */
export function withUses(config: unknown): unknown {
  if (!isMapping(config) || config.rules !== undefined || !isMapping(config.mirrors)) return config;
  return { ...config, rules: [{ clients: ["*"], mirrors: Object.keys(config.mirrors) }] };
}

/** A value with another one over it: mappings are put together, key by key. */
export function merge(base: unknown, over: unknown): unknown {
  if (!isMapping(base) || !isMapping(over)) return over;
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) merged[key] = merge(merged[key], value);
  return merged;
}

/** Whether a configuration may have a value there. */
export function isAllowed(path: string, value: unknown): boolean {
  return mistakesOf(withValue(path, value)).length === 0;
}
