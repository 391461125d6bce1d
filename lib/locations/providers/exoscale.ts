/**
 * Exoscale (https://community.exoscale.com/).
 *
 * @module
 */

import * as v from "valibot";
import type { Entry, Provider } from "../provider.ts";
import { list, object, parseJson, region, text, time } from "../published_json.ts";

const File = object({
  creationTime: time("a time, YYYY-MM-DDThh:mm:ss", /^\d{4}-\d\d-\d\dT/),
  prefixes: list(v.pipe(
    object({ zone: region, IPv4Prefix: v.optional(text), IPv6Prefix: v.optional(text) }),
    v.check(
      ({ IPv4Prefix, IPv6Prefix }) => (IPv4Prefix ?? IPv6Prefix) !== undefined,
      "an object that has IPv4Prefix or IPv6Prefix",
    ),
  )),
});

/** Exoscale, whose regions are zones. */
export const exoscale: Provider<"exoscale"> = {
  name: "exoscale",
  fileName: "exoscale-ranges.json",
  source: "https://exoscale-prefixes.sos-ch-dk-2.exo.io/exoscale_prefixes.json",
  parse(file) {
    const { creationTime, prefixes } = parseJson(file.text, File);
    const entries = prefixes.flatMap(({ zone, IPv4Prefix, IPv6Prefix }) =>
      [IPv4Prefix, IPv6Prefix]
        .filter((prefix) => prefix !== undefined)
        .map((prefix) => [zone, prefix] as const)
    );
    return { date: creationTime.slice(0, 10), entries: withOneZone(entries) };
  },
};

// A prefix that all zones share, which 2a04:c41::/32 is, says nothing about the zone.
function withOneZone(entries: readonly Entry[]): Entry[] {
  const zones = Map.groupBy(entries, ([, prefix]) => prefix);
  return entries.filter(([zone, prefix]) => zones.get(prefix)!.every(([other]) => other === zone));
}
