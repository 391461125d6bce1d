/**
 * Finds the cloud and region that an address belongs to, by the prefixes that the providers
 * publish.
 *
 * @example
 * ```ts
 * import { createLocator, EMBEDDED } from "@archeio/archeio/locations";
 * import { parseAddress } from "@archeio/archeio/net";
 * import { assertEquals } from "@std/assert";
 *
 * const locator = createLocator(EMBEDDED);
 *
 * assertEquals(locator.explain(parseAddress("35.180.1.1")), {
 *   location: "aws/eu-west-3",
 *   prefix: "35.180.0.0/16",
 * });
 * assertEquals(locator.explain(parseAddress("10.0.0.1")), undefined);
 * ```
 *
 * @module
 */

export { listLocations, type ProviderSummary, summarizeDataSet } from "./data_set.ts";
export { EMBEDDED } from "./embedded.ts";
export { createLocator, type Locator } from "./locator.ts";
