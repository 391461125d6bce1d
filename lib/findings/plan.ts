/**
 * What of a configuration is looked at: its upstreams with the repositories to try, and its
 * mirrors.
 *
 * @module
 */

import type { Config, UpstreamConfig } from "../config/config.ts";
import { tryMainUpstream } from "../config/environment.ts";
import { createNumbering, createSources, type Setup } from "../redirect/setup.ts";
import type { RegistryServer } from "../registry/server.ts";
import type { Mirror, Upstream } from "../routing/policy.ts";
import { createRepositories } from "../routing/repositories.ts";

/** A repository to try. */
export interface NamedRepository {
  /** Its name for clients. */
  readonly name: string;
  /** Its name at the upstream, below the upstream's path. */
  readonly there: string;
}

/** An upstream to look at. */
export interface UpstreamPlan {
  /** The upstream. */
  readonly upstream: Upstream;
  /** How it is asked. */
  readonly server: RegistryServer;
  /** Its part of the configuration. */
  readonly settings: UpstreamConfig;
  /** Whether blobs are streamed. */
  readonly stream: boolean;
  /** The repositories to try; there may be none. */
  readonly repositories: readonly NamedRepository[];
}

/** What is looked at. */
export interface Plan {
  /** The upstreams. */
  readonly upstreams: readonly UpstreamPlan[];
  /** The mirrors. */
  readonly mirrors: readonly Mirror[];
}

// More would show the same.
const MOST_REPOSITORIES = 3;

/**
 * Makes the plan for a valid configuration.
 *
 * @param credentials the credentials of upstreams, by their names
 * @param names repositories to try, as clients name them, before those of the configuration
 */
export function createPlan(
  config: Config,
  credentials: Setup["credentials"],
  names: readonly string[] = [],
): Plan {
  const { upstreams, mirrors } = createNumbering().enter(config);
  const sourceOf = createSources({ config, credentials });
  const usual = listUsual(config);
  const locate = createLocate(config);
  const exact = Object.keys(config.repositories ?? {}).filter((name) => !name.endsWith("*"));
  const all = [...new Set([...names, ...exact])].flatMap((name) => locate(name) ?? []);
  return {
    mirrors,
    upstreams: upstreams.map((upstream) => ({
      upstream,
      server: sourceOf(upstream).server,
      settings: config.upstreams[upstream.name]!,
      stream: config.relay.stream,
      repositories: all
        .filter(({ at }) => at === undefined ? usual.has(upstream.name) : at === upstream.name)
        .slice(0, MOST_REPOSITORIES),
    })),
  };
}

/** The upstreams of repositories whose entries name none. */
function listUsual({ upstreams, signature_upstream: signatures, rules }: Config) {
  return new Set([
    tryMainUpstream(upstreams, signatures),
    ...rules.map(({ upstream }) => upstream),
  ]);
}

/** Makes a function that says where a repository is: at the usual upstreams if none is given. */
function createLocate({ repositories, upstreams, signature_upstream: signatures }: Config) {
  if (repositories === undefined) {
    return (name: string) => ({ name, there: name, at: undefined });
  }
  const main = tryMainUpstream(upstreams, signatures);
  const find = createRepositories(
    Object.entries(repositories).map(([pattern, { as }]) => ({ pattern, as })),
  );
  return (name: string) => {
    const found = find(name);
    if (found === undefined) return undefined;
    const { upstream } = repositories[found.pattern]!;
    return { name, there: found.name, at: upstream === main ? undefined : upstream };
  };
}
