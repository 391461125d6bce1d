/**
 * Images, written as an OCI image layout, from which skopeo pushes them:
 * https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
 *
 * @module
 */

import { digestOf } from "./digest.ts";
import { run } from "./run.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const OCI = "application/vnd.oci";
/** The media type of a manifest. */
export const MANIFEST = `${OCI}.image.manifest.v1+json`;
/** The media type of an index. */
export const INDEX = `${OCI}.image.index.v1+json`;

/** What stands in a manifest for something: its type, digest and size. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly [key: string]: unknown;
}

/** A layer, and the digest of its archive before it is compressed. */
export interface Layer extends Descriptor {
  readonly diffId: string;
}

/** A layout that is being written. */
export interface Layout {
  /** The bytes of everything in it, by digest. */
  readonly contents: ReadonlyMap<string, Bytes>;
  add(mediaType: string, content: Bytes | object): Promise<Descriptor>;
  /** Adds a layer with one file of that many random bytes. */
  addLayer(path: string, size: number): Promise<Layer>;
  /** Adds an image for a platform, such as `linux/arm64`. */
  addImage(platform: string, layers: readonly Layer[]): Promise<Descriptor>;
  /** Adds an index over manifests. */
  addIndex(manifests: readonly Descriptor[]): Promise<Descriptor>;
  /** Pushes something in it by skopeo, to `<host>/<name>`, then `:<tag>` or `@<digest>`. */
  push(what: Descriptor, destination: string): Promise<void>;
  /** Pushes an index alone, for skopeo loses the `artifactType` of what is in it. */
  putIndex(what: Descriptor, destination: string): Promise<void>;
}

/** Begins a layout in an empty folder. */
export async function createLayout(folder: string): Promise<Layout> {
  const contents = new Map<string, Bytes>();
  await Deno.mkdir(`${folder}/blobs/sha256`, { recursive: true });
  await Deno.writeTextFile(`${folder}/oci-layout`, `{"imageLayoutVersion":"1.0.0"}`);

  async function add(mediaType: string, content: Bytes | object): Promise<Descriptor> {
    const bytes = content instanceof Uint8Array ? content : encodeJson(content);
    const digest = await digestOf(bytes);
    contents.set(digest, bytes);
    await Deno.writeFile(`${folder}/blobs/${digest.replace(":", "/")}`, bytes);
    return { mediaType, digest, size: bytes.length };
  }

  async function addLayer(path: string, size: number): Promise<Layer> {
    const bytes = createRandomBytes(size);
    await Deno.mkdir(`${folder}/files`, { recursive: true });
    await Deno.writeFile(`${folder}/files/${path}`, bytes);
    const archive = `${folder}/layer.tar`;
    await run("tar", ["--create", "--file", archive, "--directory", `${folder}/files`, path]);
    const tar = await Deno.readFile(archive);
    const gzipped = new Blob([tar]).stream().pipeThrough(new CompressionStream("gzip"));
    const layer = new Uint8Array(await new Response(gzipped).arrayBuffer());
    return { ...await add(`${OCI}.image.layer.v1.tar+gzip`, layer), diffId: await digestOf(tar) };
  }

  async function addImage(platform: string, layers: readonly Layer[]): Promise<Descriptor> {
    const [os, architecture] = platform.split("/");
    const config = await add(`${OCI}.image.config.v1+json`, {
      os,
      architecture,
      config: {},
      rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
    });
    const manifest = await add(MANIFEST, {
      schemaVersion: 2,
      mediaType: MANIFEST,
      config,
      layers: layers.map(({ diffId: _, ...descriptor }) => descriptor),
    });
    return { ...manifest, platform: { os, architecture } };
  }

  function addIndex(manifests: readonly Descriptor[]): Promise<Descriptor> {
    return add(INDEX, { schemaVersion: 2, mediaType: INDEX, manifests });
  }

  async function push(what: Descriptor, destination: string): Promise<void> {
    const tagged = { ...what, annotations: { "org.opencontainers.image.ref.name": "pushed" } };
    const index = { schemaVersion: 2, manifests: [tagged] };
    await Deno.writeFile(`${folder}/index.json`, encodeJson(index));
    await run("skopeo", [
      ...["--insecure-policy", "copy", "--quiet", "--all", "--preserve-digests"],
      ...["--dest-tls-verify=false", `oci:${folder}:pushed`, `docker://${destination}`],
    ]);
  }

  async function putIndex({ mediaType, digest }: Descriptor, destination: string): Promise<void> {
    const [, host, name, tag] = /^(.+?)\/(.+):(.+)$/.exec(destination)!;
    await run("curl", [
      ...["-sSf", "-X", "PUT", "-H", `Content-Type: ${mediaType}`],
      ...["--data-binary", `@${folder}/blobs/${digest.replace(":", "/")}`],
      `http://${host}/v2/${name}/manifests/${tag}`,
    ]);
  }

  return { contents, add, addLayer, addImage, addIndex, push, putIndex };
}

// As many as the platform gives at once.
const RANDOM_AT_ONCE = 65_536;

function createRandomBytes(size: number): Bytes {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += RANDOM_AT_ONCE) {
    crypto.getRandomValues(bytes.subarray(at, at + RANDOM_AT_ONCE));
  }
  return bytes;
}

function encodeJson(value: object): Bytes {
  return new Uint8Array(new TextEncoder().encode(JSON.stringify(value)));
}
