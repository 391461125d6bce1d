/**
 * Reads a configuration, from a file's text or the built-in one, overridden by the
 * environment; reports all mistakes at once.
 *
 * @module
 */

import * as v from "valibot";
import { parse as parseYaml } from "@std/yaml";
import type { PrefixLists } from "../locations/prefix_list.ts";
import { BUILTIN_CONFIG } from "./builtin.ts";
import type { Config } from "./config.ts";
import { type Environment, overrideConfig } from "./environment.ts";
import { formatMistake, formatTabs, formatUnreadable } from "./format_mistake.ts";
import { formatPath } from "./mapping.ts";
import { findMistakes, type FindOptions, type Mistake } from "./mistakes.ts";
import { outlineOf, tryPlace } from "./outline.ts";
import { createPrefixFiles, type ReadFile } from "./prefix_files.ts";
import { ConfigSchema } from "./schema.ts";

/** A configuration, or its mistakes, a line for each. */
export type ReadConfig =
  | {
    readonly kind: "config";
    readonly config: Config;
    /** The prefixes of its locations, if it has files of them. */
    readonly lists: PrefixLists | undefined;
  }
  | { readonly kind: "mistakes"; readonly mistakes: readonly string[] };

/** What reading a configuration needs. */
export interface ReadConfigOptions extends Pick<FindOptions, "whyUnreadable"> {
  /** The environment, which overrides the file. */
  readonly environment: Environment;
  /** The locations of the data set. */
  readonly embedded: readonly string[];
  /** Reads the files of prefixes; without it, they are passed over. */
  readonly readFile?: ReadFile | undefined;
}

/**
 * Reads a configuration.
 *
 * @param text a file's text, YAML or JSON; `undefined` for the built-in configuration
 */
export function readConfig(text: string | undefined, options: ReadConfigOptions): ReadConfig {
  const written = text === undefined ? BUILTIN : readText(text.replace(/^\ufeff/, ""));
  if (written.kind === "mistakes") return written;
  const { value, variables } = overrideConfig(written.value, options.environment);
  const result = v.safeParse(ConfigSchema, value, { abortPipeEarly: true });
  const mistakes = (result.issues ?? []).map(toMistake);
  const paths = new Set(mistakes.map(({ path }) => path));
  const { embedded, whyUnreadable } = options;
  const prefixFiles = createPrefixFiles(options.readFile);
  mistakes.push(
    ...findMistakes(value, embedded, { variables, whyUnreadable, prefixFiles })
      .filter(({ path }) => !paths.has(path)),
  );
  if (result.success && mistakes.length === 0) {
    return { kind: "config", config: result.output, lists: prefixFiles.lists() };
  }
  return { kind: "mistakes", mistakes: formatMistakes(mistakes, { written, variables }) };
}

/** The value of a text. */
interface Written {
  readonly kind: "value";
  readonly value: unknown;
  /** The text, if the value has one. */
  readonly text?: string;
}

const BUILTIN: Written = { kind: "value", value: BUILTIN_CONFIG };

function readText(text: string): Written | ReadConfig & { readonly kind: "mistakes" } {
  // The parser accepts a tab as a space, or ignores it, and returns a different value.
  const [tab, ...tabs] = /^ *\t/m.test(text) ? outlineOf(text).tabs : [];
  if (tab !== undefined) return { kind: "mistakes", mistakes: [formatTabs([tab, ...tabs])] };
  try {
    return { kind: "value", value: parseYaml(text), text };
  } catch (error) {
    // The parser is recursive: an error that is no SyntaxError means that the stack
    // overflowed.
    const reason = error instanceof SyntaxError ? error.message : "too many levels of nesting";
    return { kind: "mistakes", mistakes: [formatUnreadable(reason)] };
  }
}

function toMistake({ path, input, message }: v.BaseIssue<unknown>): Mistake {
  if (path === undefined) {
    return { path: "the whole file", found: input ?? undefined, allowed: message };
  }
  return { path: formatPath(path.map(({ key }) => key)), found: input, allowed: message };
}

/** Where the values of a configuration come from. */
interface Sources {
  readonly written: Written;
  readonly variables: ReadonlyMap<string, string>;
}

// In the order of the text, after the mistakes without a place in it.
function formatMistakes(mistakes: readonly Mistake[], { written, variables }: Sources): string[] {
  const outline = written.text === undefined ? undefined : outlineOf(written.text);
  return mistakes
    .map((mistake) => {
      const variable = variables.get(mistake.path);
      const isInText = outline !== undefined && variable === undefined;
      return { mistake, variable, place: isInText ? tryPlace(outline, mistake.path) : undefined };
    })
    .toSorted(({ place: a }, { place: b }) =>
      (a?.line ?? 0) - (b?.line ?? 0) || (a?.column ?? 0) - (b?.column ?? 0)
    )
    .map(({ mistake, ...origin }) => formatMistake(mistake, origin));
}
