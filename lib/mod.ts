/**
 * The library: the redirector, and the parts of archeio that are useful on their own. It uses
 * only web APIs.
 *
 * @example
 * ```ts
 * import { createLocator, EMBEDDED, parseAddress, parseRequest } from "@archeio/archeio";
 * import { assertEquals } from "@std/assert";
 *
 * const locator = createLocator(EMBEDDED);
 * const location = locator.locations[locator.locate(parseAddress("35.180.1.1"))];
 * const asked = parseRequest("GET", "/v2/pause/tags/list");
 *
 * assertEquals([location, asked.kind], ["aws/eu-west-3", "tags"]);
 * ```
 *
 * @module
 */

export * from "./locations/mod.ts";
export * from "./net/mod.ts";
export * from "./oci/mod.ts";
export * from "./redirect/mod.ts";
