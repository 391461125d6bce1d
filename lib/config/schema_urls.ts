/**
 * The schemas of URLs.
 *
 * @module
 */

import * as v from "valibot";

const ORIGIN = "https?://(?:[A-Za-z0-9._-]+|\\[[0-9A-Fa-f:.]+\\])(?::\\d{1,5})?";
const PCHAR = "[A-Za-z0-9._~!$&'()*+,;=:@%/-]";

function url(
  allowed: string,
  rest: string,
  refused = (_written: string) => allowed,
): v.GenericSchema<string> {
  return v.pipe(
    v.string(allowed),
    v.regex(new RegExp(`^${ORIGIN}(?:${rest})?$`), ({ input }) => refused(input)),
    // The pattern does not cover ports past 65535 and the like; only the URL parser does.
    v.check((written) => URL.canParse(written), allowed),
  );
}

/**
 * The URL of a blob store.
 *
 * @ignore Its type is valibot's, which `deno doc` takes for a private one.
 */
export const baseUrl: v.GenericSchema<string> = url(
  "an http: or https: URL without user, query and fragment, such as https://registry.example",
  `/${PCHAR}*`,
);

const ENDPOINT =
  "an http: or https: URL without user, path, query and fragment, such as https://registry.example";

/**
 * The URL of a registry, without a path: its API is always at the host's `/v2/`.
 *
 * @ignore Its type is valibot's, which `deno doc` takes for a private one.
 */
export const endpointUrl: v.GenericSchema<string> = url(
  ENDPOINT,
  "/+",
  (written) => ENDPOINT + hintOfPath(written),
);

function hintOfPath(written: string): string {
  if (!new RegExp(`^${ORIGIN}/${PCHAR}+$`).test(written)) return "";
  const [, endpoint, path] = /^([^/]+\/\/[^/]+)\/+(?:v2(?:\/+|$))?(.*?)\/*$/.exec(written)!;
  return path === ""
    ? `; did you mean ${endpoint}?`
    : `; did you mean ${endpoint}, with ${path} as its path?`;
}

/**
 * The URL of a page.
 *
 * @ignore Its type is valibot's, which `deno doc` takes for a private one.
 */
export const pageUrl: v.GenericSchema<string> = url(
  "an http: or https: URL without user, such as https://example.com/about",
  `[/?#](?:${PCHAR}|[?#])*`,
);

/**
 * The URL of a provider's file.
 *
 * @ignore Its type is valibot's, which `deno doc` takes for a private one.
 */
export const sourceUrl: v.GenericSchema<string> = url(
  "an http: or https: URL without user and fragment, such as https://example.com/ip-ranges.json",
  `/(?:${PCHAR}|[?])*`,
);
