/**
 * Formats a mistake as a line: its place in the text, its path, what was found, and what is
 * allowed.
 *
 * @module
 */

import type { Place } from "./cursor.ts";
import type { Mistake } from "./mistakes.ts";

/** Formats a place in a text. */
export function formatPlace({ line, column }: Place): string {
  return `line ${line}, column ${column}`;
}

/** Where a mistake comes from, as far as known. */
export interface Origin {
  /** The environment variable that set the value. */
  readonly variable?: string | undefined;
  /** The place of the value in the text. */
  readonly place?: Place | undefined;
}

/** Formats a mistake. */
export function formatMistake(
  { path, found, allowed }: Mistake,
  { variable, place }: Origin,
): string {
  const where = variable === undefined ? path : `${variable} (${path})`;
  const before = place === undefined ? "" : `${formatPlace(place)}: `;
  const shown = found !== undefined && SECRET.test(path) ? "…" : formatFound(found);
  return `${before}${where}: found ${shown}; allowed: ${allowed}`;
}

// Whoever writes a password where none is allowed must not find it in a log.
const SECRET = /\.credentials(?:$|\.(?!username$|password_file$|identity_token_file$))/;

/** Formats the YAML parser's message about an unreadable text. */
export function formatUnreadable(reason: string): string {
  const [what, where = "the whole file", shown = ""] = reason.split(/ at (?=line \d)|:(?=\n)/, 3);
  const allowed = 'YAML or JSON, each key once, "*" and "{…}" in quotes';
  // For a duplicate key, the parser reports a wrong column.
  const place = where.replace(/, column -\d+$/, "");
  return `${place}: found no valid YAML or JSON (${what}); allowed: ${allowed}${shown}`;
}

/** Formats that lines are indented with tabs. */
export function formatTabs([first, ...others]: readonly [Place, ...Place[]]): string {
  const lines = others.length === 1 ? "1 more line has" : `${others.length} more lines have`;
  const more = others.length === 0 ? "" : ` (${lines} one)`;
  return `${formatPlace(first)}: found a tab as indentation${more}; allowed: spaces`;
}

const FOUND_LENGTH = 80;

function formatFound(found: unknown): string {
  if (found === undefined) return "nothing";
  // YAML aliases can nest a value in itself, or repeat it many times in others, so the number
  // of values is bounded.
  const seen = new Set<unknown>();
  const shown = JSON.stringify(found, (_key, value: unknown) => {
    if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
    if (typeof value !== "object" || value === null) return value;
    if (seen.has(value) || seen.size > FOUND_LENGTH) return "…";
    seen.add(value);
    return value;
  });
  // Redacts a password even where none is allowed.
  const safe = shown.replace(/(?<=:\/\/)[^/?#@"\s]*@/g, "…@");
  return safe.length > FOUND_LENGTH ? `${safe.slice(0, FOUND_LENGTH)}…` : safe;
}
