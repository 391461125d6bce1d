/**
 * The S3 store against a real server.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { Store, StoredBlob } from "../../../lib/fill/store.ts";
import { createCredentials } from "../../../lib/fill/stores/credentials.ts";
import { createS3Store, type S3StoreOptions } from "../../../lib/fill/stores/s3.ts";
import { createBytes, digestOf, piecesOf } from "../../fill/fixture.ts";
import { createTempFolder } from "../temp_folder.ts";
import { S3_ENVIRONMENT, startS3Server, tryBuild } from "./s3_server.ts";

const never = new AbortController().signal;

function createStore(url: string, more: Partial<S3StoreOptions> = {}): Store {
  const environment: Record<string, string> = S3_ENVIRONMENT;
  return createS3Store({
    bucket: { endpoint: url, region: "us-east-1", bucket: "blobs", style: "path" },
    key: "images/{digest}",
    journal: createJournal(),
    fetch,
    credentials: createCredentials({
      environment: (variable) => environment[variable],
      readText: Deno.readTextFile,
      fetch,
      region: "us-east-1",
      timeOfDay: Date.now,
      timeout: AbortSignal.timeout,
    }),
    turn: () => Promise.resolve(),
    timeOfDay: Date.now,
    later(ms, work) {
      const timer = setTimeout(work, ms);
      return () => clearTimeout(timer);
    },
    ...more,
  });
}

function createJournal() {
  const left = new Set<string>();
  return {
    left,
    began: (id: string) => Promise.resolve(void left.add(id)),
    ended: (id: string) => Promise.resolve(void left.delete(id)),
  };
}

async function list(store: Store): Promise<StoredBlob[]> {
  const blobs: StoredBlob[] = [];
  const outcome = await store.list({ onBlob: (blob) => blobs.push(blob), signal: never });
  assertEquals(outcome, { kind: "done" });
  return blobs;
}

async function upload(store: Store, bytes: Uint8Array<ArrayBuffer>, digest = digestOf(bytes)) {
  const upload = store.begin(digest, bytes.length, never);
  for (const piece of piecesOf(bytes, 65_536)) {
    const written = await upload.write(piece);
    if (written.kind === "failed") {
      await upload.abort();
      return written;
    }
  }
  return await upload.finish();
}

Deno.test("the S3 store against versitygw", async (test) => {
  const why = await tryBuild();
  if (why !== undefined) {
    console.error(`skipped: ${why}`);
    return;
  }
  await using folder = await createTempFolder();
  await using server = await startS3Server(`${folder.path}/s3`, { buckets: ["blobs"] });
  const store = createStore(server.url);
  const large = createBytes(3_000_000, 1);
  const small = createBytes(1000, 2);

  await test.step("writes streamed and whole, and lists both", async () => {
    assertEquals(await upload(store, large), { kind: "done" });
    assertEquals(await store.put(digestOf(small), small, never), { kind: "done" });
    const sha512 = digestOf(small, "sha512");
    assertEquals(await upload(store, small, sha512), { kind: "done" });
    const listed = (await list(store)).map(({ digest, size }) => `${digest} ${size}`);
    const expected = [
      `${digestOf(large)} ${large.length}`,
      `${digestOf(small)} ${small.length}`,
      `${sha512} ${small.length}`,
    ];
    assertEquals(listed.toSorted(), expected.toSorted());
    const path = `${server.folderOf("blobs")}/images/${digestOf(large)}`;
    assertEquals(digestOf(await Deno.readFile(path)), digestOf(large));
  });

  await test.step("serves what it was told about objects", async () => {
    const signed = await fetch(`${server.url}/blobs/images/${digestOf(small)}`);
    await signed.body?.cancel();
    assertEquals(signed.status, 403, "the bucket is private");
  });

  await test.step("makes no object of a wrong byte, or of too few", async () => {
    const wrong = large.slice();
    wrong[7]! ^= 1;
    const digest = digestOf(createBytes(3_000_000, 3));
    const outcome = await upload(store, wrong, digest);
    assert(outcome.kind === "failed", "the store checks, too");
    const broken = store.begin(digest, large.length, never);
    await broken.write(large.slice(0, 2_000_000));
    await broken.abort();
    await new Promise((resolve) => setTimeout(resolve, 200));
    assertEquals((await list(store)).some((blob) => blob.digest === digest), false);
  });

  await test.step("writes in parts, and completes only what is whole", async () => {
    const journal = createJournal();
    const sizes = { single: 5 * 1024 ** 2, part: 5 * 1024 ** 2 };
    const parts = createStore(server.url, { journal, sizes });
    const bytes = createBytes(12_000_000, 4);
    assertEquals(await upload(parts, bytes), { kind: "done" });
    assertEquals([...journal.left], []);
    const path = `${server.folderOf("blobs")}/images/${digestOf(bytes)}`;
    assertEquals(digestOf(await Deno.readFile(path)), digestOf(bytes));

    const other = digestOf(createBytes(10, 5));
    const killed = parts.begin(other, bytes.length, never);
    await killed.write(bytes.slice(0, 7_000_000));
    assertEquals(journal.left.size, 1);
    // The program is killed: a later run finds the id in the journal.
    assertEquals(await parts.tidy(never), { kind: "done" });
    assertEquals([...journal.left], []);
    await killed.abort();
    assertEquals((await list(parts)).some((blob) => blob.digest === other), false);
  });

  await test.step("lists thousands, a thousand a request", async () => {
    let turns = 0;
    const turn = () => Promise.resolve(void turns++);
    const many = createStore(server.url, { turn, key: "many/{algorithm}/{hex:2}/{hex}/data" });
    for (let at = 0; at < 2100; at++) {
      const hex = at.toString(16).padStart(64, "0");
      const folder = `${server.folderOf("blobs")}/many/sha256/${hex.slice(0, 2)}/${hex}`;
      await Deno.mkdir(folder, { recursive: true });
      await Deno.writeTextFile(`${folder}/data`, "x");
    }
    await Deno.writeTextFile(`${server.folderOf("blobs")}/many/other`, "x");
    assertEquals((await list(many)).length, 2100);
    assertEquals(turns, 3);
  });

  await test.step("tells what is wrong", async () => {
    const bucket = { endpoint: server.url, region: "us-east-1", bucket: "none", style: "path" };
    const none = createStore(server.url, { bucket: { ...bucket, style: "path" } });
    const outcome = await none.put(digestOf(small), small, never);
    assert(outcome.kind === "failed" && outcome.lasting);
    assert(outcome.reason.includes("NoSuchBucket"), outcome.reason);
    const streamed = await upload(none, large);
    assert(streamed.kind === "failed");
    assert(/NoSuchBucket|reset|closed|broken/i.test(streamed.reason), streamed.reason);
  });

  await test.step("deletes what it is told to", async () => {
    assertEquals(await store.remove([digestOf(small)], never), { kind: "done" });
    assertEquals((await list(store)).some(({ digest }) => digest === digestOf(small)), false);
  });
});
