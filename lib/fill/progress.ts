/**
 * How far a fill is: what a tally says at some time, with speeds and the time that is left.
 *
 * @module
 */

import type { FillStage } from "./fill.ts";
import type { MirrorTally, Tally } from "./tally.ts";

/** How far a fill is. */
export interface Progress {
  /** What it is doing. */
  readonly stage: FillStage;
  /** How long it has been running, in milliseconds. */
  readonly tookMs: number;
  /** The manifests that were read. */
  readonly manifests: number;
  /** The blobs in the plan. */
  readonly blobs: number;
  /** Their bytes. */
  readonly bytes: number;
  /** How many places could not be read or copied. */
  readonly failures: number;
  /** Bytes a second from the upstreams, of late. */
  readonly readBytesPerS: number;
  /** Each mirror. */
  readonly mirrors: readonly MirrorProgress[];
}

/** How far a mirror is. */
export interface MirrorProgress {
  /** Its name. */
  readonly name: string;
  /** The blobs that it has, of those in the plan. */
  readonly blobs: number;
  /** The blobs in the plan. */
  readonly ofBlobs: number;
  /** Its bytes. */
  readonly bytes: number;
  /** The bytes of the plan. */
  readonly ofBytes: number;
  /** The blobs that could not be copied, or were not tried. */
  readonly failed: number;
  /** Bytes a second to its store, of late. */
  readonly bytesPerS: number;
  /** How long copying the rest takes at this speed, in seconds; `undefined` if that is unknown. */
  readonly leftS: number | undefined;
  /** Why nothing could be found out about it. */
  readonly unknown: string | undefined;
}

const WINDOW_MS = 15_000;

/** Bytes at a time. */
interface Mark {
  readonly atMs: number;
  readonly bytes: number;
}

/**
 * Makes a function that gives the progress of a fill. Speeds are those between its calls, of the
 * last 15 seconds.
 *
 * @param now the time in milliseconds, of any monotonic clock
 */
export function createProgress(now: () => number): (stage: FillStage, tally: Tally) => Progress {
  const beganMs = now();
  const marks = new Map<string, Mark[]>();

  // Nothing moves before the stage in which blobs are copied.
  function speedOf(stage: FillStage, what: string, bytes: number): number {
    if (stage !== "copy") return 0;
    const own = marks.get(what) ?? [];
    marks.set(what, own);
    const atMs = now();
    own.push({ atMs, bytes });
    while (own.length > 2 && atMs - own[1]!.atMs > WINDOW_MS) own.shift();
    const first = own[0]!;
    return atMs === first.atMs ? 0 : 1000 * (bytes - first.bytes) / (atMs - first.atMs);
  }

  function progressOf(stage: FillStage, name: string, mirror: MirrorTally): MirrorProgress {
    const { had, missing, hadBytes, missingBytes, copied, failed, left } = mirror;
    const bytesPerS = speedOf(stage, `to ${name}`, mirror.sentBytes);
    // With the parts of blobs that are on their way.
    const copiedBytes = Math.min(missingBytes, Math.max(mirror.copiedBytes, mirror.sentBytes));
    const rest = missingBytes - copiedBytes;
    return {
      name,
      blobs: had + copied,
      ofBlobs: had + missing,
      bytes: hadBytes + copiedBytes,
      ofBytes: hadBytes + missingBytes,
      failed: failed + left,
      bytesPerS,
      leftS: rest > 0 && bytesPerS > 0 ? rest / bytesPerS : undefined,
      unknown: mirror.unknown,
    };
  }

  return (stage, tally) => ({
    stage,
    tookMs: now() - beganMs,
    manifests: tally.manifests,
    blobs: tally.blobs,
    bytes: tally.bytes,
    failures: tally.failedPlaces,
    readBytesPerS: speedOf(stage, "from", tally.readBytes),
    mirrors: [...tally.mirrors].map(([name, mirror]) => progressOf(stage, name, mirror)),
  });
}
