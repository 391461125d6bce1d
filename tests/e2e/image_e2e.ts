/**
 * The container image: built from the Dockerfile, and run, by the documentation's own lines;
 * what is in it; pulls through it.
 *
 * Buildah and podman stand in for Docker, and local images for those that the Dockerfile
 * builds from. That needs root; without it, or without the programs, it is left out.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import metadata from "../../deno.json" with { type: "json" };
import {
  baseImagesOf,
  makeDenoImage,
  makeDistrolessImage,
  withoutDigests,
} from "./image/base_images.ts";
import { playLine, readDockerLines, startContainer } from "./image/docker_lines.ts";
import { createImageStorage, type ImageStorage } from "./image/storage.ts";
import { startStores } from "./image/stores.ts";
import { run, runAnyhow } from "./run.ts";
import { createTempFolder } from "./temp_folder.ts";

const PROGRAMS = ["buildah", "podman", "runc", "curl"];

async function listMissing(): Promise<string[]> {
  const found = await Promise.all(
    PROGRAMS.map((program) => runAnyhow("sh", ["-c", `command -v ${program}`])),
  );
  const programs = PROGRAMS.filter((_, at) => found[at]!.code !== 0);
  return Deno.uid() === 0 ? programs : ["root", ...programs];
}

const missing = await listMissing();
if (missing.length > 0) console.warn(`The image is not tested without ${missing.join(", ")}.`);

const ROOT = new URL("../../", import.meta.url).pathname;
const DOCKERFILE = Deno.readTextFileSync(`${ROOT}Dockerfile`);
const [DENO_IMAGE, DISTROLESS_IMAGE] = baseImagesOf(DOCKERFILE) as [string, string];
const DOCKER_LINES = readDockerLines(Deno.readTextFileSync(`${ROOT}docs/deployment.md`));
const [BUILD, RUN, RUN_CONFIGURED] = DOCKER_LINES as [string, string, string];

async function assertImageConfigured(storage: ImageStorage): Promise<void> {
  const [image] = JSON.parse(await storage.podman("image", "inspect", "archeio"));
  const { Entrypoint, Cmd, User, StopSignal, ExposedPorts, Labels } = image.Config;
  assertEquals({ Entrypoint, Cmd: Cmd ?? [], User, StopSignal, ExposedPorts }, {
    Entrypoint: ["/usr/local/bin/archeio"],
    Cmd: [],
    User: "65532:65532",
    StopSignal: "SIGTERM",
    ExposedPorts: { "8080/tcp": {} },
  });
  const prefix = "org.opencontainers.image.";
  const { description, ...labels } = Object.fromEntries(
    Object.entries(Labels as Record<string, string>)
      .filter(([label]) => label.startsWith(prefix))
      .map(([label, value]) => [label.slice(prefix.length), value]),
  );
  assertStringIncludes(description ?? "", "OCI registry");
  assertEquals(labels, {
    title: "archeio",
    licenses: metadata.license,
  });
  for (const line of [RUN, RUN_CONFIGURED]) {
    assertStringIncludes(line, ` --publish 8080:${Object.keys(ExposedPorts)[0]!.split("/")[0]} `);
  }
}

/** The paths in a folder that are no folders, and their sizes in bytes. */
async function listFiles(root: string): Promise<Map<string, number>> {
  const found = await run("find", [root, "!", "-type", "d", "-printf", "%s /%P\\n"]);
  const lines = found.trimEnd().split("\n").map((line) => line.split(/ (.*)/));
  return new Map(lines.map(([size, path]) => [path!, Number(size)]));
}

// Bytes. It is what a node pulls beside the base: V8 and Deno, almost all of it.
const LARGEST_PROGRAM = 120e6;

async function assertHoldsProgramAlone(storage: ImageStorage): Promise<void> {
  const base = await listFiles(await storage.rootOf(DISTROLESS_IMAGE));
  const files = await listFiles(await storage.rootOf("archeio"));
  const added = new Map([...files].filter(([path, size]) => base.get(path) !== size));
  assertEquals([...added.keys()].toSorted(), [
    "/usr/local/bin/archeio",
    "/usr/share/doc/archeio/LICENSE",
  ]);
  assert(added.get("/usr/local/bin/archeio")! < LARGEST_PROGRAM);
  const shells = [...files.keys()].filter((path) => /\/(?:\w*sh|busybox)$/.test(path));
  assertEquals(shells, []);
}

// Debian 12's, which is what the base image's name says that it has.
const NEWEST_GLIBC = 36;

async function assertFitsBase(storage: ImageStorage): Promise<void> {
  const program = `${await storage.rootOf("archeio")}/usr/local/bin/archeio`;
  const asked = await run("grep", ["-aoE", "\\bGLIBC_2\\.[0-9]+\\b", program]);
  const versions = asked.trimEnd().split("\n").map((version) => Number(version.split(".")[1]));
  assert(Math.max(...versions) <= NEWEST_GLIBC);
}

async function assertContextIsSources(storage: ImageStorage): Promise<void> {
  await using folder = await createTempFolder();
  await Deno.writeTextFile(`${folder.path}/Dockerfile`, "FROM scratch\nCOPY . /\n");
  await storage.buildah("build", "--tag", "context", "--file", `${folder.path}/Dockerfile`, ROOT);
  const files = [...(await listFiles(await storage.rootOf("context"))).keys()];
  const tops = new Set(files.map((path) => path.split("/")[1]));
  assertEquals([...tops].toSorted(), ["LICENSE", "deno.json", "deno.lock", "lib", "main.ts"]);
}

async function assertPulls(storage: ImageStorage, flags: readonly string[] = []): Promise<void> {
  await using stores = await startStores();
  await using folder = await createTempFolder();
  await Deno.writeTextFile(`${folder.path}/archeio.yaml`, stores.config);
  const options = { storage, cwd: folder.path, flags };
  await using container = await startContainer(RUN_CONFIGURED, options);
  for (const { path, content } of [stores.manifest, stores.blob]) {
    assertEquals(await run("curl", ["-sSfL", `${container.url}${path}`]), content);
  }
  assertEquals(stores.got, [stores.manifest.at, stores.blob.at]);
  assertEquals(await container.stop(), 0);
}

async function assertServesByDefault(storage: ImageStorage): Promise<void> {
  await using container = await startContainer(RUN, { storage, cwd: ROOT });
  const answer = await run("curl", ["-sSi", `${container.url}/v2/pause/manifests/3.9`]);
  assertStringIncludes(
    answer,
    "location: https://us-central1-docker.pkg.dev/v2/k8s-artifacts-prod/",
  );
  const status = await container.readProcess("status");
  for (const line of ["Uid:\t65532\t65532", "Gid:\t65532\t65532", "NoNewPrivs:\t1"]) {
    assertStringIncludes(status, line);
  }
  for (const { 1: set } of status.matchAll(/^Cap\w+:\t(.*)$/gm)) {
    assertEquals(Number(`0x${set}`), 0);
  }
  const mounts = await container.readProcess("mountinfo");
  assertMatch(mounts, / \/ ro,/);
  assert(!mounts.includes(" /tmp "), "something is mounted on the image's own /tmp");
  assertEquals(await container.stop(), 0);
}

Deno.test({
  name: "the image, built and run as docs/deployment.md says",
  ignore: missing.length > 0,
  async fn(test) {
    await using storage = await createImageStorage();
    await makeDenoImage(storage, DENO_IMAGE);
    await makeDistrolessImage(storage, DISTROLESS_IMAGE);
    const commands = DOCKER_LINES.map((line) => line.split(" ", 2).join(" "));
    assertEquals(commands, ["docker build", "docker run", "docker run"]);
    await using folder = await createTempFolder();
    const dockerfile = `${folder.path}/Dockerfile`;
    await Deno.writeTextFile(dockerfile, withoutDigests(DOCKERFILE));
    const built = await playLine(BUILD, { storage, cwd: ROOT, flags: ["--file", dockerfile] });
    assertEquals(built.code, 0, built.printed);
    const table: Record<string, () => Promise<void>> = {
      "it says how it is run, and what it is": () => assertImageConfigured(storage),
      "it adds the program to its base, and no shell": () => assertHoldsProgramAlone(storage),
      "its program asks for no newer glibc than the base's": () => assertFitsBase(storage),
      "it is built from the sources alone": () => assertContextIsSources(storage),
      "it serves as nobody, and writes nowhere": () => assertServesByDefault(storage),
      "a pull through it, with a configuration": () => assertPulls(storage),
      "a pull through it, run by a user that it does not know": () =>
        assertPulls(storage, ["--user", "1000650000:0"]),
    };
    for (const [promise, holds] of Object.entries(table)) await test.step(promise, holds);
    await test.step("it ends with 2 when it is called wrongly", async () => {
      const wrong = await playLine(`${RUN} --prot 80`, { storage, cwd: ROOT });
      assertEquals(wrong.code, 2, wrong.printed);
    });
  },
});
