import { assertEquals, assertMatch } from "@std/assert";
import { EMPTY_DIGEST } from "../../lib/mirrors/answer.ts";
import { createAsker } from "../../lib/mirrors/asker.ts";
import { createChecker } from "../../lib/mirrors/check.ts";
import { createSamples } from "../../lib/mirrors/samples.ts";
import { parseMirrorUrl } from "../../lib/mirrors/template.ts";
import type { Mirror } from "../../lib/routing/policy.ts";
import { createFakeServers, REFUSED, type Reply, type Sent } from "./fake_servers.ts";
import { createVirtualClock } from "./virtual_clock.ts";

const URL = "https://near.example/blobs";
const MIRROR = { number: 5, name: "near", url: URL, fallbackLimit: Infinity };
const A = `sha256:${"a".repeat(64)}`;
const B = `sha256:${"b".repeat(64)}`;
const TIMEOUT_MS = 1000;

/** A checker of a mirror, and the blobs that it is known to have. */
function createWorld(reply: (sent: Sent) => Reply, known = [A], mirror: Mirror = MIRROR) {
  const clock = createVirtualClock();
  const servers = createFakeServers(clock, reply);
  const asker = createAsker({ ...servers, later: clock.later, stop: new AbortController().signal });
  const random = Math.random;
  const checker = createChecker({ asker, random, now: clock.now });
  const samples = createSamples();
  known.forEach(samples.add);
  return {
    clock,
    samples,
    sent: servers.sent,
    asked: () => servers.sent.map(({ method, url }) => `${method} ${url.slice(URL.length + 1)}`),
    check: (withUnknown = false, doubtful = false) =>
      checker.check(mirror, samples, { timeoutMs: TIMEOUT_MS, withUnknown, doubtful }),
    verify: (digests: readonly string[]) => checker.verify(mirror, digests, TIMEOUT_MS),
  };
}

const isKnown = ({ url }: Sent) => url.endsWith(A);
const isUnknown = (sent: Sent) => !isKnown(sent);

Deno.test("a check asks for the first byte of a blob that the mirror had, on a new connection", async () => {
  const { check, sent, asked } = createWorld(() => 206);
  assertEquals(await check(), {
    result: { kind: "good" },
    answer: "status 206",
    status: 206,
    tookMs: 0,
  });
  assertEquals(asked(), [`GET ${A}`]);
  assertEquals(sent[0]!.anew, true);
});

const NAMED: Mirror = { ...MIRROR, ...parseMirrorUrl(`${URL}/{name}/{algorithm}/{hex}`) };
const AT_A = `app/sha256/${"a".repeat(64)}`;

Deno.test("a check of a mirror whose URL has the repository asks for all blobs in one that it had", async () => {
  const { check, verify, asked } = createWorld(
    ({ url }) => url.endsWith(AT_A) ? 200 : 404,
    [`app@${A}`],
    NAMED,
  );
  assertEquals((await check(true)).result, { kind: "good" });
  const [known, ...unknown] = asked().toSorted();
  assertEquals(known, `GET ${AT_A}`);
  // The server passes over `Range`, and is asked for a random digest once more.
  assertEquals(unknown.length, 2);
  for (const one of unknown) assertMatch(one, /^HEAD app\/sha256\/[0-9a-f]{64}$/);
  assertEquals(await verify([`app@${A}`, `other@${A}`]), { works: true, lost: [`other@${A}`] });
});

Deno.test("a check of a mirror whose URL has the repository, and of which no blob is known, makes one up", async () => {
  const { check, asked } = createWorld(() => 404, [], NAMED);
  assertEquals((await check(true)).result, { kind: "good" });
  for (const one of asked()) assertMatch(one, /^HEAD archeio\/check\/sha256\/[0-9a-f]{64}$/);
  assertEquals(asked().length, 2);
});

Deno.test("a check says which repository's blob is lost", async () => {
  const { check } = createWorld(() => 404, [`app@${A}`], NAMED);
  assertEquals((await check()).result, { kind: "lost", key: `app@${A}` });
});

Deno.test("checks take turns among the blobs that the mirror had", async () => {
  const { check, asked } = createWorld(() => 206, [A, B]);
  for (let at = 0; at < 4; at++) await check();
  assertEquals(asked(), [A, B, A, B].map((digest) => `GET ${digest}`));
});

Deno.test("a check says whether the mirror works, and whether it has what it had", async () => {
  const bad = (reason: string) => ({ kind: "bad", reason });
  const lost = { kind: "lost", key: A };
  const table: readonly { reply: Reply; result: unknown }[] = [
    { reply: 206, result: { kind: "good" } },
    { reply: 200, result: { kind: "good" } },
    { reply: 404, result: lost },
    { reply: 403, result: lost },
    { reply: 410, result: lost },
    { reply: { status: 200, body: "empty" }, result: lost },
    { reply: { status: 206, body: "empty" }, result: lost },
    { reply: { status: 200, headers: { "x-amz-storage-class": "GLACIER" } }, result: lost },
    { reply: 204, result: bad("status 204") },
    { reply: 301, result: bad("status 301") },
    { reply: 401, result: bad("status 401") },
    { reply: 402, result: bad("status 402") },
    { reply: 405, result: bad("status 405") },
    { reply: 409, result: bad("status 409") },
    { reply: 429, result: bad("status 429") },
    { reply: 451, result: bad("status 451") },
    { reply: 500, result: bad("status 500") },
    { reply: 503, result: bad("status 503") },
    { reply: "refuses", result: bad(REFUSED) },
    { reply: { error: new TypeError("too many open files") }, result: { kind: "unsent" } },
  ];
  for (const { reply, result } of table) {
    // What is lost is lost to HEAD, too.
    const { check } = createWorld(({ method }) => method === "HEAD" ? 404 : reply);
    assertEquals<unknown>((await check()).result, result, JSON.stringify(reply));
  }
});

Deno.test("a mirror that hangs, or stalls before the first byte, does not work", async () => {
  for (const reply of ["hangs", { status: 206, body: "stalls" }] as const) {
    const { check, clock } = createWorld(() => reply);
    const checked = check();
    await clock.goTo(TIMEOUT_MS);
    const reason = "no answer in 1000 ms";
    const result = { kind: "bad", reason } as const;
    assertEquals(await checked, { result, answer: reason, status: undefined, tookMs: TIMEOUT_MS });
    assertEquals(clock.waiting, 0);
  }
});

Deno.test("a mirror that says 200 to HEAD for what it does not deliver does not work", async () => {
  for (const status of [403, 404, 410]) {
    const { check, sent } = createWorld(({ method }) => method === "HEAD" ? 200 : status);
    assertEquals(
      (await check()).result,
      { kind: "bad", reason: `status ${status}, but 200 to HEAD` },
    );
    assertEquals(sent.map(({ method, anew }) => [method, anew]), [["GET", true], ["HEAD", true]]);
  }
});

Deno.test("a blob is lost only when HEAD says so, in the time that is left", async () => {
  const bad = { kind: "bad", reason: "status 404, and no answer to HEAD" } as const;
  const lost = { kind: "lost", key: A } as const;
  const table: readonly { head: Reply; result: unknown; tookMs: number }[] = [
    { head: 404, result: lost, tookMs: 600 },
    { head: 500, result: lost, tookMs: 600 },
    { head: "refuses", result: bad, tookMs: 600 },
    { head: "hangs", result: bad, tookMs: TIMEOUT_MS },
    { head: { error: new Error("too many open files") }, result: { kind: "unsent" }, tookMs: 600 },
  ];
  for (const { head, result, tookMs } of table) {
    const { check, clock } = createWorld(({ method }) =>
      method === "HEAD" ? head : { status: 404, afterMs: 600 }
    );
    const checked = check();
    await clock.goTo(TIMEOUT_MS);
    assertEquals<unknown>(await checked, { result, answer: "status 404", status: 404, tookMs });
  }
});

Deno.test("a mirror at which something was wrong before is asked by HEAD and GET at once", async () => {
  const table = [
    { get: 404, head: 404, kind: "lost" },
    { get: 404, head: 200, kind: "bad" },
    { get: 404, head: "hangs", kind: "bad" },
    { get: 206, head: "hangs", kind: "good" },
    { get: 206, head: 500, kind: "good" },
    { get: 500, head: 200, kind: "bad" },
  ] as const;
  for (const { get, head, kind } of table) {
    const { check, clock, sent } = createWorld(({ method }) =>
      method === "HEAD" ? head : { status: get, afterMs: 600 }
    );
    const checked = check(false, true);
    await clock.goTo(TIMEOUT_MS);
    assertEquals((await checked).result.kind, kind, `${get} to GET, ${head} to HEAD`);
    assertEquals(sent.map(({ method, atMs }) => [method, atMs]), [["HEAD", 0], ["GET", 0]]);
    assertEquals(clock.waiting, 0);
  }
});

Deno.test("with no blob known, the blob of no bytes is asked for by HEAD", async () => {
  const table = [
    { reply: 200, kind: "good" },
    { reply: { status: 200, headers: { "content-length": "0" } }, kind: "good" },
    { reply: 404, kind: "good" },
    { reply: 403, kind: "good" },
    { reply: 410, kind: "good" },
    { reply: 409, kind: "bad" },
    { reply: 500, kind: "bad" },
    { reply: "refuses", kind: "bad" },
  ] as const;
  for (const { reply, kind } of table) {
    const { check, asked } = createWorld(() => reply, []);
    assertEquals((await check()).result.kind, kind, JSON.stringify(reply));
    assertEquals(asked(), [`HEAD ${EMPTY_DIGEST}`]);
  }
});

Deno.test("a blob that nobody has is another one each time", async () => {
  const { check, sent, asked } = createWorld((sent) => isKnown(sent) ? 206 : 404);
  for (let at = 0; at < 50; at++) assertEquals((await check(true)).result, { kind: "good" });
  const unknown = sent.filter(isUnknown).map(({ url }) => url);
  assertEquals(new Set(unknown).size, 50);
  for (const url of unknown) assertMatch(url, /\/sha256:[0-9a-f]{64}$/);
  assertEquals(asked()[1]!.startsWith("HEAD "), true);
});

Deno.test("a mirror that says 200 to a blob that nobody has means nothing by its answers", async () => {
  const { check } = createWorld((sent) => isKnown(sent) ? 206 : 200);
  const reason = "it answered 200 for a random digest";
  assertEquals((await check(true)).result, { kind: "has_all", reason });
  assertEquals((await check(false)).result, { kind: "good" });
});

Deno.test("a mirror that answers with more than it is asked for is asked for a blob that nobody has, too", async () => {
  const hasAll = { kind: "has_all", reason: "it answered 200 for a random digest" };
  const table = [
    { unknown: 200, result: hasAll },
    { unknown: 404, result: { kind: "good" } },
    { unknown: "hangs", result: { kind: "good" } },
  ] as const;
  for (const { unknown, result } of table) {
    const { check, clock, sent } = createWorld((sent) => isKnown(sent) ? 200 : unknown);
    const checked = check();
    await clock.goTo(TIMEOUT_MS);
    assertEquals<unknown>((await checked).result, result);
    assertEquals(sent.filter(isUnknown).map(({ method }) => method), ["HEAD"]);
  }
});

Deno.test("whatever else a mirror says to a blob that nobody has counts for nothing", async () => {
  for (const reply of [403, 404, 410, 500, 502, 301, "refuses", "hangs"] as const) {
    const { check, clock } = createWorld((sent) => isKnown(sent) ? 206 : reply);
    const checked = check(true);
    await clock.goTo(TIMEOUT_MS);
    const { result, tookMs } = await checked;
    assertEquals([result, tookMs], [{ kind: "good" }, 0], `${reply}`);
  }
});

Deno.test("verify() asks for all blobs at once, and tells those that are lost", async () => {
  const { verify, asked, clock } = createWorld(({ url }) => ({
    status: url.endsWith(B) ? 404 : 206,
    afterMs: 100,
  }));
  const digests = [A, B, ...Array.from({ length: 18 }, (_, at) => `sha256:${at}`)];
  const verified = verify(digests);
  await clock.goTo(100);
  assertEquals(await verified, { lost: [B], works: true });
  assertEquals(asked(), digests.map((digest) => `GET ${digest}`));
});

Deno.test("verify() takes blobs for lost at which the mirror fails, when it delivers as many", async () => {
  const table: readonly { replies: readonly Reply[]; lost: number[]; works?: false }[] = [
    { replies: [], lost: [] },
    { replies: [206, 206], lost: [] },
    { replies: [206, 500], lost: [1] },
    { replies: [451, 206, 404], lost: [2, 0] },
    { replies: [500], lost: [], works: false },
    { replies: [206, 409, 409], lost: [], works: false },
    { replies: [206, 206, 206, "refuses"], lost: [], works: false },
    { replies: [404, 206, { error: new Error("too many open files") }], lost: [0] },
  ];
  for (const { replies, lost, works = true } of table) {
    const { verify } = createWorld(({ url }) => replies[Number(url.slice(-1))]!);
    const digests = replies.map((_, at) => `sha256:${at}`);
    assertEquals(await verify(digests), {
      lost: lost.map((at) => digests[at]!),
      works,
    });
  }
});

Deno.test("verify() says that a mirror that hangs does not work", async () => {
  const { verify, clock } = createWorld(({ url }) => url.endsWith(B) ? "hangs" : 206);
  const verified = verify([A, B]);
  await clock.goTo(TIMEOUT_MS);
  assertEquals(await verified, { lost: [], works: false });
  assertEquals(clock.waiting, 0);
});
