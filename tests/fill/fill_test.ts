import { assert, assertEquals } from "@std/assert";
import { isComplete, lackOf, type Tally } from "../../lib/fill/tally.ts";
import { failed, failedForGood } from "../../lib/fill/failure.ts";
import {
  addImage,
  addIndex,
  bytesOf,
  createBytes,
  createMemoryCache,
  createMemorySource,
  createMemoryStore,
  createRepository,
  digestOf,
  type SourceFault,
  type StoreFault,
} from "./fixture.ts";
import { runFill } from "./filling.ts";

const LARGE = createBytes(3_000_000, 1);
const SMALL = createBytes(1000, 2);

/** A repository with an image of two platforms, shared layers, a referrer and a signature. */
function createApp() {
  const app = createRepository();
  const one = addImage(app, [LARGE, SMALL]);
  const other = addImage(app, [LARGE, bytesOf("of the other platform")]);
  const index = addIndex(app, [one, other]);
  const signature = addImage(app, [bytesOf("signature")], { subject: { digest: index } });
  const byTag = addImage(app, [bytesOf("signature by tag")]);
  app.tags.set("v1", index);
  app.tags.set(`${index.replace(":", "-")}.sig`, byTag);
  app.referrers.set(index, [signature]);
  return app;
}

function isFull(tally: Tally): boolean {
  return isComplete(tally) && [...tally.mirrors.values()].every((mirror) => lackOf(mirror) === 0);
}

Deno.test("fill() copies all platforms, referrers and signatures to every store", async () => {
  const app = createApp();
  const source = createMemorySource({ app });
  const near = createMemoryStore("near");
  const far = createMemoryStore("far");
  const tally = await runFill({ source, stores: { near, far }, repositories: ["app"] });
  assert(isFull(tally), JSON.stringify([...tally.mirrors]));
  assertEquals([...near.objects.keys()].toSorted(), [...app.blobs.keys()].toSorted());
  assertEquals(far.objects, near.objects);
  assertEquals([...near.wrong, ...far.wrong], []);
  const reads = source.asked.filter((request) => request.startsWith("blob "));
  assertEquals(reads.length, app.blobs.size, "each blob is read once");
});

Deno.test("a second fill asks for tags and their digests alone", async () => {
  const app = createApp();
  const source = createMemorySource({ app });
  source.hasReferrers = false;
  const near = createMemoryStore("near");
  const options = { cache: createMemoryCache() };
  await runFill({ source, stores: { near }, repositories: ["app"], options });
  source.asked.length = 0;
  near.written = 0;
  const tally = await runFill({ source, stores: { near }, repositories: ["app"], options });
  assert(isFull(tally));
  assertEquals(near.written, 0);
  assertEquals(near.listed, 2);
  const kinds = source.asked.map((request) => request.split(" ")[0]);
  assertEquals(kinds.filter((kind) => kind === "manifest" || kind === "blob"), []);
  assertEquals(kinds.filter((kind) => kind === "digest").length, 2);
  assertEquals(kinds.filter((kind) => kind === "referrers").length, 1, kinds.join());
});

Deno.test("fill() leaves no wrong object, whatever a source sends", async () => {
  const size = LARGE.length;
  const large = digestOf(LARGE);
  const table: { name: string; faults: (SourceFault | undefined)[]; complete: boolean }[] = [
    { name: "break", faults: [{ kind: "break", after: 1_234_567 }], complete: true },
    { name: "break at 0", faults: [{ kind: "break", after: 0 }], complete: true },
    { name: "break at the end", faults: [{ kind: "break", after: size }], complete: true },
    { name: "wrong once", faults: [{ kind: "wrong", at: size - 1 }], complete: true },
    {
      name: "wrong always",
      faults: Array(9).fill({ kind: "wrong", at: 5 }),
      complete: false,
    },
    {
      name: "short",
      faults: Array(9).fill({ kind: "length", by: -1, told: true }),
      complete: false,
    },
    { name: "long", faults: Array(9).fill({ kind: "length", by: 1, told: true }), complete: false },
    {
      name: "long, untold",
      faults: Array(9).fill({ kind: "length", by: 70_000, told: false }),
      complete: false,
    },
    { name: "untold", faults: [{ kind: "length", by: 0, told: false }], complete: true },
    { name: "429", faults: [failed("429", 60_000), failed("429", 1000)], complete: true },
    { name: "503", faults: [failed("503"), failed("503")], complete: true },
    { name: "403", faults: [failedForGood("403")], complete: false },
    { name: "404", faults: Array(9).fill({ kind: "missing" }), complete: false },
  ];
  for (const { name, faults, complete } of table) {
    const app = createApp();
    const source = createMemorySource({ app });
    source.fault = (request) => request.includes(`blob app ${large}`) ? faults.shift() : undefined;
    const near = createMemoryStore("near");
    const far = createMemoryStore("far");
    const tally = await runFill({ source, stores: { near, far }, repositories: ["app"] });
    assertEquals(isFull(tally), complete, name);
    assertEquals([...near.wrong, ...far.wrong], [], name);
    const expected = app.blobs.size - (complete ? 0 : 1);
    assertEquals([near.objects.size, far.objects.size], [expected, expected], name);
    const { failed: count, left } = tally.mirrors.get("near")!;
    assertEquals(count + left, complete ? 0 : 1, name);
  }
});

Deno.test("a store that fails does not keep the others from being filled", async () => {
  const table: { name: string; fault: StoreFault; complete: boolean; once: boolean }[] = [
    { name: "refuses", fault: failedForGood("403 AccessDenied"), complete: false, once: false },
    { name: "fails", fault: failed("500"), complete: false, once: false },
    { name: "fails once", fault: failed("500"), complete: true, once: true },
    { name: "slow down", fault: failed("503 SlowDown", 300_000), complete: true, once: true },
    { name: "is silent", fault: { kind: "unanswered" }, complete: true, once: true },
    { name: "stalls", fault: { kind: "stall", after: 100_000 }, complete: false, once: false },
    { name: "stalls once", fault: { kind: "stall", after: 100_000 }, complete: true, once: true },
  ];
  for (const { name, fault, complete, once } of table) {
    const app = createApp();
    const source = createMemorySource({ app });
    const good = createMemoryStore("good");
    const bad = createMemoryStore("bad");
    const seen = new Set<string>();
    bad.fault = (digest) => {
      const isFirst = !seen.has(digest);
      seen.add(digest);
      return !once || isFirst ? fault : undefined;
    };
    const tally = await runFill({ source, stores: { good, bad }, repositories: ["app"] });
    assertEquals(lackOf(tally.mirrors.get("good")!), 0, name);
    assertEquals(good.objects.size, app.blobs.size, name);
    assertEquals(isFull(tally), complete, name);
    assertEquals([...good.wrong, ...bad.wrong], [], name);
    if (complete) assertEquals(bad.objects.size, app.blobs.size, name);
  }
});

Deno.test("a dry run compares, and writes nothing", async () => {
  const app = createApp();
  const source = createMemorySource({ app });
  const near = createMemoryStore("near");
  near.objects.set(digestOf(LARGE), LARGE);
  const request = { dryRun: true };
  const tally = await runFill({ source, stores: { near }, repositories: ["app"], request });
  const { had, missing } = tally.mirrors.get("near")!;
  assertEquals([had, missing], [1, app.blobs.size - 1]);
  assertEquals(near.written, 0);
  assert(!isComplete(tally));
});

Deno.test("an object that was cut off is written anew", async () => {
  const app = createApp();
  const source = createMemorySource({ app });
  const near = createMemoryStore("near");
  near.objects.set(digestOf(LARGE), LARGE.slice(0, 1000));
  near.objects.set(digestOf(SMALL), new Uint8Array());
  const tally = await runFill({ source, stores: { near }, repositories: ["app"] });
  assert(isFull(tally));
  assertEquals(near.objects.get(digestOf(LARGE)), LARGE);
  assertEquals(near.objects.get(digestOf(SMALL)), SMALL);
});

Deno.test("a manifest that lies about a size costs one copy, not one a run", async () => {
  const app = createRepository();
  const image = addImage(app, [SMALL], {
    layers: [{ mediaType: "x", digest: digestOf(SMALL), size: 5 }],
  });
  app.tags.set("v1", image);
  const source = createMemorySource({ app });
  const near = createMemoryStore("near");
  const first = await runFill({ source, stores: { near }, repositories: ["app"] });
  assert(isFull(first));
  assertEquals([...first.trueSizes], [[digestOf(SMALL), SMALL.length]]);
  near.written = 0;
  const options = { trueSizes: first.trueSizes };
  const second = await runFill({ source, stores: { near }, repositories: ["app"], options });
  assert(isFull(second));
  assertEquals(near.written, 0);
});

Deno.test("misses are filled alone, of repositories that are to be filled", async () => {
  const app = createApp();
  const source = createMemorySource({ app });
  const near = createMemoryStore("near");
  const digest = digestOf(SMALL);
  const request = { misses: [{ name: "app", digest }, { name: "other", digest }] };
  const tally = await runFill({ source, stores: { near }, repositories: ["app"], request });
  assertEquals([...near.objects.keys()], [digest]);
  assertEquals(tally.warnings, 1);
  assertEquals(source.asked, [`blob app ${digest}`]);
});

Deno.test("--max-bytes ends it, and tells what is left", async () => {
  const app = createApp();
  const source = createMemorySource({ app });
  const near = createMemoryStore("near");
  const options = { maxBytes: 100_000 };
  const tally = await runFill({ source, stores: { near }, repositories: ["app"], options });
  assertEquals(near.objects.has(digestOf(LARGE)), false);
  assertEquals(near.objects.size, app.blobs.size - 1);
  assertEquals(tally.mirrors.get("near")!.left, 1);
});
