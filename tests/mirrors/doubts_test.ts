import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import type { Answer } from "../../lib/mirrors/answer.ts";
import { createDoubts } from "../../lib/mirrors/doubts.ts";
import type { KnownBlobs } from "../../lib/mirrors/known.ts";
import { createWithin } from "../../lib/mirrors/time.ts";
import type { Mirror } from "../../lib/routing/policy.ts";
import { createVirtualClock, settle } from "./virtual_clock.ts";

const NEAR: Mirror = { number: 3, name: "near", url: "https://near.example/b", fallbackLimit: 9 };
const FAR: Mirror = { number: 4, name: "far", url: "https://far.example/b", fallbackLimit: 9 };
const DIGEST = `sha256:${"a".repeat(64)}`;
const AT_ONCE = 20;

function answered(status: number): Answer {
  return { kind: "answered", status, length: 1, archived: false, retryAfterMs: undefined };
}

/** Second looks that wait until they are answered, unless `always` answers. */
function createWorld(always?: number) {
  const clock = createVirtualClock();
  const asked: string[] = [];
  const waiting: ((answer: Answer) => void)[] = [];
  const suspected: string[] = [];
  const missing: string[] = [];
  const doubts = createDoubts({
    asker: {
      firstByte(url, timeoutMs) {
        assertEquals(timeoutMs, 2000);
        asked.push(url);
        return always === undefined
          ? new Promise((resolve) => waiting.push(resolve))
          : Promise.resolve(answered(always));
      },
    },
    known: () =>
      ({ missing: (mirror, digest) => void missing.push(`${mirror} ${digest}`) }) as KnownBlobs,
    now: clock.now,
    within: createWithin(clock.later),
    onSuspect: ({ name }) => suspected.push(name),
  });
  return {
    ...doubts,
    look: (mirror: Mirror, digest: string) => doubts.look(mirror, { digest, name: "app" }),
    clock,
    asked,
    suspected,
    missing,
    answer: (answer: Answer | number) =>
      waiting.shift()!(typeof answer === "number" ? answered(answer) : answer),
  };
}

Deno.test("a client is sent to a mirror again that delivers the blob, and nowhere else", async () => {
  const failed: Answer = { kind: "failed", reason: "refused" };
  const unsent: Answer = { kind: "unsent", reason: "no files left" };
  const table = [
    { answer: 206, good: true, suspected: [], missing: [] },
    { answer: 200, good: true, suspected: ["near"], missing: [] },
    { answer: unsent, good: true, suspected: [], missing: [] },
    { answer: 404, good: false, suspected: [], missing: [`3 ${DIGEST}`] },
    { answer: 403, good: false, suspected: [], missing: [`3 ${DIGEST}`] },
    { answer: 500, good: false, suspected: ["near"], missing: [] },
    { answer: 503, good: false, suspected: ["near"], missing: [] },
    { answer: failed, good: false, suspected: ["near"], missing: [] },
  ] as const;
  for (const { answer, good, suspected, missing } of table) {
    const world = createWorld();
    const look = world.look(NEAR, DIGEST);
    world.answer(answer);
    assertEquals(await look, good);
    assertEquals(world.asked, [`${NEAR.url}/${DIGEST}`]);
    assertEquals(world.suspected as readonly string[], suspected);
    assertEquals(world.missing as readonly string[], missing);
    assertEquals(world.clock.waiting, 0);
  }
});

Deno.test("a look is waited for for 300 ms, then the mirror is suspected", async () => {
  const { look, clock, suspected, answer } = createWorld();
  let good: boolean | undefined;
  const looked = Promise.resolve(look(NEAR, DIGEST)).then((result) => good = result);
  await clock.goTo(299);
  assertEquals([good, suspected], [undefined, []]);
  await clock.goTo(300);
  await looked;
  assertEquals([good, suspected], [false, ["near"]]);
  answer(206);
  await settle();
  assertEquals(look(NEAR, DIGEST), true, "what comes later counts for the next");
});

Deno.test("a mirror that delivers late loses no more clients until a look fails", async () => {
  const { look, clock, answer } = createWorld();
  async function lateLook(digest: string, status: number): Promise<boolean> {
    const looked = Promise.resolve(look(NEAR, digest));
    await clock.pass(300);
    const good = await looked;
    await clock.pass(50);
    answer(status);
    await settle();
    return good;
  }
  assertEquals(await lateLook("sha256:1", 206), false);
  assertEquals(await lateLook("sha256:2", 206), true);
  assertEquals(await lateLook("sha256:3", 500), true);
  assertEquals(await lateLook("sha256:4", 206), false);
});

Deno.test("looks at one blob at one mirror are shared", async () => {
  const { look, asked, answer } = createWorld();
  const looks = Array.from({ length: 100 }, () => look(NEAR, DIGEST));
  assertEquals(asked.length, 1);
  answer(206);
  assertEquals(new Set(await Promise.all(looks)), new Set([true]));
});

Deno.test("a good look counts for two seconds, a bad one for nobody else", async () => {
  const { look, asked, answer, clock } = createWorld();
  const first = look(NEAR, DIGEST);
  answer(206);
  await first;
  await clock.pass(1999);
  assertEquals([look(NEAR, DIGEST), asked.length], [true, 1]);
  await clock.pass(1);
  const second = look(NEAR, DIGEST);
  answer(500);
  assertEquals([await second, asked.length], [false, 2]);
  const third = look(NEAR, DIGEST);
  answer(206);
  assertEquals([await third, asked.length], [true, 3]);
});

Deno.test("only so many looks at a mirror are under way, and nobody else waits for one", async () => {
  const { look, asked, answer } = createWorld();
  const looks = [1, 2, 3, 4].map((at) => look(NEAR, `sha256:${at}`));
  assertEquals(look(NEAR, "sha256:5"), true);
  assert(look(FAR, "sha256:5") instanceof Promise, "each mirror has its own");
  assertEquals(asked.length, 5);
  answer(206);
  await looks[0];
  assert(look(NEAR, "sha256:5") instanceof Promise);
});

Deno.test("only so many looks at a mirror begin in a second", async () => {
  const { look, asked, clock } = createWorld(206);
  for (let at = 0; at < 100; at++) await look(NEAR, `sha256:${at}`);
  assertEquals(asked.length, 20);
  await clock.pass(1000);
  await look(NEAR, "sha256:next");
  assertEquals(asked.length, 21);
});

Deno.test("a client that asks again on purpose costs a mirror 1 % of its redirects", async () => {
  const { look, noteSent, clock } = createWorld(500);
  let elsewhere = 0;
  async function ask(times: number): Promise<void> {
    for (let at = 0; at < times; at++) {
      if (!await look(NEAR, DIGEST)) elsewhere++;
      else noteSent(NEAR);
      await clock.pass(50);
    }
  }
  await ask(AT_ONCE);
  assertEquals(elsewhere, AT_ONCE, "so many may fail at once");
  await ask(10_000);
  assertLessOrEqual(elsewhere - AT_ONCE, 100);
  const before = elsewhere;
  for (let at = 0; at < 100_000; at++) noteSent(NEAR);
  await ask(AT_ONCE + 1);
  assertEquals(elsewhere - before, AT_ONCE, "and no more are saved up");
});

Deno.test("a blob that is gone costs its mirror nothing, however many clients wait", async () => {
  const { look, answer } = createWorld();
  const looks = Array.from({ length: 100 }, () => look(NEAR, DIGEST));
  answer(404);
  assertEquals(new Set(await Promise.all(looks)), new Set([false]));
  const other = look(NEAR, "sha256:other");
  answer(500);
  assertEquals(await other, false);
});

Deno.test("no more than a thousand good looks are held", async () => {
  const { look, asked, clock } = createWorld(206);
  for (let mirror = 0; mirror < 1001; mirror++) await look({ ...NEAR, number: mirror }, DIGEST);
  assertEquals(asked.length, 1001);
  assertEquals(look({ ...NEAR, number: 1000 }, DIGEST), true);
  assertEquals(await look({ ...NEAR, number: 5 }, DIGEST), true);
  assertEquals([asked.length, clock.waiting], [1002, 0]);
});
