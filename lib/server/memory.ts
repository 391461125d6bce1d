/**
 * The memory that isolates share; `mirrors/board.ts` explains it.
 *
 * @module
 */

import { createBoard, createBoardMemory } from "../mirrors/board.ts";
import { countPlaces, createPlacesMemory } from "../mirrors/places.ts";
import { SERVER_NUMBERS } from "../mirrors/upstream_check.ts";
import { createLocatedMemory } from "../observe/located.ts";
import { clearMirror, clearUpstream, createNumbersMemory } from "../observe/numbers.ts";
import type { SharedMemory } from "../redirect/redirector.ts";
import type { NumberingLog } from "../redirect/setup.ts";

/** The memory of all isolates. */
export interface ProgramMemory extends NumberingLog {
  /** The board: what all isolates know of the mirrors. */
  readonly board: SharedArrayBuffer;
  /** The counters of each isolate. */
  readonly numbers: readonly SharedArrayBuffer[];
  /** The counters by location of each isolate. */
  readonly located: readonly SharedArrayBuffer[];
  /** The memory for the isolate in a slot. */
  of(slot: number): SharedMemory;
  /** How many probes of all isolates are in flight. */
  probesInFlight(): number;
}

/** Makes the memory for a number of isolates. */
export function createProgramMemory(isolates: number): ProgramMemory {
  const board = createBoardMemory();
  const places = createPlacesMemory(isolates, SERVER_NUMBERS);
  const streams = createPlacesMemory(isolates, 1);
  const numbers = Array.from({ length: isolates }, createNumbersMemory);
  const located = Array.from({ length: isolates }, createLocatedMemory);
  return {
    board,
    numbers,
    located,
    of: (slot) => ({
      board,
      places,
      streams,
      numbers: numbers[slot]!,
      located: located[slot]!,
      slot,
    }),
    probesInFlight: () => countPlaces(places, SERVER_NUMBERS),
    onMirrorReused(number) {
      createBoard(board).clear(number);
      for (const memory of numbers) clearMirror(memory, number);
    },
    onUpstreamReused(number) {
      for (const memory of numbers) clearUpstream(memory, number);
    },
  };
}
