/**
 * containerd, as Kubernetes' nodes run it: https://containerd.io
 *
 * @module
 */

import type { CertificateFiles } from "../certificate_files.ts";
import { type Daemon, startDaemon } from "../daemon.ts";
import { run, runAnyhow } from "../run.ts";
import type { Client, Entrance } from "./client.ts";

/** containerd, serving, and the two ways in which it is asked for images. */
export interface Containerd extends AsyncDisposable {
  /** Fetches the content, and leaves it packed. */
  readonly contentFetch: Client;
  /** Fetches and unpacks it, as before a container starts. */
  readonly imagesPull: Client;
}

/** Starts containerd, which keeps everything in a folder. */
export async function startContainerd(folder: string): Promise<Containerd> {
  const address = `${folder}/containerd.sock`;
  const config = `${folder}/containerd.toml`;
  await Deno.mkdir(folder);
  await Deno.writeTextFile(
    config,
    `version = 2
root = "${folder}/root"
state = "${folder}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "${address}"
`,
  );
  const isReady = async () =>
    (await runAnyhow("ctr", ["--address", address, "version"])).code === 0;
  const daemon: Daemon = await startDaemon("containerd", ["--config", config], { isReady });

  const ctr = (...args: string[]) => run("ctr", ["--address", address, ...args]);
  const createClient = (name: string, ...command: string[]): Client => ({
    name,
    async pull({ host, tls }: Entrance, { name }, reference) {
      const image = `${tls === undefined ? host : REGISTRY}/${name}${reference}`;
      const way = tls === undefined
        ? ["--plain-http"]
        : ["--hosts-dir", await writeHosts(folder, host, tls)];
      await ctr(...command, ...way, image);
      const listed = await ctr("images", "list", `name==${image}`);
      // Without its content, too, so that the next pull begins anew.
      await ctr("images", "remove", "--sync", image);
      // A line of headings, then the image's: its name, its type, its digest.
      return listed.split("\n")[1]?.split(/\s+/)[2] ?? "";
    },
  });
  return {
    contentFetch: createClient("ctr content fetch", "content", "fetch", "--all-platforms"),
    imagesPull: createClient(
      "ctr images pull",
      ...["images", "pull", "--all-platforms", "--snapshotter", "native"],
    ),
    [Symbol.asyncDispose]: () => daemon.stop(),
  };
}

// The name that images have for their users. With each request containerd says, in the
// parameter `ns`, that it is the one it means.
const REGISTRY = "registry.example";

// https://github.com/containerd/containerd/blob/main/docs/hosts.md
async function writeHosts(folder: string, host: string, tls: CertificateFiles): Promise<string> {
  const hosts = `${folder}/hosts`;
  await Deno.mkdir(`${hosts}/${REGISTRY}`, { recursive: true });
  await Deno.writeTextFile(
    `${hosts}/${REGISTRY}/hosts.toml`,
    `[host."https://${host}"]
capabilities = ["pull", "resolve"]
ca = "${tls.certFile}"
`,
  );
  return hosts;
}
