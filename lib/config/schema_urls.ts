/**
 * The schemas of URLs.
 *
 * @module
 */

import * as v from "valibot";
import { PLACEHOLDER_SOURCE, PLACEHOLDERS } from "../mirrors/template.ts";
import { didYouMean } from "./nearest.ts";

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

const BLOBS =
  "an http: or https: URL without user, query and fragment, such as https://registry.example";
const PART = `(?:${PCHAR}|${PLACEHOLDER_SOURCE})*`;
// A segment of one or two dots leads to another path, whatever stands before it.
const DOTS = "/(?:\\.|%2[Ee]){1,2}(?:[/{]|$)";

/**
 * The URL of a blob store: where all blobs are, or a template of each blob's URL.
 *
 * @ignore Its type is valibot's, which `deno doc` takes for a private one.
 */
export const blobsUrl: v.GenericSchema<string> = url(
  BLOBS,
  `/${PCHAR}*|(?!.*${DOTS})/${PART}\\{(?:digest|hex)\\}${PART}`,
  whyNoBlobsUrl,
);

// Says what is wrong with a template.
function whyNoBlobsUrl(written: string): string {
  if (!/[{}]/.test(written)) return BLOBS;
  const known = PLACEHOLDERS.map((name) => `{${name}}`).join(", ");
  for (const [found, name] of written.matchAll(/\{([^{}]*)\}/g)) {
    if (new RegExp(`^${PLACEHOLDER_SOURCE}$`).test(found)) continue;
    return `placeholders among ${known}; ${found} is none${didYouMean(name!, PLACEHOLDERS)}`;
  }
  const rest = written.replaceAll(new RegExp(PLACEHOLDER_SOURCE, "g"), "");
  if (/[{}]/.test(rest)) return `placeholders among ${known}, and no other { or }`;
  if (!/\{(?:digest|hex)\}/.test(written)) {
    return "a URL with {digest} or {hex} in it, so that each blob has one of its own";
  }
  return new RegExp(DOTS).test(written)
    ? `${BLOBS}, and with no segment of dots`
    : `${BLOBS}, with placeholders in its path`;
}

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
