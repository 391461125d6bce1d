/**
 * Three buckets of a real S3 server are filled from a real registry, with and without tokens;
 * then clients pull, and the logs of both ends say who gave what.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { startArcheio } from "../archeio.ts";
import { startContainerd } from "../clients/containerd.ts";
import { createPodman } from "../clients/podman.ts";
import { writeSettings } from "../clients/settings.ts";
import { createSkopeo } from "../clients/skopeo.ts";
import { readImage } from "../read_image.ts";
import { hashObjects } from "./objects.ts";
import { runFill } from "./run_fill.ts";
import { tryBuild } from "./s3_server.ts";
import { type BucketMirror, configOf, type FillStage, setFillStage } from "./stage.ts";

const KINDS = ["open", "tokens"] as const;
const KEYS = ["images/{digest}", "{algorithm}/{hex:2}/{hex}/data", "{digest}"];
const WHY = await tryBuild();
if (WHY !== undefined) console.warn(`Buckets are not filled: ${WHY}`);

type Kind = typeof KINDS[number];

/** What each step below has to work with. */
interface Scene extends FillStage {
  readonly kind: Kind;
  /** All blobs that the registry has, and how many tags and manifests. */
  readonly has: { readonly blobs: Set<string>; tags: number; manifests: number };
}

function mirrorsOf(kind: Kind): BucketMirror[] {
  return KEYS.map((key, at) => ({ name: `mirror-${at}`, bucket: `${kind}-${at}`, key }));
}

Deno.test({
  name: "three buckets are filled from a registry, and clients pull from them",
  ignore: WHY !== undefined,
  async fn(test) {
    const buckets = KINDS.flatMap((kind) => mirrorsOf(kind).map(({ bucket }) => bucket));
    await using stage = await setFillStage(buckets);
    const { blobs, tags, manifests } = stage.fleet;
    const has = { blobs: new Set(blobs), tags, manifests };
    for (const kind of KINDS) {
      const scene = { ...stage, kind, has };
      const config = JSON.stringify(configOf(stage, kind, mirrorsOf(kind)));
      await Deno.writeTextFile(configFile(scene), config);
      await test.step(`${kind}: each blob is read once, and is in each bucket`, () => fill(scene));
      await test.step(`${kind}: nothing moves if nothing changed`, () => fillAgain(scene));
      await test.step(`${kind}: only what changed moves`, () => fillChanged(scene));
      await test.step(`${kind}: clients get all blobs from mirrors`, () => pull(scene));
    }
  },
});

function configFile({ folder, kind }: Scene): string {
  return `${folder}/${kind}.yaml`;
}

/** How often something was asked meanwhile, of the registry and of the S3 server. */
async function count(
  { kind, registries, s3 }: Scene,
  act: () => Promise<void>,
): Promise<Readonly<Record<string, number>>> {
  const registry = registries[kind];
  const before = { registry: (await registry.log()).length, s3: (await s3.log()).length };
  await act();
  const counts: Record<string, number> = {};
  const add = (what: string) => counts[what] = (counts[what] ?? 0) + 1;
  for (const { method, path } of (await registry.log()).slice(before.registry)) {
    const [, what = path] = /\/(blobs|manifests|referrers|tags)\/[^/]+$/.exec(path) ?? [];
    add(`${method} ${what}`);
  }
  for (const { operation } of (await s3.log()).slice(before.s3)) add(operation);
  return counts;
}

/** Fills, and sees that each mirror got so many blobs. */
async function fillWell(scene: Scene, copied: number): Promise<void> {
  const filled = await runFill(configFile(scene));
  assertEquals(filled.first_failures, []);
  assertEquals([filled.code, filled.complete], [0, true]);
  for (const mirror of Object.values(filled.mirrors)) assertEquals(mirror.copied, copied);
  const expected = [...scene.has.blobs].sort();
  for (const { bucket } of mirrorsOf(scene.kind)) {
    assertEquals(await hashObjects(scene.s3.folderOf(bucket)), expected, bucket);
  }
}

async function fill(scene: Scene): Promise<void> {
  const { has: { blobs, tags }, fleet } = scene;
  const counts = await count(scene, () => fillWell(scene, blobs.size));
  assertEquals(counts["GET blobs"], blobs.size);
  assertEquals(counts.PutObject, blobs.size * KEYS.length);
  assert(counts["GET tags"]! >= fleet.names.length);
  assert(counts["HEAD manifests"]! >= tags);
}

async function fillAgain(scene: Scene): Promise<void> {
  const counts = await count(scene, () => fillWell(scene, 0));
  assertUnmoved(scene, counts);
}

/**
 * Asked is what can have changed: lists, the digests of tags, what refers to manifests, which no
 * tag tells; and tokens for that. No manifest, no blob.
 */
function assertUnmoved({ kind, has }: Scene, counts: Readonly<Record<string, number>>): void {
  const { "GET tags": lists = 0, "GET /token": tokens = 0, ...rest } = counts;
  assert(lists > 0);
  assertEquals(tokens > 0, kind === "tokens");
  assertEquals(rest, {
    ...kind === "open" ? { "GET /v2/_catalog": 1 } : {},
    "HEAD manifests": has.tags,
    "GET referrers": has.manifests,
    ListObjectsV2: KEYS.length,
    // Of what an earlier run left unfinished.
    ListMultipartUploads: KEYS.length,
  });
}

/** A tag moves to an image with one new layer, which is copied with its configuration. */
async function fillChanged(scene: Scene): Promise<void> {
  const { layout, destination, kind, has, fleet } = scene;
  const layer = await layout.addLayer(`changed-${kind}`, 20_000);
  const image = await layout.addImage("linux/amd64", [layer]);
  await layout.push(image, `${destination}/${fleet.names[0]}:${kind}`);
  has.tags++;
  has.manifests++;
  const { blobs } = readImage(layout, { name: "", digest: image.digest });
  for (const digest of blobs) has.blobs.add(digest);
  const counts = await count(scene, () => fillWell(scene, blobs.length));
  assertEquals(counts["GET manifests"], 1);
  assertEquals(counts["GET blobs"], blobs.length);
  assertEquals(counts.PutObject, blobs.length * KEYS.length);
  assertEquals(counts.ListObjectsV2, KEYS.length);
}

/** skopeo pulls everything, podman and containerd some of it. */
async function pull(scene: Scene): Promise<void> {
  const { kind, folder, fleet: { images }, registries, front } = scene;
  const config = await Deno.readTextFile(configFile(scene));
  await using archeio = await startArcheio(folder, config);
  await using containerd = await startContainerd(`${folder}/containerd-${kind}`);
  const settings = await writeSettings(`${folder}/settings-${kind}`);
  const skopeo = createSkopeo(settings);
  const table = [
    { client: skopeo, asked: images },
    { client: createPodman(settings), asked: images.slice(0, 2) },
    { client: containerd.contentFetch, asked: images.slice(2, 4) },
    { client: containerd.imagesPull, asked: images.slice(4, 6) },
  ];
  const entrance = { location: "anywhere", host: new URL(archeio.url).host };
  for (const { client, asked } of table) {
    const before = {
      registry: (await registries[kind].log()).length,
      front: (await front.log()).length,
    };
    for (const image of asked) {
      assertEquals(await client.pull(entrance, image, `:${image.tag}`), image.digest, client.name);
    }
    const fetched = (await registries[kind].log()).slice(before.registry);
    assertEquals(fetched.filter(({ path }) => path.includes("/blobs/")), [], client.name);
    const served = (await front.log()).slice(before.front)
      .filter(({ method, agent }) => method === "GET" && agent !== "archeio")
      .map(({ path }) => `sha256:${/[0-9a-f]{64}/.exec(path)![0]}`);
    const expected = new Set(asked.flatMap(({ blobs }) => blobs));
    assertEquals([...new Set(served)].sort(), [...expected].sort(), client.name);
  }
}
