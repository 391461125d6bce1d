/**
 * Opens what filling and pruning have in common: upstreams, stores, limits.
 *
 * @module
 */

import type { Config } from "../../config/config.ts";
import type { FillConfig } from "../../config/config_of_filling.ts";
import type { CreateHash } from "../../fill/hash.ts";
import { type Bounds, createLimits, type Limits } from "../../fill/limits.ts";
import { createFinder, type FindRepository, listRepositories } from "../../fill/repositories.ts";
import type { Store } from "../../fill/store.ts";
import { loadHashes } from "../../fill/stores/hash.ts";
import type { StateFolder } from "../../fill/stores/state_folder.ts";
import { createWalkTally, type Tally } from "../../fill/tally.ts";
import type { Repository, WalkOptions } from "../../fill/walk.ts";
import type { World } from "../../mirrors/time.ts";
import type { Context } from "../command.ts";
import { listPlaces, openSources } from "./open_sources.ts";
import { openStores } from "./open_stores.ts";

/** What opening needs. */
export interface OpenPartsOptions extends Pick<Context, "environment" | "timeout"> {
  /** The clock, timers and network. */
  readonly world: World;
  /** The state. */
  readonly state: StateFolder;
  /** Ends requests. */
  readonly signal: AbortSignal;
}

/** What is opened. */
export interface OpenedParts {
  /** The stores, by the names of their mirrors. */
  readonly stores: ReadonlyMap<string, Store>;
  /** The limits. */
  readonly limits: Limits;
  /** The limits in numbers. */
  readonly bounds: Bounds;
  /** Makes a hash. */
  readonly createHash: CreateHash;
  /** Finds a repository by its name. */
  readonly find: FindRepository;
  /** What is walked, and how. */
  readonly walking: Omit<WalkOptions, "log"> & {
    readonly list: (tally: Tally) => Promise<readonly Repository[]>;
  };
}

/** Opens everything. */
export async function openParts(
  { config, fill }: { readonly config: Config; readonly fill: FillConfig },
  options: OpenPartsOptions,
): Promise<OpenedParts> {
  const { world, state, signal } = options;
  const { repositories: patterns, tags, referrers } = fill;
  const bounds = boundsOf(fill);
  const limits = createLimits({ ...world, bounds });
  const createHash = await loadHashes();
  const sources = openSources(config, { world, limits, createHash, signal });
  const places = listPlaces(config);
  return {
    stores: await openStores(config, { ...options, limits }),
    limits,
    bounds,
    createHash,
    find: createFinder(places, patterns),
    walking: {
      list: (tally) =>
        listRepositories(places, patterns, { sources, signal, ...createWalkTally(tally) }),
      sources,
      tags,
      referrers,
      inFlight: bounds.inFlight,
      cache: state.cache,
      createHash,
      signal,
    },
  };
}

function boundsOf({ limits }: FillConfig): Bounds {
  return {
    inFlight: limits.in_flight,
    requestsPerS: limits.requests_per_s,
    bytesPerS: limits.bytes_per_s ?? undefined,
  };
}
