import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { createGate } from "../../lib/mirrors/gate.ts";
import {
  createAnswers,
  createMirrorJudge,
  createPresenceCheck,
  type HeadAnswer,
  type Presence,
  type Server,
} from "../../lib/mirrors/presence.ts";
import { createVirtualClock, settle } from "./virtual_clock.ts";

const FOUND_TTL_MS = 1000;
const MISSING_TTL_MS = 10;

interface WorldOptions {
  readonly maxEntries?: number;
  readonly maxInFlight?: number;
  readonly maxPerS?: number;
}

/** A check whose clock is virtual and whose HEAD requests wait until they are answered. */
function createWorld({ maxEntries = 10, maxInFlight = 10, maxPerS = 1000 }: WorldOptions = {}) {
  const asked: string[] = [];
  const waiting = new Map<string, (answer: HeadAnswer) => void>();
  const clock = createVirtualClock();
  const { now, wait } = clock;
  const gate = createGate({ maxInFlight, maxPerS, now, wait, random: () => 0.5, told() {} });
  const { ask, recall } = createPresenceCheck({
    head(url) {
      asked.push(url);
      return new Promise((resolve) => waiting.set(url, resolve));
    },
    memory: createAnswers({ maxEntries, now }),
    gate,
    now,
    wait,
  });
  const told: { url: string; answer: HeadAnswer; found: boolean; tookMs: number }[] = [];
  const server: Server = {
    judge: createMirrorJudge({ foundTtlMs: FOUND_TTL_MS, missingTtlMs: MISSING_TTL_MS }),
    answered: (answer, so) => told.push({ answer, ...so }),
  };
  const askFor = (url: string) => ask(`key of ${url}`, url, server);
  function answer(url: string, answer: HeadAnswer): void {
    const resolve = waiting.get(url)!;
    waiting.delete(url);
    resolve(answer);
  }
  return {
    asked,
    told,
    answer,
    clock,
    gate,
    server,
    ask,
    askFor,
    recall: (url: string) => recall(`key of ${url}`),
    /** Has `url` asked about and answered. */
    async learn(url: string, status: HeadAnswer): Promise<Presence> {
      const presence = askFor(url);
      answer(url, status);
      return await presence;
    },
  };
}

Deno.test("a check remembers what it found, and what it missed, each for its own time", async () => {
  const cases: { status: HeadAnswer; presence: Presence; ttlMs: number }[] = [
    { status: 200, presence: "found", ttlMs: FOUND_TTL_MS },
    { status: 404, presence: "missing", ttlMs: MISSING_TTL_MS },
    { status: 500, presence: "missing", ttlMs: MISSING_TTL_MS },
    { status: "failed", presence: "missing", ttlMs: MISSING_TTL_MS },
  ];
  for (const { status, presence, ttlMs } of cases) {
    const { askFor, recall, asked, answer, learn, clock } = createWorld();
    assertEquals(recall("u"), "unknown");
    assertEquals(await learn("u", status), presence, `${status} at first`);
    await clock.pass(ttlMs - 1);
    assertEquals(askFor("u"), presence, `${status}, remembered, and not a promise`);
    assertEquals(recall("u"), presence);
    assertEquals(asked, ["u"]);
    await clock.pass(1);
    assertEquals(recall("u"), "unknown");
    const again = askFor("u");
    assert(again instanceof Promise, `${status}, forgotten`);
    assertEquals(asked, ["u", "u"]);
    answer("u", 200);
    assertEquals(await again, "found");
  }
});

Deno.test("a check does not remember what it could not send, and says that it is missing", async () => {
  const { learn, recall, asked, told, gate } = createWorld();
  assertEquals(await learn("u", "unsent"), "missing");
  assertEquals([recall("u"), gate.inFlight], ["unknown", 0]);
  assertEquals(await learn("u", 200), "found");
  assertEquals(asked, ["u", "u"]);
  assertEquals(told.map(({ answer }) => answer), ["unsent", 200]);
});

Deno.test("recall() asks nobody, not even about what is being asked", async () => {
  const { askFor, recall, asked, answer } = createWorld();
  assertEquals(recall("u"), "unknown");
  assertEquals(asked, []);
  const presence = askFor("u");
  assertEquals(recall("u"), "unknown");
  answer("u", 200);
  assertEquals(await presence, "found");
  assertEquals(recall("u"), "found");
  assertEquals(asked, ["u"]);
});

Deno.test("a check sends one HEAD request for all that wait for the same URL", async () => {
  const { askFor, asked, answer } = createWorld({ maxInFlight: 1 });
  const answers = Array.from({ length: 100 }, () => askFor("u"));
  assertEquals(asked, ["u"]);
  answer("u", 200);
  assertEquals(new Set(await Promise.all(answers)), new Set(["found"]));
  assertEquals(askFor("u"), "found");
  assertEquals(asked, ["u"]);
});

Deno.test("a check tells a server's answer and how long it took, once for all that wait", async () => {
  const { askFor, answer, told, clock } = createWorld();
  const both = [askFor("u"), askFor("u")];
  await clock.pass(12);
  answer("u", 200);
  await Promise.all(both);
  const other = askFor("v");
  await clock.pass(5);
  answer("v", 503);
  await other;
  assertEquals(told, [
    { url: "u", answer: 200, found: true, tookMs: 12 },
    { url: "v", answer: 503, found: false, tookMs: 5 },
  ]);
});

Deno.test("a check asks nothing more when enough is in flight, and asks again after it", async () => {
  const { askFor, asked, answer } = createWorld({ maxInFlight: 2 });
  const first = askFor("a");
  const second = askFor("b");
  assertEquals(askFor("c"), "unknown");
  assertStrictEquals(await Promise.race([askFor("a"), "waits"]), "waits");
  assertEquals(asked, ["a", "b"]);
  answer("a", "failed");
  assertEquals(await first, "missing");
  const third = askFor("c");
  assertEquals(askFor("d"), "unknown");
  assertEquals(asked, ["a", "b", "c"]);
  answer("b", 200);
  answer("c", 404);
  assertEquals(await Promise.all([second, third]), ["found", "missing"]);
});

Deno.test("a check waits for its turn when many begin, and for no more than its turn", async () => {
  const { askFor, asked, answer, told, clock, gate } = createWorld({
    maxInFlight: 100,
    maxPerS: 100,
  });
  const answers = Array.from({ length: 28 }, (_, at) => askFor(`${at}`));
  assertEquals([asked.length, gate.inFlight], [26, 28]);
  const same = askFor("27");
  await clock.goTo(9);
  assertEquals(asked.length, 26);
  await clock.goTo(10);
  assertEquals(asked.length, 27);
  await clock.goTo(20);
  assertEquals(asked.length, 28);
  await clock.goTo(21);
  for (const url of asked) answer(url, 200);
  assertEquals(new Set(await Promise.all([...answers, same])), new Set(["found"]));
  assertEquals([asked.length, gate.inFlight], [28, 0]);
  assertEquals(told.at(-1)!.tookMs, 1, "the wait for its turn is not the server's");
});

Deno.test("a flood of requests that are turned away is held back, and known ones are not", async () => {
  const { askFor, answer, learn, asked, clock } = createWorld({ maxInFlight: 1 });
  await learn("known", 200);
  const first = askFor("first");
  const turnedAway = Array.from({ length: 40 }, (_, at) => askFor(`${at}`));
  assertEquals(turnedAway.slice(0, 25), Array(25).fill("unknown"));
  const held = turnedAway.slice(25);
  assert(held.every((presence) => presence instanceof Promise));
  assertEquals(askFor("known"), "found");
  let released = 0;
  for (const presence of held) Promise.resolve(presence).then(() => released++);
  await clock.goTo(999);
  assertEquals(released, 0);
  await clock.goTo(1000);
  assertEquals(released, 15);
  assertEquals(new Set(await Promise.all(held)), new Set(["unknown"]));
  assertEquals(asked, ["known", "first"]);
  answer("first", 200);
  assertEquals(await first, "found");
});

Deno.test("a flood of unknown digests never pushes out what was found", async () => {
  const maxInFlight = 8;
  const world = createWorld({ maxEntries: 40, maxInFlight, maxPerS: 1_000_000 });
  const { learn, askFor, answer, asked, gate, clock } = world;
  const known = Array.from({ length: 30 }, (_, at) => `known ${at}`);
  for (const url of known) {
    await learn(url, 200);
    await clock.pass(1);
  }
  for (let round = 0; round < 200; round++) {
    const flood = Array.from({ length: maxInFlight }, (_, at) => `flood ${round} ${at}`);
    const presences = flood.map(askFor);
    assertEquals([askFor("one more"), gate.inFlight], ["unknown", maxInFlight]);
    for (const url of flood) answer(url, 404);
    assertEquals(new Set(await Promise.all(presences)), new Set(["missing"]));
    assert(known.every((url) => askFor(url) === "found"), `round ${round}`);
    // Long enough for nobody to be held back, short enough for what is found to last.
    await clock.pass(4);
  }
  assertEquals(asked.length, known.length + 200 * maxInFlight);
});

Deno.test("a check forgets the least recently used of what it found", async () => {
  const { askFor, asked, learn } = createWorld({ maxEntries: 3 });
  await learn("a", 200);
  await learn("b", 200);
  assertEquals(askFor("a"), "found");
  await learn("c", 200);
  assertEquals(askFor("a"), "found");
  assertEquals(askFor("c"), "found");
  assertEquals(asked, ["a", "b", "c"]);
  await learn("b", 200);
  assertEquals(asked, ["a", "b", "c", "b"]);
});

Deno.test("a check tells apart what is at one URL by its keys", async () => {
  const { ask, asked, answer, server, clock } = createWorld();
  const a = ask("a", "u", server);
  answer("u", 200);
  const b = ask("b", "u", server);
  answer("u", 404);
  assertEquals(await Promise.all([a, b]), ["found", "missing"]);
  assertEquals([ask("a", "v", server), ask("b", "v", server)], ["found", "missing"]);
  assertEquals(asked, ["u", "u"]);
  await settle();
  assertEquals(clock.waiting, 0);
});

Deno.test("a check asks nothing about a URL that is longer than any should be", async () => {
  const { askFor, asked, answer, gate } = createWorld();
  const longest = "u".repeat(1024);
  const presence = askFor(longest);
  assert(presence instanceof Promise);
  assertEquals(askFor(`${longest}u`), "unknown");
  assertEquals([asked, gate.inFlight], [[longest], 1]);
  answer(longest, 200);
  assertEquals(await presence, "found");
});
