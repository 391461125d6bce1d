/**
 * Twenty repositories that share layers, with signatures and referrers.
 *
 * @module
 */

import { addPartsList, addSignature } from "../attachments.ts";
import { tagOf } from "../digest.ts";
import type { Descriptor, Layer, Layout } from "../layout.ts";
import { type Image, readImage } from "../read_image.ts";

/** What is pushed. */
export interface Fleet {
  /** The names of the repositories. */
  readonly names: readonly string[];
  /** An image for two platforms of each repository, tagged `v1`. */
  readonly images: readonly Image[];
  /** The digests of all blobs, of signatures and of what refers to images as well. */
  readonly blobs: ReadonlySet<string>;
  /** How many tags and manifests there are. */
  readonly tags: number;
  readonly manifests: number;
}

const COUNT = 20;
// One is streamed into stores, for it is more than a megabyte.
const SHARED_SIZES = [1_500_000, 200_000, 50_000];
const OWN_SIZE = 30_000;
const SIGNED_EVERY = 4;
const LISTED_EVERY = 5;

/** Makes all, and pushes it to `<host>/<path>`. */
export async function pushFleet(layout: Layout, to: string): Promise<Fleet> {
  const shared: Layer[] = [];
  for (const [at, size] of SHARED_SIZES.entries()) {
    shared.push(await layout.addLayer(`shared-${at}`, size));
  }
  const names: string[] = [];
  const images: Image[] = [];
  const attached: Image[] = [];
  let tags = 0;
  for (let at = 0; at < COUNT; at++) {
    const name = at % 2 === 0 ? `app-${at}` : `charts/web-${at}`;
    const own = await layout.addLayer(`own-${at}`, OWN_SIZE);
    const layers = [shared[at % shared.length]!, own];
    const index = await layout.addIndex([
      await layout.addImage("linux/amd64", layers),
      await layout.addImage("linux/arm64", [...layers, shared[(at + 1) % shared.length]!]),
    ]);
    await layout.push(index, `${to}/${name}:v1`);
    names.push(name);
    images.push(readImage(layout, { name, tag: "v1", digest: index.digest }));
    tags++;
    const attach = (what: Descriptor) => {
      attached.push(readImage(layout, { name, digest: what.digest }));
      tags++;
    };
    if (at % SIGNED_EVERY === 0) await attach(await pushSignature(layout, index, `${to}/${name}`));
    if (at % LISTED_EVERY === 0) await attach(await pushPartsList(layout, index, `${to}/${name}`));
  }
  const blobs = new Set([...images, ...attached].flatMap(({ blobs }) => blobs));
  const lists = images.filter((_, at) => at % LISTED_EVERY === 0).length;
  const all = [...images, ...attached].flatMap(({ manifests }) => manifests);
  return { names, images, blobs, tags, manifests: all.length + lists };
}

async function pushSignature(layout: Layout, index: Descriptor, to: string): Promise<Descriptor> {
  const signature = await addSignature(layout, index);
  await layout.push(signature, `${to}:${tagOf(index.digest)}.sig`);
  return signature;
}

async function pushPartsList(layout: Layout, index: Descriptor, to: string): Promise<Descriptor> {
  const partsList = await addPartsList(layout, index);
  await layout.push(partsList, `${to}@${partsList.digest}`);
  await layout.putIndex(await layout.addIndex([partsList]), `${to}:${tagOf(index.digest)}`);
  return partsList;
}
