/** What the tests of this room share. */

import { AssertionError } from "@std/assert";
import type { Config } from "../../lib/config/config.ts";
import type { VARIABLES } from "../../lib/config/environment.ts";
import { readConfig } from "../../lib/config/read.ts";

/** Locations of a small data set. */
export const LOCATIONS = ["aws/eu-west-3", "aws/us-east-1", "gcp/europe-west9"];

/** What a configuration must have. */
export const UPSTREAM = "upstreams: { main: { endpoint: https://registry.example } }\n";

/** Values of environment variables. */
export type Variables = Partial<Record<typeof VARIABLES[number], string>>;

/** The mistakes in a configuration, none for one that is well. */
export function mistakesOf(text: string | undefined, variables: Variables = {}): readonly string[] {
  const read = readConfig(text, { environment: (name) => variables[name], embedded: LOCATIONS });
  return read.kind === "mistakes" ? read.mistakes : [];
}

/** A configuration that must be well. */
export function configOf(text: string, variables: Variables = {}): Config {
  const read = readConfig(text, { environment: (name) => variables[name], embedded: LOCATIONS });
  if (read.kind === "config") return read.config;
  throw new AssertionError(read.mistakes.join("\n"));
}
