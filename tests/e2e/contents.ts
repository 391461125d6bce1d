/**
 * What the registries have, and which of it the mirrors have, too.
 *
 * @module
 */

import { addPartsList, addSignature } from "./attachments.ts";
import { tagOf } from "./digest.ts";
import { type Image, readImage } from "./read_image.ts";
import type { Descriptor, Layout } from "./layout.ts";

/** Where it is pushed to. */
export interface Destinations {
  /** `<host>/<path>`, as skopeo and others write it. */
  readonly upstream: string;
  readonly signatures: string;
}

/** All there is. */
export interface Contents {
  /** An index over two platforms. */
  readonly app: Image;
  /** An image with a layer of half a megabyte. */
  readonly large: Image;
  /** Images that nobody has asked for before, without tags. */
  readonly fleet: readonly Image[];
  /** A repository with many tags. */
  readonly tagged: { readonly name: string; readonly tags: readonly string[] };
  /** In the signature upstream alone: a signature of `app`, and a list of its parts. */
  readonly signature: Image;
  readonly partsList: Image;
  /** What is in the mirrors, by digest. */
  readonly near: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
  readonly far: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

const PLATFORM = "linux/amd64";
const FLEET_SIZE = 50;
const TAGS = Array.from({ length: 12 }, (_, at) => `v1.${String(at).padStart(2, "0")}`);

/** Makes everything, and pushes it. */
export async function pushContents(layout: Layout, to: Destinations): Promise<Contents> {
  const nowhere = await layout.addLayer("nowhere", 10_000);
  const farOnly = await layout.addLayer("far-only", 20_000);
  const nearOnly = await layout.addLayer("near-only", 20_000);
  const shared = [await layout.addLayer("everywhere", 40_000), nowhere];
  const amd64 = await layout.addImage(PLATFORM, [...shared, nearOnly]);
  const arm64 = await layout.addImage("linux/arm64", [...shared, farOnly]);
  const index = await layout.addIndex([amd64, arm64]);
  await layout.push(index, `${to.upstream}/app:v1`);
  const app = readImage(layout, { name: "app", tag: "v1", digest: index.digest });

  const large = await addFreshImage(layout, "large", 500_000);
  await layout.push(large, `${to.upstream}/large:v1`);

  const fleet: Descriptor[] = [];
  for (let at = 0; at < FLEET_SIZE; at++) fleet.push(await addFreshImage(layout, `${at}`, 1000));
  await layout.push(await layout.addIndex(fleet), `${to.upstream}/fleet:all`);

  const tagged = { name: "tools/tagged", tags: TAGS };
  for (const tag of TAGS) await layout.push(amd64, `${to.upstream}/${tagged.name}:${tag}`);

  const signature = await addSignature(layout, index);
  const signatureTag = `${tagOf(index.digest)}.sig`;
  await layout.push(signature, `${to.signatures}/app:${signatureTag}`);
  const partsList = await addPartsList(layout, index);
  await layout.push(partsList, `${to.signatures}/app@${partsList.digest}`);
  const referrers = await layout.addIndex([partsList]);
  await layout.putIndex(referrers, `${to.signatures}/app:${tagOf(index.digest)}`);

  const mirrored = [
    readImage(layout, { name: "large", tag: "v1", digest: large.digest }),
    ...fleet.map(({ digest }) => readImage(layout, { name: "fleet", digest })),
  ];
  const mirrorWithout = (...missing: readonly { readonly digest: string }[]) => {
    const absent = missing.map(({ digest }) => digest);
    const blobs = [app, ...mirrored].flatMap(({ blobs }) => blobs);
    const present = blobs.filter((digest) => !absent.includes(digest));
    return new Map(present.map((digest) => [digest, layout.contents.get(digest)!]));
  };
  const attached = { name: "app", attached: true };
  return {
    app,
    large: mirrored[0]!,
    fleet: mirrored.slice(1),
    tagged,
    signature: readImage(layout, { ...attached, tag: signatureTag, digest: signature.digest }),
    partsList: readImage(layout, { ...attached, digest: partsList.digest }),
    near: mirrorWithout(nowhere, farOnly),
    far: mirrorWithout(nowhere, nearOnly),
  };
}

async function addFreshImage(layout: Layout, file: string, size: number): Promise<Descriptor> {
  return await layout.addImage(PLATFORM, [await layout.addLayer(file, size)]);
}
