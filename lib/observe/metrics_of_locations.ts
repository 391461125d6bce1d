/**
 * The metrics by location. There are as many locations as the data set and the configuration
 * name; only those that a client came from are shown.
 *
 * @module
 */

import { family, type Sample } from "./exposition.ts";
import { addOutcomes, countMirrored, countUpstream, type Outcomes } from "./located.ts";
import type { Standing } from "./metrics.ts";

/** The label of clients in no known location. */
const NONE = "none";
/** The label of clients in locations past the last number. */
const OTHER = "other";

/** Formats the metric of pulls by location. */
export function locationFamily(
  { located, locations }: Pick<Standing, "located" | "locations">,
): string {
  const rows: readonly (readonly [string, Outcomes | undefined])[] = [
    ...locations.map((location) => [location, located.of(location)] as const),
    // There from the start, so that the metric is.
    [`${NONE}/${NONE}`, located.nowhere ?? addOutcomes([])],
    [`${OTHER}/${OTHER}`, located.others],
  ];
  return family(
    "archeio_location_redirects_total",
    "counter",
    "Redirects by the client's location, where an answer depended on it.",
    rows.flatMap(([location, outcomes]) => {
      if (outcomes === undefined) return [];
      const [cloud, region] = splitLocation(location);
      return [
        [{ cloud, region, to: "mirror" }, countMirrored(outcomes)],
        [{ cloud, region, to: "upstream" }, countUpstream(outcomes)],
      ] satisfies Sample[];
    }),
  );
}

/** Splits a location, such as `aws/eu-west-3`, into its cloud and its region. */
export function splitLocation(location: string): [cloud: string, region: string] {
  const slash = location.indexOf("/");
  return [location.slice(0, slash), location.slice(slash + 1)];
}
