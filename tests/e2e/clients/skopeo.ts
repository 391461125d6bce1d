/**
 * skopeo: https://github.com/containers/skopeo
 *
 * @module
 */

import type { CertificateFiles } from "../certificate_files.ts";
import { createTempFolder } from "../temp_folder.ts";
import { run } from "../run.ts";
import type { Client, Entrance } from "./client.ts";

/** skopeo, with settings of its own instead of the machine's. */
export interface Skopeo extends Client {
  /** All tags of a repository. */
  listTags(from: Entrance, name: string): Promise<readonly string[]>;
}

/** Makes skopeo's client. */
export function createSkopeo(env: Readonly<Record<string, string>>): Skopeo {
  return {
    name: "skopeo copy",
    async pull({ host, tls }, { name }, reference) {
      await using folder = await createTempFolder();
      const digestFile = `${folder.path}/digest`;
      await run("skopeo", [
        ...["copy", "--quiet", "--all", "--preserve-digests", "--digestfile", digestFile],
        ...trust("src-", tls),
        `docker://${host}/${name}${reference}`,
        `dir:${folder.path}/image`,
      ], { env });
      return await Deno.readTextFile(digestFile);
    },
    async listTags({ host, tls }, name) {
      const args = ["list-tags", ...trust("", tls), `docker://${host}/${name}`];
      return JSON.parse(await run("skopeo", args, { env })).Tags;
    },
  };
}

function trust(prefix: string, tls: CertificateFiles | undefined): string[] {
  return tls === undefined ? [`--${prefix}tls-verify=false`] : [`--${prefix}cert-dir`, tls.folder];
}
