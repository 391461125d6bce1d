/**
 * How a program stands: what it has to tell operators.
 *
 * @module
 */

import { summarizeDataSet } from "../locations/data_set.ts";
import type { Standing } from "./metrics.ts";
import { addNumbers } from "./numbers.ts";
import type { Shared } from "./shared.ts";

/** What does not change while the program runs. */
export type Fixed = Pick<Standing, "versions" | "startedS"> & {
  /** The text of the embedded data set. */
  readonly dataSet: string;
};

/** Makes a function that tells how a program stands. */
export function createStanding(shared: Shared, fixed: Fixed): () => Standing {
  const summarize = createSummarizer();
  return () => {
    const { setup, roster, events } = shared;
    return {
      ...fixed,
      totals: addNumbers(shared.numbers),
      board: shared.board(),
      roster,
      configured: setup.mirrors,
      dataSet: summarize(setup.dataSet ?? fixed.dataSet),
      events,
      isolates: setup.isolates,
      residentBytes: Deno.memoryUsage().rss,
    };
  };
}

// It takes some milliseconds, and changes with the text alone.
function createSummarizer(): (text: string) => Standing["dataSet"] {
  let held: { readonly text: string; readonly summary: Standing["dataSet"] } | undefined;
  return (text) => {
    if (held?.text !== text) held = { text, summary: summarizeDataSet(text) };
    return held.summary;
  };
}
