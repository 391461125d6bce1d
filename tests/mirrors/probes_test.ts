import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { Answer, Verdict } from "../../lib/mirrors/answer.ts";
import { createBoard, createBoardMemory } from "../../lib/mirrors/board.ts";
import { createKnownBlobs } from "../../lib/mirrors/known.ts";
import { createProbes, type Probed } from "../../lib/mirrors/probes.ts";
import type { Mirror } from "../../lib/routing/policy.ts";
import { createVirtualClock, settle } from "./virtual_clock.ts";

const BEGUN_MS = 1_800_000_000_000;
const NEAR: Mirror = { number: 3, name: "near", url: "https://near.example/b", fallbackLimit: 9 };
const FAR: Mirror = { number: 4, name: "far", url: "https://far.example/b", fallbackLimit: 9 };
const DIGEST = `sha256:${"a".repeat(64)}`;
const OTHER_DIGEST = `sha256:${"b".repeat(64)}`;
const NAME = "library/app";
const TIMEOUT_MS = 5000;

function answered(status: number, retryAfterMs?: number): Answer {
  return { kind: "answered", status, length: undefined, archived: false, retryAfterMs };
}

/** Probes that wait until they are answered. */
function createWorld({ delays = [] as (number | undefined)[] } = {}) {
  const clock = createVirtualClock(BEGUN_MS);
  const { now, wait, later } = clock;
  const board = createBoard(createBoardMemory());
  const known = createKnownBlobs({
    random: () => 0.5,
    board,
    maxEntries: 100,
    now,
    remembering: () => ({ foundTtlMs: 86_400_000, recheckMs: 600_000, missingTtlMs: 30_000 }),
  });
  const asked: string[] = [];
  const waiting: ((answer: Answer) => void)[] = [];
  const suspected: string[] = [];
  const probed: (Probed & { mirror: string })[] = [];
  let inFlight = 0;
  const probes = createProbes({
    asker: {
      head(url, timeoutMs) {
        assertEquals(timeoutMs, TIMEOUT_MS);
        asked.push(url);
        return new Promise((resolve) => waiting.push(resolve));
      },
    },
    timeoutMs: () => TIMEOUT_MS,
    gate: {
      enter() {
        const delay = delays.length === 0 ? 0 : delays.shift();
        if (delay !== undefined) inFlight++;
        return delay;
      },
      hasRoom: () => delays.length === 0 || delays[0] !== undefined,
      leave: () => void inFlight--,
      turnAway: () => undefined,
    },
    board,
    known: () => known,
    now,
    wait,
    later,
    log: {
      onSuspect: ({ name }) => suspected.push(name),
      onProbed: (mirror, all) => probed.push({ mirror: mirror.name, ...all }),
    },
  });
  return {
    ask(mirror: Mirror, digest: string): Promise<Verdict> | undefined {
      const mayAsk = probes.mayAsk(mirror, { digest, name: NAME });
      const verdict = probes.ask(mirror, { digest, name: NAME });
      assertEquals(mayAsk, verdict !== undefined);
      return verdict;
    },
    asked,
    suspected,
    probed,
    clock,
    board,
    recall: (mirror = NEAR, digest = DIGEST) => known.recall(mirror.number, digest),
    known,
    inFlight: () => inFlight,
    /** Answers the oldest probe that waits. */
    answer: (answer: Answer | number) =>
      waiting.shift()!(typeof answer === "number" ? answered(answer) : answer),
    /** Has the mirror asked for another blob, and answered. */
    async probe(answer: Answer | number, mirror = NEAR, digest = DIGEST): Promise<Verdict> {
      const verdict = probes.ask(mirror, { digest, name: NAME })!;
      waiting.shift()!(typeof answer === "number" ? answered(answer) : answer);
      return await verdict;
    },
  };
}

Deno.test("a probe asks for the blob at the mirror, and remembers what it finds", async () => {
  const failed: Answer = { kind: "failed", reason: "refused" };
  const unsent: Answer = { kind: "unsent", reason: "no files left" };
  const table = [
    { answer: 200, verdict: "found", known: "found", suspected: [] },
    { answer: 404, verdict: "missing", known: "missing", suspected: [] },
    { answer: 403, verdict: "missing", known: "missing", suspected: [] },
    { answer: 301, verdict: "failed", known: "missing", suspected: ["near"] },
    { answer: 409, verdict: "failed", known: "missing", suspected: ["near"] },
    { answer: 500, verdict: "failed", known: "missing", suspected: ["near"] },
    { answer: failed, verdict: "failed", known: "missing", suspected: ["near"] },
    { answer: 429, verdict: "slow_down", known: "unknown", suspected: ["near"] },
    { answer: 503, verdict: "slow_down", known: "unknown", suspected: ["near"] },
    { answer: unsent, verdict: "unsent", known: "unknown", suspected: [] },
  ] as const;
  for (const { answer, verdict, known, suspected } of table) {
    const world = createWorld();
    assertEquals(await world.probe(answer), verdict);
    assertEquals(world.asked, [`${NEAR.url}/${DIGEST}`]);
    assertEquals([world.recall(), world.recall(FAR)], [known, "unknown"], verdict);
    assertEquals(world.suspected as readonly string[], suspected, verdict);
    assertEquals([world.inFlight(), world.clock.waiting], [0, 0]);
  }
});

Deno.test("each probe is told of, with how long the mirror took", async () => {
  const { ask, answer, probed, clock } = createWorld({ delays: [10] });
  const verdict = ask(NEAR, DIGEST);
  await clock.pass(22);
  answer(404);
  await verdict;
  const blob = { digest: DIGEST, name: NAME };
  const expected = { blob, answer: answered(404), verdict: "missing" as const };
  assertEquals(probed, [{ mirror: "near", ...expected, tookMs: 12 }]);
});

Deno.test("requests for one blob share one probe", async () => {
  const { ask, asked, answer, inFlight } = createWorld();
  const verdicts = Array.from({ length: 100 }, () => ask(NEAR, DIGEST));
  assertEquals(new Set(verdicts).size, 1);
  assertEquals([asked.length, inFlight()], [1, 1]);
  const others = [ask(NEAR, OTHER_DIGEST), ask(FAR, DIGEST)];
  assertEquals(asked.length, 3);
  answer(200);
  answer(404);
  answer(200);
  assertEquals(await Promise.all([verdicts[0], ...others]), ["found", "missing", "found"]);
  void ask(NEAR, DIGEST);
  assertEquals(asked.length, 4, "one that is over is not shared");
});

Deno.test("a probe waits for its turn, and others join it meanwhile", async () => {
  const { ask, asked, clock } = createWorld({ delays: [100] });
  const first = ask(NEAR, DIGEST);
  assertStrictEquals(ask(NEAR, DIGEST), first);
  await clock.pass(99);
  assertEquals(asked, []);
  await clock.pass(1);
  assertEquals(asked.length, 1);
});

Deno.test("nothing is asked when the gate turns a probe away", async () => {
  const { ask, asked, probe } = createWorld({ delays: [undefined] });
  assertEquals(ask(NEAR, DIGEST), undefined);
  assertEquals(asked, []);
  assertEquals(await probe(200), "found");
});

Deno.test("what was under way when a mirror was forgotten is not remembered, and nobody joins it", async () => {
  const { ask, asked, answer, board, recall } = createWorld();
  const before = ask(NEAR, DIGEST);
  board.forget(NEAR.number);
  const after = ask(NEAR, DIGEST);
  assert(before !== after);
  assertStrictEquals(ask(NEAR, DIGEST), after);
  assertEquals(asked.length, 2);
  answer(200);
  assertEquals(await before, "found");
  assertEquals(recall(), "unknown");
  assertStrictEquals(ask(NEAR, DIGEST), after, "the end of the one does not end the other");
  answer(404);
  assertEquals([await after, recall()], ["missing", "missing"]);
});

Deno.test("a failure says nothing of a blob that was there", async () => {
  for (const status of [500, 409, 503]) {
    const { probe, known, recall, clock, suspected } = createWorld();
    known.found(NEAR.number, DIGEST);
    await clock.pass(601_000);
    assertEquals(recall(), "stale");
    await probe(status);
    assertEquals([recall(), suspected], ["stale", ["near"]]);
  }
});

Deno.test("a blob that was there and is gone is missing, and one that is there is fresh", async () => {
  for (
    const { status, expected } of [{ status: 404, expected: "missing" }, {
      status: 200,
      expected: "found",
    }]
  ) {
    const { probe, known, recall, clock } = createWorld();
    known.found(NEAR.number, DIGEST);
    await clock.pass(601_000);
    await probe(status);
    assertEquals(recall() as string, expected);
  }
});

Deno.test("a mirror that does not answer for a second is suspected before its time is over", async () => {
  const { ask, suspected, clock, answer } = createWorld();
  const verdict = ask(NEAR, DIGEST);
  await clock.pass(999);
  assertEquals(suspected, []);
  await clock.pass(1);
  assertEquals(suspected, ["near"]);
  answer(200);
  assertEquals(await verdict, "found");
  assertEquals(clock.waiting, 0);
});

Deno.test("429 and 503 pause the probes of that mirror, for longer each time", async () => {
  for (const status of [429, 503]) {
    const { ask, probe, clock, asked } = createWorld();
    for (const pauseMs of [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]) {
      assertEquals(await probe(status), "slow_down");
      await clock.pass(pauseMs - 1);
      const before = asked.length;
      assertEquals(ask(NEAR, DIGEST), undefined, `${pauseMs}`);
      assertEquals(ask(NEAR, OTHER_DIGEST), undefined, `${pauseMs}`);
      assertEquals(asked.length, before);
      assertEquals(await probe(200, FAR), "found", "others are asked");
      await clock.pass(1);
    }
    await probe(404);
    await probe(status);
    await clock.pass(500);
    assertEquals(await probe(200), "found", "an answer between them ends it");
  }
});

Deno.test("Retry-After is obeyed, up to half a minute", async () => {
  const table = [
    { retryAfterMs: 100, pauseMs: 500 },
    { retryAfterMs: 7000, pauseMs: 7000 },
    { retryAfterMs: 3_600_000, pauseMs: 30_000 },
  ];
  for (const { retryAfterMs, pauseMs } of table) {
    const { ask, probe, clock } = createWorld();
    await probe(answered(503, retryAfterMs));
    await clock.pass(pauseMs - 1);
    assertEquals(ask(NEAR, DIGEST), undefined);
    await clock.pass(1);
    assertEquals(await probe(200), "found");
  }
});

Deno.test("probes that were under way when a pause began neither extend nor end it", async () => {
  const { ask, answer, clock } = createWorld();
  for (const digest of ["sha256:1", "sha256:2", "sha256:3", "sha256:4"]) void ask(NEAR, digest);
  answer(503);
  await settle();
  answer(503);
  answer(200);
  answer(404);
  await settle();
  await clock.pass(499);
  assertEquals(ask(NEAR, DIGEST), undefined);
  await clock.pass(1);
  assert(ask(NEAR, DIGEST) instanceof Promise);
});

Deno.test("what could not be sent ends no pause", async () => {
  const { probe, ask, clock } = createWorld();
  await probe(503);
  await clock.pass(500);
  await probe({ kind: "unsent", reason: "" });
  await probe(503);
  await clock.pass(999);
  assertEquals(ask(NEAR, DIGEST), undefined, "this one is twice as long");
});
