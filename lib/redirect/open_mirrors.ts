/**
 * Opens the mirror state of an isolate: what it finds out is counted and reported.
 *
 * @module
 */

import type { Leaving } from "../fill/leaving.ts";
import { type Answer, describeAnswer } from "../mirrors/answer.ts";
import { createBoard } from "../mirrors/board.ts";
import { createMirrors, type Mirrors, type ProbeBounds } from "../mirrors/mirrors.ts";
import { createPlaces } from "../mirrors/places.ts";
import { createSampler } from "../mirrors/samples.ts";
import { blobKey, blobUrl } from "../mirrors/template.ts";
import { SERVER_NUMBERS } from "../mirrors/upstream_check.ts";
import type { MissCounter } from "../observe/misses.ts";
import type { Numbers } from "../observe/numbers.ts";
import type { Mirror } from "../routing/policy.ts";
import type { RedirectorOptions } from "./redirector.ts";

// How many blobs in a row a mirror may lack before that is reported.
const NOTHING_FOUND = 100;

/** What the mirror state tells, and is told. */
export interface OpenMirrorsParts {
  /** The counters. */
  readonly numbers: Numbers;
  /** Counts what mirrors lack; `undefined` where nobody fills them. */
  readonly misses: () => MissCounter | undefined;
  /** What is about to be deleted from mirrors. */
  readonly leaving: () => Leaving;
  /** The limits in use. */
  readonly bounds: () => ProbeBounds;
}

/** Makes the mirror state of an isolate. */
export function openMirrors(
  options: RedirectorOptions,
  { numbers, misses, leaving, bounds }: OpenMirrorsParts,
): Mirrors {
  const { memory, log, now, stop } = options;
  const board = createBoard(memory.board);
  // The memory may be that of an isolate that died, whose cache is gone.
  numbers.known(0, 0);
  const onSuspect = ({ number }: Mirror) => log.onSuspect(number);
  const noteSample = createSampler(now, log.onSample);
  const onAnswer = (url: string, answer: Answer) => {
    // A request that was cancelled because the program stops is not reported.
    if (answer.kind !== "answered" && !stop.aborted) log.onUnanswered(url, answer.reason);
  };
  const mirrors = createMirrors({
    ...options,
    board,
    places: createPlaces(memory.places, memory.slot, SERVER_NUMBERS),
    bounds,
    isLeaving: ({ name }, { digest }) => leaving().get(name)?.has(digest) === true,
    log: {
      onSuspect,
      onProbed(mirror, { blob, answer, verdict, tookMs }) {
        numbers.asked(mirror.number, verdict, tookMs);
        const { foundCount, missingCount } = mirrors.known();
        numbers.known(foundCount, missingCount);
        if (verdict === "found") noteSample(mirror.number, blobKey(mirror, blob));
        else if (verdict === "missing") misses()?.noteLacking(blob);
        if (verdict === "found" && answer.kind === "answered" && answer.length !== undefined) {
          numbers.sized(mirror.number, answer.length);
        }
        onAnswer(blobUrl(mirror, blob), answer);
        if (verdict === "unsent") return;
        const inARow = board.noteFound(mirror.number, verdict === "found");
        if (inARow === NOTHING_FOUND) {
          log.onNothingFound(mirror.name, inARow, describeAnswer(answer));
        }
      },
      onAsked(upstream, answer, verdict, tookMs) {
        numbers.askedUpstream(upstream.number, verdict, tookMs);
        onAnswer(upstream.base, answer);
      },
    },
  });
  return mirrors;
}
