/**
 * A place of its own for container images, so that neither those of the machine are
 * used nor any is left behind.
 *
 * @module
 */

import { run } from "../run.ts";
import { createTempFolder } from "../temp_folder.ts";

/** Images and containers. */
export interface ImageStorage extends AsyncDisposable {
  /** What says to buildah where the storage is. */
  readonly buildahOptions: readonly string[];
  /** What says it to podman, and how containers are run from it. */
  readonly podmanOptions: readonly string[];
  /** Runs buildah, and gives what it prints. */
  buildah(...args: string[]): Promise<string>;
  /** Runs podman, and gives what it prints. */
  podman(...args: string[]): Promise<string>;
  /** The folder in which an image's files are. */
  rootOf(image: string): Promise<string>;
}

/** Makes a storage; its disposal ends the containers, and removes everything. */
export async function createImageStorage(): Promise<ImageStorage> {
  const folder = await createTempFolder();
  const { path } = folder;
  // vfs copies files instead of mounting them, and so works within a container, too.
  const buildahOptions = [
    ...["--root", `${path}/images`, "--runroot", `${path}/run`, "--storage-driver", "vfs"],
  ];
  // crun, the default, cannot do without systemd everywhere that runc can.
  const podmanOptions = [
    ...[...buildahOptions, "--tmpdir", `${path}/state`, "--events-backend", "none"],
    ...["--runtime", "runc", "--cgroup-manager", "cgroupfs"],
  ];
  const buildah = (...args: string[]) => run("buildah", [...buildahOptions, ...args]);
  const podman = (...args: string[]) => run("podman", [...podmanOptions, ...args]);
  return {
    buildahOptions,
    podmanOptions,
    buildah,
    podman,
    rootOf: async (image) => (await podman("image", "mount", image)).trim(),
    async [Symbol.asyncDispose]() {
      await podman("rm", "--all", "--force", "--time", "0");
      await podman("image", "unmount", "--all");
      await folder[Symbol.asyncDispose]();
    },
  };
}
