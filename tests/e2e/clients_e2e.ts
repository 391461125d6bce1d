/**
 * Real clients pull through archeio: skopeo, podman, containerd and curl, from real
 * registries and mirrors, behind a load balancer and over TLS. What each store wrote into
 * its log is the witness of where a client got what.
 *
 * At its end it prints a table, which docs/clients.md shows.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { PARTS_LIST } from "./attachments.ts";
import type { Client } from "./clients/client.ts";
import { type Containerd, startContainerd } from "./clients/containerd.ts";
import { curl, getJson, head, resume } from "./clients/curl.ts";
import { createPodman } from "./clients/podman.ts";
import { writeSettings } from "./clients/settings.ts";
import { createSkopeo, type Skopeo } from "./clients/skopeo.ts";
import { digestOf, tagOf } from "./digest.ts";
import { ensurePrograms } from "./programs.ts";
import { assertOrigins, countBlobs, countPull, type Counts, pull } from "./pull.ts";
import { type Place, setStage, type Stage } from "./stage.ts";
import { findTable, formatTable, type Row } from "./table.ts";
import { type Testimony, witness } from "./witness.ts";

const CLIENTS_PAGE = new URL("../../docs/clients.md", import.meta.url);

/** What each case below has to work with. */
interface Scene extends Stage {
  readonly skopeo: Skopeo;
  readonly podman: Client;
  readonly containerd: Containerd;
  /** Runs a step, which gives how many blobs came from each store: the same, however often. */
  check(
    client: string,
    place: Place,
    what: string,
    act: () => Promise<readonly Counts[]>,
  ): Promise<void>;
}

Deno.test("clients pull what the registry has, each blob from where the rules say", async (test) => {
  await ensurePrograms();
  await using stage = await setStage();
  const settings = await writeSettings(`${stage.folder}/settings`);
  await using containerd = await startContainerd(`${stage.folder}/containerd`);
  const rows: Row[] = [];
  let passed = true;
  const scene: Scene = {
    ...stage,
    skopeo: createSkopeo(settings),
    podman: createPodman(settings),
    containerd,
    async check(client, { location }, what, act) {
      passed = await test.step(`${client}, ${location}: ${what}`, async () => {
        const [blobs, ...others] = await act();
        for (const other of others) assertEquals(other, blobs);
        rows.push({ client, location, what, blobs: blobs! });
      }) && passed;
    },
  };
  await pullImages(scene);
  await askByHead(scene);
  await pullSignatures(scene);
  await findReferrers(scene);
  await listTags(scene);
  await resumeBrokenOff(scene);
  await stopMirror(scene);
  if (!passed) return;
  await test.step("docs/clients.md shows this table", async () => {
    const table = formatTable(rows);
    console.log(table);
    const shown = findTable(await Deno.readTextFile(CLIENTS_PAGE), "Clients that pull through it");
    assertEquals(toLines(shown ?? ""), toLines(table));
  });
});

/** A table's lines without padding, which would make every line of a difference. */
function toLines(table: string): string[] {
  return table.replace(/ +/g, " ").replace(/-{3,}/g, "---").split("\n");
}

/** Everywhere, by tag and by digest, each client gets both platforms of an image. */
async function pullImages(scene: Scene): Promise<void> {
  const { skopeo, podman, containerd, places, contents: { app } } = scene;
  const clients = [skopeo, podman, containerd.contentFetch, containerd.imagesPull, curl];
  for (const place of Object.values(places)) {
    for (const client of clients) {
      await scene.check(client.name, place, "image for two platforms", async () => [
        await countPull(scene, client, place, app, `:${app.tag}`),
        await countPull(scene, client, place, app, `@${app.digest}`),
      ]);
    }
  }
}

/** HEAD goes where GET goes: clients learn a tag's digest by it, and a blob's size. */
async function askByHead(scene: Scene): Promise<void> {
  const { places, stores, contents: { app } } = scene;
  for (const place of Object.values(places)) {
    await scene.check("curl --head", place, "image for two platforms", async () => {
      const { testimony } = await witness(stores, async () => {
        for (const reference of [app.tag, ...app.manifests]) {
          const headers = await head(place, `/v2/app/manifests/${reference}`);
          const digest = reference === app.tag ? app.digest : reference;
          assertEquals(headers.get("docker-content-digest"), digest);
        }
        for (const digest of app.blobs) await head(place, `/v2/app/blobs/${digest}`);
      });
      assertOrigins(scene, place, app, testimony, "HEAD");
      return [countBlobs(testimony, "HEAD")];
    });
  }
}

/** A signature is found under its tag, and pulled by digest like any image. */
async function pullSignatures(scene: Scene): Promise<void> {
  const { skopeo, containerd, places, contents: { signature } } = scene;
  for (const place of Object.values(places)) {
    for (const client of [skopeo, containerd.contentFetch, curl]) {
      await scene.check(client.name, place, "signature", async () => [
        await countPull(scene, client, place, signature, `:${signature.tag}`),
        await countPull(scene, client, place, signature, `@${signature.digest}`),
      ]);
    }
  }
}

interface Index {
  readonly manifests: readonly { readonly digest: string }[];
}

/** An artifact is found by what it refers to, of its type alone, and by clients without that API. */
async function findReferrers(scene: Scene): Promise<void> {
  const { places: { unknown: place }, contents: { app, partsList } } = scene;
  const path = `/v2/app/referrers/${app.digest}`;
  const table = [
    { asked: path, expected: [partsList.digest] },
    {
      asked: `${path}?artifactType=${encodeURIComponent(PARTS_LIST)}`,
      expected: [partsList.digest],
    },
    { asked: `${path}?artifactType=application/other`, expected: [] },
    { asked: `/v2/app/manifests/${tagOf(app.digest)}`, expected: [partsList.digest] },
  ];
  await scene.check("curl", place, "referrer", async () => {
    for (const { asked, expected } of table) {
      const { manifests } = await getJson<Index>(place, asked);
      assertEquals(manifests.map(({ digest }) => digest), expected, asked);
    }
    return [await countPull(scene, curl, place, partsList, `@${partsList.digest}`)];
  });
}

const PAGE = 5;

/** Tags come in pages of the size that is asked for, each beginning after `last`. */
async function listTags(scene: Scene): Promise<void> {
  const { skopeo, stores, places: { aws: place }, contents: { tagged } } = scene;
  await scene.check("skopeo list-tags", place, "all tags", async () => {
    const { result, testimony } = await witness(stores, () => skopeo.listTags(place, tagged.name));
    assertEquals(result.toSorted(), tagged.tags.toSorted());
    return [countBlobs(testimony)];
  });
  await scene.check("curl", place, `tags, ${PAGE} to a page`, async () => {
    const { result, testimony } = await witness(stores, async () => {
      const pages: string[][] = [];
      do {
        const last = pages.length === 0 ? "" : `&last=${pages.at(-1)!.at(-1)}`;
        const path = `/v2/${tagged.name}/tags/list?n=${PAGE}${last}`;
        const { tags } = await getJson<{ readonly tags: string[] }>(place, path);
        pages.push(tags);
      } while (pages.at(-1)!.length === PAGE);
      return pages;
    });
    assertEquals(result.map(({ length }) => length), [5, 5, 2]);
    assertEquals(result.flat(), tagged.tags.toSorted());
    return [countBlobs(testimony)];
  });
}

/**
 * When a mirror breaks off in the middle of a blob, curl and containerd ask for the rest.
 * Whether skopeo and podman do depends on their version; their next attempt ends well.
 */
async function resumeBrokenOff(scene: Scene): Promise<void> {
  const { skopeo, podman, containerd, stores, places: { aws: place }, contents } = scene;
  const { large } = contents;
  const layer = large.blobs.at(-1)!;
  const what = "layer that is broken off";
  const rangesOf = ({ near }: Testimony) =>
    near.filter(({ method, path }) => method === "GET" && path.endsWith(layer))
      .map(({ range }) => range.replace(/[1-9][0-9]*/, "N"));
  for (const client of [skopeo, podman]) {
    await scene.check(client.name, place, what, async () => {
      stores.near.breakOff(layer);
      const testimony = await pull(scene, twice(client), place, large, `@${large.digest}`);
      assertEquals(rangesOf(testimony).length, 2);
      return [countBlobs(testimony)];
    });
  }
  await scene.check(containerd.contentFetch.name, place, what, async () => {
    stores.near.breakOff(layer);
    const reference = `@${large.digest}`;
    const testimony = await pull(scene, containerd.contentFetch, place, large, reference);
    assertEquals(rangesOf(testimony), ["", "bytes=N-"]);
    return [countBlobs(testimony)];
  });
  await scene.check("curl --continue-at", place, what, async () => {
    stores.near.breakOff(layer);
    const path = `/v2/large/blobs/${layer}`;
    const { result, testimony } = await witness(stores, () => resume(place, path));
    assertEquals(await digestOf(result), layer);
    assertEquals(rangesOf(testimony), ["", "bytes=N-"]);
    return [countBlobs(testimony)];
  });
}

/** A client that tries again when its first attempt fails. */
function twice(client: Client): Client {
  return { ...client, pull: (...args) => client.pull(...args).catch(() => client.pull(...args)) };
}

const BEFORE_STOP = 20;

/**
 * When a mirror stops, pulls go on from the next one: first of images that nobody has
 * asked for before, then also of those that the mirror is known to have had.
 */
async function stopMirror(scene: Scene): Promise<void> {
  const { skopeo, stores, places: { aws: place }, contents: { fleet } } = scene;
  const what = `${fleet.length} images twice, near stops after ${BEFORE_STOP}`;
  await scene.check(skopeo.name, place, what, async () => {
    const { testimony } = await witness(stores, async () => {
      for (const [at, { digest, name }] of [...fleet, ...fleet].entries()) {
        if (at === BEFORE_STOP) await stores.near[Symbol.asyncDispose]();
        assertEquals(await skopeo.pull(place, { name }, `@${digest}`), digest);
      }
    });
    return [countBlobs(testimony)];
  });
}
