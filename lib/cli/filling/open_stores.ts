/**
 * Opens the stores of a configuration's mirrors.
 *
 * @module
 */

import type { Config } from "../../config/config.ts";
import type { StoreConfig } from "../../config/config_of_filling.ts";
import { defaultKey } from "../../fill/key.ts";
import type { Limits } from "../../fill/limits.ts";
import type { Store } from "../../fill/store.ts";
import { createCredentials } from "../../fill/stores/credentials.ts";
import { createFolderStore } from "../../fill/stores/folder.ts";
import { createS3Store } from "../../fill/stores/s3.ts";
import type { StateFolder } from "../../fill/stores/state_folder.ts";
import type { World } from "../../mirrors/time.ts";
import type { Context } from "../command.ts";

/** What opening stores needs. */
export interface OpenStoresOptions extends Pick<Context, "environment" | "timeout"> {
  /** The clock, timers and network. */
  readonly world: World;
  /** The limits. */
  readonly limits: Limits;
  /** The state. */
  readonly state: Pick<StateFolder, "id" | "journal">;
}

/** Opens the stores, by the names of their mirrors. */
export async function openStores(
  { mirrors }: Pick<Config, "mirrors">,
  options: OpenStoresOptions,
): Promise<Map<string, Store>> {
  const stores = new Map<string, Store>();
  for (const [name, { url, store }] of Object.entries(mirrors)) {
    if (store !== undefined) stores.set(name, await openStore(name, url, store, options));
  }
  return stores;
}

async function openStore(
  mirror: string,
  url: string,
  { s3, folder, key = defaultKey(url, s3) }: StoreConfig,
  { world, limits, state, environment, timeout }: OpenStoresOptions,
): Promise<Store> {
  const { timeOfDay, later, fetch } = world;
  if (s3 === undefined) {
    const uuid = () => crypto.randomUUID();
    return createFolderStore({ folder: folder!, key, uuid, owner: state.id, timeOfDay });
  }
  const { endpoint, region, bucket, style, expected_owner: expectedOwner } = s3;
  const store: Store = createS3Store({
    bucket: { endpoint, region, bucket, style, expectedOwner },
    key,
    journal: await state.journal(mirror),
    fetch,
    credentials: createCredentials({
      environment,
      readText: Deno.readTextFile,
      fetch,
      region,
      timeOfDay,
      timeout,
    }),
    turn: (signal) => limits.turn(store.host, signal),
    timeOfDay,
    later,
  });
  return store;
}
