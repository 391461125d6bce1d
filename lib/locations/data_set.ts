/**
 * The data set: which prefixes the providers publish for which of their regions,
 * and the text that it is kept as.
 *
 * The text is made for two readers. A person sees from a diff what an update
 * changed: a line for each prefix, in an order that does not move, below a line
 * that names its location (which a diff shows as the heading of a change). The
 * program reads it at each start in a few milliseconds.
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
 * @module
 */

import type { Address } from "../net/address.ts";
import { tryAddress } from "../net/address.ts";
import { comparePrefixes, formatPrefix, type Prefix } from "../net/prefix.ts";

/** What one provider publishes. */
export interface ProviderRanges {
  /** The cloud's name, the first part of its locations: `aws`. */
  readonly provider: string;
  /** The address that the provider's file has. */
  readonly source: string;
  /** The day the file was published: `YYYY-MM-DD`. */
  readonly date: string;
  /** The prefixes of each location, by the location's name: `aws/eu-west-3`. */
  readonly locations: ReadonlyMap<string, readonly Prefix[]>;
}

/** What the head of a provider's part says. */
export interface ProviderSummary {
  readonly provider: string;
  readonly source: string;
  readonly date: string;
  /** How many prefixes there are. */
  readonly prefixes: number;
  /** How many locations there are. */
  readonly locations: number;
}

/** Writes a data set as text. */
export function formatDataSet(providers: readonly ProviderRanges[]): string {
  return providers.map(formatProvider).join("");
}

function formatProvider({ provider, source, date, locations }: ProviderRanges): string {
  const lines = [`provider ${provider}`, `source ${source}`, `date ${date}`];
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

/** What {@linkcode readDataSet} calls as it meets the parts of a data set, in their order. */
export interface DataSetReader {
  /** A line of a provider's head: `provider`, `source`, `date` or `count`. */
  head?(key: string, value: string): void;
  /** The location that the prefixes after it are of. */
  location?(name: string): void;
  /** A prefix of the location that came last. */
  prefix?(address: Address, length: number): void;
}

const NEWLINE = 10;
const ZERO = 48;
const COLON = 58;

/**
 * Reads a data set's text. It runs at each start over half a megabyte, before
 * anything is compiled to machine code, hence the plain loops.
 *
 * @throws {SyntaxError} when a line is none of those it may be
 */
export function readDataSet(text: string, reader: DataSetReader): void {
  for (let at = 0; at < text.length;) {
    // Only a prefix begins with a digit: key words begin with a letter past "f".
    if (text.charCodeAt(at) > COLON) {
      let end = text.indexOf("\n", at);
      if (end < 0) end = text.length;
      const space = text.indexOf(" ", at);
      const key = text.slice(at, space);
      const value = text.slice(space + 1, end);
      if (key === "location") reader.location?.(value);
      else reader.head?.(key, value);
      at = end + 1;
      continue;
    }
    const slash = text.indexOf("/", at);
    const address = tryAddress(text, at, slash);
    if (address === undefined) throw malformed(text, at);
    let length = 0;
    let code = 0;
    for (at = slash + 1; (code = text.charCodeAt(at)) !== NEWLINE; at++) {
      if (!(code >= ZERO && code < COLON)) throw malformed(text, slash);
      length = length * 10 + code - ZERO;
    }
    reader.prefix?.(address, length);
    at++;
  }
}

function malformed(text: string, at: number): SyntaxError {
  const line = text.slice(text.lastIndexOf("\n", at) + 1).split("\n", 1)[0];
  return new SyntaxError(`Cannot read data set: "${line}" is no prefix`);
}

/** The names of a data set's locations, without reading its prefixes. */
export function listLocations(text: string): string[] {
  return text.matchAll(/^location (.+)$/gm).map(([, name]) => name!).toArray();
}

/** The heads of a data set's providers. */
export function summarizeDataSet(text: string): ProviderSummary[] {
  const summaries: { -readonly [Key in keyof ProviderSummary]: ProviderSummary[Key] }[] = [];
  readDataSet(text, {
    head(key, value) {
      if (key === "provider") {
        summaries.push({ provider: value, source: "", date: "", prefixes: 0, locations: 0 });
      }
      const last = summaries.at(-1)!;
      if (key === "source") last.source = value;
      if (key === "date") last.date = value;
    },
    location() {
      summaries.at(-1)!.locations++;
    },
    prefix() {
      summaries.at(-1)!.prefixes++;
    },
  });
  return summaries;
}
