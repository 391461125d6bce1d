/**
 * The schema of how mirrors are filled: their stores, and what is copied there.
 *
 * @module
 */

import * as v from "valibot";
import { isKeyTemplate, KEY_TEMPLATE } from "../fill/key.ts";
import { isVersionRange } from "../fill/selection.ts";
import { PLACEHOLDERS } from "../mirrors/template.ts";
import { didYouMean } from "./nearest.ts";
import { described, integer, oneOf, optional, strict, text, usual } from "./schema_parts.ts";
import { endpointUrl } from "./schema_urls.ts";
import { repositoryPattern } from "./schema_of_repositories.ts";

const S3 = strict({
  endpoint: described(
    "The service's URL, such as https://s3.eu-west-3.amazonaws.com.",
    endpointUrl,
  ),
  region: described(
    "The region that requests are signed for; auto for Cloudflare's R2 and Google's.",
    text("a region's name, such as eu-west-3, or auto", /^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/),
  ),
  bucket: described(
    "The bucket's name.",
    text(
      "a bucket's name: 3 to 63 of a-z, 0-9, . and -",
      /^(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
    ),
  ),
  style: usual(
    "Whether the bucket's name stands in the path of its URLs, or before the endpoint's host.",
    oneOf(["path", "virtual"]),
    "path",
  ),
  expected_owner: optional(
    "The id of the account that the bucket must belong to. Default: any.",
    text("an account's id of 12 digits, in quotes", /^\d{12}$/),
  ),
});

const KEY_PLACEHOLDERS = PLACEHOLDERS.filter((name) => name !== "name");

const key = v.pipe(
  v.string(`${KEY_TEMPLATE}, in quotes`),
  v.check(isKeyTemplate, ({ input }) => whyNoKey(String(input))),
);

// Says what is wrong with a placeholder, if one is.
function whyNoKey(written: string): string {
  for (const [found, name = ""] of written.matchAll(/\{([^{}]*)\}/g)) {
    if (isKeyTemplate(`${found}{digest}`)) continue;
    return `${KEY_TEMPLATE}; ${found} is none${didYouMean(name, KEY_PLACEHOLDERS)}`;
  }
  return KEY_TEMPLATE;
}

const KINDS = "a mapping with either s3 or folder";

/**
 * The schema of a mirror's store.
 *
 * @ignore Its type is valibot's, which `deno doc` takes for a private one.
 */
export const Store = v.pipe(
  strict({
    s3: optional("A bucket, of S3 or of anything that speaks its protocol.", S3),
    folder: optional(
      "The path of a folder, which a web server serves.",
      text("a folder's path", /^[^\0]+$/),
    ),
    key: optional(
      "Where a blob is in it, with the placeholders of url but {name}. Default: the path of url.",
      key,
    ),
  }),
  v.check(({ s3, folder }) => (s3 === undefined) !== (folder === undefined), KINDS),
);

const TAGS = 'a pattern of tags such as "v1.*", { newest: 10 } or { semver: ">=1.28" }';

const tags = v.union([
  text(TAGS, /^[A-Za-z0-9_.*-]{1,128}$/),
  strict({ newest: described("How many of the highest versions.", integer(1, 1_000_000)) }),
  strict({
    semver: described("A range of versions.", v.pipe(v.string(), v.check(isVersionRange))),
  }),
], TAGS);

const Limits = strict({
  in_flight: usual("How many requests to a host are in flight.", integer(1, 1000), 16),
  requests_per_s: usual(
    "How many requests to a host begin in a second.",
    v.pipe(
      v.number("a number from 0.01 to 100000"),
      v.minValue(0.01, "a number from 0.01 to 100000"),
      v.maxValue(100_000, "a number from 0.01 to 100000"),
    ),
    80,
  ),
  bytes_per_s: usual(
    "How many bytes a second come from a host, or go to it; null for any number.",
    v.nullable(integer(1000, 1e12, "an integer from 1000 to 1000000000000, or null for no limit")),
    null,
  ),
});

/**
 * The schema of what is copied.
 *
 * @ignore Its type is valibot's, which `deno doc` takes for a private one.
 */
export const Fill = strict({
  repositories: described(
    "The repositories, as clients name them; patterns are for upstreams that list theirs.",
    v.pipe(
      v.array(repositoryPattern, "a list of repositories' names and patterns"),
      v.minLength(1, "at least one repository's name or pattern"),
    ),
  ),
  tags: v.optional(
    described(
      "Which tags: patterns in which a * stands for any text, the newest versions, ranges of " +
        "versions. A tag that one of them takes is copied. Default: all.",
      v.pipe(
        v.array(tags, `a list, each of it ${TAGS}`),
        v.minLength(1, `at least one of ${TAGS}`),
      ),
    ),
    ["*"],
  ),
  referrers: usual(
    "Whether signatures, attestations and what else refers to an image is copied.",
    v.boolean("true or false"),
    true,
  ),
  state: optional(
    "The folder that it keeps its state in: what it did last, the manifests that it has read. " +
      "Default: $STATE_DIRECTORY, else archeio in $XDG_STATE_HOME or ~/.local/state.",
    text("a folder's path", /^[^\0]+$/),
  ),
  limits: v.optional(
    described("The limits for each host, of upstreams and of stores.", Limits),
    {},
  ),
});
