/**
 * Oracle Cloud (https://docs.oracle.com/en-us/iaas/Content/General/Concepts/addressranges.htm).
 *
 * @module
 */

import type { Provider } from "../provider.ts";
import { list, object, parseJson, region, text, time } from "../published_json.ts";

const File = object({
  last_updated_timestamp: time("a time, YYYY-MM-DDThh:mm:ss", /^\d{4}-\d\d-\d\dT/),
  regions: list(object({ region, cidrs: list(object({ cidr: text })) })),
});

/** Oracle Cloud. Its file has IPv4 prefixes only. */
export const oracle: Provider<"oracle"> = {
  name: "oracle",
  fileName: "oracle-public-ip-ranges.json",
  source: "https://docs.oracle.com/en-us/iaas/tools/public_ip_ranges.json",
  parse(file) {
    const { last_updated_timestamp, regions } = parseJson(file.text, File);
    return {
      date: last_updated_timestamp.slice(0, 10),
      entries: regions.flatMap(({ region, cidrs }) =>
        cidrs.map(({ cidr }) => [region, cidr] as const)
      ),
    };
  },
};
