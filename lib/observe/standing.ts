/**
 * The state of the program, for operators.
 *
 * @module
 */

import { summarizeDataSet } from "../locations/data_set.ts";
import { addLocated, type LocationNumbers } from "./located.ts";
import type { Standing } from "./metrics.ts";
import { addNumbers } from "./numbers.ts";

/** What the state is read from. */
export interface StandingOptions
  extends Pick<Standing, "versions" | "startedS" | "board" | "events" | "isolates" | "lastCheck"> {
  /** The memories of the isolates' counters. */
  readonly numbers: readonly SharedArrayBuffer[];
  /** The counters by location of the isolates. */
  readonly located: readonly SharedArrayBuffer[];
  /** The configured mirrors and upstreams, the numbers of locations, and the data set's text. */
  readonly setup: () => Pick<Standing, "mirrors" | "upstreams"> & {
    readonly dataSet: string;
    readonly locations?: LocationNumbers | undefined;
  };
  /** How many probes of all isolates are in flight. */
  readonly probesInFlight: () => number;
  /** The resident memory of the process, in bytes. */
  readonly residentBytes: () => number;
  /** The CPU time of the process, in seconds. */
  readonly cpuS: () => number;
}

/** Makes a function that returns the current state. */
export function createStanding(options: StandingOptions): () => Standing {
  const summarize = createSummarizer();
  return () => {
    const { dataSet, mirrors, upstreams, locations = new Map() } = options.setup();
    return {
      ...options,
      totals: addNumbers(options.numbers),
      located: addLocated(options.located, locations),
      locations: [...locations.keys()],
      mirrors,
      upstreams,
      dataSet: summarize(dataSet),
      probesInFlight: options.probesInFlight(),
      residentBytes: options.residentBytes(),
      cpuS: options.cpuS(),
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
