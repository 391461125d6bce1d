/**
 * The schema of a configuration. It contains every constraint on a single value, so that the
 * JSON Schema generated from it shows them in editors. Constraints between values are in
 * `mistakes.ts`.
 *
 * @module
 */

import * as v from "valibot";
import { type ProviderName, PROVIDERS } from "../locations/providers.ts";
import type { Config } from "./config.ts";
import { described, integer, optional, strict, usual } from "./schema_parts.ts";
import { ROUTING } from "./schema_of_routing.ts";
import { Relay, RELAY_TIMES } from "./schema_of_upstreams.ts";
import { PLACES, SERVING } from "./schema_of_serving.ts";
import { sourceUrl } from "./schema_urls.ts";

/**
 * The schemas of values that are compared with each other.
 *
 * @ignore Their type is valibot's, which `deno doc` takes for a private one.
 */
export const COMPARED = {
  ...PLACES,
  relay: RELAY_TIMES,
  health: {
    interval_ms: usual(
      "The time from one check of a mirror to the next, in milliseconds.",
      integer(50, 3_600_000),
      5000,
    ),
    max_interval_ms: usual(
      "The longest time between the checks of a mirror that is down, in milliseconds.",
      integer(50, 86_400_000),
      60_000,
    ),
  },
};

const Probe = strict({
  timeout_ms: usual(
    "How long the search for a mirror may take, in milliseconds.",
    integer(1, 60_000),
    5000,
  ),
  found_ttl_s: usual(
    "How long it is remembered that a mirror has a blob, in seconds.",
    integer(1, 31_536_000),
    86_400,
  ),
  recheck_s: usual(
    "How long after it was last found in a mirror a blob is rechecked there, in the background, " +
      "in seconds.",
    integer(1, 31_536_000),
    600,
  ),
  missing_ttl_s: usual(
    "How long it is remembered that a mirror does not have a blob, in seconds.",
    integer(1, 86_400),
    30,
  ),
  max_entries: usual(
    "How many answers each isolate remembers.",
    integer(1, 10_000_000),
    200_000,
  ),
  max_in_flight: usual(
    "How many probes are in flight or wait, of all isolates together.",
    integer(1, 10_000),
    256,
  ),
  max_per_s: usual(
    "How many probes begin in a second, of all isolates together.",
    integer(1, 1_000_000),
    500,
  ),
});

const Health = strict({
  interval_ms: COMPARED.health.interval_ms,
  down_after: usual(
    "After how many failed checks in a row a mirror is down.",
    integer(2, 100),
    3,
  ),
  up_after: usual("After how many good checks in a row a mirror is up again.", integer(1, 100), 2),
  max_interval_ms: COMPARED.health.max_interval_ms,
});

const HOURS = "a number of hours, from 0.001 to 8760";

const source = (provider: string) =>
  optional(`The URL of ${provider}'s file. Default: where the provider publishes it.`, sourceUrl);

type Source = ReturnType<typeof source>;

const SOURCES = Object.fromEntries(PROVIDERS.map(({ name }) => [name, source(name)])) as Record<
  ProviderName,
  Source
>;

const Ranges = strict({
  refresh_h: optional(
    "The time between fetches of the providers' files, in hours. Default: they are never " +
      "fetched.",
    v.pipe(v.number(HOURS), v.minValue(0.001, HOURS), v.maxValue(8760, HOURS)),
  ),
  sources: v.optional(
    described(
      "URLs to fetch the files from instead of from the providers.",
      strict(SOURCES),
    ),
    {},
  ),
});

/**
 * The schema of a configuration file.
 *
 * @ignore Its type is valibot's, which `deno doc` takes for a private one.
 */
export const ConfigSchema: v.GenericSchema<unknown, Config> = v.pipe(
  strict({
    ...SERVING,
    ...ROUTING,
    relay: v.optional(described("How relaying upstreams are used.", Relay), {}),
    probe: v.optional(described("How mirrors are probed for blobs.", Probe), {}),
    health: v.optional(
      described("How mirrors are checked.", Health),
      {},
    ),
    ranges: v.optional(described("How the data set is kept up to date.", Ranges), {}),
  }),
  v.title("archeio configuration"),
  v.description("What archeio serves: upstreams, mirrors, and which clients go where."),
);
