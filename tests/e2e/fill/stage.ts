/**
 * Everything that takes part in filling: a registry, asked with and without tokens, and S3.
 *
 * @module
 */

import { createCertificateFiles } from "../certificate_files.ts";
import { createLayout, type Layout } from "../layout.ts";
import { startFolderStore } from "../nginx.ts";
import { ensurePrograms } from "../programs.ts";
import { startRegistry } from "../registry.ts";
import type { Store } from "../store.ts";
import { createTempFolder } from "../temp_folder.ts";
import { startTokenRegistry, type TokenRegistry } from "../token_registry.ts";
import { type Fleet, pushFleet } from "./fleet.ts";
import { type S3Server, startS3Server } from "./s3_server.ts";

/** All that takes part. */
export interface FillStage extends AsyncDisposable {
  readonly folder: string;
  readonly layout: Layout;
  readonly fleet: Fleet;
  /** Where more is pushed to: `<host>/<path>`. */
  readonly destination: string;
  /** The same images, behind registries of both kinds. */
  readonly registries: { readonly open: Store; readonly tokens: TokenRegistry };
  readonly s3: S3Server;
  /** Serves the objects of all buckets to clients, at `/<bucket>/<key>`. */
  readonly front: Store;
}

/** Where all images are. */
export const PATH = "project/images";

/** Starts everything, with these buckets. */
export async function setFillStage(buckets: readonly string[]): Promise<FillStage> {
  await ensurePrograms();
  await using started = new AsyncDisposableStack();
  const folder = started.use(await createTempFolder()).path;
  const certificate = await createCertificateFiles(folder);
  const tokens = started.use(
    await startTokenRegistry({
      folder: `${folder}/registry`,
      certificate,
      manner: "ghcr",
      users: {},
      isPublic: (repository) => repository.startsWith(`${PATH}/`),
      pageSize: 1,
    }),
  );
  // Over the same folder.
  const open = started.use(await startRegistry(`${folder}/registry/data`, certificate));
  const layout = await createLayout(`${folder}/layout`);
  const destination = `${tokens.origin}/${PATH}`;
  const fleet = await pushFleet(layout, destination);
  const s3 = started.use(await startS3Server(`${folder}/s3`, { buckets }));
  const front = started.use(await startFolderStore(`${folder}/front`, s3.folder, certificate));
  const running = started.move();
  return {
    folder,
    layout,
    fleet,
    destination,
    registries: { open, tokens },
    s3,
    front,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** A mirror in a bucket. */
export interface BucketMirror {
  readonly name: string;
  readonly bucket: string;
  /** The template of its keys. */
  readonly key: string;
}

/** The configuration of a fill, as a value: JSON is YAML. */
export function configOf(
  { folder, fleet, s3, front, registries }: FillStage,
  kind: keyof FillStage["registries"],
  mirrors: readonly BucketMirror[],
): Record<string, unknown> {
  return {
    listen: { host: "127.0.0.1", port: 0 },
    upstreams: { main: { endpoint: registries[kind].http, path: PATH, pull: "relay" } },
    mirrors: Object.fromEntries(mirrors.map(({ name, bucket, key }) => [name, {
      url: `${front.http}/${bucket}/${key}`,
      store: { s3: { endpoint: s3.url, region: "us-east-1", bucket }, key },
    }])),
    rules: [{ clients: ["*"], mirrors: mirrors.map(({ name }) => name) }],
    fill: {
      // Nobody gets a token for the list of repositories.
      repositories: kind === "open" ? ["app-*", "charts/*"] : fleet.names,
      state: `${folder}/state-${mirrors[0]!.bucket}`,
      limits: { requests_per_s: 1000 },
    },
  };
}
