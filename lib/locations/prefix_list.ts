/**
 * Lists of prefixes that an operator has as a file: a prefix a line, a geofeed (RFC 8805), or a
 * JSON list of texts. The file may come from anywhere, so its size bounds the time and the
 * memory that reading it takes.
 *
 * @module
 */

import { type Address, isIpv4, tryAddress } from "../net/address.ts";
import { maskAddress, parsePrefix, type Prefix } from "../net/prefix.ts";
import type { PrefixRanges } from "../net/prefix_ranges.ts";
import { readGeofeed, tryGeofeedRegion } from "./geofeed.ts";
import { MOST_ENTRIES, shortestLength } from "./published.ts";

/** An operator's own prefixes. They can be sent to another isolate. */
export interface PrefixLists {
  /** The names of the locations. */
  readonly locations: readonly string[];
  /** The prefixes; their values are the indexes of their locations. */
  readonly ranges: PrefixRanges;
}

/** A mistake in a list. */
export interface ListMistake {
  /** Its line, from 1; `undefined` when it is about the list as a whole. */
  readonly line?: number;
  /** What was found, as text that follows "found ". */
  readonly found: string;
  /** What is allowed, as text that follows "allowed: ". */
  readonly allowed: string;
}

/** What was read of a list. */
export interface ReadList {
  /** How many prefixes were taken. */
  readonly count: number;
  /** The first mistakes. */
  readonly mistakes: readonly ListMistake[];
  /** How many more there are. */
  readonly more: number;
}

/** Called with each prefix of a list. */
export type TakePrefix = (address: Address, length: number) => void;

/** A prefix as it was written, and its line; or what stands in place of a list. */
type Item =
  | { readonly kind: "prefix"; readonly line: number; readonly written: string }
  /** A row of a geofeed that is nowhere. */
  | { readonly kind: "nowhere"; readonly line: number; readonly written: string }
  | { readonly kind: "mistake"; readonly mistake: ListMistake };

const MOST_MISTAKES = 10;

/**
 * Reads a list. Of a geofeed, rows without a country are left out: their publisher says of
 * them that they are nowhere (RFC 8805, section 2.1.2).
 *
 * @param take called with each prefix, which may come twice
 */
export function readPrefixList(text: string, take: TakePrefix): ReadList {
  const mistakes: ListMistake[] = [];
  let more = 0;
  let rows = 0;
  let count = 0;
  // To describe a mistake takes long, and there may be a million.
  const report = (describe: () => ListMistake) => {
    if (mistakes.length < MOST_MISTAKES) mistakes.push(describe());
    else more++;
  };
  const content = text.replace(/^\uFEFF/, "");
  for (const item of /^\s*[[{]/.test(content) ? readJson(content) : readLines(content)) {
    if (item.kind === "mistake") {
      report(() => item.mistake);
      continue;
    }
    const { kind, line, written } = item;
    if (++rows > MOST_ENTRIES) {
      report(() => ({ line, found: "one more row", allowed: `at most ${MOST_ENTRIES} rows` }));
      break;
    }
    const prefix = tryPrefix(written);
    if (prefix === undefined || prefix.length < shortestLength(prefix.address)) {
      report(() => ({ line, ...describeWrong(written, prefix) }));
    } else if (kind === "prefix") {
      count++;
      take(prefix.address, prefix.length);
    }
  }
  if (count + mistakes.length === 0) {
    report(() => ({ found: "no prefix", allowed: "at least one prefix" }));
  }
  return { count, mistakes, more };
}

function* readLines(text: string): Generator<Item> {
  for (const { line, prefix: written, country, isPlain } of readGeofeed(text)) {
    const isSomewhere = isPlain || tryGeofeedRegion(country, "") !== undefined;
    yield { kind: isSomewhere ? "prefix" : "nowhere", line, written };
  }
}

const LONGEST_TEXT = 1000;
const JSON_ALLOWED = 'a JSON list of prefixes as texts, such as ["192.0.2.0/24"]';

/** Reads a JSON list item by item, as values of other forms could take any memory. */
function* readJson(text: string): Generator<Item> {
  const space = /\s*/y;
  let line = 1;
  let at = 0;
  const skip = () => {
    space.lastIndex = at;
    const skipped = space.exec(text)![0];
    at += skipped.length;
    line += skipped.split("\n").length - 1;
  };
  const isAt = (mark: string) => {
    skip();
    if (!text.startsWith(mark, at)) return false;
    at += mark.length;
    return true;
  };
  const wrong = (): Item => {
    const rest = text.slice(at, at + 40).split("\n", 1)[0]!;
    const found = rest === "" ? "the end of the file" : JSON.stringify(rest);
    return { kind: "mistake", mistake: { line, found, allowed: JSON_ALLOWED } };
  };

  if (!isAt("[")) return yield wrong();
  if (!isAt("]")) {
    do {
      skip();
      const end = text.indexOf('"', at + 1) + 1;
      const written = tryText(text.slice(at, end > at + LONGEST_TEXT ? at : end));
      if (written === undefined) return yield wrong();
      yield { kind: "prefix", line, written };
      at = end;
    } while (isAt(","));
    if (!isAt("]")) return yield wrong();
  }
  skip();
  if (at < text.length) yield wrong();
}

// Some programs write "192.0.2.0\/24".
function tryText(json: string): string | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}

const LONGEST_SHOWN = 80;
const LENGTH = /^(?:0|[1-9]\d{0,2})$/;

/** Parses a prefix as `parsePrefix()` does, but without an error, and faster. */
function tryPrefix(written: string): Prefix | undefined {
  const slash = written.lastIndexOf("/");
  const digits = written.slice(slash + 1);
  const address = tryAddress(written, 0, slash);
  if (address === undefined || !LENGTH.test(digits)) return undefined;
  const isMapped = isIpv4(address) && written.includes(":");
  const length = Number(digits) - (isMapped ? 96 : 0);
  if (length < 0 || length > address.length * 16) return undefined;
  const first = maskAddress(address, length);
  return first.every((group, at) => group === address[at]) ? { address, length } : undefined;
}

function describeWrong(written: string, prefix: Prefix | undefined): Omit<ListMistake, "line"> {
  const found = JSON.stringify(written.slice(0, LONGEST_SHOWN));
  if (prefix !== undefined) {
    return { found, allowed: `a prefix of length ${shortestLength(prefix.address)} or more` };
  }
  let reason = "";
  try {
    parsePrefix(written);
  } catch (error) {
    // `<what failed> "<text>": <why>`
    reason = (error as Error).message.split('": ').at(-1)!;
  }
  return { found, allowed: `a prefix (${reason})` };
}
