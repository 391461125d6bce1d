/**
 * Settings for skopeo and podman, so that none of the machine's count.
 *
 * @module
 */

/** Writes settings into a folder, and gives the variables that name them. */
export async function writeSettings(folder: string): Promise<Readonly<Record<string, string>>> {
  const policy = `${folder}/.config/containers/policy.json`;
  const files = {
    CONTAINERS_REGISTRIES_CONF: `${folder}/registries.conf`,
    CONTAINERS_STORAGE_CONF: `${folder}/storage.conf`,
    CONTAINERS_CONF: `${folder}/containers.conf`,
  };
  await Deno.mkdir(`${folder}/.config/containers`, { recursive: true });
  await Deno.writeTextFile(policy, `{"default":[{"type":"insecureAcceptAnything"}]}`);
  await Deno.writeTextFile(
    files.CONTAINERS_REGISTRIES_CONF,
    "unqualified-search-registries = []\n",
  );
  await Deno.writeTextFile(
    files.CONTAINERS_STORAGE_CONF,
    `[storage]\ndriver = "vfs"\ngraphroot = "${folder}/storage"\nrunroot = "${folder}/run"\n`,
  );
  await Deno.writeTextFile(
    files.CONTAINERS_CONF,
    `[engine]\nevents_logger = "none"\nlock_type = "file"\n`,
  );
  return { ...files, HOME: folder, TMPDIR: folder };
}
