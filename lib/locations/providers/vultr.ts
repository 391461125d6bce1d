/**
 * Vultr (https://geofeed.constant.com/).
 *
 * @module
 */

import * as v from "valibot";
import { tryGeofeedRegion } from "../geofeed.ts";
import type { Entry, Provider } from "../provider.ts";
import { list, object, parseJson, text, time } from "../published_json.ts";

const File = object({
  updated: time("a time, YYYY-MM-DDThh:mm:ss", /^\d{4}-\d\d-\d\dT/),
  subnets: list(object({
    ip_prefix: text,
    alpha2code: v.nullish(text, ""),
    city: v.nullish(text, ""),
  })),
});

/** Vultr. Its file is a geofeed as JSON. */
export const vultr: Provider<"vultr"> = {
  name: "vultr",
  fileName: "vultr-geofeed.json",
  source: "https://geofeed.constant.com/?json",
  parse(file) {
    const { updated, subnets } = parseJson(file.text, File);
    const entries: Entry[] = [];
    for (const { ip_prefix, alpha2code, city } of subnets) {
      const region = tryGeofeedRegion(alpha2code, city);
      if (region !== undefined) entries.push([region, ip_prefix]);
    }
    return { date: updated.slice(0, 10), entries };
  },
};
