import { assert, assertEquals, assertRejects } from "@std/assert";
import { createAskedMirror } from "../../lib/fill/asked_mirror.ts";
import { failed, failedForGood, wrongBlob } from "../../lib/fill/failure.ts";
import { copyBlob, type Target } from "../../lib/fill/copy_blob.ts";
import { createLane } from "../../lib/fill/lane.ts";
import { createLimits } from "../../lib/fill/limits.ts";
import { createManifests } from "../../lib/fill/manifests.ts";
import { createPlan } from "../../lib/fill/plan.ts";
import { openReading } from "../../lib/fill/read_blob.ts";
import { createFinder, listRepositories } from "../../lib/fill/repositories.ts";
import { createFailureReader } from "../../lib/fill/registry_answers.ts";
import type { Opened } from "../../lib/fill/source.ts";
import { DONE, type Done } from "../../lib/fill/store.ts";
import { isComplete } from "../../lib/fill/tally.ts";
import { deleteBlobs, findSurplus } from "../../lib/fill/prune.ts";
import type { Answer } from "../../lib/mirrors/answer.ts";
import { createVirtualClock } from "../mirrors/virtual_clock.ts";
import { drive, repositoryOf, runFill } from "./filling.ts";
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
  hashes,
  streamOf,
} from "./fixture.ts";

const never = new AbortController().signal;
const LARGE = createBytes(2_000_000, 1);
const SMALL = createBytes(1000, 2);

Deno.test("a mirror without a store is asked within limits, and given up when it fails", async () => {
  const clock = createVirtualClock(0);
  const limits = createLimits({ bounds: { inFlight: 2, requestsPerS: 100 }, ...clock });
  const answered = (status: number, length?: number, retryAfterMs?: number): Answer => ({
    kind: "answered",
    status,
    length,
    archived: false,
    retryAfterMs,
  });
  const answers: Answer[] = [
    answered(200, 1000),
    answered(200),
    answered(404),
    answered(503, 0, 7000),
    { kind: "failed", reason: "reset" },
  ];
  const mirror = createAskedMirror({
    mirror: {
      number: 0,
      name: "cdn",
      url: "https://cdn.example/{digest}",
      template: undefined,
      fallbackLimit: Infinity,
    },
    asker: { head: () => Promise.resolve(answers.shift()!) },
    limits,
  });
  const blob = { digest: digestOf(SMALL), sizes: [], origins: [repositoryOf("app").origin] };
  const got = [];
  for (let count = 0; count < 5; count++) got.push(await drive(mirror.ask(blob, never), clock));
  assertEquals(got, [
    { kind: "found", value: 1000 },
    { kind: "found", value: undefined },
    { kind: "missing" },
    failed("status 503", 7000),
    failed("reset"),
  ]);
  assert(clock.now() >= 7000);

  const app = createRepository();
  for (let count = 0; count < 20; count++) {
    app.tags.set(`v${count}`, addImage(app, [createBytes(10, count + 1)]));
  }
  const source = createMemorySource({ app });
  const asked = new Map([["cdn", { ask: () => Promise.resolve(failed("reset")) }]]);
  const tally = await runFill({ source, stores: {}, repositories: ["app"], options: { asked } });
  assertEquals(tally.mirrors.get("cdn")!.unknown, "it cannot be asked: reset");
  assertEquals(isComplete(tally), false);
});

Deno.test("a store that cannot be listed is not written to", async () => {
  const app = createRepository();
  app.tags.set("v1", addImage(app, [SMALL]));
  const source = createMemorySource({ app });
  const near = createMemoryStore("near");
  near.list = () => Promise.resolve(failedForGood("403"));
  const tally = await runFill({ source, stores: { near }, repositories: ["app"] });
  assertEquals(tally.mirrors.get("near")!.unknown, "it cannot be listed: 403");
  assertEquals(near.written, 0);
});

Deno.test("what throws for another reason than the end is thrown", async () => {
  const source = createMemorySource({ app: createRepository() });
  source.tags = () => Promise.reject(new TypeError("a bug"));
  const near = createMemoryStore("near");
  await assertRejects(
    () => runFill({ source, stores: { near }, repositories: ["app"] }),
    TypeError,
  );
});

Deno.test("an interrupted plan is not complete", async () => {
  const source = createMemorySource({ app: createRepository() });
  const stop = new AbortController();
  stop.abort(new Error("stopped"));
  const near = createMemoryStore("near");
  const options = { signal: stop.signal };
  const tally = await runFill({ source, stores: { near }, repositories: ["app"], options });
  assertEquals([isComplete(tally), tally.isCompared], [false, false]);
  assertEquals(tally.firstFailures.at(-1), { place: "the run", reason: "it was interrupted" });
});

Deno.test("an odd manifest costs nothing but what it names", async () => {
  const app = createRepository();
  const good = addImage(app, [SMALL]);
  const put = (text: string) => {
    const bytes = bytesOf(text);
    app.manifests.set(digestOf(bytes), bytes);
    return digestOf(bytes);
  };
  const unknown = put('{"mediaType":"x/y"}');
  const blob = bytesOf("a layer of a cache");
  app.blobs.set(digestOf(blob), blob);
  const missing = digestOf(bytesOf("nowhere"));
  const index = put(JSON.stringify({
    manifests: [
      { digest: good },
      { digest: unknown },
      { digest: missing, mediaType: "application/vnd.oci.image.manifest.v1+json" },
      { digest: digestOf(blob), mediaType: "application/vnd.buildkit.layer", size: blob.length },
      { digest: "none" },
    ],
    layers: [{ digest: good, urls: ["https://x.example"], mediaType: "a.foreign.b" }],
  }));
  app.tags.set("v1", index);
  app.tags.set("gone", "sha256:gone");
  app.tags.set("odd", digestOf(bytesOf("deleted")));
  const source = createMemorySource({ app });
  const digests: (string | undefined)[] = [undefined];
  const { digestOf: ask } = source;
  source.digestOf = (name, tag, signal) =>
    tag === "odd" && digests.length > 0
      ? Promise.resolve({ kind: "missing" })
      : ask(name, tag, signal);
  const near = createMemoryStore("near");
  const tally = await runFill({ source, stores: { near }, repositories: ["app"] });
  assertEquals(near.objects.size, app.blobs.size);
  assertEquals(tally.foreign, 1);
  assertEquals(tally.firstFailures, [{ place: "app:gone", reason: 'its digest is "sha256:gone"' }]);
  assertEquals(tally.firstWarnings.map(({ reason }) => reason).toSorted(), [
    'a descriptor\'s digest must be sha256 or sha512, not "none"',
    'it is of an unknown type "x/y"',
    "the upstream does not have it",
    "the upstream does not have this manifest",
  ]);
  assertEquals(tally.unreadable, 1);
});

Deno.test("lists that fail are told: tags, digests, manifests, referrers, signatures elsewhere", async () => {
  const app = createRepository();
  app.tags.set("v1", addImage(app, [SMALL]));
  const table = [
    { of: "tags app", place: "app" },
    { of: "digest app v1", place: "app:v1" },
    { of: "manifest app", place: `app:v1@${app.tags.get("v1")}` },
    { of: "referrers app", place: `the referrers of app@${app.tags.get("v1")}` },
  ];
  for (const { of, place } of table) {
    const source = createMemorySource({ app });
    source.fault = (request) => request.startsWith(of) ? failedForGood("403") : undefined;
    const near = createMemoryStore("near");
    const tally = await runFill({ source, stores: { near }, repositories: ["app"] });
    assertEquals(tally.firstFailures, [{ place, reason: "403" }]);
  }
  const source = createMemorySource({ app });
  const signatures = createRepository();
  const signed = createMemorySource({ app: signatures }, "signatures.example");
  const tag = `${app.tags.get("v1")!.replace(":", "-")}.sig`;
  signatures.tags.set(tag, addImage(signatures, [bytesOf("a signature")]));
  const { origin, ...rest } = repositoryOf("app");
  const repository = { ...rest, origin, signatures: { ...origin, source: "signatures" } };
  const run = async () => {
    const near = createMemoryStore("near");
    const options = { sources: new Map([["main", source], ["signatures", signed]]) };
    const request = { list: () => Promise.resolve([repository]) };
    const tally = await runFill({ source, stores: { near }, repositories: [], options, request });
    return { near, tally };
  };
  const good = await run();
  assert(good.near.objects.has(digestOf(bytesOf("a signature"))));
  signed.fault = () => failedForGood("403");
  const { tally } = await run();
  assert(tally.firstFailures.some(({ place }) => place === "the signatures of app"));
  const miss = { name: "app", digest: digestOf(bytesOf("a signature")) };
  signed.fault = () => undefined;
  const near = createMemoryStore("near");
  await runFill({
    source,
    stores: { near },
    repositories: [],
    options: { sources: new Map([["main", source], ["signatures", signed]]) },
    request: { find: () => repository, misses: [miss] },
  });
  assertEquals([...near.objects.keys()], [miss.digest]);
});

Deno.test("listRepositories() asks upstreams for names only where patterns leave them open", async () => {
  const main = createMemorySource({
    "acme/app": createRepository(),
    "acme/charts/web": createRepository(),
    "acme/charts/No": createRepository(),
    "acme/secret": createRepository(),
    other: createRepository(),
  });
  const failures: string[] = [];
  const options = {
    sources: new Map([["main", main]]),
    signal: never,
    onFailure: (place: string, reason: string) => void failures.push(`${place}: ${reason}`),
  };
  const places = [
    { pattern: "app", as: "acme/app", source: "main" },
    { pattern: "charts/*", as: "acme/charts/*", source: "main", signatures: "signatures" },
    { pattern: "x/*", as: "acme/*", source: "main" },
  ];
  const names = async (patterns: readonly string[]) =>
    (await listRepositories(places, patterns, options)).map(({ name }) => name).toSorted();
  assertEquals(await names(["app", "charts/other", "nowhere"]), ["app", "charts/other"]);
  assertEquals(main.asked, []);
  assertEquals(await names(["*"]), [
    "app",
    "charts/web",
    "x/app",
    "x/charts/web",
    "x/secret",
  ]);
  assertEquals(main.asked, ["repositories"]);
  assertEquals(await names(["charts/*"]), ["charts/web"]);
  assertEquals(await names(["charts/w*"]), ["charts/web"]);
  assertEquals(createFinder(places, ["charts/*"])("charts/web")?.signatures?.source, "signatures");
  assertEquals(createFinder(places, ["charts/*"])("app"), undefined);
  main.fault = () => failed("500");
  assertEquals(await names(["x/*"]), []);
  main.fault = () => ({ kind: "missing" });
  assertEquals(await names(["x/*"]), []);
  assertEquals(failures, [
    "the repositories of main: 500; name each of them in fill.repositories if it lists none",
    "the repositories of main: it has no list of repositories; name each of them in " +
    "fill.repositories if it lists none",
  ]);
});

Deno.test("places are taken in turn, and given up when nobody waits any more", async () => {
  const clock = createVirtualClock(0);
  const limits = createLimits({ bounds: { inFlight: 1, requestsPerS: 10 }, ...clock });
  const leaveA = await limits.enter(["a", "a"], never);
  const order: string[] = [];
  const entering = (name: string, hosts: readonly string[], signal = never) =>
    limits.enter(hosts, signal).then((leave) => {
      order.push(name);
      return leave;
    });
  const stop = new AbortController();
  const both = entering("both", ["a", "b"]);
  const stopped = entering("stopped", ["a"], stop.signal);
  const other = entering("other", ["b"]);
  (await other)();
  stop.abort(new Error("stopped"));
  await assertRejects(() => stopped, Error, "stopped");
  leaveA();
  (await both)();
  assertEquals(order, ["other", "both"]);
  const pausing = new AbortController();
  limits.pause("a", 10_000);
  const turn = limits.turn("a", pausing.signal);
  pausing.abort(new Error("stopped"));
  await assertRejects(() => turn, Error, "stopped");
});

Deno.test("a lane fails when its upload throws, and drops what comes after", async () => {
  const clock = createVirtualClock(0);
  const upload = {
    write: () => Promise.reject(new Error("reset")),
    finish: () => Promise.resolve(DONE),
    abort: () => Promise.resolve(),
  };
  const lane = createLane(upload, {
    mayGo: () => Promise.resolve(),
    onSent() {},
    later: clock.later,
  });
  lane.push(SMALL);
  assertEquals(await lane.finish(), failed("reset"));
  lane.push(SMALL);
  assertEquals([lane.isFull(), lane.failure()], [false, failed("reset")]);
});

Deno.test("an upload that is given up while it waits for its turn is not begun, and is gone when that is told", async () => {
  const { promise: turn, resolve: take } = Promise.withResolvers<void>();
  const { promise: removed, resolve: remove } = Promise.withResolvers<void>();
  const log: string[] = [];
  const lane = createLane({
    write: () => Promise.resolve((log.push("write"), DONE)),
    finish: () => Promise.resolve(DONE),
    abort: () => removed.then(() => void log.push("removed")),
  }, { mayGo: () => turn, onSent() {}, later: createVirtualClock(0).later });
  lane.push(SMALL);
  const given = [lane.abort(failed("first")), lane.abort(failed("second"))];
  const told = Promise.race(given).then(() => log.push("told"));
  take();
  await new Promise((go) => setTimeout(go, 0));
  remove();
  await told;
  assertEquals(await Promise.all([...given, lane.finish()]), Array(3).fill(failed("first")));
  assertEquals(log, ["removed", "told"]);
});

function openedOf(more: Partial<Extract<Opened, { kind: "open" }>>): Opened {
  return { kind: "open", from: 0, size: LARGE.length, body: streamOf([LARGE]), ...more };
}

Deno.test("a blob that cannot be read to its end is a failure of its own", async () => {
  const digest = digestOf(LARGE);
  const broken = () => openedOf({ body: streamOf([LARGE.slice(0, 1000)], new Error("reset")) });
  const table: { opened: Opened[]; claimed?: number; expected: unknown }[] = [
    {
      opened: [openedOf({ size: undefined })],
      expected: wrongBlob("neither a manifest nor the upstream tells its size", true),
    },
    {
      opened: [openedOf({ from: 5 })],
      expected: wrongBlob("the upstream begins in the middle of it"),
    },
    {
      opened: [broken(), { kind: "missing" }],
      expected: wrongBlob("it vanished from the upstream"),
    },
    { opened: [broken(), failedForGood("403")], expected: failedForGood("403") },
    {
      opened: [broken(), openedOf({ size: 5 })],
      expected: wrongBlob("the upstream goes on with another length or at another byte"),
    },
    { opened: [broken(), ...Array(9).fill(failed("500"))], expected: failed("500") },
    { opened: [broken(), openedOf({})], expected: undefined },
  ];
  for (const { opened, claimed, expected } of table) {
    const clock = createVirtualClock(0);
    const open = () => Promise.resolve(opened.shift()!);
    const reading = await openReading(
      { digest, claimed, open },
      { createHash: hashes, ...clock },
      never,
    );
    if (reading.kind !== "reading") {
      assertEquals(reading as unknown, expected);
      continue;
    }
    const read = async () => {
      for (;;) {
        const bytes = await reading.next();
        if (bytes === undefined || "kind" in bytes) return bytes;
      }
    };
    assertEquals(await drive(read(), clock) as unknown, expected);
    reading.cancel();
  }
});

Deno.test("a source that sends nothing any more, or too slowly, is not waited for", async () => {
  const clock = createVirtualClock(0);
  const stuck = () => openedOf({ body: new ReadableStream() });
  const open = () => Promise.resolve(stuck());
  const reading = await openReading(
    { digest: digestOf(LARGE), claimed: undefined, open },
    { createHash: hashes, ...clock },
    never,
  );
  assert(reading.kind === "reading");
  assertEquals(
    await drive(reading.next(), clock) as unknown,
    failed("the upstream sends too slowly, or nothing any more"),
  );
});

Deno.test("a manifest is checked, cached, and read again where the cache lies", async () => {
  const app = createRepository();
  const digest = addImage(app, [SMALL]);
  const source = createMemorySource({ app });
  const cache = createMemoryCache();
  const get = createManifests({ cache, createHash: hashes, signal: never });
  assertEquals((await get(source, "app", digest)).kind, "manifest");
  assertEquals((await get(source, "app", digest)).kind, "manifest");
  assertEquals(source.asked.length, 1);
  await cache.put(digest, bytesOf("{}"));
  assertEquals((await get(source, "app", digest)).kind, "manifest");
  assertEquals(source.asked.length, 2);
  const other = digestOf(bytesOf("other"));
  app.manifests.set(other, app.manifests.get(digest)!);
  assertEquals(
    await get(source, "app", other),
    wrongBlob("the upstream's bytes have another digest"),
  );
  const signed = bytesOf(
    JSON.stringify({ fsLayers: [{ blobSum: digestOf(SMALL) }], signatures: [] }),
  );
  app.manifests.set(other, signed);
  assertEquals((await get(source, "app", other)).kind, "manifest");
  app.manifests.set(other, new Uint8Array(4 * 1024 * 1024 + 1));
  assertEquals(await get(source, "app", other), {
    kind: "unknown",
    reason: "it has more than 4 MiB",
  });
  source.fault = () => failed("500");
  assertEquals(await get(source, "app", digestOf(bytesOf("x"))), failed("500"));
});

Deno.test("a plan keeps a few places and sizes of each blob", () => {
  const plan = createPlan();
  const origins = ["a", "b", "c", "d", "a"].map((name) => repositoryOf(name).origin);
  for (const [at, origin] of origins.entries()) plan.add({ digest: "d", size: at }, origin);
  plan.add({ digest: "d", size: undefined }, origins[0]!);
  const [blob] = plan.blobs();
  assertEquals([blob!.sizes, blob!.origins.length], [[0, 1, 2], 3]);
});

Deno.test("prune finds nothing if a store cannot be listed, or it is interrupted", async () => {
  const app = createRepository();
  const index = addIndex(app, [addImage(app, [SMALL])]);
  app.tags.set("v1", index);
  const source = createMemorySource({ app });
  const near = createMemoryStore("near");
  const stop = new AbortController();
  const find = () =>
    findSurplus({
      list: () => Promise.resolve([repositoryOf("app")]),
      stores: new Map([["near", near]]),
      bounds: { writtenBeforeMs: 1, maxShare: 1 },
      sources: new Map([["main", source]]),
      tags: ["*"],
      referrers: true,
      inFlight: 2,
      cache: createMemoryCache(),
      createHash: hashes,
      signal: stop.signal,
    });
  assertEquals((await find()).kind, "found");
  const { list } = near;
  near.list = () => Promise.resolve(failed("500"));
  assertEquals((await find()).kind, "refused");
  near.list = list;
  stop.abort();
  assertEquals((await find()).kind, "refused");
  const blobs = [{ digest: digestOf(SMALL), size: 5, writtenMs: 0 }];
  const pruned = await deleteBlobs(near, blobs, stop.signal);
  assertEquals(pruned, { deleted: 0, bytes: 0, reason: "it was interrupted" });
  near.remove = () => Promise.resolve(failedForGood("403"));
  const many = Array.from({ length: 100 }, () => blobs[0]!);
  assertEquals((await deleteBlobs(near, many, never)).reason, "403");
});

Deno.test("without referrers, neither these nor signatures by tag are filled", async () => {
  const app = createRepository();
  const image = addImage(app, [SMALL]);
  app.tags.set("v1", image);
  app.tags.set(`${image.replace(":", "-")}.sig`, addImage(app, [bytesOf("signature")]));
  const source = createMemorySource({ app });
  const near = createMemoryStore("near");
  const options = { referrers: false };
  const tally = await runFill({ source, stores: { near }, repositories: ["app"], options });
  assert(isComplete(tally));
  assertEquals(near.objects.has(digestOf(bytesOf("signature"))), false);
  assertEquals(source.asked.filter((one) => one.startsWith("referrers")), []);
});

Deno.test("a blob that breaks off is not resumed once it is ended", async () => {
  const clock = createVirtualClock(0);
  const stop = new AbortController();
  const open = () => Promise.resolve(openedOf({ body: streamOf([SMALL], new Error("reset")) }));
  const reading = await openReading(
    { digest: digestOf(LARGE), claimed: undefined, open },
    { createHash: hashes, ...clock },
    stop.signal,
  );
  assert(reading.kind === "reading");
  await reading.next();
  const next = reading.next();
  await new Promise((resolve) => setTimeout(resolve, 5));
  stop.abort(new Error("stopped"));
  assertEquals(await next as unknown, failed("reset"));
});

Deno.test("a redirect of what is no blob is a failure that lasts", () => {
  const read = createFailureReader(() => 0);
  assertEquals(
    read({ kind: "redirect", location: "https://a.example" }),
    failedForGood("it redirects what is no blob"),
  );
});

Deno.test("a copy does not end while a store is still written to, whatever befell the others", async () => {
  const clock = createVirtualClock(0);
  for (const bytes of [SMALL, LARGE]) {
    const { promise: written, resolve } = Promise.withResolvers<Done>();
    const target: Target = {
      mirror: "near",
      begin: () => ({
        write: () => written,
        finish: () => written,
        abort: () => Promise.resolve(),
      }),
      put: () => written,
      mayGo: () => Promise.resolve(),
      onSent: () => {},
    };
    const stopped = { ...target, mirror: "far", mayGo: () => Promise.reject(new Error("stopped")) };
    const open = (): Promise<Opened> =>
      Promise.resolve({ kind: "open", from: 0, size: bytes.length, body: streamOf([bytes]) });
    const blob = { digest: digestOf(bytes), claimed: undefined, open };
    const reading = await openReading(blob, { createHash: hashes, ...clock }, never);
    assert(reading.kind === "reading");
    let isOver = false;
    const over = () => void (isOver = true);
    const copying = copyBlob(reading, [stopped, target], clock).then(over, over);
    // Whatever ends at once has ended by then.
    await new Promise((go) => setTimeout(go, 0));
    assertEquals(isOver, false);
    resolve(DONE);
    await copying;
  }
});
