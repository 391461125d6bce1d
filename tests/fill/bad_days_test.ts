/** Days on which nothing is as it should be: odd manifests, and connections that break. */

import { assert, assertEquals } from "@std/assert";
import { openConnection } from "../../lib/fill/stores/connection.ts";
import { isComplete } from "../../lib/fill/tally.ts";
import { runFill } from "./filling.ts";
import {
  addImage,
  addIndex,
  addManifest,
  bytesOf,
  createBytes,
  createMemorySource,
  createMemoryStore,
  createRepository,
  digestOf,
  type MemoryRepository,
} from "./fixture.ts";

const SMALL = createBytes(1000, 2);
const LARGE = createBytes(1_200_000, 1);

async function fillApp(app: MemoryRepository) {
  const source = createMemorySource({ app });
  const near = createMemoryStore("near");
  const tally = await runFill({ source, stores: { near }, repositories: ["app"] });
  return { source, near, tally };
}

Deno.test("indexes nested ten deep, and every image in them, are walked once", async () => {
  const app = createRepository();
  let index = addIndex(app, [addImage(app, [SMALL])]);
  for (let depth = 0; depth < 10; depth++) {
    index = addIndex(app, [index, addImage(app, [createBytes(10, depth + 5)]), index]);
  }
  app.tags.set("v1", index);
  const { source, near, tally } = await fillApp(app);
  assert(isComplete(tally));
  assertEquals(near.objects.size, app.blobs.size);
  const read = source.asked.filter((one) => one.startsWith("manifest "));
  assertEquals(read.length, app.manifests.size);
});

Deno.test("manifests that refer to each other in circles are walked once", async () => {
  const app = createRepository();
  const first = addImage(app, [SMALL]);
  const second = addImage(app, [bytesOf("what refers to it")]);
  app.referrers.set(first, [second, first]);
  app.referrers.set(second, [first, second]);
  app.tags.set("v1", first);
  const { source, near, tally } = await fillApp(app);
  assert(isComplete(tally));
  assertEquals(near.objects.size, app.blobs.size);
  assertEquals(source.asked.filter((one) => one.startsWith("manifest ")).length, 2);
});

Deno.test("an index that is not what its digest says leads nowhere", async () => {
  const app = createRepository();
  const index = addIndex(app, [addImage(app, [SMALL])]);
  // A circle can only be made of bytes with another digest.
  const text = `{"manifests":[{"digest":"${index}","size":1}]}`;
  app.manifests.set(index, bytesOf(text));
  app.tags.set("v1", index);
  const { near, tally } = await fillApp(app);
  assertEquals([isComplete(tally), near.objects.size], [false, 0]);
});

Deno.test("the layers of schema 1, whose sizes nobody tells, are copied", async () => {
  const app = createRepository();
  for (const bytes of [SMALL, LARGE]) app.blobs.set(digestOf(bytes), bytes);
  const fsLayers = [SMALL, LARGE, SMALL].map((bytes) => ({ blobSum: digestOf(bytes) }));
  app.tags.set("v1", addManifest(app.manifests, JSON.stringify({ schemaVersion: 1, fsLayers })));
  const { near, tally } = await fillApp(app);
  assert(isComplete(tally));
  assertEquals(near.objects, app.blobs);
});

Deno.test("a blob without an end is broken off, and is no object", async () => {
  const app = createRepository();
  app.tags.set("v1", addImage(app, [SMALL]));
  for (const size of [undefined, SMALL.length]) {
    const source = createMemorySource({ app });
    let sent = 0;
    source.blob = () => {
      const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
        pull(controller) {
          sent += SMALL.length;
          controller.enqueue(SMALL.slice());
        },
      });
      return Promise.resolve({ kind: "open", from: 0, size, body });
    };
    const near = createMemoryStore("near");
    const tally = await runFill({ source, stores: { near }, repositories: ["app"] });
    assertEquals([isComplete(tally), near.objects.size], [false, 0]);
    assert(sent < 100 * SMALL.length, `${sent} bytes were read`);
  }
});

Deno.test("a source that breaks at any byte costs that try alone", async () => {
  for (let after = 0; after <= SMALL.length; after += 7) {
    const app = createRepository();
    app.tags.set("v1", addImage(app, [SMALL]));
    const source = createMemorySource({ app });
    let broken = false;
    source.fault = (request) => {
      if (broken || !request.startsWith(`blob app ${digestOf(SMALL)}`)) return undefined;
      broken = true;
      return { kind: "break", after };
    };
    const near = createMemoryStore("near");
    const tally = await runFill({ source, stores: { near }, repositories: ["app"] });
    assert(broken && isComplete(tally), `after ${after} bytes`);
    assertEquals(near.objects, app.blobs);
  }
});

Deno.test("a store that says another length than it has gets each blob once a run", async () => {
  const app = createRepository();
  app.tags.set("v1", addImage(app, [SMALL]));
  const source = createMemorySource({ app });
  const near = createMemoryStore("near");
  near.list = ({ onBlob }) => {
    for (const digest of near.objects.keys()) onBlob({ digest, size: 7, writtenMs: 0 });
    return Promise.resolve({ kind: "done" });
  };
  for (let run = 1; run <= 2; run++) {
    await runFill({ source, stores: { near }, repositories: ["app"] });
    assertEquals(near.written, run * app.blobs.size);
    assertEquals(near.wrong, []);
  }
});

/** A server that reads so many bytes of a request, or its whole head to answer it, and closes. */
function serveCutting({ reads = Infinity, answer = "" }) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    using connection = await listener.accept();
    const buffer = new Uint8Array(1);
    let head = "";
    while (head.length < reads && !head.endsWith("\r\n\r\n")) {
      if (await connection.read(buffer) === null) break;
      head += String.fromCharCode(buffer[0]!);
    }
    if (answer !== "") await connection.write(bytesOf(answer));
  })();
  return {
    url: new URL(`http://127.0.0.1:${listener.addr.port}/blobs/key`),
    async [Symbol.asyncDispose]() {
      await serving;
      listener.close();
    },
  };
}

/** The status of the answer to a request, or `undefined` if there is none. */
async function tryPut(url: URL, body: Uint8Array<ArrayBuffer>): Promise<number | undefined> {
  const headers = new Headers();
  const connection = await openConnection({ method: "PUT", url, headers, length: body.length })
    .catch(() => undefined);
  if (connection === undefined) return undefined;
  try {
    await connection.write(body).catch(() => {});
    return (await connection.answer).status;
  } catch {
    return undefined;
  } finally {
    connection.close();
  }
}

Deno.test("a request to a store that is cut at any byte has no answer", async () => {
  const answer = "HTTP/1.1 200 OK\r\netag: x\r\ncontent-length: 0\r\n\r\n";
  for (let reads = 0; reads < 100; reads++) {
    await using server = serveCutting({ reads });
    assertEquals(await tryPut(server.url, SMALL), undefined);
  }
  for (let sent = 0; sent <= answer.length; sent++) {
    await using server = serveCutting({ answer: answer.slice(0, sent) });
    const expected = sent < answer.length ? undefined : 200;
    assertEquals(await tryPut(server.url, new Uint8Array()), expected);
  }
});
