/**
 * Real clients pull through archeio from registries that want a token: docker, BuildKit,
 * podman, skopeo, containerd and curl. The stores' logs say who served what.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { type Archeio, startArcheio } from "./archeio.ts";
import { startBlobStore } from "./blob_store.ts";
import { createCertificateFiles } from "./certificate_files.ts";
import type { Client, Entrance } from "./clients/client.ts";
import { startContainerd } from "./clients/containerd.ts";
import { curl } from "./clients/curl.ts";
import { type Docker, hasDocker, startDocker } from "./clients/docker.ts";
import { createPodman } from "./clients/podman.ts";
import { writeSettings } from "./clients/settings.ts";
import { createSkopeo } from "./clients/skopeo.ts";
import { type Contents, pushContents } from "./contents.ts";
import { createLayout } from "./layout.ts";
import { ensurePrograms } from "./programs.ts";
import type { Store } from "./store.ts";
import { createTempFolder } from "./temp_folder.ts";
import { startTokenRegistry, type TokenRegistry } from "./token_registry.ts";

/** What each case has to work with. */
interface Scene {
  readonly folder: string;
  readonly contents: Contents;
  /** It serves blobs itself; its tokens come from its own host. */
  readonly streaming: TokenRegistry;
  /** It redirects for blobs; its tokens come from another host. */
  readonly redirecting: TokenRegistry;
  readonly blobs: Store;
  readonly mirror: Store;
  readonly clients: readonly Client[];
  readonly docker: Docker | undefined;
  readonly test: Deno.TestContext;
}

Deno.test("every client pulls through a relaying upstream", async (test) => {
  await ensurePrograms();
  await using started = new AsyncDisposableStack();
  const folder = started.use(await createTempFolder()).path;
  const certificate = await createCertificateFiles(folder);
  const all = new Map<string, Uint8Array<ArrayBuffer>>();
  const blobs = started.use(startBlobStore(all, certificate));
  const common = {
    certificate,
    users: { bot: "secret" },
    isPublic: (repository: string) => repository.startsWith("project/"),
  };
  const streaming = started.use(
    await startTokenRegistry({
      ...common,
      folder: `${folder}/streaming`,
      manner: "ghcr",
      pageSize: 5,
    }),
  );
  const redirecting = started.use(
    await startTokenRegistry({
      ...common,
      folder: `${folder}/redirecting`,
      manner: "hub",
      tokensElsewhere: true,
      redirectsTo: blobs,
    }),
  );
  const layout = await createLayout(`${folder}/layout`);
  const to = (registry: TokenRegistry) => ({
    upstream: `${registry.origin}/project/images`,
    signatures: `${registry.origin}/project/images`,
  });
  const contents = await pushContents(layout, to(streaming));
  for (const { name, tag, digest } of [contents.app, contents.large]) {
    const size = layout.contents.get(digest)!.length;
    await layout.push(
      { mediaType: mediaTypeOf(layout.contents.get(digest)!), digest, size },
      `${redirecting.origin}/project/images/${name}:${tag}`,
    );
  }
  for (const [digest, bytes] of layout.contents) all.set(digest, bytes);
  const mirror = started.use(startBlobStore(contents.near, certificate));
  const settings = await writeSettings(`${folder}/settings`);
  const containerd = started.use(await startContainerd(`${folder}/containerd`));
  const scene: Scene = {
    folder,
    contents,
    streaming,
    redirecting,
    blobs,
    mirror,
    clients: [
      createSkopeo(settings),
      createPodman(settings),
      containerd.contentFetch,
      containerd.imagesPull,
      curl,
    ],
    docker: await hasDocker() ? started.use(await startDocker(`${folder}/docker`)) : undefined,
    test,
  };
  await pullEverywhere(scene);
});

function mediaTypeOf(manifest: Uint8Array): string {
  return JSON.parse(new TextDecoder().decode(manifest)).mediaType;
}

function configOf(registry: TokenRegistry, more: string, upstream = ""): string {
  return `
listen: { host: 127.0.0.1, port: 0 }
client_address: { header: null }
upstreams:
  main: { endpoint: "${registry.http}", path: project/images, pull: relay${upstream} }
${more}
`;
}

function start(scene: Scene, registry: TokenRegistry, more = "", upstream = ""): Promise<Archeio> {
  return startArcheio(scene.folder, configOf(registry, more, upstream));
}

async function pullEverywhere(scene: Scene): Promise<void> {
  const { contents: { app } } = scene;
  const mirrors = `mirrors: { near: { url: "${scene.mirror.http}" } }
rules: [{ clients: ["*"], mirrors: [near] }]`;
  const { port } = new URL(scene.redirecting.http);
  for (
    const { what, registry, upstream } of [
      { what: "one that serves blobs itself", registry: scene.streaming, upstream: "" },
      {
        what: "one that redirects for blobs",
        registry: scene.redirecting,
        upstream: `, token_hosts: ["localhost:${port}"]`,
      },
    ]
  ) {
    for (const more of ["", mirrors]) {
      await using archeio = await start(scene, registry, more, upstream);
      const entrance: Entrance = { location: "", host: new URL(archeio.url).host };
      for (const client of scene.clients) {
        for (const reference of [`:${app.tag}`, `@${app.digest}`]) {
          await scene.test.step(
            `${client.name}, ${what}, ${more === "" ? "no mirror" : "a mirror"}, ${reference[0]}`,
            async () => {
              assertEquals(await client.pull(entrance, app, reference), app.digest);
            },
          );
        }
      }
      const { docker } = scene;
      if (docker === undefined) continue;
      await scene.test.step(`docker, ${what}`, () => docker.pull(`${entrance.host}/app:v1`));
      await scene.test.step(`BuildKit, ${what}`, () => docker.build(`${entrance.host}/large:v1`));
    }
  }
}
