import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import fc from "fast-check";
import { ANY_SAMPLE } from "../../lib/mirrors/checks.ts";
import { type Behaviour, createStand, DIGEST, MIRROR, NUMBER } from "./checked_mirror.ts";

const INTERVAL_MS = 1200;
const MAX_MS = 8 * INTERVAL_MS;

/** A mirror that refuses from the start, and is down. */
async function createDownStand(behaviour: () => Behaviour, upAfter = 2) {
  let down = true;
  const stand = createStand({
    downAfter: 2,
    upAfter,
    maxIntervalMs: MAX_MS,
    behaviour: () => down ? "failed" : behaviour(),
  });
  await stand.check();
  await stand.check();
  assert(stand.isDown());
  stand.asked.splice(0, 1);
  return { ...stand, comeBack: () => void (down = false), goAway: () => void (down = true) };
}

Deno.test("the wait between checks doubles while a mirror is down, up to the longest", async () => {
  const stand = await createDownStand(() => 200);
  for (let at = 0; at < 6; at++) await stand.check();
  assertEquals(stand.gapsMs(), [1, 2, 4, 8, 8, 8].map((times) => times * INTERVAL_MS));
  await stand.end();
});

Deno.test("the wait never grows, nor gets shorter, when the longest is the interval or less", async () => {
  for (const maxIntervalMs of [INTERVAL_MS, INTERVAL_MS / 2]) {
    const stand = createStand({ downAfter: 2, maxIntervalMs, behaviour: () => 500 });
    for (let at = 0; at < 8; at++) await stand.check();
    assertEquals(stand.gapsMs(), [INTERVAL_MS / 12, ...Array(6).fill(INTERVAL_MS)]);
    await stand.end();
  }
});

Deno.test("the longest wait is kept to when it is no doubling of the interval", async () => {
  const stand = createStand({ downAfter: 2, maxIntervalMs: 3000, behaviour: () => "failed" });
  for (let at = 0; at < 7; at++) await stand.check();
  assertEquals(stand.gapsMs(), [100, 1200, 2400, 3000, 3000, 3000]);
  await stand.end();
});

Deno.test("a mirror that is back is up after so many good checks, an interval apart", async () => {
  for (const upAfter of [1, 2, 5]) {
    const stand = await createDownStand(() => 200, upAfter);
    await stand.check();
    await stand.check();
    stand.comeBack();
    await stand.check();
    const backMs = stand.clock.now();
    for (let good = 1; good < upAfter; good++) {
      assertEquals(stand.isDown(), true, `${good} of ${upAfter}`);
      await stand.check();
    }
    assertEquals(stand.isDown(), false);
    const [, up] = stand.told;
    assertEquals(up, { atMs: backMs + (upAfter - 1) * INTERVAL_MS, what: "up" });
    await stand.clock.pass(10 * INTERVAL_MS);
    assertEquals(stand.told.length, 2);
    await stand.end();
  }
});

Deno.test("a mirror that fails at one blob alone does not stay down for it", async () => {
  const stand = createStand({
    behaviour: (_, url) => url.endsWith(DIGEST) ? 500 : 404,
  });
  await stand.clock.goTo(100 * INTERVAL_MS);
  assertEquals(stand.told.map(({ what }) => what), ["down", "up"]);
  assertEquals(stand.asked.at(-1)!.url, `${MIRROR.url}/${ANY_SAMPLE.digest}`);
  await stand.end();
});

Deno.test("good checks bring a mirror up only in a row", async () => {
  let checks = 0;
  const stand = await createDownStand(() => checks++ % 2 === 0 ? 200 : "failed");
  stand.comeBack();
  for (let at = 0; at < 20; at++) await stand.check();
  assertEquals(stand.told.map(({ what }) => what), ["down"]);
  await stand.end();
});

Deno.test("a mirror that is back is up again in time, however long it was down", async () => {
  const property = fc.asyncProperty(
    fc.double({ min: 0, max: 100 * INTERVAL_MS, noNaN: true }),
    fc.integer({ min: 1, max: 4 }),
    fc.constantFrom<Behaviour>("hangs", "failed", 500, 429),
    fc.double({ min: 0, max: 0.999999, noNaN: true }),
    async (downMs, upAfter, behaviour, random) => {
      const failsMs = 3 * INTERVAL_MS;
      const backMs = failsMs + 4 * INTERVAL_MS + downMs;
      const stand = createStand({
        upAfter,
        maxIntervalMs: MAX_MS,
        random: () => random,
        behaviour: (nowMs) => failsMs <= nowMs && nowMs < backMs ? behaviour : 200,
      });
      await stand.clock.goTo(backMs);
      assert(stand.isDown());
      // A check that is under way fails; the longest wait, and the good checks come after it.
      await stand.clock.goTo(backMs + INTERVAL_MS / 3 + MAX_MS + (upAfter - 1) * INTERVAL_MS);
      assertEquals(stand.told.map(({ what }) => what), ["down", "up"]);
      assertEquals(stand.isDown(), false);
      await stand.end();
    },
  );
  await fc.assert(property, { numRuns: 100 });
});

Deno.test("a mirror that is back and has lost the blob it was asked for is used again", async () => {
  for (const status of [403, 404]) {
    for (const upAfter of [1, 2, 5]) {
      const stand = await createDownStand(() => status, upAfter);
      stand.comeBack();
      for (let good = 0; good < upAfter; good++) {
        assertEquals(stand.isDown(), true);
        await stand.check();
      }
      assertEquals(stand.isDown(), false);
      assertEquals(stand.told.map(({ what }) => what), ["down", "lost", "up"]);
      assertEquals(stand.samples.get(NUMBER), { digest: DIGEST, found: false });
      await stand.end();
    }
  }
});

Deno.test("a mirror that goes up and down is soon left alone", async () => {
  // Down by two failures, still down with a third, up by two good checks.
  const script: Behaviour[] = ["failed", "failed", "failed", 200, 200];
  const stand = createStand({
    downAfter: 2,
    maxIntervalMs: MAX_MS,
    behaviour: () => script[(stand.asked.length - 1) % script.length]!,
  });
  for (let at = 0; at < 6 * script.length; at++) await stand.check();
  const gaps = stand.gapsMs().map((gapMs) => gapMs / INTERVAL_MS);
  const whileDown = Array.from({ length: 6 }, (_, round) => gaps[round * script.length + 1]);
  assertEquals(whileDown, [1, 2, 4, 8, 8, 8]);
  assertEquals(stand.told.filter(({ what }) => what === "up").length, 6);
  await stand.end();
});

Deno.test("a mirror that fails only now and then stays up", async () => {
  const stand = createStand({ behaviour: () => stand.asked.length % 3 === 0 ? 200 : 503 });
  await stand.clock.goTo(100 * INTERVAL_MS);
  assertEquals([stand.isDown(), stand.told], [false, []]);
  await stand.end();
});

Deno.test("each good check halves the wait again, whether an outage was short or long", async () => {
  for (
    const { failed, good, expected } of [
      { failed: 20, good: 0, expected: 8 },
      { failed: 20, good: 1, expected: 4 },
      { failed: 20, good: 2, expected: 2 },
      { failed: 20, good: 3, expected: 1 },
      { failed: 2000, good: 3, expected: 1 },
      { failed: 1, good: 1, expected: 1 },
      { failed: 1, good: 10, expected: 1 },
    ]
  ) {
    const stand = await createDownStand(() => 200);
    for (let at = 0; at < failed; at++) await stand.check();
    stand.comeBack();
    for (let at = 0; at < 2 + good; at++) await stand.check();
    assertEquals(stand.isDown(), false);
    stand.goAway();
    await stand.check();
    await stand.check();
    assert(stand.isDown());
    await stand.check();
    assertEquals(stand.gapsMs().at(-1), expected * INTERVAL_MS, `${failed}, ${good}`);
    await stand.end();
  }
});

Deno.test("however long a mirror was up, the wait grows when it fails", async () => {
  const stand = createStand({
    downAfter: 2,
    behaviour: (nowMs) => nowMs < 100 * INTERVAL_MS ? 200 : "failed",
  });
  await stand.clock.goTo(120 * INTERVAL_MS);
  assertEquals(stand.gapsMs().slice(100, 104), [100, 1200, 2400, 4800]);
  await stand.end();
});

Deno.test("a mirror that probes took down is checked more and more seldom, and brought up", async () => {
  const stand = createStand({
    downAfter: 2,
    behaviour: (nowMs) => nowMs < 5 * INTERVAL_MS ? "failed" : 200,
  });
  stand.board.failed(NUMBER);
  stand.board.failed(NUMBER);
  for (let at = 0; at < 5; at++) await stand.check();
  assertEquals(stand.asked.map(({ atMs }) => atMs / INTERVAL_MS), [0, 2, 6, 7, 8]);
  assertEquals(stand.told, [{ atMs: 7 * INTERVAL_MS, what: "up" }]);
  await stand.end();
});

Deno.test("probes that fail while a check is good do not keep a mirror from coming up for ever", async () => {
  const stand = await createDownStand(() => 200);
  stand.comeBack();
  await stand.check();
  stand.board.failed(NUMBER);
  await stand.check();
  assertEquals(stand.isDown(), true, "one failure begins the count anew");
  await stand.check();
  assertEquals(stand.isDown(), false);
  assertLessOrEqual(stand.told.length, 2);
  await stand.end();
});
