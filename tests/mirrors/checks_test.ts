import { assertEquals } from "@std/assert";
import type { Asker } from "../../lib/mirrors/asker.ts";
import { createBoard, createBoardMemory } from "../../lib/mirrors/board.ts";
import { createChecker } from "../../lib/mirrors/check.ts";
import { createChecks } from "../../lib/mirrors/checks.ts";
import type { Mirror } from "../../lib/routing/policy.ts";
import { createVirtualClock } from "./virtual_clock.ts";

const INTERVAL_MS = 1200;
const HEALTH = { intervalMs: INTERVAL_MS, maxIntervalMs: 9600, downAfter: 3, upAfter: 2 };
const NEAR = createMirror(1, "near");
const FAR = createMirror(2, "far");
const A = `sha256:${"a".repeat(64)}`;

function createMirror(number: number, name: string, url = `https://${name}.example`): Mirror {
  return { number, name, url, fallbackLimit: Infinity };
}

function createWorld(status: (url: string) => number = () => 206) {
  const clock = createVirtualClock();
  const asked: string[] = [];
  const told: string[] = [];
  const ask: Asker["firstByte"] = (url) => {
    const isRandom = !/a{64}$|b855$/.test(url);
    if (!isRandom) asked.push(url);
    return Promise.resolve({
      kind: "answered",
      status: isRandom ? 404 : status(url),
      length: undefined,
      archived: false,
      retryAfterMs: undefined,
    });
  };
  const world = { onError: (error: unknown) => void told.push(String(error)), broken: false };
  const checks = createChecks({
    board: createBoard(createBoardMemory()),
    checker: createChecker({
      asker: { headAnew: ask, firstByte: ask },
      random: Math.random,
      now: clock.now,
    }),
    later: clock.later,
    now: clock.now,
    nowS: () => 7 + Math.floor(clock.now() / 1000),
    random: () => 0,
    log: {
      onDown: ({ name }, reason) => told.push(`${name} is down: ${reason}`),
      onUp: ({ name }, downMs) => told.push(`${name} is up after ${downMs}`),
      onLost: ({ name }, digest) => told.push(`${name} lost ${digest}`),
      onForgotten: ({ name }) => told.push(`${name} is forgotten`),
      onChecked() {
        if (world.broken) throw new Error("the log is broken");
      },
      onError: (error) => world.onError(error),
    },
  });
  return { ...checks, clock, asked, told, world };
}

Deno.test("no mirror is checked before it is configured, and each is from then on", async () => {
  const { restart, stop, clock, asked } = createWorld();
  await clock.pass(10 * INTERVAL_MS);
  assertEquals(asked, []);
  restart([NEAR, FAR], HEALTH);
  await clock.pass(0);
  assertEquals(asked.map((url) => new URL(url).hostname), ["near.example", "far.example"]);
  await clock.pass(INTERVAL_MS);
  assertEquals(asked.length, 4);
  stop();
});

Deno.test("a mirror is checked by the blobs that it is said to have", async () => {
  const { restart, stop, addSample, clock, asked } = createWorld();
  restart([NEAR, FAR], HEALTH);
  addSample(NEAR.number, A);
  addSample(99, A);
  await clock.pass(0);
  assertEquals(asked[0], `${NEAR.url}/${A}`);
  assertEquals(asked[1]!.endsWith(A), false, "and no other mirror");
  stop();
});

Deno.test("a mirror that is suspected is checked soon, and no other", async () => {
  const { restart, stop, suspect, clock, asked } = createWorld();
  restart([NEAR, FAR], HEALTH);
  await clock.pass(300);
  suspect(NEAR.number);
  suspect(99);
  await clock.pass(0);
  assertEquals(asked.slice(2).map((url) => new URL(url).hostname), ["near.example"]);
  stop();
});

Deno.test("a mirror that stays configured is checked on, with what is known of it", async () => {
  const { restart, stop, addSample, clock, asked } = createWorld();
  restart([NEAR], HEALTH);
  addSample(NEAR.number, A);
  await clock.pass(INTERVAL_MS / 2);
  restart([FAR, { ...NEAR, fallbackLimit: 5 }], { ...HEALTH });
  await clock.pass(INTERVAL_MS / 2);
  assertEquals(asked.filter((url) => url === `${NEAR.url}/${A}`).length, 2, "at its own time");
  restart([NEAR], { ...HEALTH, intervalMs: 2 * INTERVAL_MS });
  await clock.pass(0);
  assertEquals(asked.at(-1), `${NEAR.url}/${A}`, "by other intervals at once");
  const before = asked.length;
  await clock.pass(2 * INTERVAL_MS - 1);
  assertEquals(asked.length, before);
  await clock.pass(1);
  assertEquals(asked.length, before + 1);
  stop();
});

Deno.test("a mirror that is no longer configured is checked no more", async () => {
  const { restart, stop, clock, asked, last, suspect } = createWorld();
  restart([NEAR, FAR], HEALTH);
  await clock.pass(0);
  restart([FAR], HEALTH);
  suspect(NEAR.number);
  await clock.pass(10 * INTERVAL_MS);
  assertEquals(asked.filter((url) => url.startsWith(NEAR.url)).length, 1);
  assertEquals(last(NEAR.number), undefined);
  stop();
});

Deno.test("another mirror of the same number is not taken for the one before", async () => {
  const { restart, stop, addSample, clock, asked, last } = createWorld();
  restart([NEAR], HEALTH);
  addSample(NEAR.number, A);
  await clock.pass(0);
  restart([createMirror(NEAR.number, "moved")], HEALTH);
  assertEquals(last(NEAR.number), undefined);
  await clock.pass(0);
  assertEquals(asked.at(-1)!.startsWith("https://moved.example/"), true);
  assertEquals(asked.at(-1)!.endsWith(A), false);
  stop();
});

Deno.test("the last check of a mirror is told", async () => {
  const { restart, stop, addSample, clock, last } = createWorld(() => 500);
  restart([NEAR], HEALTH);
  addSample(NEAR.number, A);
  assertEquals(last(NEAR.number), undefined);
  await clock.pass(2000);
  const result = { kind: "bad", reason: "status 500" } as const;
  assertEquals(last(NEAR.number), { result, answer: "status 500", status: 500, tookMs: 0, atS: 8 });
  stop();
});

Deno.test("checks that are stopped are stopped for good, and leave no timer", async () => {
  const { restart, stop, clock, asked } = createWorld();
  restart([NEAR, FAR], HEALTH);
  await clock.pass(INTERVAL_MS / 2);
  stop();
  restart([NEAR, createMirror(3, "new")], HEALTH);
  await clock.pass(10 * INTERVAL_MS);
  assertEquals([asked.length, clock.waiting], [2, 0]);
});

Deno.test("what goes wrong in checks that should not is told", async () => {
  const { restart, stop, clock, told, world } = createWorld();
  world.broken = true;
  restart([NEAR], HEALTH);
  await clock.pass(0);
  assertEquals(told, ["Error: the log is broken"]);
  stop();
});
