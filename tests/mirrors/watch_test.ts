import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import fc from "fast-check";
import { EMPTY_DIGEST } from "../../lib/mirrors/answer.ts";
import { checkTimeoutMs } from "../../lib/mirrors/watch.ts";
import { createStand, DIGEST, digestOf, NUMBER } from "./checked_mirror.ts";
import { REFUSED, type Reply } from "./fake_servers.ts";

const INTERVAL_MS = 1200;
const CONFIRM_MS = INTERVAL_MS / 12;
// The configuration's defaults.
const DEFAULTS = { intervalMs: 5000, maxIntervalMs: 60_000, downAfter: 3, upAfter: 2 };

Deno.test("a mirror is asked for a blob that it had, once in an interval", async () => {
  const stand = createStand();
  await stand.goTo(3 * INTERVAL_MS);
  assertEquals(
    stand.askedForKnown(),
    [0, 1, 2, 3].map((at) => ({ atMs: at * INTERVAL_MS, method: "GET", digest: DIGEST })),
  );
  assertEquals(stand.told, []);
  await stand.end();
});

Deno.test("checks are not made at the same time by servers that were started together", async () => {
  const cases = [
    { random: 0, firstMs: 0, gapMs: 1200 },
    { random: 0.5, firstMs: 250, gapMs: 1050 },
    { random: 0.8, firstMs: 400, gapMs: 960 },
  ];
  for (const { random, firstMs, gapMs } of cases) {
    const stand = createStand({ random: () => random });
    for (let at = 0; at < 3; at++) await stand.check();
    assertEquals(stand.askedForKnown().map(({ atMs }) => Math.round(atMs)), [
      firstMs,
      firstMs + gapMs,
      firstMs + 2 * gapMs,
    ]);
    await stand.end();
  }
});

Deno.test("the first check comes within half a second, or an interval if that is less", async () => {
  for (
    const { intervalMs, firstMs } of [{ intervalMs: 5000, firstMs: 499.5 }, {
      intervalMs: 100,
      firstMs: 99.9,
    }]
  ) {
    const stand = createStand({ intervalMs, random: () => 0.999 });
    await stand.check();
    assertEquals(Math.round(stand.nowMs() * 10) / 10, firstMs);
    await stand.end();
  }
});

Deno.test("a mirror of which no blob is known is asked for the blob of no bytes", async () => {
  const stand = createStand({ known: [] });
  await stand.goTo(3 * INTERVAL_MS);
  assertEquals(stand.askedForKnown().map(({ method, digest }) => [method, digest]), [
    ...Array(4).fill(["HEAD", EMPTY_DIGEST]),
  ]);
  stand.samples.add(DIGEST);
  await stand.check();
  const { method, digest } = stand.asked().at(-1)!;
  assertEquals([method, digest], ["GET", DIGEST]);
  await stand.end();
});

Deno.test("the first check, and one in 60, asks for a blob that nobody has", async () => {
  const stand = createStand();
  for (let at = 0; at < 121; at++) await stand.check();
  const known = stand.askedForKnown();
  const unknown = stand.asked().filter(({ digest }) => digest !== DIGEST);
  assertEquals(known.length, 121);
  assertEquals(unknown.map(({ atMs }) => atMs), [0, 60, 120].map((at) => at * INTERVAL_MS));
  assertEquals(new Set(unknown.map(({ digest }) => digest)).size, 3);
  await stand.end();
});

const failures: readonly { reply: Reply; reason: string; hangs?: boolean }[] = [
  { reply: "hangs", reason: "no answer in 680 ms", hangs: true },
  { reply: { status: 206, body: "stalls" }, reason: "no answer in 680 ms", hangs: true },
  { reply: "refuses", reason: REFUSED },
  ...[301, 302, 307, 400, 401, 402, 405, 409, 429, 451, 500, 502, 503, 504].map((status) => ({
    reply: status,
    reason: `status ${status}`,
  })),
];

Deno.test("a mirror that does not deliver is taken down once, and it is told why", async () => {
  for (const { reply, reason, hangs = false } of failures) {
    const stand = createStand({ behaviour: () => reply });
    assertEquals(stand.timeoutMs, 680);
    const tookMs = hangs ? stand.timeoutMs : 0;
    const atMs = 3 * tookMs + 2 * CONFIRM_MS;
    await stand.goTo(atMs - 1);
    assertEquals([stand.isDown(), stand.told], [false, []], reason);
    await stand.goTo(100 * INTERVAL_MS);
    assertEquals(stand.isDown(), true);
    assertEquals(stand.told, [{ atMs, what: "down", detail: reason }]);
    await stand.end();
  }
});

Deno.test("a mirror of which no blob is known is down unless it answers for the empty one", async () => {
  for (
    const { reply, down } of [
      { reply: 200, down: false },
      { reply: 403, down: false },
      { reply: 404, down: false },
      { reply: 410, down: false },
      { reply: 301, down: true },
      { reply: 409, down: true },
      { reply: 500, down: true },
      { reply: "refuses" as const, down: true },
    ]
  ) {
    const stand = createStand({ known: [], behaviour: () => reply });
    await stand.goTo(20 * INTERVAL_MS);
    assertEquals(stand.isDown(), down, `${reply}`);
    await stand.end();
  }
});

Deno.test("a mirror whose blobs fail while the empty one is missing is down", async () => {
  const behaviour = (_: number, { url }: { url: string }) => url.endsWith(EMPTY_DIGEST) ? 404 : 500;
  const stand = createStand({ behaviour });
  await stand.goTo(100 * INTERVAL_MS);
  assertEquals(stand.what(), ["down"]);
  await stand.end();
});

Deno.test("one blob at which a mirror fails does not take it down when it has others", async () => {
  const bad = digestOf(0);
  const stand = createStand({
    downAfter: 2,
    known: [bad, DIGEST, digestOf(1)],
    behaviour: (_, { url }) => url.endsWith(bad) ? 500 : 206,
  });
  for (let at = 0; at < 300; at++) {
    // Clients ask for the others all the time.
    stand.samples.add(DIGEST);
    stand.samples.add(digestOf(1));
    await stand.check();
  }
  assertEquals([stand.isDown(), stand.what()], [false, ["lost"]]);
  await stand.end();
});

Deno.test("a mirror that HEAD finds blobs at that GET does not is down", async () => {
  const stand = createStand({ behaviour: (_, { method }) => method === "HEAD" ? 200 : 403 });
  await stand.goTo(100 * INTERVAL_MS);
  assertEquals(stand.told, [
    { atMs: 2 * CONFIRM_MS, what: "down", detail: "status 403, but 200 to HEAD" },
  ]);
  await stand.end();
});

// What `random` gives, one after another and from the first again.
const randoms = fc.array(
  fc.oneof(fc.constantFrom(0, 0.999999), fc.double({ min: 0, max: 0.999999, noNaN: true })),
  { minLength: 1, maxLength: 8 },
);
const failing = fc.constantFrom<Reply>(
  "hangs",
  "refuses",
  { status: 206, body: "stalls" },
  { status: 200, body: "stalls" },
  ...[301, 400, 401, 402, 405, 409, 429, 451, 500, 503],
);

function createRandom(numbers: readonly number[]): () => number {
  let at = 0;
  return () => numbers[at++ % numbers.length]!;
}

Deno.test("a mirror that fails is noticed within down_after intervals, whenever it does", async () => {
  const property = fc.asyncProperty(
    fc.integer({ min: 2, max: 6 }),
    fc.double({ min: 0, max: 10 * INTERVAL_MS, noNaN: true }),
    fc.double({ min: 0, max: 1, noNaN: true }),
    failing,
    fc.constantFrom<Reply>(404, "hangs", 502),
    randoms,
    async (downAfter, failsAtMs, latency, reply, unknown, numbers) => {
      const health = { downAfter, upAfter: 2, intervalMs: INTERVAL_MS, maxIntervalMs: 9600 };
      const stand = createStand({
        ...health,
        latencyMs: latency * (checkTimeoutMs(health) - 1),
        random: createRandom(numbers),
        behaviour: (nowMs) => nowMs < failsAtMs ? 206 : reply,
        unknown: () => unknown,
      });
      await stand.goTo(failsAtMs);
      await stand.goTo(failsAtMs + downAfter * INTERVAL_MS);
      assertEquals(stand.what(), ["down"]);
      assert(stand.isDown());
      await stand.end();
    },
  );
  await fc.assert(property, { numRuns: 300 });
});

Deno.test("a mirror that comes back and fails again is noticed in time, whenever it does", async () => {
  const property = fc.asyncProperty(
    fc.integer({ min: 2, max: 6 }),
    fc.double({ min: 0, max: 5 * INTERVAL_MS, noNaN: true }),
    fc.constantFrom<Reply>("hangs", "refuses", 500),
    fc.boolean(),
    async (downAfter, workedMs, reply, suspected) => {
      const backMs = 8 * INTERVAL_MS;
      const known = Array.from({ length: 20 }, (_, at) => digestOf(at));
      const stand = createStand({
        downAfter,
        known,
        latencyMs: 300,
        behaviour: (nowMs) => nowMs < backMs || nowMs >= backMs + workedMs ? reply : 206,
      });
      await stand.goTo(backMs + workedMs);
      for (let passedMs = 0; passedMs < downAfter * INTERVAL_MS; passedMs += 100) {
        if (suspected) stand.sleeper.wake();
        await stand.clock.pass(100);
      }
      assert(stand.isDown());
      await stand.end();
    },
  );
  await fc.assert(property, { numRuns: 100 });
});

Deno.test("half a second of 503 at default settings does not take a mirror down", async () => {
  const property = fc.asyncProperty(
    fc.double({ min: 10_000, max: 20_000, noNaN: true }),
    randoms,
    fc.constantFrom<Reply>(503, "refuses", 500, "hangs"),
    async (blipMs, numbers, reply) => {
      const isOut = (nowMs: number) => blipMs <= nowMs && nowMs < blipMs + 500;
      const stand = createStand({
        ...DEFAULTS,
        random: createRandom(numbers),
        behaviour: (nowMs) => isOut(nowMs) ? reply : 206,
      });
      await stand.goTo(blipMs);
      for (let passedMs = 0; passedMs < 1000; passedMs += 10) {
        // Clients notice, and keep saying so.
        stand.sleeper.wake();
        await stand.clock.pass(10);
      }
      await stand.goTo(blipMs + 60_000);
      assertEquals([stand.isDown(), stand.told], [false, []]);
      await stand.end();
    },
  );
  await fc.assert(property, { numRuns: 100 });
});

Deno.test("a mirror that is suspected while it fails is down soon", async () => {
  const stand = createStand({
    ...DEFAULTS,
    behaviour: (nowMs) => nowMs < 11_000 ? 206 : "refuses",
  });
  await stand.goTo(12_000);
  stand.sleeper.wake();
  await stand.goTo(15_000);
  assertEquals(stand.told.map(({ atMs }) => Math.round(atMs)), [12_833]);
  await stand.end();
});

Deno.test("clients that suspect a mirror all the time bring few checks", async () => {
  const stand = createStand({ ...DEFAULTS, random: () => 0.999 });
  await stand.goTo(10_000);
  const before = stand.checks();
  for (let at = 0; at < 6000; at++) {
    stand.sleeper.wake();
    await stand.clock.pass(10);
  }
  // 250 ms, then twice as long each time, up to the interval: about 5 + 60 s / 3.75 s.
  assertLessOrEqual(stand.checks() - before, 22);
  assertEquals(stand.isDown(), false);
  await stand.goTo(100_000);
  const quiet = stand.checks();
  stand.sleeper.wake();
  await stand.clock.pass(260);
  assertEquals(stand.checks(), quiet + 1, "one that is suspected for once is checked at once");
  await stand.end();
});

Deno.test("what this machine could not send says nothing of a mirror", async () => {
  const unsent: Reply = { error: new TypeError("too many open files") };
  const always = createStand({ downAfter: 2, behaviour: () => unsent, unknown: () => unsent });
  await always.goTo(50 * INTERVAL_MS);
  assertEquals([always.isDown(), always.told], [false, []]);
  assertEquals(new Set(always.gapsMs()), new Set([INTERVAL_MS]));
  for (let at = 0; at < 100; at++) {
    always.sleeper.wake();
    await always.clock.pass(INTERVAL_MS / 100);
  }
  assertLessOrEqual(always.checks(), 51 + 13, "however often it is suspected");
  await always.end();

  // Neither a failure, nor an end of those in a row, nor a good check.
  const script: Reply[] = [500, unsent, 500, unsent, 206, unsent, 206];
  const stand = createStand({ downAfter: 2, behaviour: () => script[stand.checks()] ?? 206 });
  const down: boolean[] = [];
  for (const _ of script) {
    await stand.check();
    down.push(stand.isDown());
  }
  assertEquals(down, [false, false, true, true, true, true, false]);
  assertEquals(stand.what(), ["down", "up"]);
  await stand.end();
});

Deno.test("a mirror that says 200 to a blob that nobody has is down at once", async () => {
  const stand = createStand({ unknown: () => 200 });
  await stand.goTo(0);
  const detail = "it answered 200 for a random digest";
  assertEquals(stand.told, [{ atMs: 0, what: "down", detail }]);
  await stand.goTo(100 * INTERVAL_MS);
  assertEquals(stand.what(), ["down"], "for as long as it does");
  await stand.end();
});

Deno.test("a mirror that says 200 to a blob that nobody has is up only when it no longer does", async () => {
  for (const between of [206, 500, "refuses", "hangs"] as const) {
    const stopsMs = 40 * INTERVAL_MS;
    const isBetween = (nowMs: number) => 3 * INTERVAL_MS < nowMs && nowMs < 10 * INTERVAL_MS;
    const stand = createStand({
      behaviour: (nowMs) => isBetween(nowMs) ? between : 206,
      unknown: (nowMs) =>
        nowMs >= stopsMs ? 404 : isBetween(nowMs) && between !== 206 ? between : 200,
    });
    await stand.goTo(stopsMs);
    assertEquals(stand.what(), ["down"], `${between}`);
    await stand.goTo(stopsMs + 20 * INTERVAL_MS);
    assertEquals(stand.what(), ["down", "up"], `${between}`);
    await stand.end();
  }
});

Deno.test("a mirror that comes to say 200 to everything is noticed within 60 checks", async () => {
  const stand = createStand({ unknown: (nowMs) => nowMs < 10 * INTERVAL_MS ? 404 : 200 });
  await stand.goTo(61 * INTERVAL_MS);
  assertEquals(stand.what(), ["down"]);
  await stand.end();
});

Deno.test("a mirror that answers made-up digests by failing stays up", async () => {
  for (const unknown of [502, 500, 301, "refuses", "hangs"] as const) {
    const stand = createStand({ unknown: () => unknown });
    await stand.goTo(130 * INTERVAL_MS);
    assertEquals([stand.isDown(), stand.told], [false, []], `${unknown}`);
    await stand.end();
  }
});

Deno.test("a blob that is lost alone is told of and asked for no more; the others still count", async () => {
  const lost = digestOf(7);
  const stand = createStand({
    known: [digestOf(0), lost, digestOf(1)],
    behaviour: (_, { url }) => url.endsWith(lost) ? 404 : 206,
  });
  await stand.goTo(20 * INTERVAL_MS);
  assertEquals(stand.told, [{ atMs: INTERVAL_MS, what: "lost", detail: lost }]);
  assertEquals(stand.samples.list(), [digestOf(0), digestOf(1)]);
  assertEquals([stand.board.generation(NUMBER), stand.isDown()], [0, false]);
  await stand.end();
});

Deno.test("a blob that fails alone, twice with a good check between, counts as lost", async () => {
  const alone = digestOf(7);
  const stand = createStand({
    known: [alone, digestOf(0), digestOf(1)],
    behaviour: (_, { url }) => url.endsWith(alone) ? 500 : 206,
  });
  await stand.goTo(5 * INTERVAL_MS);
  assertEquals(stand.told, [
    { atMs: CONFIRM_MS + INTERVAL_MS, what: "lost", detail: alone },
  ]);
  assertEquals(stand.isDown(), false);
  await stand.end();
});

Deno.test("after two lost in a row all are asked for, and when one is gone all are forgotten", async () => {
  for (const status of [403, 404, 410]) {
    const known = Array.from({ length: 20 }, (_, at) => digestOf(at));
    const gone = known.slice(0, 5);
    const stand = createStand({
      known,
      behaviour: (_, { url }) => gone.some((digest) => url.endsWith(digest)) ? status : 206,
    });
    await stand.goTo(CONFIRM_MS);
    assertEquals(stand.told, [
      { atMs: 0, what: "lost", detail: gone[0]! },
      { atMs: CONFIRM_MS, what: "lost", detail: gone[1]! },
      { atMs: CONFIRM_MS, what: "forgotten", detail: gone },
    ]);
    assertEquals(stand.board.generation(NUMBER), 1);
    assertEquals(stand.samples.list(), known.slice(5));
    await stand.goTo(20 * INTERVAL_MS);
    assertEquals([stand.told.length, stand.isDown()], [3, false], "and only once");
    await stand.end();
  }
});

Deno.test("two lost with a good check between them are lost alone", async () => {
  const gone = [digestOf(0), digestOf(2)];
  const stand = createStand({
    known: [0, 1, 2, 3].map(digestOf),
    behaviour: (_, { url }) => gone.some((digest) => url.endsWith(digest)) ? 404 : 206,
  });
  await stand.goTo(20 * INTERVAL_MS);
  assertEquals(stand.what(), ["lost", "lost"]);
  assertEquals(stand.board.generation(NUMBER), 0);
  await stand.end();
});

Deno.test("a mirror that hangs while all is asked for after two lost is noticed in time", async () => {
  const known = Array.from({ length: 20 }, (_, at) => digestOf(at));
  const stand = createStand({
    downAfter: 2,
    known,
    behaviour: (nowMs) => nowMs < CONFIRM_MS ? 404 : "hangs",
  });
  await stand.goTo(2 * INTERVAL_MS + CONFIRM_MS);
  assertEquals(stand.what(), ["lost", "down"]);
  await stand.end();
  const twice = createStand({
    downAfter: 2,
    known,
    behaviour: () => twice.askedForKnown().length <= 4 ? 404 : "hangs",
  });
  await twice.goTo(2 * INTERVAL_MS);
  assertEquals(twice.what(), ["lost", "lost", "down"]);
  await twice.end();
});

Deno.test("checks that are stopped ask nothing more", async () => {
  const stand = createStand();
  await stand.check();
  const before = stand.asked().length;
  await stand.end();
  assertEquals([stand.asked().length, stand.clock.waiting], [before, 0]);
});

Deno.test("checks that are stopped while a mirror is asked do nothing with the answer", async () => {
  for (const reply of [500, 404] as const) {
    const stand = createStand({ downAfter: 2, latencyMs: 10, behaviour: () => reply });
    stand.board.failed(NUMBER, { downAfter: 2, upAfter: 2 });
    await stand.goTo(5);
    await stand.end();
    assertEquals([stand.told, stand.isDown(), stand.checks()], [[], false, 0]);
    assertEquals(stand.samples.list(), [DIGEST]);
  }
});

Deno.test("checks that are stopped while all is asked for change nothing", async () => {
  const known = Array.from({ length: 20 }, (_, at) => digestOf(at));
  const stand = createStand({ known, latencyMs: 10, behaviour: () => 404 });
  // What is lost is asked for by HEAD as well: after GET, and the second time with it.
  await stand.goTo(10 + 10 + CONFIRM_MS + 10 + 5);
  assertEquals(stand.what(), ["lost", "lost"]);
  await stand.end();
  assertEquals(stand.what(), ["lost", "lost"]);
  assertEquals(stand.board.generation(NUMBER), 0);
});
