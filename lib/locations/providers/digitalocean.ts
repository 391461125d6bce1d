/**
 * DigitalOcean (https://docs.digitalocean.com/platform/).
 *
 * @module
 */

import { parseGeofeed } from "../geofeed.ts";
import type { Provider } from "../provider.ts";

/**
 * DigitalOcean. Its geofeed contains no date; a prefix that is not in use has `None` for a
 * country.
 */
export const digitalocean: Provider<"digitalocean"> = {
  name: "digitalocean",
  fileName: "digitalocean-google.csv",
  source: "https://digitalocean.com/geo/google.csv",
  parse: ({ text }) => ({ entries: parseGeofeed(text) }),
};
