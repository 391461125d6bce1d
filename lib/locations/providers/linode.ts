/**
 * Linode, which is part of Akamai (https://geoip.linode.com/).
 *
 * @module
 */

import { parseGeofeed } from "../geofeed.ts";
import type { Provider } from "../provider.ts";

const MODIFIED = /^# Last modified: (\d{4}-\d\d-\d\d)\b/m;

/** Linode. Its geofeed has the date in a comment. */
export const linode: Provider<"linode"> = {
  name: "linode",
  fileName: "linode-geofeed.csv",
  source: "https://geoip.linode.com/",
  parse: ({ text }) => ({ date: MODIFIED.exec(text)?.[1], entries: parseGeofeed(text) }),
};
