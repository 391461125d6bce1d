/**
 * Everything that takes part in relaying, on several addresses of this machine: registries that
 * want a token, a mirror, the place that one registry redirects to for blobs, clients.
 *
 * @module
 */

import { startBlobStore } from "../blob_store.ts";
import { type CertificateFiles, createCertificateFiles } from "../certificate_files.ts";
import type { Client } from "../clients/client.ts";
import { startContainerd } from "../clients/containerd.ts";
import { curl } from "../clients/curl.ts";
import { type Docker, hasDocker, startDocker } from "../clients/docker.ts";
import { createPodman } from "../clients/podman.ts";
import { writeSettings } from "../clients/settings.ts";
import { createSkopeo, type Skopeo } from "../clients/skopeo.ts";
import { type Contents, pushContents } from "../contents.ts";
import { createLayout, INDEX, type Layout, MANIFEST } from "../layout.ts";
import { ensurePrograms } from "../programs.ts";
import type { Store } from "../store.ts";
import { createTempFolder } from "../temp_folder.ts";
import { startTokenRegistry, type TokenRegistry } from "../token_registry.ts";

/** All that takes part. */
export interface RelayStage extends AsyncDisposable {
  readonly folder: string;
  readonly certificate: CertificateFiles;
  readonly contents: Contents;
  /** It serves blobs itself, and lists few tags in a page; its tokens come from its own host. */
  readonly streaming: TokenRegistry;
  /** It redirects for blobs; its tokens come from another host. */
  readonly redirecting: TokenRegistry;
  /** It has signatures alone. */
  readonly signing: TokenRegistry;
  /** Where `redirecting` redirects to. */
  readonly blobs: Store;
  readonly mirror: Store;
  readonly skopeo: Skopeo;
  readonly podman: Client;
  /** All clients, but for docker's. */
  readonly clients: readonly Client[];
  readonly docker: Docker | undefined;
}

// Beside 127.0.0.1: each serves something else, the last by its name.
const HOSTS = ["127.0.0.2", "127.0.0.3", "127.0.0.4", "localhost"];

/** Who may see what is hidden, and the password. */
export const USER = { username: "bot", password: "secret" };

/** Where all images are in each registry. */
export const PATH = "project/images";

/** How many tags are in a page. */
export const PAGE = 5;

/** Starts everything. */
export async function setRelayStage(): Promise<RelayStage> {
  await ensurePrograms();
  await using started = new AsyncDisposableStack();
  const folder = started.use(await createTempFolder()).path;
  const certificate = await createCertificateFiles(folder, HOSTS);
  const layout = await createLayout(`${folder}/layout`);
  const blobs = started.use(startBlobStore(layout.contents, certificate, "127.0.0.3"));
  const registries = await startRegistries(folder, { certificate, blobs }, started);
  const contents = await fill(layout, registries);
  const mirror = started.use(startBlobStore(contents.near, certificate, "127.0.0.4"));
  const settings = await writeSettings(`${folder}/settings`);
  const containerd = started.use(await startContainerd(`${folder}/containerd`));
  const docker = await hasDocker() ? started.use(await startDocker(`${folder}/docker`)) : undefined;
  const skopeo = createSkopeo(settings);
  const podman = createPodman(settings);
  const running = started.move();
  return {
    folder,
    certificate,
    contents,
    ...registries,
    blobs,
    mirror,
    skopeo,
    podman,
    clients: [skopeo, podman, containerd.contentFetch, containerd.imagesPull, curl],
    docker,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

type Registries = Pick<RelayStage, "streaming" | "redirecting" | "signing">;

async function startRegistries(
  folder: string,
  { certificate, blobs }: Pick<RelayStage, "certificate" | "blobs">,
  started: AsyncDisposableStack,
): Promise<Registries> {
  const common = {
    certificate,
    users: { [USER.username]: USER.password },
    isPublic: (repository: string) => repository.startsWith(`${PATH}/`),
  };
  const streaming = started.use(
    await startTokenRegistry({
      ...common,
      folder: `${folder}/streaming`,
      manner: "ghcr",
      pageSize: PAGE,
    }),
  );
  const redirecting = started.use(
    await startTokenRegistry({
      ...common,
      folder: `${folder}/redirecting`,
      manner: "hub",
      hostname: "127.0.0.2",
      tokensElsewhere: true,
      redirectsTo: { http: blobs.http, https: blobs.https },
    }),
  );
  const signing = started.use(
    await startTokenRegistry({
      ...common,
      folder: `${folder}/signing`,
      manner: "ghcr",
      hostname: "127.0.0.2",
    }),
  );
  return { streaming, redirecting, signing };
}

async function fill(
  layout: Layout,
  { streaming, redirecting, signing }: Registries,
): Promise<Contents> {
  const contents = await pushContents(layout, {
    upstream: `${streaming.origin}/${PATH}`,
    signatures: `${signing.origin}/${PATH}`,
  });
  const { app, large } = contents;
  for (const [{ name, tag, digest }, mediaType] of [[app, INDEX], [large, MANIFEST]] as const) {
    const size = layout.contents.get(digest)!.length;
    const what = { mediaType, digest, size };
    await layout.push(what, `${redirecting.origin}/${PATH}/${name}:${tag}`);
  }
  return contents;
}
