/**
 * Looks at the stores of a configuration, for `archeio check`.
 *
 * @module
 */

import type { Config } from "../../config/config.ts";
import { createLimits } from "../../fill/limits.ts";
import { loadHashes } from "../../fill/stores/hash.ts";
import type { Finding } from "../../findings/finding.ts";
import { findInStores } from "../../findings/find_in_stores.ts";
import type { World } from "../../mirrors/time.ts";
import { createNumbering } from "../../redirect/setup.ts";
import type { Context } from "../command.ts";
import { openStores } from "./open_stores.ts";

/** How to look at stores. */
export interface CheckStoresOptions extends Pick<Context, "environment" | "timeout"> {
  /** Whether to begin an upload, and give it up. */
  readonly write: boolean;
  /** How many blobs of each are hashed. */
  readonly sample: number;
  /** The clock, timers and network. */
  readonly world: World;
  /** Ends it. */
  readonly signal: AbortSignal;
}

const BOUNDS = { inFlight: 4, requestsPerS: 20 };

/** Looks at all stores. */
export async function checkStores(config: Config, options: CheckStoresOptions): Promise<Finding[]> {
  const { world } = options;
  const limits = createLimits({ ...world, bounds: BOUNDS });
  const state = { id: "00000000", journal: () => Promise.resolve(NO_JOURNAL) };
  const stores = await openStores(config, { ...options, limits, state });
  const { mirrors } = createNumbering().enter(config);
  const all = mirrors.flatMap((mirror) => {
    const store = stores.get(mirror.name);
    return store === undefined ? [] : [{ mirror, store }];
  });
  return await findInStores(all, { ...world, ...options, createHash: await loadHashes() });
}

// The only upload is given up at once.
const NO_JOURNAL = {
  left: new Set<string>(),
  began: () => Promise.resolve(),
  ended: () => Promise.resolve(),
};
