/**
 * A registry for benches: Debian's docker-registry, with one image that has a large layer.
 *
 * @module
 */

import { freePort, type Server, startOnCore } from "./load.ts";

/** A registry with an image. */
export interface Registry extends AsyncDisposable {
  /** Its base URL. */
  readonly url: string;
  /** The image's digest. */
  readonly manifest: string;
  /** The digest of its layer. */
  readonly blob: string;
  /** A file with the layer's bytes. */
  readonly blobFile: string;
}

/** The name of the image. */
export const NAME = "app";
/** The media type of a manifest. */
export const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
// As many as large images have.
const LAYERS = 12;

async function run(command: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args: [...args] }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${command} ${args.join(" ")}: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

async function digestOf(file: string): Promise<string> {
  return `sha256:${(await run("sha256sum", [file])).slice(0, 64)}`;
}

async function push(url: string, file: string): Promise<string> {
  const digest = await digestOf(file);
  const begun = await fetch(`${url}/v2/${NAME}/blobs/uploads/`, { method: "POST" });
  await begun.body?.cancel();
  const location = new URL(begun.headers.get("location")!);
  location.searchParams.append("digest", digest);
  const type = "Content-Type: application/octet-stream";
  await run("curl", ["-sSf", "-T", file, "-H", type, location.href]);
  return digest;
}

async function pushImage(url: string, folder: string, mib: number) {
  const blobFile = `${folder}/blob`;
  await run("dd", ["if=/dev/urandom", `of=${blobFile}`, "bs=1M", `count=${mib}`, "status=none"]);
  await Deno.writeTextFile(`${folder}/config`, "{}");
  const blob = await push(url, blobFile);
  const config = await push(url, `${folder}/config`);
  const layer = {
    mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
    digest: blob,
    size: mib * 2 ** 20,
  };
  const manifestFile = `${folder}/manifest.json`;
  await Deno.writeTextFile(
    manifestFile,
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: config, size: 2 },
      layers: Array.from({ length: LAYERS }, () => layer),
    }),
  );
  const manifest = await digestOf(manifestFile);
  const path = `${url}/v2/${NAME}/manifests/${manifest}`;
  await run("curl", ["-sSf", "-T", manifestFile, "-H", `Content-Type: ${MANIFEST}`, path]);
  return { blob, blobFile, manifest };
}

/** Starts docker-registry with more of a configuration, on the servers' core or on any. */
export async function startDockerRegistry(
  folder: string,
  name: string,
  more = "",
  start: typeof startOnCore = startOnCore,
): Promise<Server> {
  const port = freePort();
  const config = `${folder}/${name}.yml`;
  await Deno.writeTextFile(
    config,
    `version: 0.1
log: { level: error, accesslog: { disabled: true } }
storage: { filesystem: { rootdirectory: "${folder}/${name}" } }
http: { addr: "127.0.0.1:${port}" }
${more}
`,
  );
  const server = { name, port, process: start("docker-registry", ["serve", config]) };
  await untilListening(port);
  return server;
}

/** Waits until somebody accepts connections. */
export async function untilListening(port: number): Promise<void> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    try {
      return (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Starts a registry with an image whose layer has so many MiB. */
export async function startRegistry(folder: string, mib: number): Promise<Registry> {
  const { process, port } = await startDockerRegistry(
    folder,
    "registry",
    "",
    (command, args) =>
      new Deno.Command("taskset", {
        args: ["-c", "1", command, ...args],
        stdin: "null",
        stdout: "null",
        stderr: "null",
      }).spawn(),
  );
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    ...await pushImage(url, folder, mib),
    async [Symbol.asyncDispose]() {
      process.kill("SIGTERM");
      await process.status;
    },
  };
}
