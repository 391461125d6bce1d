/**
 * Plays the commands of docs/filling.md in a network of its own, where ghcr.io is a registry that
 * wants a token, S3's host is versitygw with an empty bucket, and the mirror's host serves what is
 * in that. Its argument is an empty folder.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { type CertificateFiles, createCertificateFiles } from "../certificate_files.ts";
import { writeSettings } from "../clients/settings.ts";
import { createLayout } from "../layout.ts";
import { startFolderStore } from "../nginx.ts";
import { type Image, readImage } from "../read_image.ts";
import { run } from "../run.ts";
import { enterNames, forward, typeCommands } from "../start/network.ts";
import { startTokenRegistry } from "../token_registry.ts";
import { startS3Server } from "./s3_server.ts";

const NAMES = {
  "ghcr.io": "127.0.0.2",
  "s3.eu-west-3.amazonaws.com": "127.0.0.3",
  "blobs.example": "127.0.0.4",
};
const PAGE = new URL("../../../docs/filling.md", import.meta.url);
const CONFIG = "filling.yaml";
/** What "a working mirror" may take. */
const LONGEST_S = 180;

/** The page's first configuration and first commands, as they are. */
async function readPage(): Promise<{ readonly config: string; readonly commands: string }> {
  const page = await Deno.readTextFile(PAGE);
  const [, config] = /^```yaml\n(# filling\.yaml\n[^]*?)^```$/m.exec(page)!;
  const [, commands] = /^```sh\n([^]*?)^```$/m.exec(page)!;
  return { config: config!, commands: commands! };
}

/** The variable of the commands, which the bucket's owner gave its user. */
function readVariable(commands: string, name: string): string {
  return new RegExp(`^export ${name}=(\\S+)$`, "m").exec(commands)![1]!;
}

/** Pushes an image for two platforms. */
async function pushImage(folder: string, destination: string): Promise<Image> {
  const layout = await createLayout(folder);
  const shared = await layout.addLayer("shared", 100_000);
  const large = await layout.addLayer("large", 3_000_000);
  const index = await layout.addIndex([
    await layout.addImage("linux/amd64", [shared, large]),
    await layout.addImage("linux/arm64", [shared]),
  ]);
  await layout.push(index, destination);
  return readImage(layout, { name: "app", tag: "v1", digest: index.digest });
}

async function startBucket(folder: string, commands: string, certificate: CertificateFiles) {
  return await startS3Server(`${folder}/s3`, {
    buckets: ["blobs"],
    user: {
      AWS_ACCESS_KEY_ID: readVariable(commands, "AWS_ACCESS_KEY_ID"),
      AWS_SECRET_ACCESS_KEY: readVariable(commands, "AWS_SECRET_ACCESS_KEY"),
    },
    region: "eu-west-3",
    certificate,
  });
}

async function play(folder: string): Promise<void> {
  const { config, commands } = await readPage();
  await enterNames(folder, NAMES);
  const certificate = await createCertificateFiles(folder, Object.keys(NAMES));
  await using registry = await startTokenRegistry({
    folder: `${folder}/registry`,
    certificate,
    manner: "ghcr",
    users: {},
    isPublic: (repository) => repository.startsWith("acme/"),
  });
  await using bucket = await startBucket(folder, commands, certificate);
  await using front = await startFolderStore(
    `${folder}/front`,
    bucket.folderOf("blobs"),
    certificate,
  );
  const portOf = (url: string) => Number(new URL(url).port);
  using _registry = forward(portOf(registry.https), NAMES["ghcr.io"]);
  using _bucket = forward(portOf(bucket.url), NAMES["s3.eu-west-3.amazonaws.com"]);
  using _front = forward(portOf(front.https), NAMES["blobs.example"]);
  const image = await pushImage(`${folder}/layout`, `${registry.origin}/acme/app:v1`);
  const settings = await writeSettings(`${folder}/settings`);
  const printed = await typeCommands(commands, {
    folder,
    env: { ...settings, SSL_CERT_FILE: certificate.certFile, DENO_TLS_CA_STORE: "system" },
    files: { [CONFIG]: config },
    longestS: LONGEST_S,
  });
  assert(printed.includes("something is missing\n"), printed);
  const stored = [...Deno.readDirSync(`${bucket.folderOf("blobs")}/images`)];
  assertEquals(stored.map(({ name }) => name).sort(), [...image.blobs].sort());
  const format = ["image", "inspect", "--format", "{{.Digest}}", "localhost:8080/app:v1"];
  assertEquals((await run("podman", format, { env: settings })).trim(), image.digest);
  const served = (await front.log()).filter(({ agent }) => !agent.startsWith("archeio"));
  // A platform's configuration and its layers.
  const paths = new Set(served.map(({ path }) => path.replace("/images/", "")));
  const expected = image.blobs.length - 1;
  assert(paths.size >= 2 && paths.size <= expected, `${[...paths]}`);
  const streamed = (await registry.log()).filter(({ path, method }) =>
    method === "GET" && path.includes("/blobs/")
  );
  assertEquals(streamed.length, image.blobs.length, "each blob is read once, by filling");
}

await play(Deno.args[0]!);
// Connections of clients that have ended are of no more use.
Deno.exit();
