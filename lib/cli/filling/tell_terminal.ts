/**
 * Tells how a fill goes, on a terminal: a display that is drawn again and again in its place,
 * and a report below it at the end.
 *
 * @module
 */

import { formatDisplay } from "../../fill/display.ts";
import type { FillStage } from "../../fill/fill.ts";
import { createProgress } from "../../fill/progress.ts";
import { formatReport } from "../../fill/report.ts";
import type { Tally } from "../../fill/tally.ts";
import type { Terminal } from "../command.ts";
import type { Teller, TellOptions } from "./tell.ts";

/** What telling a terminal needs. */
export interface TerminalTellOptions extends TellOptions {
  /** The terminal. */
  readonly terminal: Terminal;
  /** Whether colours are wanted. */
  readonly color: boolean;
}

const DRAW_EVERY_MS = 250;

/** Makes a teller for a terminal. */
export function createTerminalTeller(options: TerminalTellOptions): Teller {
  const { now, later, color } = options;
  const drawing = createDrawing(options);
  let progressOf = createProgress(now);
  let cancel = () => {};

  function draw(stage: FillStage, tally: Tally): void {
    const last = tally.firstFailures.at(-1);
    const lastFailure = last && `${last.place}: ${last.reason}`;
    const screen = { ...options.terminal.size(), color };
    drawing.draw(formatDisplay(progressOf(stage, tally), screen, { lastFailure }));
    cancel = later(DRAW_EVERY_MS, () => draw(stage, tally));
  }

  return {
    onStage(stage, tally) {
      cancel();
      if (stage === "plan") progressOf = createProgress(now);
      if (stage !== "end") draw(stage, tally);
    },
    report(tally, told) {
      drawing.erase();
      options.out(formatReport(tally, told));
    },
    stop() {
      cancel();
      drawing.erase();
    },
  };
}

const ERASE_LINE = "\x1b[2K";
const ERASE_BELOW = "\x1b[0J";

/** Draws lines in the place of those that were drawn before. */
function createDrawing({ out }: TellOptions) {
  let drawn = 0;
  const toBeginning = () => drawn === 0 ? "" : `\x1b[${drawn}A`;
  return {
    draw(lines: readonly string[]): void {
      const text = lines.map((line) => `\r${ERASE_LINE}${line}\n`).join("");
      out(toBeginning() + text + ERASE_BELOW);
      drawn = lines.length;
    },
    erase(): void {
      if (drawn > 0) out(`${toBeginning()}\r${ERASE_BELOW}`);
      drawn = 0;
    },
  };
}
