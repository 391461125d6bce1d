/**
 * Where the lines of a log go. Whoever reads them may be slow, or stand still: requests do
 * not wait for that, and memory has a bound.
 *
 * @module
 */

import { within } from "./within.ts";

/** What a sink needs. */
export interface LineSinkOptions {
  /** Writes all of some bytes. */
  readonly write: (bytes: Uint8Array) => Promise<void>;
  /** Told of lines that were given up. */
  readonly lost: (lines: number) => void;
}

const MOST_WAITING = 8 * 1024 * 1024;
const LATE_MS = 1000;
const NEWLINE = 10;

/** Takes lines, and has them written one after another. */
export interface LineSink {
  /** Takes whole lines, as UTF-8. */
  take(lines: Uint8Array): void;
  /** Kept when all that was taken is written, or is not read in a second. */
  drained(): Promise<void>;
}

/** Makes a sink. */
export function createLineSink({ write, lost }: LineSinkOptions): LineSink {
  let waiting: Uint8Array[] = [];
  let length = 0;
  let writing: Promise<void> | undefined;

  async function writeAll(): Promise<void> {
    while (waiting.length > 0) {
      const lines = join(waiting, length);
      waiting = [];
      length = 0;
      try {
        await write(lines);
      } catch {
        // Nobody reads any more.
        lost(countLines(lines));
      }
    }
    writing = undefined;
  }

  return {
    take(lines) {
      if (length + lines.length > MOST_WAITING) return lost(countLines(lines));
      waiting.push(lines);
      length += lines.length;
      writing ??= writeAll();
    },
    async drained() {
      await within(LATE_MS, writing);
    },
  };
}

function join(pieces: readonly Uint8Array[], length: number): Uint8Array {
  if (pieces.length === 1) return pieces[0]!;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}

function countLines(lines: Uint8Array): number {
  return lines.reduce((count, byte) => byte === NEWLINE ? count + 1 : count, 0);
}
