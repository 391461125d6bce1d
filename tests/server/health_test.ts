import { assertEquals } from "@std/assert";
import { createChecks } from "../../lib/server/health.ts";
import { createShared } from "../../lib/server/shared.ts";
import {
  type Answer,
  CDN,
  CONFIG,
  createFakeFetch,
  createTestClock,
  DIGEST,
  OTHER_DIGEST,
  PARIS,
  readTestConfig,
  turn,
} from "./fixture.ts";

const INTERVAL_MS = 3000;

/** Checks of the mirrors of the configuration, of which the second alone can be asked. */
function createChecked() {
  const health = { interval_ms: INTERVAL_MS, max_interval_ms: 4 * INTERVAL_MS };
  const shared = createShared(readTestConfig({ ...CONFIG, health }), 1);
  shared.noteSample(1, { digest: DIGEST, found: true });
  const answers = new Map<string, Answer>([[CDN + DIGEST, 200]]);
  const { fetch, asked } = createFakeFetch(answers);
  const clock = createTestClock();
  const told: string[] = [];
  const stop = new AbortController();
  const checks = createChecks({
    shared,
    wait: clock.wait,
    random: () => 0,
    log: {
      mirrorDown: (mirror, answer) => void told.push(`${mirror} is down: ${answer}`),
      mirrorUp: (mirror) => void told.push(`${mirror} is up`),
      mirrorLost: (mirror, digest) => void told.push(`${mirror} has lost ${digest}`),
      failed: (error) => void told.push(String(error)),
    },
    fetch,
    stop: stop.signal,
    onFailure: (url) => void told.push(`no answer from ${url}`),
  });
  checks.restart();
  return {
    checks,
    shared,
    answers,
    asked,
    told,
    stop,
    // In steps, for a check begins when the wait before it is over.
    async pass(ms: number) {
      for (let passed = 0; passed < ms; passed += 250) {
        clock.pass(250);
        await turn();
      }
    },
  };
}

Deno.test("checks ask each mirror that can be asked, every so often", async () => {
  const { asked, told, pass, shared, checks } = createChecked();
  await pass(250);
  assertEquals(asked, [CDN + DIGEST]);
  await pass(INTERVAL_MS);
  assertEquals(asked, [CDN + DIGEST, CDN + DIGEST]);
  shared.noteSample(0, { digest: OTHER_DIGEST, found: false });
  await pass(INTERVAL_MS);
  assertEquals(asked.slice(2).sort(), [CDN + DIGEST, PARIS + OTHER_DIGEST]);
  assertEquals(told, []);
  checks.stop();
  await pass(10 * INTERVAL_MS);
  assertEquals(asked.length, 4);
});

Deno.test("checks that are begun anew are of the setup that is in use, and take the old ones' place", async () => {
  const { checks, asked, pass, shared } = createChecked();
  await pass(250);
  const only = { cdn: { url: "https://moved.example" } };
  const config = readTestConfig({ ...CONFIG, mirrors: only, rules: [] });
  shared.setup = { ...shared.setup, config, ...shared.roster.enter(config) };
  shared.noteSample(2, { digest: DIGEST, found: true });
  checks.restart();
  checks.restart();
  await pass(250);
  assertEquals(asked, [CDN + DIGEST, `https://moved.example/${DIGEST}`]);
  checks.stop();
  checks.restart();
  await pass(10 * INTERVAL_MS);
  assertEquals(asked.length, 2);
});

Deno.test("checks take a mirror down that fails, and bring it up when it is back", async () => {
  for (const failure of [500, 429, "fails"] as const) {
    const { answers, told, pass, shared, checks } = createChecked();
    answers.set(CDN + DIGEST, failure);
    await pass(2 * INTERVAL_MS);
    const downs = told.filter((line) => line.startsWith("cdn"));
    assertEquals(downs, [`cdn is down: ${failure === "fails" ? "failed" : failure}`]);
    assertEquals(told.includes(`no answer from ${CDN + DIGEST}`), failure === "fails");
    assertEquals(shared.isDown("cdn"), true);
    assertEquals(shared.isDown("paris"), false);
    answers.set(CDN + DIGEST, 200);
    await pass(10 * INTERVAL_MS);
    assertEquals(told.at(-1), "cdn is up");
    assertEquals(shared.isDown("cdn"), false);
    checks.stop();
    await pass(INTERVAL_MS);
  }
});

Deno.test("checks have a mirror asked anew for all that has lost a blob", async () => {
  const { answers, told, pass, shared, checks } = createChecked();
  const before = shared.board().generation(1);
  answers.set(CDN + DIGEST, 404);
  await pass(INTERVAL_MS);
  assertEquals(told, [`cdn has lost ${DIGEST}`]);
  assertEquals(shared.board().generation(1), before + 1);
  assertEquals(shared.board().generation(0), 0);
  checks.stop();
  await pass(INTERVAL_MS);
});

Deno.test("checks that are ended while they ask find out nothing", async () => {
  const { answers, told, pass, stop, checks } = createChecked();
  answers.set(CDN + DIGEST, "hangs");
  await pass(250);
  stop.abort();
  await pass(5 * INTERVAL_MS);
  assertEquals(new Set(told), new Set([`no answer from ${CDN + DIGEST}`]));
  checks.stop();
  await pass(INTERVAL_MS);
});

Deno.test("checks tell what goes wrong in them that should not", async () => {
  const { asked, told, pass, shared, checks } = createChecked();
  shared.samples.get = () => {
    throw new Error("the samples are broken");
  };
  await pass(INTERVAL_MS);
  assertEquals(told, ["Error: the samples are broken", "Error: the samples are broken"]);
  assertEquals(asked, []);
  checks.stop();
});
