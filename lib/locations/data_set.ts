/**
 * The data set: the prefixes that each provider publishes for each of its regions, and its
 * text format.
 *
 * The format serves two readers. A person can see in a diff what an update changed: there is
 * a line for each prefix, in a stable order, below a line with its location (which a diff
 * shows as the heading of a hunk). The program can read it at each start in a few
 * milliseconds.
 *
 * ```text
 * provider aws
 * source https://ip-ranges.amazonaws.com/ip-ranges.json
 * date 2026-07-29
 * count 3
 * location aws/af-south-1
 * 3.2.34.0/26
 * 13.244.0.0/15
 * 2600:1f60::/40
 * ```
 *
 * The date is `-` when it is not known when the file was published.
 *
 * @module
 */

import type { Address } from "../net/address.ts";
import { tryAddress } from "../net/address.ts";
import { comparePrefixes, formatPrefix, type Prefix } from "../net/prefix.ts";

/** The prefixes that one provider publishes. */
export interface ProviderRanges {
  /** The cloud's name, the first part of its locations: `aws`. */
  readonly provider: string;
  /** The URL of the provider's file. */
  readonly source: string;
  /** The day the file was published, `YYYY-MM-DD`, if known. */
  readonly date?: string | undefined;
  /** The prefixes of each location, by the location's name: `aws/eu-west-3`. */
  readonly locations: ReadonlyMap<string, readonly Prefix[]>;
}

/** The summary of a provider's part. */
export interface ProviderSummary {
  /** The cloud's name: `aws`. */
  readonly provider: string;
  /** The URL of the provider's file. */
  readonly source: string;
  /** The day the file was published, `YYYY-MM-DD`, if known. */
  readonly date?: string | undefined;
  /** How many prefixes there are. */
  readonly prefixes: number;
  /** How many locations there are. */
  readonly locations: number;
}

const NO_DATE = "-";

/** Formats a data set as text. */
export function formatDataSet(providers: readonly ProviderRanges[]): string {
  return providers.map(formatProvider).join("");
}

function formatProvider({ provider, source, date, locations }: ProviderRanges): string {
  const lines = [`provider ${provider}`, `source ${source}`, `date ${date ?? NO_DATE}`];
  const count = locations.values().reduce((sum, prefixes) => sum + prefixes.length, 0);
  lines.push(`count ${count}`);
  for (const location of [...locations.keys()].sort()) {
    lines.push(`location ${location}`);
    for (const prefix of locations.get(location)!.toSorted(comparePrefixes)) {
      lines.push(formatPrefix(prefix));
    }
  }
  return lines.join("\n") + "\n";
}

/** Callbacks of {@linkcode readDataSet}, called in the order of the text. */
export interface DataSetReader {
  /** Called with a header line of a provider: `provider`, `source`, `date` or `count`. */
  head?(key: string, value: string): void;
  /** Called with the location of the prefixes that follow. */
  location?(name: string): void;
  /** Called with a prefix of the last location. */
  prefix?(address: Address, length: number): void;
}

const NEWLINE = 10;
const ZERO = 48;
const COLON = 58;
const KEY_LINE = /(location|provider|source|date|count) ([^\n]+)\n/y;

/**
 * Reads a data set's text, or some lines of it. It reads more than half a megabyte at each
 * start, before anything is compiled to machine code, so it uses plain loops.
 *
 * @throws {SyntaxError} when a line is malformed or misplaced, or the text ends within a line
 */
export function readDataSet(
  text: string,
  reader: DataSetReader,
  { start = 0, end = text.length } = {},
): void {
  let located = false;
  for (let at = start; at < end;) {
    // Keywords begin with a letter; of the prefixes, only IPv6 ones past 9fff: do.
    if (text.charCodeAt(at) > COLON) {
      KEY_LINE.lastIndex = at;
      const line = KEY_LINE.exec(text);
      if (line !== null) {
        located = line[1] === "location";
        if (located) reader.location?.(line[2]!);
        else reader.head?.(line[1]!, line[2]!);
        at += line[0].length;
        continue;
      }
    }
    const slash = text.indexOf("/", at);
    const address = tryAddress(text, at, slash);
    if (address === undefined || !located) throw malformed(text, at);
    let length = 0;
    let code = 0;
    let past = slash + 1;
    for (; (code = text.charCodeAt(past)) !== NEWLINE; past++) {
      if (!(code >= ZERO && code < COLON)) throw malformed(text, at);
      length = length * 10 + code - ZERO;
    }
    if (past === slash + 1 || length > address.length * 16) throw malformed(text, at);
    reader.prefix?.(address, length);
    at = past + 1;
  }
}

function malformed(text: string, at: number): SyntaxError {
  const number = text.slice(0, at).split("\n").length;
  const line = text.slice(at).split("\n", 1)[0];
  return new SyntaxError(
    `Cannot read data set, line ${number}: "${line}" is neither a complete header line nor a ` +
      `prefix after its location`,
  );
}

/** The part of a data set's text with one location's prefixes. */
export interface LocationPart {
  /** The location's name. */
  readonly location: string;
  /** Where its line begins. */
  readonly start: number;
  /** Where the next location's line begins, or the text ends. */
  readonly end: number;
}

/** Splits a data set's text by location, without reading its prefixes. */
export function splitDataSet(text: string): LocationPart[] {
  const lines = [...text.matchAll(/^location (.+)$/gm)];
  return lines.map((line, at) => ({
    location: line[1]!,
    start: line.index,
    end: lines[at + 1]?.index ?? text.length,
  }));
}

/** Splits a data set's text by provider, without reading the parts. */
export function splitProviders(text: string): Map<string, string> {
  const lines = text.matchAll(/^provider (.+)$/gm).toArray();
  return new Map(
    lines.map((line, at) => [line[1]!, text.slice(line.index, lines[at + 1]?.index)]),
  );
}

/** Lists the names of a data set's locations. */
export function listLocations(text: string): string[] {
  return splitDataSet(text).map(({ location }) => location);
}

/**
 * Summarizes a data set's providers.
 *
 * @throws {SyntaxError} when the data set is malformed
 */
export function summarizeDataSet(text: string): ProviderSummary[] {
  const summaries: { -readonly [Key in keyof ProviderSummary]: ProviderSummary[Key] }[] = [];
  readDataSet(text, {
    head(key, value) {
      if (key === "provider") {
        summaries.push({ provider: value, source: "", prefixes: 0, locations: 0 });
      }
      if (key === "source") last().source = value;
      if (key === "date" && value !== NO_DATE) last().date = value;
    },
    location() {
      last().locations++;
    },
    prefix() {
      last().prefixes++;
    },
  });
  return summaries;

  function last() {
    const summary = summaries.at(-1);
    if (summary !== undefined) return summary;
    throw new SyntaxError("Cannot read data set: it does not begin with a provider");
  }
}
