/**
 * skopeo pulls what other projects have as they have it: each blob from a mirror of another
 * layout, repositories under other names elsewhere, and all of a pull under one id.
 *
 * @module
 */

import { assertEquals, assertMatch } from "@std/assert";
import { startArcheio } from "./archeio.ts";
import { createCertificateFiles } from "./certificate_files.ts";
import { writeSettings } from "./clients/settings.ts";
import { createSkopeo } from "./clients/skopeo.ts";
import { createLayout } from "./layout.ts";
import { startFolderStore } from "./nginx.ts";
import { ensurePrograms } from "./programs.ts";
import { type Image, readImage } from "./read_image.ts";
import { type Registry, startRegistry } from "./registry.ts";
import type { Store } from "./store.ts";
import { createTempFolder } from "./temp_folder.ts";

const NAME = "team/app";

/** What all of these tests pull, and from where. */
async function setScene() {
  await ensurePrograms();
  await using started = new AsyncDisposableStack();
  const folder = started.use(await createTempFolder()).path;
  const certificate = await createCertificateFiles(folder);
  const upstream = started.use(await startRegistry(`${folder}/upstream`, certificate));
  const other = started.use(await startRegistry(`${folder}/other`, certificate));
  const layout = await createLayout(`${folder}/layout`);
  const layers = [await layout.addLayer("base", 30_000), await layout.addLayer("app", 10_000)];
  const index = await layout.addIndex([await layout.addImage("linux/amd64", layers)]);
  for (const registry of [upstream, other]) {
    await layout.push(index, `${registry.origin}/${NAME}:v1`);
  }
  const image = readImage(layout, { name: NAME, tag: "v1", digest: index.digest });
  const skopeo = createSkopeo(await writeSettings(`${folder}/settings`));
  const running = started.move();
  return {
    folder,
    certificate,
    upstream,
    other,
    layout,
    image,
    skopeo,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

type Scene = Awaited<ReturnType<typeof setScene>>;

/** A layout of blobs, and a server that has them in it. */
interface Laid {
  readonly what: string;
  /** The URL template, below the server's base URL. */
  readonly template: string;
  readonly store: Store;
  /** The path of a blob there. */
  readonly pathOf: (digest: string) => string;
}

/** The files of blobs, each named by what is made of its digest. */
async function writeFiles(
  { layout, image }: Scene,
  folder: string,
  nameOf: (digest: string) => string,
): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  for (const digest of image.blobs) {
    await Deno.writeFile(`${folder}/${nameOf(digest)}`, layout.contents.get(digest)!);
  }
}

const hexOf = (digest: string) => digest.split(":")[1]!;
const flatNameOf = (digest: string) => `${digest.replace(":", "-")}.blob`;

async function startLayouts(scene: Scene, started: AsyncDisposableStack): Promise<Laid[]> {
  const { folder, certificate, other } = scene;
  await writeFiles(scene, `${folder}/plain/images`, (digest) => digest);
  await writeFiles(scene, `${folder}/flat`, flatNameOf);
  const serve = async (name: string, root: string) =>
    started.use(
      await startFolderStore(`${folder}/nginx-${name}`, `${folder}/${root}`, certificate),
    );
  return [
    {
      what: "plain files",
      template: "/images",
      store: await serve("plain", "plain"),
      pathOf: (digest) => `/images/${digest}`,
    },
    {
      what: "a distribution registry's folder",
      template: "/docker/registry/v2/blobs/{algorithm}/{hex:2}/{hex}/data",
      store: await serve("bucket", "other"),
      pathOf: (digest) =>
        `/docker/registry/v2/blobs/sha256/${hexOf(digest).slice(0, 2)}/${hexOf(digest)}/data`,
    },
    {
      what: "an OCI image layout",
      template: "/blobs/{algorithm}/{hex}",
      store: await serve("layout", "layout"),
      pathOf: (digest) => `/blobs/sha256/${hexOf(digest)}`,
    },
    {
      what: "another registry",
      template: "/v2/{name}/blobs/{digest}",
      store: other,
      pathOf: (digest) => `/v2/${NAME}/blobs/${digest}`,
    },
    {
      what: "files in one folder",
      template: "/{algorithm}-{hex}.blob",
      store: await serve("flat", "flat"),
      pathOf: (digest) => `/${flatNameOf(digest)}`,
    },
  ];
}

/** What clients, not archeio, got from a store since it was asked first. */
async function createWitness(store: Store): Promise<() => Promise<string[]>> {
  const { length } = await store.log();
  return async () =>
    (await store.log()).slice(length)
      .filter(({ method, agent }) => method === "GET" && agent !== "archeio")
      .map(({ path }) => path)
      .sort();
}

function isBlob(path: string): boolean {
  return path.includes("/blobs/");
}

async function pull({ skopeo }: Scene, url: string, name: string): Promise<string> {
  return await skopeo.pull({ location: "", host: new URL(url).host }, { name }, ":v1");
}

Deno.test("skopeo pulls each blob from a mirror of every layout", async (test) => {
  await using started = new AsyncDisposableStack();
  const scene = started.use(await setScene());
  const { folder, image, upstream } = scene;
  for (const { what, template, store, pathOf } of await startLayouts(scene, started)) {
    await test.step(what, async () => {
      await using archeio = await startArcheio(
        folder,
        formatConfig(
          scene.upstream,
          `
mirrors: { one: { url: "${store.http}${template}" } }
rules: [ { clients: [ "*" ], mirrors: [ one ] } ]`,
        ),
      );
      const fromStore = await createWitness(store);
      const fromUpstream = await createWitness(upstream);
      assertEquals(await pull(scene, archeio.url, NAME), image.digest);
      assertEquals(await fromStore(), image.blobs.map(pathOf).sort());
      assertEquals((await fromUpstream()).filter(isBlob), []);
    });
  }
});

Deno.test("skopeo pulls repositories that are elsewhere, and none that there is not", async () => {
  await using scene = await setScene();
  const { folder, image, upstream, other } = scene;
  await using archeio = await startArcheio(
    folder,
    `${formatConfig(upstream)}
repositories:
  tools/*: { upstream: other, as: team/* }
  the-app: { as: ${NAME} }
`.replace("upstreams:", `upstreams:\n  other: { endpoint: "${other.http}" }`),
  );
  const table = [
    { asked: "tools/app", from: other },
    { asked: "the-app", from: upstream },
  ];
  for (const { asked, from } of table) {
    const given = await createWitness(from);
    assertEquals(await pull(scene, archeio.url, asked), image.digest);
    assertEquals((await given()).filter(isBlob), blobPaths(image));
  }
  const response = await fetch(`${archeio.url}/v2/${NAME}/manifests/v1`, { redirect: "manual" });
  assertEquals(response.status, 404);
  assertEquals((await response.json()).errors[0].code, "NAME_UNKNOWN");
});

Deno.test("all requests of a pull by skopeo have one id, which the registry sees, too", async () => {
  await using scene = await setScene();
  const { folder, image, upstream } = scene;
  await using archeio = await startArcheio(
    folder,
    `${formatConfig(upstream)}
trace: { request_id: true, session: true, redirect_parameter: rid }
`,
  );
  const { length } = await upstream.log();
  assertEquals(await pull(scene, archeio.url, NAME), image.digest);
  // At its start, archeio looks at its upstreams.
  const asked = (await upstream.log()).slice(length).filter(({ agent }) => agent !== "archeio");
  const ids = new Set(asked.map(({ query }) => query));
  assertEquals([asked.length > image.blobs.length, ids.size], [true, 1]);
  assertMatch([...ids][0]!, /^\?rid=[0-9a-f]{32}$/);
});

function blobPaths({ blobs }: Image): string[] {
  return blobs.map((digest) => `/v2/${NAME}/blobs/${digest}`).sort();
}

function formatConfig(upstream: Registry, more = ""): string {
  return `listen: { host: 127.0.0.1, port: 0 }
client_address: { header: null }
upstreams:
  main: { endpoint: "${upstream.http}" }
${more}
`;
}
