import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import fc from "fast-check";
import { type Behaviour, createStand, DIGEST, MIRROR, NUMBER } from "./checked_mirror.ts";

const INTERVAL_MS = 1200;
const ONE_THIRD_MS = INTERVAL_MS / 3;
const ONE_TWELFTH_MS = INTERVAL_MS / 12;

Deno.test("a mirror is asked for a blob that it had, once in an interval", async () => {
  const stand = createStand();
  await stand.clock.goTo(3 * INTERVAL_MS);
  const url = `${MIRROR.url}/${DIGEST}`;
  assertEquals(
    stand.asked,
    [0, 1, 2, 3].map((at) => ({ atMs: at * INTERVAL_MS, url, timeoutMs: ONE_THIRD_MS })),
  );
  assertEquals(stand.told, []);
  await stand.end();
});

Deno.test("checks are not made at the same time by servers that were started together", async () => {
  const cases = [
    { random: 0, firstMs: 0, gapMs: 1200 },
    { random: 0.5, firstMs: 525, gapMs: 1050 },
    { random: 0.8, firstMs: 768, gapMs: 960 },
  ];
  for (const { random, firstMs, gapMs } of cases) {
    const stand = createStand({ random: () => random });
    for (let at = 0; at < 3; at++) await stand.check();
    assertEquals(stand.asked.map(({ atMs }) => Math.round(atMs)), [
      firstMs,
      firstMs + gapMs,
      firstMs + 2 * gapMs,
    ]);
    await stand.end();
  }
});

Deno.test("a mirror of which nothing is known is not asked, and is as soon as something is", async () => {
  const stand = createStand({ sample: null, behaviour: () => "failed" });
  await stand.clock.goTo(100 * INTERVAL_MS);
  assertEquals(stand.asked, []);
  assertEquals(stand.isDown(), false);
  stand.samples.set(NUMBER + 1, { digest: "another mirror's", found: true });
  await stand.clock.pass(INTERVAL_MS);
  assertEquals(stand.asked, []);
  stand.samples.set(NUMBER, { digest: DIGEST, found: false });
  await stand.clock.pass(INTERVAL_MS);
  assertEquals(stand.asked.map(({ url }) => url), [`${MIRROR.url}/${DIGEST}`]);
  await stand.end();
});

Deno.test("a mirror is asked for the blob that is known last", async () => {
  const stand = createStand();
  for (const digest of ["sha256:1", "sha256:2"]) {
    stand.samples.set(NUMBER, { digest, found: true });
    await stand.check();
  }
  assertEquals(stand.asked.map(({ url }) => url), [
    `${MIRROR.url}/sha256:1`,
    `${MIRROR.url}/sha256:2`,
  ]);
  await stand.end();
});

const failures: readonly { behaviour: Behaviour; answer: Behaviour; tookMs: number }[] = [
  { behaviour: "hangs", answer: "failed", tookMs: ONE_THIRD_MS },
  { behaviour: "failed", answer: "failed", tookMs: 0 },
  { behaviour: 500, answer: 500, tookMs: 0 },
  { behaviour: 503, answer: 503, tookMs: 0 },
  { behaviour: 599, answer: 599, tookMs: 0 },
  { behaviour: 429, answer: 429, tookMs: 0 },
];

Deno.test("a mirror that hangs, refuses, or answers 5xx or 429 is taken down once, and told of", async () => {
  for (const { behaviour, answer, tookMs } of failures) {
    for (const downAfter of [2, 3, 6]) {
      const stand = createStand({ downAfter, behaviour: () => behaviour });
      const atMs = downAfter * tookMs + (downAfter - 1) * ONE_TWELFTH_MS;
      await stand.clock.goTo(atMs - 1);
      assertEquals([stand.isDown(), stand.told], [false, []], `${behaviour}, ${downAfter}`);
      await stand.clock.goTo(100 * INTERVAL_MS);
      assertEquals(stand.isDown(), true);
      assertEquals(stand.told as unknown[], [{ atMs, what: "down", answer }]);
      await stand.end();
    }
  }
});

Deno.test("an answer of a mirror that works never takes it down", async () => {
  for (const status of [200, 204, 301, 307, 400, 401, 403, 404, 410, 418, 499]) {
    for (const found of [true, false]) {
      const stand = createStand({
        downAfter: 2,
        behaviour: () => status,
        sample: { digest: DIGEST, found },
      });
      await stand.clock.goTo(20 * INTERVAL_MS);
      assertEquals(stand.isDown(), false, `${status}`);
      assertEquals(stand.asked.length, 21, `${status}`);
      await stand.end();
    }
  }
});

Deno.test("a mirror whose answer takes longer than a third of an interval has failed", async () => {
  const cases = [
    { latencyMs: ONE_THIRD_MS - 1, down: false },
    { latencyMs: ONE_THIRD_MS, down: true },
    { latencyMs: 10 * INTERVAL_MS, down: true },
  ];
  for (const { latencyMs, down } of cases) {
    const stand = createStand({ latencyMs });
    await stand.clock.goTo(10 * INTERVAL_MS);
    assertEquals(stand.isDown(), down, `${latencyMs}`);
    await stand.end();
  }
});

// What `random` gives, one after another and from the first again.
const randoms = fc.array(
  fc.oneof(fc.constantFrom(0, 0.999999), fc.double({ min: 0, max: 0.999999, noNaN: true })),
  { minLength: 1, maxLength: 8 },
);
const failing = fc.constantFrom<Behaviour>("hangs", "failed", 500, 503, 429);

function createRandom(numbers: readonly number[]): () => number {
  let at = 0;
  return () => numbers[at++ % numbers.length]!;
}

Deno.test("a mirror that fails is noticed within down_after intervals, whenever it does", async () => {
  const property = fc.asyncProperty(
    fc.integer({ min: 2, max: 6 }),
    fc.double({ min: 0, max: 10 * INTERVAL_MS, noNaN: true }),
    fc.double({ min: 0, max: ONE_THIRD_MS - 1, noNaN: true }),
    failing,
    randoms,
    async (downAfter, failsAtMs, latencyMs, behaviour, numbers) => {
      const stand = createStand({
        downAfter,
        latencyMs,
        random: createRandom(numbers),
        behaviour: (nowMs) => nowMs < failsAtMs ? 200 : behaviour,
      });
      await stand.clock.goTo(failsAtMs);
      await stand.clock.goTo(failsAtMs + downAfter * INTERVAL_MS);
      assertEquals(stand.told.map(({ what }) => what), ["down"]);
      assert(stand.isDown());
      await stand.end();
    },
  );
  await fc.assert(property, { numRuns: 300 });
});

Deno.test("the longest that a mirror's failure can go unnoticed is 1.75 intervals for two checks", async () => {
  for (
    const { downAfter, intervals } of [
      { downAfter: 2, intervals: 1.75 },
      { downAfter: 3, intervals: 13 / 6 },
    ]
  ) {
    // It fails just after it has answered, and hangs.
    const stand = createStand({
      downAfter,
      behaviour: (nowMs) => nowMs <= 5 * INTERVAL_MS ? 200 : "hangs",
    });
    await stand.clock.goTo(20 * INTERVAL_MS);
    assertEquals(stand.told.map(({ atMs }) => atMs), [(5 + intervals) * INTERVAL_MS]);
    await stand.end();
  }
});

Deno.test("what this machine could not send says nothing of a mirror", async () => {
  const unsent = createStand({ downAfter: 2, behaviour: () => "unsent" });
  await unsent.clock.goTo(50 * INTERVAL_MS);
  assertEquals([unsent.isDown(), unsent.told], [false, []]);
  assertEquals(new Set(unsent.gapsMs()), new Set([INTERVAL_MS]));
  await unsent.end();

  // Neither a failure, nor an end of those in a row, nor a good check.
  const script: Behaviour[] = [500, "unsent", 500, "unsent", 200, "unsent", 200];
  const stand = createStand({ downAfter: 2, behaviour: () => script[stand.asked.length - 1]! });
  const down: boolean[] = [];
  for (const _ of script) {
    await stand.check();
    down.push(stand.isDown());
  }
  assertEquals(down, [false, false, true, true, true, true, false]);
  assertEquals(stand.told.map(({ what }) => what), ["down", "up"]);
  await stand.end();
});

Deno.test("a blob that a mirror had and has no longer has all that is known of it forgotten", async () => {
  for (const status of [403, 404, 410]) {
    const stand = createStand({ behaviour: (nowMs) => nowMs < INTERVAL_MS ? 200 : status });
    await stand.check();
    assertEquals(stand.board.generation(NUMBER), 0);
    await stand.check();
    assertEquals(stand.told, [{ atMs: INTERVAL_MS, what: "lost", digest: DIGEST }], `${status}`);
    assertEquals(stand.board.generation(NUMBER), 1);
    assertEquals(stand.samples.get(NUMBER), { digest: DIGEST, found: false });
    await stand.clock.goTo(20 * INTERVAL_MS);
    assertEquals([stand.told.length, stand.board.generation(NUMBER)], [1, 1], "and only once");
    assertEquals(stand.asked.length, 21, "it is still asked, for it may fail");
    await stand.end();
  }
});

Deno.test("a blob that a mirror never had is none that it lost", async () => {
  for (const status of [403, 404, 410]) {
    const sample = { digest: DIGEST, found: false };
    const stand = createStand({ sample, behaviour: () => status });
    await stand.clock.goTo(5 * INTERVAL_MS);
    assertEquals([stand.told, stand.board.generation(NUMBER)], [[], 0]);
    assertEquals(stand.samples.get(NUMBER), sample);
    await stand.end();
  }
});

Deno.test("a check that is stopped asks nothing more", async () => {
  const stand = createStand();
  await stand.check();
  await stand.end();
  assertEquals(stand.asked.length, 1);
  assertEquals(stand.clock.waiting, 0);
});

Deno.test("a check that is stopped while a mirror is asked does nothing with the answer", async () => {
  for (const answer of ["failed", 404] as const) {
    const stand = createStand({ downAfter: 2, latencyMs: 10, behaviour: () => answer });
    stand.board.failed(NUMBER);
    await stand.check();
    stand.stop();
    await stand.end();
    assertEquals([stand.asked.length, stand.told, stand.isDown()], [1, [], false]);
    assertEquals(stand.samples.get(NUMBER), { digest: DIGEST, found: true });
    assertLessOrEqual(stand.board.generation(NUMBER), 0);
  }
});
