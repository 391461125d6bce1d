/**
 * podman: https://podman.io
 *
 * @module
 */

import { createTempFolder } from "../temp_folder.ts";
import { run } from "../run.ts";
import type { Client } from "./client.ts";

const ARCHITECTURES = ["amd64", "arm64"];

/** Makes podman's client: it unpacks what it pulls, one platform after the other. */
export function createPodman(env: Readonly<Record<string, string>>): Client {
  return {
    name: "podman pull",
    async pull({ host, tls }, { name }, reference) {
      await using folder = await createTempFolder();
      const image = `${host}/${name}${reference}`;
      const podman = (...args: string[]) =>
        run("podman", [
          ...["--root", `${folder.path}/root`, "--runroot", `${folder.path}/run`],
          ...["--tmpdir", `${folder.path}/tmp`, "--storage-driver", "vfs"],
          ...args,
        ], { env });
      const trust = tls === undefined ? ["--tls-verify=false"] : ["--cert-dir", tls.folder];
      for (const arch of ARCHITECTURES) {
        await podman("pull", "--quiet", "--arch", arch, ...trust, image);
      }
      return (await podman("image", "inspect", "--format", "{{.Digest}}", image)).trim();
    },
  };
}
