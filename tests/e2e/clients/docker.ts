/**
 * Docker, as Debian's `docker.io` has it: its daemon's own pulls, and those of the BuildKit
 * that is in the daemon.
 *
 * @module
 */

import { startDaemon } from "../daemon.ts";
import { run, runAnyhow } from "../run.ts";

/** Docker's daemon, serving. */
export interface Docker extends AsyncDisposable {
  /** `docker pull` of an image, given as `<host>/<name>:<tag>`, for a platform. */
  pull(image: string, platform?: string): Promise<void>;
  /** `docker build` of a Dockerfile that begins with an image, by BuildKit. */
  build(image: string, platform?: string): Promise<void>;
}

// Debian's own: another one may stand before it in the PATH, and need a plug-in for BuildKit.
const DOCKER = "/usr/bin/docker";
const DAEMON = "/usr/sbin/dockerd";
const PLATFORM = "linux/amd64";
// docker waits 5 s before it tries a layer again.
const LONGEST_S = 40;

/** Whether the daemon is installed. */
export async function hasDocker(): Promise<boolean> {
  const infos = await Promise.allSettled([DOCKER, DAEMON].map((path) => Deno.stat(path)));
  return infos.every(({ status }) => status === "fulfilled");
}

/**
 * Starts a daemon that keeps everything in a folder. It needs no network of its own, for it
 * pulls and builds, and runs nothing.
 *
 * @throws {Error} with what it wrote, when it cannot be run here
 */
export async function startDocker(
  folder: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Docker> {
  const socket = `unix://${folder}/docker.sock`;
  await Deno.mkdir(`${folder}/docker`, { recursive: true });
  const docker = (args: readonly string[], more: Readonly<Record<string, string>> = {}) =>
    run(DOCKER, ["--host", socket, ...args], {
      env: { DOCKER_CONFIG: `${folder}/docker`, ...more },
      longestS: LONGEST_S,
    });
  const daemon = await startDaemon(DAEMON, [
    ...["--host", socket, "--pidfile", `${folder}/docker.pid`],
    ...["--data-root", `${folder}/data`, "--exec-root", `${folder}/exec`],
    ...["--storage-driver", "vfs", "--bridge", "none", "--iptables=false", "--ip6tables=false"],
    ...["--exec-opt", "native.cgroupdriver=cgroupfs", "--insecure-registry", "127.0.0.0/8"],
  ], {
    env,
    isReady: async () => (await runAnyhow(DOCKER, ["--host", socket, "version"])).code === 0,
  });
  return {
    async pull(image, platform = PLATFORM) {
      await docker(["pull", "--quiet", "--platform", platform, image]);
    },
    async build(image, platform = PLATFORM) {
      const context = await Deno.makeTempDir({ dir: folder });
      await Deno.writeTextFile(`${context}/Dockerfile`, `FROM ${image}\nLABEL built=here\n`);
      await docker(["build", "--quiet", "--platform", platform, context], { DOCKER_BUILDKIT: "1" });
    },
    [Symbol.asyncDispose]: () => daemon.stop(),
  };
}
