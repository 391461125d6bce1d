/**
 * What the bench of filling copies: a repository of many small blobs, and one of few large ones,
 * in Debian's docker-registry.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { MANIFEST, startDockerRegistry } from "./relay_registry.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Blobs of a size. */
export interface Lot {
  /** The name of the repository that has them. */
  readonly name: string;
  readonly count: number;
  readonly size: number;
  /** How many layers an image has. */
  readonly layers: number;
}

const AT_ONCE = 8;
const RANDOM_AT_ONCE = 65_536;

/** Starts a registry that has these blobs. */
export async function startSource(folder: string, lots: readonly Lot[]) {
  const { port, process } = await startDockerRegistry(folder, "source", "", startAnywhere);
  for (const lot of lots) await pushLot(`http://127.0.0.1:${port}/v2/${lot.name}`, lot);
  return {
    host: `127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      process.kill("SIGTERM");
      await process.status;
    },
  };
}

/** Starts a program that nothing is read from. */
export function startAnywhere(command: string, args: readonly string[]): Deno.ChildProcess {
  const quiet = { stdin: "null", stdout: "null", stderr: "null" } as const;
  return new Deno.Command(command, { args: [...args], ...quiet }).spawn();
}

async function pushLot(url: string, { count, size, layers }: Lot): Promise<void> {
  for (let image = 0; image * layers < count; image++) {
    const pushed: object[] = [];
    for (let at = 0; at < layers; at += AT_ONCE) {
      const some = Array.from(
        { length: Math.min(AT_ONCE, layers - at) },
        () => pushBlob(url, createRandomBytes(size), "application/vnd.oci.image.layer.v1.tar"),
      );
      pushed.push(...await Promise.all(some));
    }
    const text =
      `{"architecture":"amd64","os":"linux","image":${image},"rootfs":{"type":"layers"}}`;
    const bytes = new TextEncoder().encode(text);
    const config = await pushBlob(url, bytes, "application/vnd.oci.image.config.v1+json");
    const manifest = { schemaVersion: 2, mediaType: MANIFEST, config, layers: pushed };
    const body = JSON.stringify(manifest);
    await put(`${url}/manifests/v${image}`, body, MANIFEST);
  }
}

async function pushBlob(url: string, bytes: Bytes, mediaType: string): Promise<object> {
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  const begun = await fetch(`${url}/blobs/uploads/`, { method: "POST" });
  await begun.body?.cancel();
  const location = new URL(begun.headers.get("location")!);
  location.searchParams.append("digest", digest);
  await put(location.href, bytes, "application/octet-stream");
  return { mediaType, digest, size: bytes.length };
}

async function put(url: string, body: Bytes | string, contentType: string): Promise<void> {
  const headers = { "content-type": contentType };
  const { ok, status, body: answered } = await fetch(url, { method: "PUT", body, headers });
  await answered?.cancel();
  if (!ok) throw new Error(`PUT ${url}: ${status}`);
}

function createRandomBytes(size: number): Bytes {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += RANDOM_AT_ONCE) {
    crypto.getRandomValues(bytes.subarray(at, at + RANDOM_AT_ONCE));
  }
  return bytes;
}
