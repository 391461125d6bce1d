/**
 * The schema of which repositories there are, and where.
 *
 * @module
 */

import * as v from "valibot";
import { mapping, optional, strict, text } from "./schema_parts.ts";

const PART = "[a-z0-9]+(?:(?:\\.|__?|-+)[a-z0-9]+)*";
/**
 * A repository's name, or a beginning of names and a `*`.
 *
 * @ignore Its type is valibot's, which `deno doc` takes for a private one.
 */
export const repositoryPattern: v.GenericSchema<string> = text(
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
