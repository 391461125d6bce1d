/**
 * Stand-ins for the images that the Dockerfile builds from, made of what this machine
 * has, for where no registry can be reached. They bear the names of the real ones, so the
 * Dockerfile is built as it is, but for the digests.
 *
 * @module
 */

import type { ImageStorage } from "./storage.ts";
import { run } from "../run.ts";
import { createTempFolder } from "../temp_folder.ts";

const CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";

/** The images that a Dockerfile's stages begin with, in their order, without their digests. */
export function baseImagesOf(dockerfile: string): string[] {
  return [...withoutDigests(dockerfile).matchAll(/^FROM (?:--\S+ )?(\S+)/gm)]
    .map(({ 1: name }) => name!);
}

/** A Dockerfile that takes the images by their tags, for the stand-ins have other digests. */
export function withoutDigests(dockerfile: string): string {
  return dockerfile.replaceAll(/^(FROM .*)@sha256:[0-9a-f]{64}/gm, "$1");
}

/**
 * Makes the stand-in for denoland/deno: the Deno that runs this, a shell, and what Deno
 * has downloaded so far. After `deno task compile`, that is all that it needs to compile.
 */
export async function makeDenoImage(storage: ImageStorage, name: string): Promise<void> {
  await using folder = await createTempFolder();
  const root = `${folder.path}/root`;
  // For what it has to download all the same: which certificates this machine trusts.
  const store = Deno.env.get("DENO_TLS_CA_STORE") ?? "mozilla";
  const environment = ["DENO_DIR=/deno-dir", `DENO_TLS_CA_STORE=${store}`];
  await installProgram(root, { program: Deno.execPath(), path: "/usr/bin/deno" });
  await installProgram(root, { program: "/bin/sh", path: "/bin/sh" });
  // Where the runtime that a compiled program begins with is not Deno's own download.
  const runtime = Deno.env.get("DENORT_BIN");
  if (runtime !== undefined) {
    await installProgram(root, { program: runtime, path: "/usr/bin/denort" });
    environment.push("DENORT_BIN=/usr/bin/denort");
  }
  await Deno.mkdir(`${root}/deno-dir`);
  const { denoDir } = JSON.parse(await run(Deno.execPath(), ["info", "--json"]));
  for (const downloads of ["npm", "remote", "dl"]) {
    const path = `${denoDir}/${downloads}`;
    if (await exists(path)) await run("cp", ["--recursive", path, `${root}/deno-dir`]);
  }
  await makeImage(storage, name, root, [`ENV ${environment.join(" ")}`]);
}

/** Makes the stand-in for distroless/cc: libraries, certificates, a user, and no shell. */
export async function makeDistrolessImage(storage: ImageStorage, name: string): Promise<void> {
  await using folder = await createTempFolder();
  const root = `${folder.path}/root`;
  // A compiled program needs what Deno itself does.
  await installLibraries(root, Deno.execPath());
  await Deno.mkdir(`${root}/home/nonroot`, { recursive: true });
  await Deno.mkdir(`${root}/etc`);
  const user = "nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n";
  await Deno.writeTextFile(`${root}/etc/passwd`, user);
  await makeImage(storage, name, root, [
    `ENV SSL_CERT_FILE=${CERTIFICATES}`,
    "USER 65532",
    "WORKDIR /home/nonroot",
  ]);
}

async function makeImage(
  storage: ImageStorage,
  name: string,
  root: string,
  lines: readonly string[],
): Promise<void> {
  await Deno.mkdir(`${root}/etc/ssl/certs`, { recursive: true });
  if (await exists(CERTIFICATES)) await Deno.copyFile(CERTIFICATES, `${root}${CERTIFICATES}`);
  await Deno.mkdir(`${root}/tmp`);
  await Deno.chmod(`${root}/tmp`, 0o1777);
  const file = `${root}.Dockerfile`;
  await Deno.writeTextFile(file, ["FROM scratch", "COPY . /", ...lines].join("\n"));
  await storage.buildah("build", "--quiet", "--tag", name, "--file", file, root);
}

/** Puts a program into a root folder, at a path, and the libraries that it needs, at theirs. */
async function installProgram(
  root: string,
  { program, path }: { readonly program: string; readonly path: string },
): Promise<void> {
  await run("install", ["-D", program, `${root}${path}`]);
  await installLibraries(root, program);
}

async function installLibraries(root: string, program: string): Promise<void> {
  const [...libraries] = (await run("ldd", [program])).matchAll(/(\/\S+) \(0x/g);
  await Deno.mkdir(root, { recursive: true });
  await run("cp", ["--dereference", "--parents", ...libraries.map(({ 1: path }) => path!), root]);
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
