/**
 * curl, used as a client that knows nothing but the specification:
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pull
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { digestOf } from "../digest.ts";
import { referencesOf } from "../read_image.ts";
import { run, runAnyhow } from "../run.ts";
import { createTempFolder } from "../temp_folder.ts";
import type { Client, Entrance } from "./client.ts";

// What a client claims about itself comes first in the header, where nobody looks.
const LIE = ["--header", "X-Forwarded-For: 35.220.26.1"];
const ACCEPT = [
  ...["--header", "Accept: application/vnd.oci.image.index.v1+json"],
  ...["--header", "Accept: application/vnd.oci.image.manifest.v1+json"],
];
// The status when a connection ends before all has come.
const PARTIAL_FILE = 18;

/** Pulls an image's manifests and blobs, one after the other. */
export const curl: Client = {
  name: "curl",
  async pull(from, { name }, reference) {
    const manifest = await get(from, `/v2/${name}/manifests/${reference.slice(1)}`);
    const { manifests, blobs } = referencesOf(JSON.parse(new TextDecoder().decode(manifest)));
    for (const digest of manifests) await curl.pull(from, { name }, `@${digest}`);
    for (const digest of blobs) {
      assertEquals(await digestOf(await get(from, `/v2/${name}/blobs/${digest}`)), digest);
    }
    return await digestOf(manifest);
  },
};

/** What is at a path. */
async function get(from: Entrance, path: string): Promise<Uint8Array<ArrayBuffer>> {
  await using folder = await createTempFolder();
  const file = `${folder.path}/body`;
  await run("curl", [...argumentsFor(from, path), "--output", file]);
  return await Deno.readFile(file);
}

/** What a path's JSON says. */
export async function getJson<T>(from: Entrance, path: string): Promise<T> {
  return JSON.parse(new TextDecoder().decode(await get(from, path)));
}

/** The headers of the last answer to HEAD, which is 200. */
export async function head(from: Entrance, path: string): Promise<Headers> {
  const answers = await run("curl", [...argumentsFor(from, path), "--head"]);
  const [status, ...lines] = answers.trimEnd().split("\r\n\r\n").at(-1)!.trim().split("\r\n");
  assertEquals(status!.split(" ")[1], "200", answers);
  return new Headers(lines.map((line) => line.split(/:\s*(.*)/, 2) as [string, string]));
}

/** What is at a path, got in two runs, for the first is broken off. */
export async function resume(from: Entrance, path: string): Promise<Uint8Array<ArrayBuffer>> {
  await using folder = await createTempFolder();
  const file = `${folder.path}/body`;
  const args = [...argumentsFor(from, path), "--output", file, "--continue-at", "-"];
  const first = await runAnyhow("curl", args);
  assertEquals(first.code, PARTIAL_FILE, first.err);
  await run("curl", args);
  return await Deno.readFile(file);
}

function argumentsFor({ host, tls }: Entrance, path: string): string[] {
  const follow = ["--silent", "--show-error", "--fail", "--location", ...LIE, ...ACCEPT];
  return tls === undefined
    ? [...follow, `http://${host}${path}`]
    : [...follow, "--cacert", tls.certFile, `https://${host}${path}`];
}
