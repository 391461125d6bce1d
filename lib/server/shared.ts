/**
 * What the isolates of one program share, and what the main one alone holds for all.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import { type Board, createBoard, createBoardMemory } from "../mirrors/board.ts";
import type { Sample } from "../mirrors/checks.ts";
import { thresholdsOf } from "./front.ts";
import { createEvents, type Events } from "./metrics.ts";
import { createNumbersMemory } from "./numbers.ts";
import { createRoster, type Roster, type Setup } from "./setup.ts";

/** What is shared, and what is held for all. */
export interface Shared {
  /** What all isolates serve by now. */
  setup: Setup;
  /** The numbers of mirrors and upstreams. */
  readonly roster: Roster;
  /** The memory of the board. */
  readonly boardMemory: SharedArrayBuffer;
  /** The memories of the isolates' numbers, the main one's first. */
  readonly numbers: readonly SharedArrayBuffer[];
  /** What mirrors can be asked for, by their numbers. */
  readonly samples: Map<number, Sample>;
  /** What happened. */
  readonly events: Events;
  /** Whether a mirror of the configuration that is in use is down, by its name. */
  isDown(name: string): boolean;
  /** The board, by the thresholds of the configuration that is in use. */
  board(): Board;
  /** Notes a blob that a mirror can be asked for: one that it has, rather than another. */
  noteSample(mirror: number, sample: Sample): void;
}

/** Makes what is shared by as many isolates as a configuration wants. */
export function createShared(config: Config, cores: number): Shared {
  const isolates = config.workers === "auto" ? cores : config.workers;
  const roster = createRoster();
  const boardMemory = createBoardMemory();
  const samples = new Map<number, Sample>();
  const shared: Shared = {
    setup: { config, dataSet: undefined, ...roster.enter(config), isolates },
    roster,
    boardMemory,
    numbers: Array.from({ length: isolates }, createNumbersMemory),
    samples,
    events: createEvents(),
    board: () => createBoard(boardMemory, thresholdsOf(shared.setup.config)),
    isDown(name) {
      const { config, mirrors } = shared.setup;
      return shared.board().isDown(mirrors[Object.keys(config.mirrors).indexOf(name)]!);
    },
    noteSample(mirror, sample) {
      if (sample.found || samples.get(mirror)?.found !== true) samples.set(mirror, sample);
    },
  };
  return shared;
}
