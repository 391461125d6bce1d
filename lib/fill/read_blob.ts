/**
 * Reads a blob from its source once: hashed on the way, resumed where it broke off, and never
 * longer than it says.
 *
 * @module
 */

import { createWithin, type Later } from "../mirrors/time.ts";
import { failed, failedBy, type Failure, wrongBlob } from "./failure.ts";
import { algorithmOf, type CreateHash } from "./hash.ts";
import { createPause } from "./limits.ts";
import type { Opened } from "./source.ts";

/** What reading blobs needs. */
export interface ReadOptions {
  /** Makes a hash. */
  readonly createHash: CreateHash;
  /** The time in milliseconds, of a monotonic clock. */
  readonly now: () => number;
  /** Runs timers. */
  readonly later: Later;
}

/** A blob to read. */
export interface BlobToRead {
  /** Its digest. */
  readonly digest: string;
  /** Its size as a manifest gives it, for sources that tell none. */
  readonly claimed: number | undefined;
  /** Opens it at a byte. */
  readonly open: (from: number) => Promise<Opened>;
}

/** A blob that is being read. */
export interface Reading {
  /** Tells it from a failure. */
  readonly kind: "reading";
  /** Its size in bytes. */
  readonly size: number;
  /**
   * The next bytes; `undefined` at the end, once all of them came and their hash is right.
   */
  next(): Promise<Uint8Array<ArrayBuffer> | undefined | Failure>;
  /** Stops reading. */
  cancel(): void;
}

/** The blob is not at the source. */
export interface Missing {
  /** Tells it from the others. */
  readonly kind: "missing";
}

// A source that sends nothing for so long has stopped.
const STALL_MS = 30_000;
// Slower than a byte in a millisecond, over all the time waited for it beyond a minute, is no
// transfer but a place held for ever.
const SLOW_MS = 60_000;
// How often in a row it may break off with less than this in between.
const MOST_BREAKS = 5;
const PROGRESS_BYTES = 1024 * 1024;
const BREAK_PAUSE_MS = 200;

/** Opens a blob for reading. */
export async function openReading(
  { digest, claimed, open }: BlobToRead,
  options: ReadOptions,
  signal: AbortSignal,
): Promise<Reading | Missing | Failure> {
  const opened = await open(0);
  if (opened.kind !== "open") return opened;
  const size = opened.size ?? claimed;
  if (size === undefined || opened.from > 0) {
    opened.body.cancel().catch(() => {});
    return size === undefined
      ? wrongBlob("neither a manifest nor the upstream tells its size", true)
      : wrongBlob("the upstream begins in the middle of it");
  }
  const stream = createStream(opened, { ...options, size, open, signal });
  const hash = options.createHash(algorithmOf(digest));
  let read = 0;

  function end(): Failure | undefined {
    const isRight = `${algorithmOf(digest)}:${hash.hex()}` === digest;
    return isRight ? undefined : wrongBlob("the upstream's bytes have another digest");
  }

  return {
    kind: "reading",
    size,
    async next() {
      const bytes = await stream.next(read);
      if (bytes === undefined) return end();
      if ("kind" in bytes) return bytes;
      hash.update(bytes);
      read += bytes.length;
      return bytes;
    },
    cancel: stream.cancel,
  };
}

type OpenedStream = Extract<Opened, { readonly kind: "open" }>;

/** How a stream is resumed. */
interface StreamOptions extends ReadOptions {
  readonly size: number;
  readonly open: BlobToRead["open"];
  readonly signal: AbortSignal;
}

function createStream(first: OpenedStream, options: StreamOptions) {
  const { size, open, signal, later } = options;
  const pause = createPause(later);
  let pieces = createPieces(first, options);
  // What a source that cannot begin in the middle sends again.
  let skip = 0;
  let breaks = 0;
  let nextProgress = PROGRESS_BYTES;

  /** The next bytes, from `at` on; `undefined` at the end. */
  async function next(at: number): Promise<Uint8Array<ArrayBuffer> | undefined | Failure> {
    if (at >= nextProgress) {
      breaks = 0;
      nextProgress = at + PROGRESS_BYTES;
    }
    for (;;) {
      const piece = await pieces.next();
      if (piece === undefined && at === size) return undefined;
      if (piece === undefined || "kind" in piece) {
        const broken = piece ?? failed(`the upstream sent ${at} of ${size} bytes`);
        const failure = await resume(at, broken);
        if (failure !== undefined) return failure;
        continue;
      }
      const fresh = piece.subarray(skip);
      skip = Math.max(0, skip - piece.length);
      if (at + fresh.length > size) return wrongBlob(`the upstream sends more than ${size} bytes`);
      if (fresh.length > 0) return fresh;
    }
  }

  // A source's body need not react to the signal.
  const onAbort = () => pieces.cancel();
  signal.addEventListener("abort", onAbort, { once: true });

  async function resume(at: number, broken: Failure): Promise<Failure | undefined> {
    pieces.cancel();
    for (let last = broken;;) {
      if (signal.aborted || ++breaks > MOST_BREAKS) return last;
      try {
        await pause(BREAK_PAUSE_MS * 2 ** breaks, signal);
      } catch {
        return last;
      }
      const opened = await open(at);
      if (opened.kind === "missing") return wrongBlob("it vanished from the upstream");
      if (opened.kind === "failed") {
        if (opened.lasting) return opened;
        last = opened;
        continue;
      }
      pieces = createPieces(opened, options);
      skip = at - opened.from;
      if (skip >= 0 && (opened.size ?? size) === size) return undefined;
      pieces.cancel();
      return wrongBlob("the upstream goes on with another length or at another byte");
    }
  }

  function cancel(): void {
    signal.removeEventListener("abort", onAbort);
    pieces.cancel();
  }

  return { next, cancel };
}

function createPieces({ body }: OpenedStream, { now, later, signal }: StreamOptions) {
  const within = createWithin(later);
  const reader = body.getReader();
  let waitedMs = 0;
  let read = 0;

  return {
    async next(): Promise<Uint8Array<ArrayBuffer> | undefined | Failure> {
      const began = now();
      try {
        const piece = await within(STALL_MS, reader.read());
        waitedMs += now() - began;
        if (piece === undefined || waitedMs > SLOW_MS + read) {
          return failed("the upstream sends too slowly, or nothing any more");
        }
        read += piece.value?.length ?? 0;
        return piece.value;
      } catch (error) {
        return failedBy(signal.aborted ? signal.reason : error);
      }
    },
    cancel: () => void reader.cancel().catch(() => {}),
  };
}
