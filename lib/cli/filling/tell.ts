/**
 * Tells how a fill goes, as JSON lines.
 *
 * @module
 */

import type { FillStage } from "../../fill/fill.ts";
import { createProgress, type Progress } from "../../fill/progress.ts";
import { type ReportOptions, toReport } from "../../fill/report.ts";
import { isComplete, type Tally } from "../../fill/tally.ts";
import type { World } from "../../mirrors/time.ts";
import type { Context } from "../command.ts";

/** Tells how a fill goes. */
export interface Teller {
  /** Told of each stage as it begins. */
  readonly onStage: (stage: FillStage, tally: Tally) => void;
  /** Tells what was done. */
  readonly report: (tally: Tally, options: ReportOptions) => void;
  /** Stops telling. */
  readonly stop: () => void;
}

/** What telling needs. */
export interface TellOptions extends Pick<World, "now" | "timeOfDay" | "later"> {
  /** Writes to standard output. */
  readonly out: Context["out"];
}

const LINE_EVERY_MS = 30_000;

/** Makes a teller that writes JSON lines, in the form of the server's log. */
export function createLineTeller(options: TellOptions): Teller {
  const { out, now, timeOfDay, later } = options;
  const progressOf = createProgress(now);
  let cancel = () => {};

  function line(level: "INFO" | "WARN", message: string, more: object): void {
    const time = new Date(timeOfDay()).toISOString();
    out(`${JSON.stringify({ "@timestamp": time, level, message, logger: "archeio", ...more })}\n`);
  }

  function tell(stage: FillStage, tally: Tally): void {
    line("INFO", MESSAGES[stage], toJson(progressOf(stage, tally)));
    cancel = later(LINE_EVERY_MS, () => tell(stage, tally));
  }

  return {
    onStage(stage, tally) {
      cancel();
      if (stage !== "end") tell(stage, tally);
    },
    report(tally, told) {
      const [level, message] = isComplete(tally)
        ? ["INFO", "mirrors are filled"] as const
        : ["WARN", "something is missing still"] as const;
      line(level, message, toReport(tally, told));
    },
    stop: () => cancel(),
  };
}

const MESSAGES: Readonly<Record<FillStage, string>> = {
  plan: "reading manifests",
  compare: "comparing",
  copy: "copying",
  end: "done",
};

function toJson({ manifests, blobs, bytes, failures, readBytesPerS, mirrors }: Progress) {
  return {
    manifests,
    blobs,
    bytes,
    failures,
    read_bytes_per_s: Math.round(readBytesPerS),
    mirrors: Object.fromEntries(mirrors.map((mirror) => [mirror.name, {
      blobs: mirror.blobs,
      of_blobs: mirror.ofBlobs,
      bytes: mirror.bytes,
      of_bytes: mirror.ofBytes,
      failed: mirror.failed,
      bytes_per_s: Math.round(mirror.bytesPerS),
      seconds_left: mirror.leftS === undefined ? null : Math.round(mirror.leftS),
    }])),
  };
}
