/**
 * Geofeeds (RFC 8805): one prefix a line, with the country and the city that it is used in.
 *
 * ```text
 * # prefix, country, region, city, postal code
 * 192.0.2.0/24,DE,DE-HE,Frankfurt am Main,
 * 2001:db8::1,FR
 * ```
 *
 * @module
 */

import { parsePrefix } from "../net/prefix.ts";
import type { Entry } from "./provider.ts";

/** A row of a geofeed. */
export interface GeofeedRow {
  /** Its line, from 1. */
  readonly line: number;
  /** Its prefix, as written; an address alone has the length of a whole address. */
  readonly prefix: string;
  /** The country, or what stands in its place. */
  readonly country: string;
  /** The city, or empty. */
  readonly city: string;
  /** Whether it has only a prefix, as the line of a plain list has. */
  readonly isPlain: boolean;
}

// A prefix alone, with a comment behind it.
const COMMENTED = /^[^\s,#"]{1,80}(?=\s+#)/;

// No row is longer; the rest of a longer one is not looked at.
const LONGEST_ROW = 1000;
const SHOWN = 80;

/** Reads the rows of a geofeed, without comments and empty lines. Nothing is validated. */
export function* readGeofeed(text: string): Generator<GeofeedRow> {
  let line = 0;
  for (let at = 0; at < text.length;) {
    const newline = text.indexOf("\n", at);
    const end = newline < 0 ? text.length : newline;
    line++;
    const whole = text.slice(at, end).trim();
    at = end + 1;
    if (whole === "" || whole.startsWith("#")) continue;
    const row = COMMENTED.exec(whole)?.[0] ?? whole;
    const fields = row.length > LONGEST_ROW ? [`${row.slice(0, SHOWN)}…`] : splitRow(row);
    const [written = "", country = "", , city = ""] = fields;
    yield { line, prefix: withLength(written), country, city, isPlain: fields.length === 1 };
  }
}

// A field with a comma is quoted (RFC 4180, section 2).
const FIELD = /\s*(?:"((?:[^"]|"")*)"\s*|([^,]*))(?:,|$)/y;
const MOST_FIELDS = 5;

function splitRow(row: string): string[] {
  if (!row.includes('"')) return row.split(",", MOST_FIELDS).map((field) => field.trim());
  const fields: string[] = [];
  FIELD.lastIndex = 0;
  while (fields.length < MOST_FIELDS && FIELD.lastIndex < row.length) {
    const [, quoted, plain = ""] = FIELD.exec(row) ?? [];
    fields.push((quoted?.replaceAll('""', '"') ?? plain).trim());
  }
  return fields;
}

// RFC 8805, section 2.1.1.1, allows an address alone.
function withLength(written: string): string {
  if (written.includes(":")) return written.includes("/") ? written : `${written}/128`;
  return /^[\d.]*\.[\d.]*$/.test(written) ? `${written}/32` : written;
}

/**
 * Names the region of a country and a city: `de-frankfurt-am-main`, or `de` without a city.
 *
 * @returns `undefined` without a country, which has two letters. `ZZ` is none (RFC 8805,
 * section 2.1.2).
 */
export function tryGeofeedRegion(country: string, city: string): string | undefined {
  if (!/^[a-z]{2}$/i.test(country) || /^zz$/i.test(country)) return undefined;
  return `${country} ${city}`.normalize("NFD").replaceAll(/\p{M}/gu, "").toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-").replace(/-$/, "");
}

/**
 * Parses a provider's geofeed. Rows without a country have no region, and are left out.
 *
 * @throws {SyntaxError} when the prefix of a row does not parse; the message has its line
 */
export function parseGeofeed(text: string): Entry[] {
  const entries: Entry[] = [];
  for (const { line, prefix, country, city } of readGeofeed(text)) {
    try {
      parsePrefix(prefix);
    } catch (cause) {
      const { message } = cause as Error;
      throw new SyntaxError(`Cannot read geofeed, line ${line}: ${message}`, { cause });
    }
    const region = tryGeofeedRegion(country, city);
    if (region !== undefined) entries.push([region, prefix]);
  }
  return entries;
}
