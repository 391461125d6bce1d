/**
 * Makes the state that is kept after a fill.
 *
 * @module
 */

import type { FillState, MirrorState } from "./state.ts";
import { isComplete, lackOf, type MirrorTally, type Tally } from "./tally.ts";

/** When a fill ran. */
export interface FillTimes {
  /** When it began, in milliseconds since 1970. */
  readonly beganMs: number;
  /** When it ended, in milliseconds since 1970. */
  readonly endedMs: number;
}

/** Makes the state after a fill from the one before it. */
export function createState(
  tally: Tally,
  { beganMs, endedMs }: FillTimes,
  before: FillState | undefined,
): FillState {
  const endedS = Math.round(endedMs / 1000);
  const mirrors = tally.mirrors.entries().map(([name, mirror]) =>
    [name, createMirrorState(mirror, endedS, before?.mirrors[name])] as const
  );
  return {
    version: 1,
    beganS: Math.round(beganMs / 1000),
    endedS,
    completeS: isComplete(tally) ? endedS : before?.completeS ?? 0,
    blobs: tally.blobs,
    bytes: tally.bytes,
    readBytes: tally.readBytes,
    failures: tally.failures,
    mirrors: Object.fromEntries(mirrors),
  };
}

function createMirrorState(
  mirror: MirrorTally,
  nowS: number,
  before: MirrorState | undefined,
): MirrorState {
  const missing = mirror.unknown === undefined ? lackOf(mirror) : -1;
  return {
    blobs: mirror.had + mirror.copied,
    missing,
    missingSinceS: missing === 0 ? 0 : before?.missingSinceS || nowS,
    copied: mirror.copied,
    copiedBytes: mirror.copiedBytes,
    failed: mirror.failed,
  };
}
