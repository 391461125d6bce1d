/**
 * The link to the next page of a list (RFC 8288).
 *
 * @module
 */

import { forwardQuery } from "../../oci/query.ts";

// As long as any that registries send.
const LONGEST = 8 * 1024;

/**
 * The query of the next page, with its question mark, or `undefined` on the last page.
 *
 * @param header the value of `Link`; several are joined by commas
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(tryNextQuery('</v2/acme/app/tags/list?n=2&last=v2>; rel="next"'), "?n=2&last=v2");
 * ```
 */
export function tryNextQuery(header: string | null): string | undefined {
  if (header === null || header.length > LONGEST) return undefined;
  for (const [, target = "", parameters = ""] of header.matchAll(LINK)) {
    if (!NEXT.test(parameters)) continue;
    const mark = target.indexOf("?");
    if (mark < 0) return undefined;
    const query = forwardQuery(target.slice(mark + 1).replace(/#.*$/, ""));
    // Without a query it would be the first page again.
    return query === "" ? undefined : query;
  }
  return undefined;
}

const LINK = /<([^<>]*)>((?:[ \t]*;[ \t]*[A-Za-z0-9*_-]+[ \t]*=[ \t]*(?:"[^"]*"|[^\s",;]+))*)/g;
const NEXT = /;[ \t]*rel[ \t]*=[ \t]*(?:"(?:[^"]*[ \t])?next(?:[ \t][^"]*)?"|next(?![^\s;]))/i;
