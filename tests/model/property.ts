/**
 * What is played: stories that come of a seed.
 *
 * @module
 */

import fc from "fast-check";
import { play } from "./play.ts";
import { createRandom } from "./random.ts";
import { stories } from "./steps.ts";

const RUNS = 30;

/** What came of the stories of a seed. */
export interface Outcome {
  readonly runs: number;
  /** What did not hold, if something did not, and what led to it. */
  readonly broken: { readonly promise: string; readonly report: string } | undefined;
}

/**
 * Plays the stories of a seed, until a promise is broken.
 *
 * @param shrink whether to look for the shortest story that breaks it, which takes minutes
 */
export async function playSeed(seed: number, shrink: boolean): Promise<Outcome> {
  const property = fc.asyncProperty(
    stories,
    fc.nat(),
    (story, chance) => play(story, createRandom(chance)),
  );
  const details = await fc.check(property, { seed, numRuns: RUNS, endOnFailure: !shrink });
  const { numRuns: runs, failed, errorInstance: error } = details;
  if (!failed) return { runs, broken: undefined };
  const text = error instanceof Error ? error.stack ?? error.message : String(error);
  const report = `${await fc.asyncDefaultReportMessage(details)}\n${text}`;
  const promise = error instanceof Error ? error.message : text;
  return { runs, broken: { promise: promise.split("\n", 1)[0]!, report } };
}
