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
import { Upstream } from "./schema_of_upstreams.ts";
import { blobsUrl } from "./schema_urls.ts";

const LOCATION = "a location's name, <cloud>/<region>";
const location = text(LOCATION, /^[A-Za-z0-9][A-Za-z0-9_.-]*\/[A-Za-z0-9][A-Za-z0-9_.-]*$/);
const pattern = text(
  `"*", or <cloud>/<region> in which a * stands for any text, such as "aws/eu-*"`,
  /^(?!.*\*\*)(?:\*|[A-Za-z0-9*][A-Za-z0-9_.*-]*\/[A-Za-z0-9*][A-Za-z0-9_.*-]*)$/,
);

const PART = "[a-z0-9]+(?:(?:\\.|__?|-+)[a-z0-9]+)*";
const repositoryPattern = text(
  `a repository's name, such as app, or a beginning of names and a *, such as charts/*`,
  new RegExp(`^(?:\\*|${PART}(?:/${PART})*(?:(?:[./]|__?|-+)?\\*)?)$`),
);

// A `*` is in the place of a letter, and there is at most one.
const STARRED_PART = PART.replaceAll("a-z0-9", "a-z0-9*");
const repositoryName = text(
  "a repository's name, such as acme/app, with one * for that of the pattern",
  new RegExp(`^(?!.*\\*.*\\*)${STARRED_PART}(?:/${STARRED_PART})*$`),
);

const Repository = strict({
  upstream: optional(
    "The name of the upstream that they are in. Default: the main upstream, or the one that a " +
      "rule gives its clients instead.",
    v.string("an upstream's name, as text"),
  ),
  as: optional(
    "Their name there, after the upstream's path; a * in it stands for what that of the pattern " +
      "stands for. Default: the same name.",
    repositoryName,
  ),
  public: optional(
    "Whether everybody may pull them; needed where the upstream has credentials. Default: false.",
    v.boolean("true or false"),
  ),
});

/**
 * The schema of a configuration's repositories.
 *
 * @ignore Its type is valibot's, which `deno doc` takes for a private one.
 */
export const Repositories = v.pipe(
  mapping(
    v.record(
      repositoryPattern,
      Repository,
    ),
    "a mapping from repositories' names or patterns to where they are",
    { allowed: "a repository's name or a pattern" },
  ),
  v.minEntries(1, "at least one repository's name or pattern, such as *"),
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
};
