/**
 * The schema of upstreams, and of how relaying ones are used.
 *
 * @module
 */

import * as v from "valibot";
import { described, integer, oneOf, optional, strict, text, usual } from "./schema_parts.ts";
import { endpointUrl } from "./schema_urls.ts";

const MODES = ["redirect", "relay"] as const;

const HOST = "a host with or without a port, such as auth.example or auth.example:8443";
const host = text(
  HOST,
  /^(?:[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::[1-9]\d{0,4})?$/,
);
const hosts = v.array(host, "a list of hosts, each with or without a port");

const username = text("a user's name, without a colon", /^[^:\p{Cc}]+$/u);
const file = text("a file's path", /^.+$/);

const CREDENTIALS = "username and password_file, or identity_token_file";

const Credentials = v.pipe(
  strict({
    username: optional("The user's name.", username),
    password_file: optional("The path of a file with the user's password.", file),
    identity_token_file: optional(
      "The path of a file with a refresh token of OAuth 2.0, as docker login keeps it.",
      file,
    ),
  }),
  v.check(
    ({ username, password_file, identity_token_file }) =>
      (username === undefined) === (password_file === undefined) &&
      (username === undefined) !== (identity_token_file === undefined),
    CREDENTIALS,
  ),
);

/**
 * The schema of an upstream.
 *
 * @ignore Its type is valibot's, which `deno doc` takes for a private one.
 */
export const Upstream = strict({
  endpoint: described("The registry's URL, without a path.", endpointUrl),
  path: v.optional(
    described(
      "The path before each repository's name in the registry, such as project/images. " +
        "Default: nothing.",
      text(
        "a repository name's first components, such as project/images, or nothing: lower-case, " +
          "and with no slash at either end",
        /^(?:[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*)?$/,
      ),
    ),
    "",
  ),
  pull: optional(
    "Whether clients are redirected there, or what they pull is fetched for them: relay is for " +
      "registries that want a token. Default: redirect.",
    oneOf(MODES),
  ),
  tags: optional(
    "The same for lists of tags alone: relay is for registries that list them in pages. " +
      "Default: as pull.",
    oneOf(MODES),
  ),
  credentials: optional(
    "Who the registry is asked as. Repositories that it serves then need public: true. " +
      "Default: anybody.",
    Credentials,
  ),
  token_hosts: optional(
    "Other hosts that issue tokens for the registry. Default: none, but auth.docker.io for Docker " +
      "Hub and gitlab.com for registry.gitlab.com.",
    hosts,
  ),
  redirect_hosts: optional(
    "Private addresses that the registry may redirect clients to for blobs. Default: none.",
    hosts,
  ),
});

/**
 * The schemas of values about relaying that are compared with each other.
 *
 * @ignore Their type is valibot's, which `deno doc` takes for a private one.
 */
export const RELAY_TIMES = {
  tag_ttl_s: usual(
    "How long a tag is remembered before the upstream is asked for it again, in seconds.",
    integer(1, 86_400),
    60,
  ),
  stale_s: usual(
    "How long after it was last seen a tag is served while the upstream fails, in seconds; 0 is " +
      "never.",
    integer(0, 31_536_000),
    3600,
  ),
};

/**
 * The schema of how relaying upstreams are used.
 *
 * @ignore Its type is valibot's, which `deno doc` takes for a private one.
 */
export const Relay = strict({
  memory_mib: usual("How many MiB of manifests each isolate remembers.", integer(1, 65_536), 64),
  ...RELAY_TIMES,
  timeout_ms: usual(
    "How long a request to a relaying upstream may take, in milliseconds.",
    integer(100, 300_000),
    10_000,
  ),
  stream: usual(
    "Whether blobs that no mirror has, and that the upstream does not redirect, are streamed to " +
      "clients.",
    v.boolean("true or false"),
    true,
  ),
  max_streams: usual(
    "How many blobs are streamed at the same time, of all isolates together.",
    integer(1, 100_000),
    64,
  ),
});
