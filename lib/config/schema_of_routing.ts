/**
 * The schema of the keys about routing: upstreams, mirrors, locations, rules.
 *
 * @module
 */

import * as v from "valibot";
import { isMapping } from "./mapping.ts";
import { MAX_MIRRORS } from "../mirrors/board.ts";
import { MAX_UPSTREAMS } from "../mirrors/upstream_check.ts";
import { described, integer, mapping, named, optional, strict, text } from "./schema_parts.ts";
import { Fill, Store } from "./schema_of_filling.ts";
import { Repositories } from "./schema_of_repositories.ts";
import { Upstream } from "./schema_of_upstreams.ts";
import { blobsUrl } from "./schema_urls.ts";

const LOCATION = "a location's name, <cloud>/<region>";
const location = text(LOCATION, /^[A-Za-z0-9][A-Za-z0-9_.-]*\/[A-Za-z0-9][A-Za-z0-9_.-]*$/);
const pattern = text(
  `"*", or <cloud>/<region> in which a * stands for any text, such as "aws/eu-*"`,
  /^(?!.*\*\*)(?:\*|[A-Za-z0-9*][A-Za-z0-9_.*-]*\/[A-Za-z0-9*][A-Za-z0-9_.*-]*)$/,
);

const Mirror = strict({
  url: described(
    "The blob store's URL, where a blob is at <url>/<digest>; or a template of a blob's URL with " +
      "{digest}, {algorithm}, {hex}, {hex:2} (its first two digits) and {name} (the repository).",
    blobsUrl,
  ),
  fallback_limit: optional(
    "How many redirects a second it takes in place of mirrors that are down. Default: no limit.",
    integer(0, 1_000_000),
  ),
  store: optional(
    "Where archeio fill writes the blobs of the mirror. Default: nowhere; it is compared only.",
    Store,
  ),
});

const PREFIXES = "a list of prefixes, or { file: … }";

const PrefixList = v.pipe(
  v.array(v.string("a prefix"), PREFIXES),
  v.minLength(1, "at least one prefix"),
);
const PrefixFile = strict({
  file: described(
    "The path of a file with a prefix a line, a geofeed (RFC 8805), or a JSON list of prefixes. " +
      "It is read at the start and at SIGHUP.",
    text("the path of a file of prefixes", /./),
  ),
});

// Which of the two was meant decides which mistakes there are.
const Prefixes: v.GenericSchema<string[] | { file: string }> = {
  ...v.union([PrefixList, PrefixFile]),
  "~run"(dataset, config) {
    const meant = isMapping(dataset.value) ? PrefixFile : PrefixList;
    return meant["~run"](dataset, config) as never;
  },
};

const Rule = strict({
  clients: described(
    `The clients it applies to: "*" is everyone, "<cloud>/<region>" a region, "<cloud>/*" a cloud; a ` +
      `"*" stands for any text, as in "aws/eu-*".`,
    v.pipe(
      v.array(pattern, "a list of location patterns"),
      v.minLength(1, "at least one location pattern"),
    ),
  ),
  mirrors: v.optional(
    described(
      "The names of the mirrors to ask for a blob, in this order. Default: none.",
      v.array(v.string("a mirror's name, as text"), "a list of mirrors' names"),
    ),
    [],
  ),
  upstream: optional(
    "The name of the upstream that serves manifests, and blobs that no mirror has. Default: the " +
      "main upstream.",
    v.string("an upstream's name, as text"),
  ),
});

/**
 * The schema of a configuration's rules.
 *
 * @ignore Its type is valibot's, which `deno doc` takes for a private one.
 */
export const Rules = v.array(Rule, "a list of rules");

/**
 * The keys about routing.
 *
 * @ignore Their type is valibot's, which `deno doc` takes for a private one.
 */
export const ROUTING = {
  upstreams: described(
    "The registries, by name. If there are several, the one named main is the main upstream, " +
      "which serves what no rule and no repository gives to another.",
    v.pipe(
      named(Upstream, "a mapping from names to upstreams"),
      v.minEntries(1, "at least one upstream"),
      v.maxEntries(MAX_UPSTREAMS, `at most ${MAX_UPSTREAMS} upstreams`),
    ),
  ),
  repositories: optional(
    "The repositories that there are, by name, or by a beginning of names and a *. The most " +
      "specific pattern counts. A name that none matches is answered with 404. Default: every " +
      "name is the main upstream's.",
    Repositories,
  ),
  signature_upstream: optional(
    "The name of the upstream that holds the signatures and attestations of repositories in the " +
      "main upstream. Default: each upstream holds its own.",
    v.string("an upstream's name, as text"),
  ),
  mirrors: v.optional(
    described(
      "The blob stores, by name. Default: none.",
      v.pipe(
        named(Mirror, "a mapping from names to mirrors"),
        v.maxEntries(MAX_MIRRORS, `at most ${MAX_MIRRORS} mirrors`),
      ),
    ),
    {},
  ),
  locations: v.optional(
    described(
      "Prefixes of your own, such as 198.51.100.0/24, by location; or a file of them. " +
        "Default: none.",
      mapping(
        v.record(location, Prefixes),
        "a mapping from locations to lists of prefixes, or to files of them",
        { allowed: LOCATION },
      ),
    ),
    {},
  ),
  rules: v.optional(
    described(
      "Which servers serve which clients; the first rule that matches applies. A client that no " +
        "rule matches gets no mirror. Default: none.",
      Rules,
    ),
    [],
  ),
  fill: optional(
    "What archeio fill copies from the upstreams into the stores of mirrors. Default: nothing.",
    Fill,
  ),
};
