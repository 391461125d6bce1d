/**
 * Turns a setup into what decisions are made from.
 *
 * @module
 */

import { createLocator, type Locator } from "../locations/locator.ts";
import { parsePrefix, type Prefix } from "../net/prefix.ts";
import { createPolicy, type Policy } from "../routing/policy.ts";
import { tryMainUpstream } from "../config/environment.ts";
import type { Config } from "../config/config.ts";
import type { Servers, Setup } from "./setup.ts";

/** What decisions are made from. */
export interface Routing {
  /** Finds a client's location. */
  readonly locator: Locator;
  /** Whether `/v2/` challenges clients, and `/token` gives them a session's token. */
  readonly session: boolean;
  /** Finds a location's rule, by the location's index in the locator. */
  readonly policy: Policy;
}

/**
 * Makes the locator and the policy of a setup.
 *
 * @param setup with a valid configuration
 * @param dataSet the data set's text
 */
export function createRouting(
  setup: Pick<Setup, "config" | "lists"> & Servers,
  dataSet: string,
): Routing {
  const { config } = setup;
  const locator = createLocator(dataSet, setup.lists ?? listOwn(config));
  const upstreams = byName(setup.upstreams);
  const mirrors = byName(setup.mirrors);
  const main = tryMainUpstream(config.upstreams, config.signature_upstream);
  // Without a main upstream, every repository is elsewhere, and any will do.
  const upstream = upstreams.get(main ?? setup.upstreams[0]!.name)!;
  const { pages, signature_upstream: signatures } = config;
  const policy = createPolicy({
    ...(pages.info === undefined ? {} : { infoPage: new URL(pages.info).href }),
    ...(pages.privacy === undefined ? {} : { privacyPage: new URL(pages.privacy).href }),
    listsBackends: pages.backends !== undefined && pages.backends !== false,
    upstream,
    ...(signatures === undefined ? {} : { signatureUpstream: upstreams.get(signatures)! }),
    ...(config.repositories === undefined ? {} : {
      repositories: Object.entries(config.repositories).map(([pattern, { upstream, as }]) => ({
        pattern,
        as,
        upstream: upstream === undefined || upstream === main ? undefined : upstreams.get(upstream),
      })),
    }),
    rules: config.rules.map((rule, at) => ({
      number: at + 1,
      clients: rule.clients,
      mirrors: rule.mirrors.map((name) => mirrors.get(name)!),
      upstream: rule.upstream === undefined ? upstream : upstreams.get(rule.upstream)!,
    })),
  }, locator.locations);
  return { locator, policy, session: config.trace.session };
}

// Without files, there are no lists, and a configuration's own prefixes are few.
function listOwn({ locations }: Config): ReadonlyMap<string, readonly Prefix[]> {
  return new Map(
    Object.entries(locations).map(([location, prefixes]) =>
      [location, "file" in prefixes ? [] : prefixes.map(parsePrefix)] as const
    ),
  );
}

function byName<Server extends { readonly name: string }>(
  servers: readonly Server[],
): Map<string, Server> {
  return new Map(servers.map((server) => [server.name, server]));
}
