/**
 * Where the lines of the pull log go. Whoever reads them may be slow, or stand still:
 * requests do not wait for that, and memory has a bound.
 *
 * @module
 */

/** What a sink needs. */
export interface PullSinkOptions {
  /** Writes all of some bytes. */
  readonly write: (bytes: Uint8Array) => Promise<void>;
  /** Told of lines that were given up. */
  readonly lost: (lines: number) => void;
}

const MOST_WAITING = 8 * 1024 * 1024;
const LATE_MS = 1000;
const NEWLINE = "\n";

/** Takes lines, and has them written one after another. */
export interface PullSink {
  /** Takes whole lines. */
  take(lines: string): void;
  /** Kept when all that was taken is written, or is not read in a second. */
  drained(): Promise<void>;
}

/** Makes a sink. */
export function createPullSink({ write, lost }: PullSinkOptions): PullSink {
  const encoder = new TextEncoder();
  let waiting: string[] = [];
  let length = 0;
  let writing: Promise<void> | undefined;

  async function writeAll(): Promise<void> {
    while (waiting.length > 0) {
      const text = waiting.join("");
      waiting = [];
      length = 0;
      try {
        await write(encoder.encode(text));
      } catch {
        // Nobody reads any more.
        lost(countLines(text));
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
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<void>((resolve) => timer = setTimeout(resolve, LATE_MS));
      await Promise.race([writing, late]);
      clearTimeout(timer);
    },
  };
}

function countLines(text: string): number {
  return text.split(NEWLINE).length - 1;
}
