/**
 * Opens the upstreams of a configuration as places to copy from.
 *
 * @module
 */

import type { Config } from "../../config/config.ts";
import { tryMainUpstream } from "../../config/environment.ts";
import type { CreateHash } from "../../fill/hash.ts";
import type { Limits } from "../../fill/limits.ts";
import { createPatientSource } from "../../fill/patient_source.ts";
import { createRegistrySource } from "../../fill/registry_source.ts";
import type { RepositoryPlace } from "../../fill/repositories.ts";
import type { Source } from "../../fill/source.ts";
import type { World } from "../../mirrors/time.ts";
import { createNumbering, createSources } from "../../redirect/setup.ts";
import { createRegistry } from "../../registry/registry.ts";
import { readCredentialFiles } from "../reread.ts";

/** What opening sources needs. */
export interface OpenSourcesOptions {
  /** The clock, timers and network. */
  readonly world: World;
  /** The limits. */
  readonly limits: Limits;
  /** Makes a hash. */
  readonly createHash: CreateHash;
  /** Ends requests. */
  readonly signal: AbortSignal;
}

const TOKEN_TIMEOUT_MS = 30_000;

/** Opens the upstreams, by their names. */
export function openSources(
  config: Config,
  { world, limits, createHash, signal }: OpenSourcesOptions,
): Map<string, Source> {
  const sourceOf = createSources({ config, credentials: readCredentialFiles(config) });
  const registry = createRegistry({
    ...world,
    tokenTimeoutMs: () => TOKEN_TIMEOUT_MS,
    stop: signal,
  });
  return new Map(
    createNumbering().enter(config).upstreams.map((upstream) => {
      const { server } = sourceOf(upstream);
      const source = createRegistrySource({ ...world, server, registry, createHash });
      return [upstream.name, createPatientSource(source, { ...world, limits })];
    }),
  );
}

/** Where the repositories of a configuration are. */
export function listPlaces(
  { upstreams, repositories, signature_upstream: signatures }: Config,
): RepositoryPlace[] {
  const main = tryMainUpstream(upstreams, signatures)!;
  const ofMain = signatures === undefined || signatures === main ? {} : { signatures };
  if (repositories === undefined) return [{ pattern: "*", source: main, ...ofMain }];
  return Object.entries(repositories).map(([pattern, { upstream: source = main, as }]) => ({
    pattern,
    as,
    source,
    ...(source === main ? ofMain : {}),
  }));
}
