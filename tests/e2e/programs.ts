/**
 * What the end-to-end tests run: Debian's programs, and archeio itself, compiled.
 *
 * Run on its own, it installs and compiles what is missing.
 *
 * @module
 */

/** Programs, and the Debian packages that they are in. */
const PACKAGES: Readonly<Record<string, string>> = {
  "docker-registry": "docker-registry",
  skopeo: "skopeo",
  podman: "podman",
  buildah: "buildah",
  runc: "runc",
  openssl: "openssl",
  containerd: "containerd",
  ctr: "containerd",
  nginx: "nginx-light",
  curl: "curl",
  prometheus: "prometheus",
  promtool: "prometheus",
  chromium: "chromium",
};

const ROOT = new URL("../../", import.meta.url).pathname;

/** The compiled program: the one that `ARCHEIO_PROGRAM` names, else `dist/archeio`. */
export const ARCHEIO = Deno.env.get("ARCHEIO_PROGRAM") ?? `${ROOT}dist/archeio`;

/**
 * Installs and compiles what is missing.
 *
 * @throws {Error} with what to do, when that cannot be done from here
 */
export async function ensurePrograms(): Promise<void> {
  await ensureInstalled();
  if (!await isFile(ARCHEIO)) await compile();
}

/** Installs what is missing. */
export async function ensureInstalled(): Promise<void> {
  const missing = new Set<string>();
  for (const [program, name] of Object.entries(PACKAGES)) {
    if (!await isInstalled(program)) missing.add(name);
  }
  const isRoot = Deno.uid() === 0;
  const install = `apt-get install ${[...missing].join(" ")}`;
  if (!isRoot) {
    const first = missing.size > 0 ? ` Install first what is missing: sudo ${install}` : "";
    throw new Error(`containerd and podman unpack images as root: run this as root.${first}`);
  }
  if (missing.size === 0) return;
  console.error(install);
  // Longer than `run` waits: it may have to download a hundred megabytes.
  const command =
    `apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq -y install "$@"`;
  const { success } = await new Deno.Command("sh", {
    args: ["-c", command, "sh", "--no-install-recommends", ...missing],
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn().status;
  if (!success) throw new Error(`failed: ${install}`);
}

async function compile(): Promise<void> {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "compile"],
    cwd: ROOT,
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn().status;
  if (success) return;
  throw new Error(
    "deno task compile failed. It downloads the runtime that is compiled in; " +
      "where that cannot be reached, set DENORT_BIN to a denort of the same version, or " +
      "ARCHEIO_PROGRAM to a program that is compiled already.",
  );
}

async function isInstalled(program: string): Promise<boolean> {
  // Debian has nginx in /usr/sbin, which is in root's PATH alone.
  const found = await Promise.all(
    ["/usr/local/bin", "/usr/bin", "/usr/sbin"].map((folder) => isFile(`${folder}/${program}`)),
  );
  return found.includes(true);
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

if (import.meta.main) await ensurePrograms();
