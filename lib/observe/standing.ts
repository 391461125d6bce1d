/**
 * The state of the program, for operators.
 *
 * @module
 */

import { summarizeDataSet } from "../locations/data_set.ts";
import type { Standing } from "./metrics.ts";
import { addNumbers } from "./numbers.ts";

/** What the state is read from. */
export interface StandingOptions
  extends Pick<Standing, "versions" | "startedS" | "board" | "events" | "isolates" | "lastCheck"> {
  /** The memories of the isolates' counters. */
  readonly numbers: readonly SharedArrayBuffer[];
  /** The configured mirrors and upstreams, and the text of the data set. */
  readonly setup: () => Pick<Standing, "mirrors" | "upstreams"> & { readonly dataSet: string };
  /** How many probes of all isolates are in flight. */
  readonly probesInFlight: () => number;
  /** The resident memory of the process, in bytes. */
  readonly residentBytes: () => number;
}

/** Makes a function that returns the current state. */
export function createStanding(options: StandingOptions): () => Standing {
  const summarize = createSummarizer();
  return () => {
    const { dataSet, mirrors, upstreams } = options.setup();
    return {
      ...options,
      totals: addNumbers(options.numbers),
      mirrors,
      upstreams,
      dataSet: summarize(dataSet),
      probesInFlight: options.probesInFlight(),
      residentBytes: options.residentBytes(),
    };
  };
}

// A summary takes some milliseconds, and changes only with the text.
function createSummarizer(): (text: string) => Standing["dataSet"] {
  let held: { readonly text: string; readonly summary: Standing["dataSet"] } | undefined;
  return (text) => {
    if (held?.text !== text) held = { text, summary: summarizeDataSet(text) };
    return held.summary;
  };
}
