/**
 * Reads the files of prefixes that a configuration names, and finds the mistakes in them.
 *
 * @module
 */

import { type ListMistake, type PrefixLists, readPrefixList } from "../locations/prefix_list.ts";
import { formatPrefix, parsePrefix, type Prefix } from "../net/prefix.ts";
import { createPrefixCollector, type PrefixCollector } from "../net/prefix_ranges.ts";
import { formatPath } from "./mapping.ts";
import type { Mistake } from "./mistakes.ts";
import type { Sketch } from "./sketch.ts";

/** Returns a file's text, or the reason why it cannot be read. */
export type ReadFile = (
  path: string,
) =>
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "unreadable"; readonly reason: string };

/** Reads files of prefixes. */
export interface PrefixFiles {
  /** Reads the files that a configuration names; without a function for it, none. */
  findMistakes(config: Sketch): Generator<Mistake>;
  /** All prefixes of the configuration, if it has files and no mistake was found in them. */
  lists(): PrefixLists | undefined;
}

const MOST_TWICE = 10;

/** Makes a reader of the files of one configuration. */
export function createPrefixFiles(readFile: ReadFile | undefined): PrefixFiles {
  let lists: PrefixLists | undefined;
  return {
    lists: () => lists,
    *findMistakes({ locations = {} }) {
      const names = Object.keys(locations);
      const files = new Map<string, string>();
      for (const [name, prefixes] of Object.entries(locations)) {
        if ("file" in prefixes && prefixes.file !== undefined) files.set(name, prefixes.file);
      }
      if (readFile === undefined || files.size === 0) return;
      const collector = createPrefixCollector();
      let wrong = 0;
      for (const [name, prefixes] of Object.entries(locations)) {
        if ("length" in prefixes) collect(prefixes, collector, names.indexOf(name));
      }
      for (const [name, file] of files) {
        for (const allowed of readInto(collector, readFile(file), names.indexOf(name))) {
          wrong++;
          yield { path: pathOf(name), found: file, allowed };
        }
      }
      const { ranges, twice } = build(collector, names, files);
      yield* twice;
      if (wrong + twice.length === 0) lists = { locations: names, ranges };
    },
  };
}

function pathOf(location: string): string {
  return formatPath(["locations", location, "file"]);
}

// Mistakes in these are found elsewhere.
function collect(
  prefixes: readonly (string | undefined)[],
  collector: PrefixCollector,
  value: number,
): void {
  for (const text of prefixes) {
    const prefix = text === undefined ? undefined : tryPrefix(text);
    if (prefix !== undefined) collector.add(prefix.address, prefix.length, value);
  }
}

function tryPrefix(text: string): Prefix | undefined {
  try {
    return parsePrefix(text);
  } catch {
    return undefined;
  }
}

/** Collects a file's prefixes; returns what is allowed instead, for each mistake. */
function readInto(
  collector: PrefixCollector,
  read: ReturnType<ReadFile>,
  value: number,
): string[] {
  if (read.kind === "unreadable") {
    return [`a file of prefixes that can be read (${read.reason})`];
  }
  const { mistakes, more } = readPrefixList(
    read.text,
    (address, length) => collector.add(address, length, value),
  );
  const lines = mistakes.map(formatListMistake);
  return more === 0 ? lines : [...lines, `a file of prefixes (and ${more} more mistakes)`];
}

function formatListMistake({ line, found, allowed }: ListMistake): string {
  const where = line === undefined ? "" : `its line ${line}: `;
  return `a file of prefixes (${where}found ${found}; allowed: ${allowed})`;
}

function build(
  collector: PrefixCollector,
  names: readonly string[],
  files: ReadonlyMap<string, string>,
) {
  const twice: Mistake[] = [];
  const ranges = collector.build((prefix, first, second) => {
    const [one, other] = [names[first]!, names[second]!];
    const name = files.has(other) ? other : one;
    const file = files.get(name);
    // Those that are in no file are found elsewhere.
    if (file === undefined || twice.length === MOST_TWICE) return;
    const place = name === other ? one : other;
    const allowed = `prefixes of one location each; ${formatPrefix(prefix)} is in ${place} as well`;
    twice.push({ path: pathOf(name), found: file, allowed });
  });
  return { ranges, twice };
}
