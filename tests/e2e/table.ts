/**
 * The table of what came from where, as it stands in docs/clients.md.
 *
 * @module
 */

import type { Counts } from "./pull.ts";
import { STORE_NAMES } from "./witness.ts";

/** A client, where it is, what it pulls, how many blobs it gets from each store. */
export interface Row {
  readonly client: string;
  readonly location: string;
  readonly what: string;
  readonly blobs: Counts;
}

const HEAD = ["clients", "location", "pull", ...STORE_NAMES];

/**
 * The rows as Markdown, padded as `deno fmt` does it. Clients that get the same share a
 * row.
 */
export function formatTable(rows: readonly Row[]): string {
  const clients = new Map<string, string[]>();
  for (const { client, location, what, blobs } of rows) {
    const counts = STORE_NAMES.map((name) => String(blobs[name] || ""));
    const key = JSON.stringify([location, what, ...counts]);
    clients.set(key, [...clients.get(key) ?? [], client]);
  }
  return formatCells([
    HEAD,
    ...clients.entries().map(([key, names]) => [names.join(", "), ...JSON.parse(key)]),
  ]);
}

/** Rows as Markdown, padded as `deno fmt` does it; the first is the head. */
export function formatCells([head, ...rows]: readonly (readonly string[])[]): string {
  const widths = head!.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => row[column]!.length))
  );
  const lines = [head!, widths.map((width) => "-".repeat(width)), ...rows];
  return lines.map((row) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`
  ).join("\n");
}

/** The first table below a heading. */
export function findTable(markdown: string, heading: string): string | undefined {
  const [, section] = markdown.split(new RegExp(`^#+ ${heading}\n`, "m"));
  return /(?:^\|.*\n)+/m.exec(section ?? "")?.[0].trimEnd();
}
