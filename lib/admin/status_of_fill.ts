/**
 * The state of the mirrors' stores, as the last fill left them.
 *
 * @module
 */

import type { FillState } from "../fill/state.ts";
import type { FillStatus, MirrorFillStatus } from "./fill_status.ts";
import { formatTime } from "./format_time.ts";

/** The last fill of all mirrors. */
export function statusOfFill(state: FillState): FillStatus {
  return {
    began: timeOf(state.beganS),
    ended: timeOf(state.endedS),
    last_complete: tryTime(state.completeS),
    blobs: state.blobs,
    bytes: state.bytes,
    read_bytes: state.readBytes,
    unreadable: state.failures,
  };
}

/** The last fill of a mirror; `null` if it was not filled. */
export function statusOfMirrorFill(
  name: string,
  state: FillState | undefined,
): MirrorFillStatus | null {
  if (state === undefined || !Object.hasOwn(state.mirrors, name)) return null;
  const mirror = state.mirrors[name]!;
  return {
    blobs: mirror.blobs,
    missing: mirror.missing < 0 ? null : mirror.missing,
    missing_since: tryTime(mirror.missingSinceS),
    copied: mirror.copied,
    copied_bytes: mirror.copiedBytes,
    failed: mirror.failed,
  };
}

// The file may hold any number, and no date is later.
const LATEST_S = 8.64e12;

function timeOf(atS: number): string {
  return formatTime(1000 * Math.min(LATEST_S, Math.max(0, atS)));
}

function tryTime(atS: number): string | null {
  return atS <= 0 ? null : timeOf(atS);
}
