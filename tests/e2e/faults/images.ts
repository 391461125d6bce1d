/**
 * Images that clients pull while a mirror fails, held in memory: each client gets images of
 * its own, and pulls each once. Whoever asked twice would be taken for a client that failed.
 *
 * @module
 */

import { digestOf } from "../digest.ts";
import { MANIFEST } from "../layout.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** An image with one layer. */
export interface SmallImage {
  /** Its repository's name; its tag is `v1`. */
  readonly name: string;
  /** The digests of its configuration and its layer. */
  readonly blobs: readonly string[];
}

/** Images, and all that a registry with them has. */
export interface Images {
  readonly images: readonly SmallImage[];
  /** The bytes of a blob or a manifest by its digest, and of a manifest by its path. */
  readonly contents: ReadonlyMap<string, Bytes>;
}

/** Makes images. */
export async function createImages(count: number): Promise<Images> {
  const contents = new Map<string, Bytes>();
  const images: SmallImage[] = [];

  async function add(mediaType: string, bytes: Bytes) {
    const digest = await digestOf(bytes);
    contents.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  }

  for (let number = 0; number < count; number++) {
    const name = `image-${number}`;
    const layer = await add(
      "application/vnd.oci.image.layer.v1.tar",
      // Others each time, for clients remember what they have unpacked.
      createArchive(name, encode(crypto.randomUUID())),
    );
    const config = await add(
      "application/vnd.oci.image.config.v1+json",
      encode(JSON.stringify({
        os: "linux",
        architecture: "amd64",
        config: {},
        rootfs: { type: "layers", diff_ids: [layer.digest] },
      })),
    );
    const manifest = { schemaVersion: 2, mediaType: MANIFEST, config, layers: [layer] };
    const { digest } = await add(MANIFEST, encode(JSON.stringify(manifest)));
    contents.set(`/v2/${name}/manifests/v1`, contents.get(digest)!);
    images.push({ name, blobs: [config.digest, layer.digest] });
  }
  return { images, contents };
}

const BLOCK = 512;

/** An archive of one file: a block that describes it, its content, two blocks of zeros (`ustar`). */
function createArchive(name: string, content: Bytes): Bytes {
  const blocks = Math.ceil(content.length / BLOCK);
  const archive = new Uint8Array((1 + blocks + 2) * BLOCK);
  const write = (text: string, at: number) => archive.set(encode(text), at);
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, "0");
  write(name, 0);
  write("0000644\0" + "0000000\0".repeat(2), 100); // mode, owner, group
  write(octal(content.length, 11) + "\0" + octal(0, 11) + "\0", 124); // size, time
  write("        0", 148); // the checksum counts as spaces; a file
  write("ustar\x0000", 257);
  const sum = archive.subarray(0, BLOCK).reduce((sum, byte) => sum + byte, 0);
  write(`${octal(sum, 6)}\0 `, 148);
  archive.set(content, BLOCK);
  return archive;
}

function encode(text: string): Bytes {
  return new Uint8Array(new TextEncoder().encode(text));
}
