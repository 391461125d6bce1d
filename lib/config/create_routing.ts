/**
 * From a configuration to what requests are decided by.
 *
 * @module
 */

import { createLocator, type Locator } from "../locations/locator.ts";
import { parsePrefix } from "../net/prefix.ts";
import { createPolicy, type Mirror, type Policy, type Upstream } from "../routing/policy.ts";
import { tryMainUpstream } from "./environment.ts";
import type { Config } from "./config.ts";

/** What requests are decided by. */
export interface Routing {
  /** Finds a client's location. */
  readonly locator: Locator;
  /** Finds a location's rule, by its number in the locator. */
  readonly policy: Policy;
}

/**
 * Makes what requests are decided by.
 *
 * @param config one without mistakes
 * @param dataSet the data set's text
 */
export function createRouting(config: Config, dataSet: string): Routing {
  const own = new Map(
    Object.entries(config.locations).map(([location, prefixes]) =>
      [location, prefixes.map(parsePrefix)] as const
    ),
  );
  const locator = createLocator(dataSet, own);
  const upstreams = new Map<string, Upstream>();
  for (const [name, { endpoint, path }] of Object.entries(config.upstreams)) {
    const repositories = path === "" ? "" : `${path}/`;
    const base = `${normalizeUrl(endpoint)}/v2/${repositories}`;
    upstreams.set(name, { name, base, place: upstreams.size });
  }
  const mirrors = new Map<string, Mirror>();
  for (const [name, { url }] of Object.entries(config.mirrors)) {
    mirrors.set(name, { name, url: normalizeUrl(url), place: mirrors.size });
  }
  const upstream = upstreams.get(tryMainUpstream(config.upstreams, config.signature_upstream)!)!;
  const { pages, signature_upstream: signatures } = config;
  const policy = createPolicy({
    ...(pages.info === undefined ? {} : { infoPage: new URL(pages.info).href }),
    ...(pages.privacy === undefined ? {} : { privacyPage: new URL(pages.privacy).href }),
    upstream,
    ...(signatures === undefined ? {} : { signatureUpstream: upstreams.get(signatures)! }),
    rules: config.rules.map((rule, at) => ({
      number: at + 1,
      clients: rule.clients,
      mirrors: rule.mirrors.map((name) => mirrors.get(name)!),
      upstream: rule.upstream === undefined ? upstream : upstreams.get(rule.upstream)!,
    })),
  }, locator.locations);
  return { locator, policy };
}

// As the platform writes it, so that nothing in it can be read in two ways.
function normalizeUrl(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname.replace(/\/+$/, "");
}
