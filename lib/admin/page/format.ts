/**
 * Numbers and times as people read them.
 *
 * @module
 */

import { type Html, html } from "./html.ts";

/** What stands for something that is not known. */
export const UNKNOWN = "–";

const formatWhole = createFormat({ maximumFractionDigits: 0 });
const formatCompact = createFormat({ notation: "compact", maximumSignificantDigits: 3 });

// Formats are made when they are needed: the first takes 10 ms and 2 MB, which the start of a
// server must not pay.
function createFormat(options: Intl.NumberFormatOptions): (value: number) => string {
  let format: Intl.NumberFormat | undefined;
  return (value) => (format ??= new Intl.NumberFormat("en", options)).format(value);
}

/** Formats a count: `12,345`. */
export function formatCount(count: number | null): string {
  return count === null ? UNKNOWN : formatWhole(count);
}

/** Formats a number in at most three digits: `12.3K`. */
export function formatShort(value: number | null): string {
  return value === null ? UNKNOWN : formatCompact(value);
}

/** Formats a rate: `12.3/s`. */
export function formatRate(perS: number | null): string {
  return perS === null ? UNKNOWN : `${formatCompact(perS)}/s`;
}

/** Formats a share of a whole, which is unknown when the whole is 0: `96.4 %`. */
export function formatShare(part: number, whole: number): string {
  if (whole === 0) return UNKNOWN;
  const percent = 100 * part / whole;
  // No rounding makes something of nothing, or all of nearly all.
  if (percent > 0 && percent < 0.1) return "< 0.1 %";
  if (percent < 100 && percent > 99.9) return "> 99.9 %";
  return `${Math.round(percent * 10) / 10} %`;
}

const BYTES = ["B", "KB", "MB", "GB", "TB", "PB", "EB"];

/** Formats bytes: `1.2 GB`. */
export function formatBytes(bytes: number | null): string {
  if (bytes === null) return UNKNOWN;
  const power = bytes < 1 ? 0 : Math.min(BYTES.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${Number((bytes / 1000 ** power).toPrecision(3))} ${BYTES[power]}`;
}

const SPANS = [["d", 86_400], ["h", 3600], ["min", 60]] as const;

/** Formats a time span of some milliseconds: `3 min`. */
export function formatSpan(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const [unit, length] = SPANS.find(([, length]) => seconds >= 2 * length) ?? ["s", 1];
  return `${Math.floor(seconds / length)} ${unit}`;
}

/** Formats how long it is since a time, with the time itself. */
export function formatSince(time: string, now: string): Html {
  const span = formatSpan(Date.parse(now) - Date.parse(time));
  return html`<time datetime="${time}" title="${formatTime(time)}">${span}</time>`;
}

/** Formats a time: `2026-11-24 10:24:29 UTC`. */
export function formatTime(time: string): string {
  return `${time.slice(0, 10)} ${time.slice(11, 19)} UTC`;
}

/** Formats a number of things: `1 mirror`, `2 mirrors`. */
export function formatNumber(count: number, thing: string): string {
  return `${formatWhole(count)} ${thing}${count === 1 ? "" : "s"}`;
}
