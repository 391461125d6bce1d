/**
 * What a terminal shows while mirrors are filled: a bar for each, how much it has, how fast, for
 * how long still, and what failed. Values alone; the caller draws the lines.
 *
 * @module
 */

import { formatBytes, formatSeconds } from "./format.ts";
import { excerpt } from "./manifest.ts";
import type { MirrorProgress, Progress } from "./progress.ts";

/** The size and the abilities of a terminal. */
export interface Screen {
  /** How many characters a line has. */
  readonly columns: number;
  /** How many lines there are. */
  readonly rows: number;
  /** Whether colours are wanted. */
  readonly color: boolean;
}

/** What is to be seen beside the progress. */
export interface DisplayExtras {
  /** The last failure. */
  readonly lastFailure?: string | undefined;
}

const GREEN = 32;
const RED = 31;
const CYAN = 36;
const DIM = 2;

type Paint = (text: string, code: number) => string;

/** Makes the lines of the display, none longer than the terminal is wide. */
export function formatDisplay(
  progress: Progress,
  { columns, rows, color }: Screen,
  { lastFailure }: DisplayExtras = {},
): string[] {
  // A character in the last column makes some terminals begin another line.
  const width = Math.max(10, columns - 1);
  const paint: Paint = (text, code) => color ? `\x1b[${code}m${text}\x1b[0m` : text;
  const footer = progress.failures === 0 ? [] : [
    paint(fit(formatFailures(progress.failures, lastFailure), width), RED),
  ];
  const most = Math.max(1, rows - 3 - footer.length);
  const compared = progress.mirrors.filter(({ ofBlobs, unknown }) => ofBlobs > 0 || unknown);
  const mirrors = chooseMirrors(compared, most);
  const hidden = compared.length - mirrors.length;
  const nameWidth = Math.min(20, Math.max(0, ...mirrors.map(({ name }) => name.length)));
  return [
    fit(formatHead(progress), width),
    ...mirrors.map((mirror) => formatMirror(mirror, { width, nameWidth, paint })),
    ...hidden > 0 ? [paint(fit(`… and ${hidden} more`, width), DIM)] : [],
    ...footer,
  ];
}

// Those that lack something are worth looking at.
function chooseMirrors(all: readonly MirrorProgress[], most: number): readonly MirrorProgress[] {
  if (all.length <= most) return all;
  const isBusy = ({ blobs, ofBlobs }: MirrorProgress) => blobs < ofBlobs;
  return [...all.filter(isBusy), ...all.filter((mirror) => !isBusy(mirror))].slice(0, most - 1);
}

function formatHead(progress: Progress): string {
  const { stage, tookMs, manifests, blobs, bytes, readBytesPerS } = progress;
  const time = formatSeconds(Math.floor(tookMs / 1000));
  switch (stage) {
    case "plan":
      return `reading manifests: ${manifests} · ${time}`;
    case "compare":
      return `comparing ${blobs} blobs · ${time}`;
    default:
      return `filling · ${blobs} blobs, ${formatBytes(bytes)} · reading ` +
        `${formatBytes(readBytesPerS)}/s · ${time}`;
  }
}

function formatFailures(count: number, last: string | undefined): string {
  const why = last === undefined ? "" : `: ${excerpt(last, 200)}`;
  return `${count} failed${why}`;
}

interface MirrorLayout {
  readonly width: number;
  readonly nameWidth: number;
  readonly paint: Paint;
}

const LONGEST_BAR = 32;
const SHORTEST_BAR = 8;

function formatMirror(mirror: MirrorProgress, { width, nameWidth, paint }: MirrorLayout): string {
  const { name, blobs, ofBlobs, bytes, ofBytes, unknown } = mirror;
  const label = fit(name, nameWidth).padEnd(nameWidth);
  if (unknown !== undefined) return paint(fit(`${label} ${excerpt(unknown, 300)}`, width), RED);
  const share = ofBytes === 0 ? blobs / ofBlobs : bytes / ofBytes;
  // What is not copied yet is never shown as all.
  const percent = `${(blobs < ofBlobs ? Math.min(99, Math.floor(share * 100)) : 100)} %`.padStart(
    5,
  );
  const isDone = blobs >= ofBlobs;
  const parts = chooseDetails(
    [{ text: percent, rank: 0 }, ...listDetails(mirror)],
    width - label.length - SHORTEST_BAR - 2,
  );
  const room = width - lengthOf(label, parts) - 1;
  const bar = room >= SHORTEST_BAR ? formatBar(share, Math.min(LONGEST_BAR, room)) : undefined;
  if (bar === undefined) return fit([label, ...parts].join(" "), width);
  const [done, rest] = bar;
  const painted = paint(done, isDone ? GREEN : CYAN) + paint(rest, DIM);
  return [label, painted, ...parts].join(" ");
}

function lengthOf(label: string, parts: readonly string[]): number {
  return [label, ...parts].join(" ").length;
}

interface Detail {
  readonly text: string;
  /** Those with the highest go first where there is no room. */
  readonly rank: number;
}

function listDetails(mirror: MirrorProgress): Detail[] {
  const { blobs, ofBlobs, bytes, ofBytes, bytesPerS, leftS, failed } = mirror;
  const isMoving = bytesPerS > 0 && blobs < ofBlobs;
  const all = [
    { text: `${String(blobs).padStart(String(ofBlobs).length)}/${ofBlobs} blobs`, rank: 1 },
    { text: `${formatBytes(bytes).padStart(7)} of ${formatBytes(ofBytes)}`, rank: 4 },
    { text: isMoving ? `${formatBytes(bytesPerS)}/s`.padStart(9) : "", rank: 5 },
    { text: isMoving && leftS !== undefined ? `${formatSeconds(leftS)} left` : "", rank: 3 },
    { text: failed === 0 ? "" : `${failed} failed`, rank: 2 },
  ];
  return all.filter(({ text }) => text !== "");
}

function chooseDetails(details: readonly Detail[], room: number): readonly string[] {
  let chosen = details;
  while (chosen.length > 1 && chosen.map(({ text }) => text).join(" ").length > room) {
    const last = Math.max(...chosen.map(({ rank }) => rank));
    chosen = chosen.filter(({ rank }) => rank !== last);
  }
  return chosen.map(({ text }) => text);
}

function formatBar(share: number, width: number): readonly [done: string, rest: string] {
  const done = Math.min(width, Math.max(0, Math.round(share * width)));
  return ["█".repeat(done), "░".repeat(width - done)];
}

function fit(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}
