import { assert, assertEquals } from "@std/assert";
import type { Answer } from "../../lib/mirrors/answer.ts";
import { MIRROR_NUMBERS } from "../../lib/mirrors/board.ts";
import { createAnswers } from "../../lib/mirrors/known.ts";
import { createWithin } from "../../lib/mirrors/time.ts";
import {
  createUpstreamCheck,
  MAX_UPSTREAMS,
  SERVER_NUMBERS,
  type UpstreamPresence,
} from "../../lib/mirrors/upstream_check.ts";
import type { Upstream } from "../../lib/routing/policy.ts";
import { createVirtualClock } from "./virtual_clock.ts";

const MAIN: Upstream = { number: 2, name: "main", base: "https://main.example/v2/" };
const OTHER: Upstream = { number: 5, name: "other", base: "https://other.example/v2/" };
const FOUND_TTL_MS = 86_400_000;
const MISSING_TTL_MS = 10;

function answered(status: number): Answer {
  return { kind: "answered", status, length: undefined, archived: false, retryAfterMs: undefined };
}

/** A check whose HEAD requests wait until they are answered, unless `always` answers. */
function createWorld({ always }: { always?: Answer } = {}) {
  const clock = createVirtualClock(1000);
  const asked: string[] = [];
  const waiting = new Map<string, (answer: Answer) => void>();
  const told: string[] = [];
  const inFlight: number[] = [];
  const world = {
    /** What the gate says next. */
    delay: 0 as number | undefined,
    held: undefined as Promise<void> | undefined,
  };
  const check = createUpstreamCheck({
    asker: {
      head(url, timeoutMs) {
        assertEquals(timeoutMs, 5000);
        asked.push(url);
        return always === undefined
          ? new Promise((resolve) => waiting.set(url, resolve))
          : Promise.resolve(always);
      },
    },
    timeoutMs: () => 5000,
    gate: {
      enter(server) {
        if (world.delay !== undefined) inFlight.push(server);
        return world.delay;
      },
      hasRoom: () => world.delay !== undefined,
      leave: (server) => void inFlight.splice(inFlight.indexOf(server), 1),
      turnAway: () => world.held,
    },
    answers: ((answers) => () => answers)(
      createAnswers({ random: () => 0.5, maxEntries: 100, now: clock.now }),
    ),
    remembering: () => ({
      foundTtlMs: FOUND_TTL_MS,
      recheckMs: FOUND_TTL_MS,
      missingTtlMs: MISSING_TTL_MS,
    }),
    now: clock.now,
    wait: clock.wait,
    within: createWithin(clock.later),
    onAsked: ({ name }, answer, verdict, tookMs) =>
      told.push(`${name} ${answer.kind} ${verdict} ${tookMs}`),
  });
  return {
    world,
    ask(upstream: Upstream, url: string, waitMs?: number) {
      const foreseen = check.foresee(upstream, url);
      const presence = check.ask(upstream, url, waitMs);
      // Who is held back during a flood gets the same answer later.
      if (typeof presence === "string") assertEquals(foreseen, presence);
      else assertEquals(foreseen, world.held === undefined ? undefined : "found");
      return presence;
    },
    asked,
    told,
    inFlight,
    clock,
    answer: (url: string, answer: Answer | number) =>
      waiting.get(url)!(typeof answer === "number" ? answered(answer) : answer),
  };
}

const FAILED: Answer = { kind: "failed", reason: "refused" };
const UNSENT: Answer = { kind: "unsent", reason: "no files left" };

Deno.test("only a 404 says that an upstream does not have something", async () => {
  const table: { answer: Answer | number; expected: UpstreamPresence; keptMs: number }[] = [
    { answer: 200, expected: "found", keptMs: FOUND_TTL_MS },
    { answer: 307, expected: "found", keptMs: FOUND_TTL_MS },
    { answer: 404, expected: "missing", keptMs: MISSING_TTL_MS },
    { answer: 401, expected: "found", keptMs: MISSING_TTL_MS },
    { answer: 503, expected: "found", keptMs: MISSING_TTL_MS },
    { answer: FAILED, expected: "found", keptMs: MISSING_TTL_MS },
    { answer: UNSENT, expected: "found", keptMs: 0 },
  ];
  for (const { answer, expected, keptMs } of table) {
    const world = createWorld();
    const presence = world.ask(MAIN, "u");
    assert(presence instanceof Promise);
    assertEquals(world.inFlight, [MIRROR_NUMBERS + MAIN.number]);
    world.answer("u", answer);
    assertEquals(await presence, expected);
    assertEquals(world.inFlight, []);
    if (keptMs > 0) {
      await world.clock.pass(keptMs - 1);
      assertEquals(world.ask(MAIN, "u"), expected, "remembered");
      await world.clock.pass(1);
    }
    assert(world.ask(MAIN, "u") instanceof Promise, "not remembered for longer");
    assertEquals(world.asked, ["u", "u"]);
  }
});

Deno.test("requests for one URL share one HEAD request, which is told of once", async () => {
  const { ask, answer, asked, told, clock } = createWorld();
  const presences = Array.from({ length: 50 }, () => ask(MAIN, "u"));
  await clock.pass(12);
  answer("u", 404);
  assertEquals(new Set(await Promise.all(presences)), new Set(["missing"]));
  assertEquals([asked, told], [["u"], ["main answered missing 12"]]);
});

Deno.test("a request waits no longer than it is told, and its HEAD request goes on", async () => {
  const { ask, answer, asked, clock } = createWorld();
  const hurried = ask(MAIN, "u", 100);
  const patient = ask(MAIN, "u");
  await clock.pass(100);
  assertEquals(await hurried, "found");
  answer("u", 404);
  assertEquals(await patient, "missing");
  assertEquals([asked.length, clock.waiting], [1, 0]);
  assertEquals(ask(MAIN, "u", 100), "missing");
});

Deno.test("a HEAD request waits for its turn", async () => {
  const { ask, asked, told, answer, clock, world } = createWorld();
  world.delay = 40;
  const presence = ask(MAIN, "u");
  await clock.pass(39);
  assertEquals(asked, []);
  await clock.pass(1);
  answer("u", 200);
  await presence;
  assertEquals(told, ["main answered found 0"]);
});

Deno.test("an upstream that is asked too much is taken to have everything", async () => {
  const { ask, asked, clock, world } = createWorld();
  world.delay = undefined;
  assertEquals(ask(MAIN, "u"), "found");
  world.held = clock.wait(1000);
  const table = [{ waitMs: undefined, heldMs: 1000 }, { waitMs: 200, heldMs: 200 }];
  const overMs = await Promise.all(
    table.map(({ waitMs }) => {
      const presence = ask(MAIN, "u", waitMs);
      assert(presence instanceof Promise);
      return presence.then((presence) => [presence, clock.now() - 1000]);
    }).concat(clock.pass(1000) as never),
  );
  assertEquals(overMs.slice(0, 2), table.map(({ heldMs }) => ["found", heldMs]));
  assertEquals(asked, []);
});

Deno.test("nothing is asked about a URL that is longer than any should be", async () => {
  const { ask, asked, answer } = createWorld();
  const longest = "u".repeat(1024);
  const presence = ask(MAIN, longest);
  assertEquals(ask(MAIN, `${longest}u`), "found");
  assertEquals(asked, [longest]);
  answer(longest, 404);
  assertEquals(await presence, "missing");
});

Deno.test("an upstream that fails five times in a row is left alone, for longer each time", async () => {
  for (const always of [FAILED, answered(500), answered(429), answered(401)]) {
    const { ask, asked, clock } = createWorld({ always });
    for (let at = 0; at < 5; at++) assertEquals(await ask(MAIN, `u${at}`), "found");
    for (const restMs of [5000, 10_000, 20_000, 40_000, 60_000, 60_000]) {
      const before = asked.length;
      await clock.pass(restMs - 1);
      assertEquals(ask(MAIN, "other"), "found");
      assertEquals(asked.length, before);
      await ask(OTHER, `${restMs} ${before}`);
      assertEquals(asked.length, before + 1, "others are asked");
      await clock.pass(1);
      await ask(MAIN, `again ${before}`);
      assertEquals(asked.length, before + 2);
      assertEquals(await ask(MAIN, `and again ${before}`), "found");
      assertEquals(asked.length, before + 2);
      if (before > 10) break;
    }
  }
});

Deno.test("an answer ends the failures in a row; what could not be sent does not", async () => {
  const { ask, asked, answer } = createWorld();
  let count = 0;
  async function learn(is: Answer | number): Promise<void> {
    const url = `u${count++}`;
    const presence = ask(MAIN, url);
    answer(url, is);
    await presence;
  }
  for (let at = 0; at < 4; at++) await learn(FAILED);
  await learn(404);
  for (let at = 0; at < 4; at++) await learn(FAILED);
  await learn(UNSENT);
  await learn(FAILED);
  assertEquals([ask(MAIN, "u"), asked.length], ["found", 11]);
});

Deno.test("failures that were under way when an upstream was left alone extend nothing", async () => {
  const { ask, asked, answer, clock } = createWorld();
  const presences = Array.from({ length: 20 }, (_, at) => ask(MAIN, `u${at}`));
  for (let at = 0; at < 20; at++) answer(`u${at}`, FAILED);
  await Promise.all(presences);
  await clock.pass(5000);
  void ask(MAIN, "u");
  assertEquals(asked.length, 21);
});

Deno.test("servers are told apart by numbers, those of upstreams after those of mirrors", () => {
  assertEquals(SERVER_NUMBERS, MIRROR_NUMBERS + 2 * MAX_UPSTREAMS);
});
