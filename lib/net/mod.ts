/**
 * Addresses, prefixes, and a table for longest prefix match.
 *
 * @example
 * ```ts
 * import { createPrefixTable, matchValue, parseAddress, parsePrefix } from "@archeio/archeio/net";
 * import { assertEquals } from "@std/assert";
 *
 * const table = createPrefixTable();
 * table.insert(parsePrefix("192.0.2.0/24"), 1);
 * table.insert(parsePrefix("192.0.2.128/25"), 2);
 *
 * assertEquals(matchValue(table.lookup(parseAddress("192.0.2.1"))), 1);
 * assertEquals(matchValue(table.lookup(parseAddress("192.0.2.200"))), 2);
 * ```
 *
 * @module
 */

export * from "./address.ts";
export * from "./client_address.ts";
export * from "./prefix.ts";
export * from "./prefix_table.ts";
