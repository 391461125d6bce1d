/**
 * An image as clients see it: a name, and digests.
 *
 * @module
 */

import type { Descriptor, Layout } from "./layout.ts";

/** An image, or whatever else has a manifest. */
export interface Image {
  /** Its repository's name. */
  readonly name: string;
  readonly tag: string;
  readonly digest: string;
  /** The digests of its manifests, its own first. */
  readonly manifests: readonly string[];
  /** The digests of its blobs: configurations and layers, of all platforms. */
  readonly blobs: readonly string[];
  /** Whether it belongs to another image, and so is in the signature upstream alone. */
  readonly attached: boolean;
}

/** A manifest or an index. */
export interface Manifest {
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
  readonly manifests?: readonly Descriptor[];
}

/** The digests that stand in a manifest or an index. */
export function referencesOf({ config, layers = [], manifests = [] }: Manifest) {
  const blobs = config === undefined ? layers : [config, ...layers];
  return {
    manifests: manifests.map(({ digest }) => digest),
    blobs: blobs.map(({ digest }) => digest),
  };
}

/** Reads an image from its manifest in a layout. */
export function readImage(
  layout: Layout,
  { name, tag = "", digest, attached = false }: Pick<Image, "name" | "digest"> & Partial<Image>,
): Image {
  const own = referencesOf(JSON.parse(new TextDecoder().decode(layout.contents.get(digest))));
  const platforms = own.manifests.map((digest) => readImage(layout, { name, digest }));
  const blobs = [...own.blobs, ...platforms.flatMap(({ blobs }) => blobs)];
  const manifests = [digest, ...own.manifests];
  return { name, tag, digest, manifests, blobs: [...new Set(blobs)], attached };
}
