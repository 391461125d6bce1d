import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import fc from "fast-check";
import { BEGUN_MS, createStand, DIGEST, digestOf, NUMBER } from "./checked_mirror.ts";
import type { Reply } from "./fake_servers.ts";

const INTERVAL_MS = 1200;
const CONFIRM_MS = INTERVAL_MS / 12;
const FIRST_RETRY_MS = INTERVAL_MS / 4;
const MAX_MS = 8 * INTERVAL_MS;

/** A mirror that refuses from the start, and is down. */
async function createDownStand(behaviour: () => Reply, { upAfter = 2, known = [DIGEST] } = {}) {
  let down = true;
  const stand = createStand({
    downAfter: 2,
    upAfter,
    known,
    maxIntervalMs: MAX_MS,
    behaviour: () => down ? "refuses" : behaviour(),
  });
  await stand.check();
  await stand.check();
  assert(stand.isDown());
  return {
    ...stand,
    downMs: stand.nowMs(),
    comeBack: () => void (down = false),
    goAway: () => void (down = true),
  };
}

Deno.test("the wait between checks doubles while a mirror is down, up to the longest", async () => {
  const stand = await createDownStand(() => 206);
  for (let at = 0; at < 8; at++) await stand.check();
  assertEquals(
    stand.gapsMs().slice(1),
    [1 / 4, 1 / 2, 1, 2, 4, 8, 8, 8].map((share) => share * INTERVAL_MS),
  );
  await stand.end();
});

Deno.test("the wait is not longer than the longest, whatever that is", async () => {
  for (const maxIntervalMs of [INTERVAL_MS, 1000, 3000]) {
    const stand = createStand({ downAfter: 2, maxIntervalMs, behaviour: () => 500 });
    for (let at = 0; at < 10; at++) await stand.check();
    assertEquals(stand.gapsMs().at(-1), maxIntervalMs);
    await stand.end();
  }
});

Deno.test("a mirror that is down is left alone, whoever suspects it", async () => {
  const stand = await createDownStand(() => 206);
  for (let at = 0; at < 400; at++) {
    stand.sleeper.wake();
    await stand.clock.pass(INTERVAL_MS / 20);
  }
  assertLessOrEqual(stand.checks(), 2 + 6);
  await stand.end();
});

Deno.test("a mirror that is back after a short outage is used again soon", async () => {
  const stand = await createDownStand(() => 206);
  stand.comeBack();
  await stand.goTo(stand.downMs + FIRST_RETRY_MS + CONFIRM_MS);
  assertEquals(stand.told.at(-1), {
    atMs: stand.downMs + FIRST_RETRY_MS + CONFIRM_MS,
    what: "up",
    detail: FIRST_RETRY_MS + CONFIRM_MS,
  });
  await stand.end();
});

Deno.test("a mirror is up after so many good checks in a row", async () => {
  for (const upAfter of [1, 2, 5]) {
    const stand = await createDownStand(() => 206, { upAfter });
    stand.comeBack();
    for (let good = 1; good < upAfter; good++) {
      await stand.check();
      assertEquals(stand.isDown(), true, `${good} of ${upAfter}`);
    }
    await stand.check();
    assertEquals(stand.isDown(), false);
    await stand.clock.pass(10 * INTERVAL_MS);
    assertEquals(stand.what(), ["down", "up"]);
    await stand.end();
  }
});

Deno.test("good checks bring a mirror up only in a row", async () => {
  let checks = 0;
  const stand = await createDownStand(() => checks % 2 === 0 ? 206 : "refuses");
  stand.comeBack();
  for (; checks < 20; checks++) await stand.check();
  assertEquals(stand.what(), ["down"]);
  await stand.end();
});

Deno.test("a mirror that is back is up again in time, however long it was down", async () => {
  const property = fc.asyncProperty(
    fc.double({ min: 0, max: 100 * INTERVAL_MS, noNaN: true }),
    fc.integer({ min: 1, max: 4 }),
    fc.constantFrom<Reply>("hangs", "refuses", 500, 429),
    fc.double({ min: 0, max: 0.999999, noNaN: true }),
    async (downMs, upAfter, reply, random) => {
      const failsMs = 3 * INTERVAL_MS;
      const backMs = failsMs + 4 * INTERVAL_MS + downMs;
      const stand = createStand({
        upAfter,
        maxIntervalMs: MAX_MS,
        random: () => random,
        behaviour: (nowMs) => failsMs <= nowMs && nowMs < backMs ? reply : 206,
      });
      await stand.goTo(backMs);
      assert(stand.isDown());
      // A check that is under way fails; the longest wait, and the good checks come after it.
      await stand.goTo(backMs + stand.timeoutMs + MAX_MS + (upAfter - 1) * CONFIRM_MS);
      assertEquals(stand.what(), ["down", "up"]);
      assertEquals(stand.isDown(), false);
      await stand.end();
    },
  );
  await fc.assert(property, { numRuns: 100 });
});

Deno.test("a mirror that comes up with all that it had keeps what is remembered, as stale", async () => {
  const known = Array.from({ length: 20 }, (_, at) => digestOf(at));
  const stand = await createDownStand(() => 206, { known });
  stand.comeBack();
  await stand.check();
  const asked = () => stand.askedForKnown().filter(({ method }) => method === "GET").length;
  const before = asked();
  await stand.check();
  assertEquals(asked() - before, 1 + 20, "all are asked for");
  assertEquals(stand.what(), ["down", "up"]);
  assertEquals(stand.board.generation(NUMBER), 0);
  const nowS = (BEGUN_MS + stand.nowMs()) / 1000;
  assertEquals(stand.board.recheckFromS(NUMBER), Math.ceil(nowS));
  await stand.end();
});

Deno.test("a mirror that comes up without one of them has all forgotten", async () => {
  const known = Array.from({ length: 20 }, (_, at) => digestOf(at));
  const lost = digestOf(13);
  let back = false;
  const stand = createStand({
    downAfter: 2,
    known,
    behaviour: (_, { url }) => !back ? "refuses" : url.endsWith(lost) ? 404 : 206,
  });
  await stand.check();
  await stand.check();
  back = true;
  await stand.check();
  await stand.check();
  assertEquals(stand.what(), ["down", "forgotten", "up"]);
  assertEquals(stand.told[1]!.detail, [lost]);
  assertEquals(stand.board.generation(NUMBER), 1);
  assertEquals(stand.samples.list().length, 19);
  await stand.end();
});

Deno.test("a mirror that comes back without its blobs is used again, and all is forgotten", async () => {
  for (const status of [403, 404, 410]) {
    for (const upAfter of [1, 2, 5]) {
      const stand = await createDownStand(() => status, { upAfter });
      stand.comeBack();
      for (let good = 0; good < upAfter; good++) {
        assertEquals(stand.isDown(), true);
        await stand.check();
      }
      assertEquals(stand.isDown(), false);
      assertEquals(stand.what(), ["down", "lost", "forgotten", "up"]);
      assertEquals(stand.board.generation(NUMBER), 1);
      await stand.end();
    }
  }
});

Deno.test("a mirror that lost one blob before an outage and none in it has all forgotten", async () => {
  let reply: (url: string) => Reply = (url) => url.endsWith(DIGEST) ? 404 : 206;
  const stand = createStand({
    downAfter: 2,
    known: [DIGEST, digestOf(1)],
    behaviour: (_, { url }) => reply(url),
  });
  await stand.check();
  assertEquals(stand.what(), ["lost"]);
  reply = () => "refuses";
  await stand.check();
  await stand.check();
  reply = () => 206;
  await stand.check();
  await stand.check();
  assertEquals(stand.what(), ["lost", "down", "forgotten", "up"]);
  await stand.end();
});

Deno.test("a mirror that does not deliver most of what it had stays down", async () => {
  const known = Array.from({ length: 20 }, (_, at) => digestOf(at));
  for (const bad of ["hangs", "refuses", 500, 409] as const) {
    let back = false;
    const stand = createStand({
      downAfter: 2,
      upAfter: 1,
      known,
      behaviour: (_, { url }) => !back ? "refuses" : /[05]$/.test(url) ? 206 : bad,
    });
    await stand.check();
    await stand.check();
    back = true;
    await stand.goTo(200 * INTERVAL_MS);
    assertEquals(stand.what(), ["down"], `${bad}`);
    assertLessOrEqual(stand.checks(), 40, "and is left alone for longer and longer");
    await stand.end();
  }
});

Deno.test("a mirror that fails at one blob of many does not stay down for it", async () => {
  const known = Array.from({ length: 20 }, (_, at) => digestOf(at));
  for (const bad of [451, 500]) {
    let back = false;
    const stand = createStand({
      downAfter: 2,
      known,
      behaviour: (_, { url }) => !back ? "refuses" : url.endsWith(digestOf(19)) ? bad : 206,
    });
    await stand.check();
    await stand.check();
    back = true;
    await stand.goTo(20 * INTERVAL_MS);
    assertEquals(stand.what(), ["down", "forgotten", "up"], `${bad}`);
    assertEquals(stand.told[1]!.detail, [digestOf(19)]);
    await stand.end();
  }
});

Deno.test("a mirror that goes up and down is soon left alone", async () => {
  let failing = true;
  const stand = createStand({
    downAfter: 2,
    maxIntervalMs: MAX_MS,
    behaviour: () => failing ? "refuses" : 206,
  });
  const waits: number[] = [];
  for (let round = 0; round < 7; round++) {
    failing = true;
    while (!stand.isDown()) await stand.check();
    const downMs = stand.nowMs();
    await stand.check();
    waits.push((stand.nowMs() - downMs) / INTERVAL_MS);
    failing = false;
    while (stand.isDown()) await stand.check();
  }
  // Twice as long for each of two failed checks.
  assertEquals(waits, [1 / 4, 1, 4, 8, 8, 8, 8]);
  await stand.end();
});

Deno.test("a mirror that fails only now and then stays up", async () => {
  const stand = createStand({ behaviour: () => stand.checks() % 3 === 0 ? 206 : 503 });
  await stand.goTo(100 * INTERVAL_MS);
  assertEquals([stand.isDown(), stand.told], [false, []]);
  await stand.end();
});

Deno.test("good checks make the next wait short again", async () => {
  const stand = await createDownStand(() => 206);
  for (let at = 0; at < 20; at++) await stand.check();
  stand.comeBack();
  for (let at = 0; at < 10; at++) await stand.check();
  assertEquals(stand.isDown(), false);
  stand.goAway();
  while (!stand.isDown()) await stand.check();
  const downMs = stand.nowMs();
  await stand.check();
  assertEquals(stand.nowMs() - downMs, FIRST_RETRY_MS);
  await stand.end();
});
