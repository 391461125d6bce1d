/**
 * What is attached to an image: a signature under a tag of its own, as cosign keeps it,
 * and a list of its parts that refers to it.
 *
 * @module
 */

import { type Descriptor, type Layout, MANIFEST } from "./layout.ts";

/** The `artifactType` of a list of parts. */
export const PARTS_LIST = "application/spdx+json";

/**
 * Adds a signature, as cosign writes one:
 * https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md
 */
export async function addSignature(layout: Layout, image: Descriptor): Promise<Descriptor> {
  const payload = await layout.add("application/vnd.dev.cosign.simplesigning.v1+json", {
    critical: {
      identity: { "docker-reference": "registry.example/app" },
      image: { "docker-manifest-digest": image.digest },
      type: "cosign container image signature",
    },
    optional: null,
  });
  const config = await layout.add("application/vnd.oci.image.config.v1+json", {
    architecture: "",
    os: "",
    config: {},
    rootfs: { type: "layers", diff_ids: [payload.digest] },
  });
  return layout.add(MANIFEST, { schemaVersion: 2, mediaType: MANIFEST, config, layers: [payload] });
}

/**
 * Adds a list of an image's parts, as an artifact whose `subject` is the image:
 * https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md#guidelines-for-artifact-usage
 */
export async function addPartsList(layout: Layout, image: Descriptor): Promise<Descriptor> {
  const { mediaType, digest, size } = image;
  const manifest = await layout.add(MANIFEST, {
    schemaVersion: 2,
    mediaType: MANIFEST,
    artifactType: PARTS_LIST,
    config: await layout.add("application/vnd.oci.empty.v1+json", {}),
    layers: [await layout.add(PARTS_LIST, { spdxVersion: "SPDX-2.3", name: "app" })],
    subject: { mediaType, digest, size },
  });
  return { ...manifest, artifactType: PARTS_LIST };
}
