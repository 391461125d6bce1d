/**
 * The output of a log. Its reader may be slow or hang: requests do not wait for it, and memory
 * stays bounded.
 *
 * @module
 */

import { createWithin, type Later } from "../mirrors/time.ts";

/** What a sink needs. */
export interface LineSinkOptions {
  /** Writes all the given bytes. */
  readonly write: (bytes: Uint8Array) => Promise<void>;
  /** Called with the number of lines that were dropped. */
  readonly onLost: (lines: number) => void;
  /** Runs the timeout for a reader that hangs. */
  readonly later: Later;
}

const MAX_WAITING_BYTES = 8 * 1024 * 1024;
const LATE_MS = 500;
const NEWLINE = 10;

/** Accepts lines, and writes them in order. */
export interface LineSink {
  /** Accepts whole lines, as UTF-8. */
  take(lines: Uint8Array): void;
  /** Resolves once everything accepted is written, or after half a second. */
  drained(): Promise<void>;
}

/** Makes a sink. */
export function createLineSink({ write, onLost, later }: LineSinkOptions): LineSink {
  const within = createWithin(later);
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
        // The reader is gone.
        onLost(countLines(lines));
      }
    }
    writing = undefined;
  }

  return {
    take(lines) {
      if (length + lines.length > MAX_WAITING_BYTES) return onLost(countLines(lines));
      waiting.push(lines);
      length += lines.length;
      writing ??= writeAll();
    },
    async drained() {
      if (writing !== undefined) await within(LATE_MS, writing);
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
