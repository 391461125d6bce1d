/**
 * A pull, and whether all of it came from where the rules say.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import type { Client } from "./clients/client.ts";
import type { Image } from "./read_image.ts";
import type { Place, Stage } from "./stage.ts";
import {
  listGiven,
  mapStores,
  type Method,
  type StoreName,
  type Testimony,
  witness,
} from "./witness.ts";

/** How many blobs came from each store. */
export type Counts = Readonly<Record<StoreName, number>>;

/**
 * Pulls an image, whose digest must be what the registry says.
 *
 * @param reference `:<tag>` or `@<digest>`
 */
export async function pull(
  stage: Stage,
  client: Client,
  place: Place,
  image: Image,
  reference: string,
): Promise<Testimony> {
  const { result, testimony } = await witness(
    stage.stores,
    () => client.pull(place, image, reference),
  );
  assertEquals(result, image.digest);
  assertOrigins(stage, place, image, testimony);
  return testimony;
}

/** Pulls an image likewise, and gives how many blobs came from each store. */
export async function countPull(...args: Parameters<typeof pull>): Promise<Counts> {
  return countBlobs(await pull(...args));
}

/**
 * Each blob comes from the store that the rules name and from no other, manifests from a
 * registry; and `ns`, which containerd says to archeio, is told to nobody.
 */
export function assertOrigins(
  stage: Stage,
  place: Place,
  image: Image,
  testimony: Testimony,
  method: Method = "GET",
): void {
  const digests = new Map([[image.tag, image.digest]]);
  assertEquals(listGiven(testimony, "blobs", { method }), expectBlobs(stage, place, image));
  assertEquals(listGiven(testimony, "manifests", { method, digests }), expectManifests(image));
  assertEquals(Object.values(testimony).flat().filter(({ query }) => query !== ""), []);
}

/** How many blobs were asked of each store. */
export function countBlobs(testimony: Testimony, method?: Method): Counts {
  const given = listGiven(testimony, "blobs", { method });
  return mapStores((name) => given.filter((each) => each.startsWith(`${name} `)).length);
}

// The store of each blob, such as `near sha256:…`.
function expectBlobs({ contents }: Stage, place: Place, image: Image): string[] {
  const registry = registryOf(image);
  const storeOf = (digest: string): StoreName =>
    place.mirrors.find((mirror) => contents[mirror].has(digest)) ?? registry;
  return image.blobs.map((digest) => `${storeOf(digest)} ${digest}`).toSorted();
}

// The registry of each manifest, such as `upstream sha256:…`.
function expectManifests(image: Image): string[] {
  return image.manifests.map((digest) => `${registryOf(image)} ${digest}`).toSorted();
}

function registryOf({ attached }: Image): StoreName {
  return attached ? "signatures" : "upstream";
}
