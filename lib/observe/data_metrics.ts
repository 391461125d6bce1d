/**
 * The metrics of the data set.
 *
 * @module
 */

import { family, type Sample } from "./exposition.ts";
import type { Standing } from "./metrics.ts";

/** Formats the metrics of the data set in use, and of its updates. */
export function* dataFamilies(
  { dataSet, events }: Pick<Standing, "dataSet" | "events">,
): Generator<string> {
  yield family(
    "archeio_data_set_published_timestamp_seconds",
    "gauge",
    "When the prefixes of a provider were published, if known; time() less this is their age.",
    dataSet.filter(({ date }) => date !== undefined)
      .map(({ provider, date }): Sample => [{ provider }, Date.parse(date!) / 1000]),
  );
  yield family(
    "archeio_data_set_fetched_timestamp_seconds",
    "gauge",
    "When a provider's file was last fetched and taken, or first could not be.",
    [...events.fetchedS].map(([provider, seconds]): Sample => [{ provider }, seconds]),
  );
  yield family(
    "archeio_data_set_prefixes",
    "gauge",
    "Prefixes of a provider.",
    dataSet.map(({ provider, prefixes }): Sample => [{ provider }, prefixes]),
  );
  yield family("archeio_data_set_refreshes_total", "counter", "Fetches of the data set.", [
    [{ result: "taken" }, events.refreshes],
    [{ result: "failed" }, events.failedRefreshes],
  ]);
}
