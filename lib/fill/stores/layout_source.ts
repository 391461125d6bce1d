/**
 * An OCI image layout in a folder as a source of blobs: what `skopeo copy … oci:DIR` and
 * `docker buildx build --output type=oci,tar=false` write.
 *
 * https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
 *
 * @module
 */

import { failedBy, failedForGood } from "../failure.ts";
import type { CreateHash } from "../hash.ts";
import { MAX_MANIFEST_BYTES } from "../manifest.ts";
import type { Listed, Opened, Source } from "../source.ts";

/** Its only tag, which names all images in it. */
const INDEX = "index.json";

/** Makes a source of a layout. It has one repository, whatever that is called. */
export function createLayoutSource(folder: string, createHash: CreateHash): Source {
  const base = folder.replace(/\/+$/, "");
  const pathOf = (digest: string) => `${base}/blobs/${digest.replace(":", "/")}`;

  async function readIndex(): Promise<Listed<{ bytes: Uint8Array<ArrayBuffer>; digest: string }>> {
    const read = await readFile(`${base}/${INDEX}`);
    if (read.kind !== "found") return read;
    const hash = createHash("sha256");
    hash.update(read.value);
    return { kind: "found", value: { bytes: read.value, digest: `sha256:${hash.hex()}` } };
  }

  return {
    host: `folder ${base}`,
    repositories: () => Promise.resolve({ kind: "missing" }),
    tags: async () => {
      const index = await readIndex();
      return index.kind === "found" ? { kind: "found", value: { tags: [INDEX] } } : index;
    },
    digestOf: async () => {
      const index = await readIndex();
      return index.kind === "found" ? { kind: "found", value: index.value.digest } : index;
    },
    async manifest(_, digest) {
      const index = await readIndex();
      if (index.kind !== "found") return index;
      return index.value.digest === digest
        ? { kind: "found", value: index.value.bytes }
        : await readFile(pathOf(digest));
    },
    referrers: () => Promise.resolve({ kind: "missing" }),
    blob: (_, digest, from) => openFile(pathOf(digest), from),
  };
}

async function readFile(path: string): Promise<Listed<Uint8Array<ArrayBuffer>>> {
  try {
    const { size, isFile } = await Deno.stat(path);
    if (!isFile) return failedForGood("it is no file");
    if (size > MAX_MANIFEST_BYTES) return failedForGood("it has more than 4 MiB");
    return { kind: "found", value: await Deno.readFile(path) };
  } catch (error) {
    return error instanceof Deno.errors.NotFound ? { kind: "missing" } : failedBy(error);
  }
}

async function openFile(path: string, from: number): Promise<Opened> {
  try {
    const file = await Deno.open(path);
    const { size } = await file.stat();
    await file.seek(from, Deno.SeekMode.Start);
    return { kind: "open", from, size, body: file.readable };
  } catch (error) {
    return error instanceof Deno.errors.NotFound ? { kind: "missing" } : failedBy(error);
  }
}
