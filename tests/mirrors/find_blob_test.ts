import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Verdict } from "../../lib/mirrors/answer.ts";
import { createBoard, createBoardMemory } from "../../lib/mirrors/board.ts";
import { createBlobFinder, type FoundBlob } from "../../lib/mirrors/find_blob.ts";
import type { Known, KnownBlobs } from "../../lib/mirrors/known.ts";
import { createWithin } from "../../lib/mirrors/time.ts";
import type { Mirror } from "../../lib/routing/policy.ts";
import { createVirtualClock, settle, type VirtualClock } from "./virtual_clock.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;
const BLOB = { digest: DIGEST, name: "app" };
const NAMES = ["a", "b", "c"];
const TIMEOUT_MS = 1000;
const HELD_MS = 500;

/** What comes of asking a mirror: a verdict, after some time, or that it is turned away. */
type Probe = Verdict | Promise<Verdict> | "turned_away";

interface WorldOptions {
  /** What comes of asking each mirror that is not known; by default it has the blob. */
  readonly probes?: readonly Probe[];
  /** The mirrors that are down at first. */
  readonly down?: readonly string[];
  /** How much may be diverted to each. */
  readonly limit?: number;
  /** Whether those that are turned away are held back. */
  readonly flooded?: boolean;
  readonly clock?: VirtualClock;
}

/** A finder over mirrors of which is known, or will be answered, what is given. */
function createWorld(
  states: readonly Known[],
  { probes = [], down = [], limit = Infinity, flooded = false, clock = createVirtualClock() }:
    WorldOptions = {},
) {
  const board = createBoard(createBoardMemory());
  // What a mirror is numbered on the board has nothing to do with its place.
  const mirrors = NAMES.map((name, at): Mirror => ({
    name,
    number: 10 + 3 * at,
    url: `https://${name}.example/blobs`,
    fallbackLimit: limit,
  }));
  const known = [...states];
  const asked: string[] = [];
  const at = (number: number) => mirrors.findIndex((mirror) => mirror.number === number);
  let turnedAway = 0;
  let nowS = 100;
  const find = createBlobFinder({
    known: () =>
      ({
        recall(number, digest) {
          assertEquals(digest, DIGEST);
          return known[at(number)]!;
        },
      }) as KnownBlobs,
    probes: {
      mayAsk: () => true,
      ask(mirror, blob) {
        assertEquals(blob, BLOB);
        const probe = probes[at(mirror.number)] ?? "found";
        asked.push(mirror.name);
        return probe === "turned_away" ? undefined : Promise.resolve(probe);
      },
    },
    gate: {
      turnAway() {
        turnedAway++;
        return flooded ? clock.wait(HELD_MS) : undefined;
      },
    },
    board,
    timeoutMs: () => TIMEOUT_MS,
    now: clock.now,
    nowS: () => nowS,
    within: createWithin(clock.later),
  });
  const numberOf = (name: string) => mirrors[NAMES.indexOf(name)]!.number;
  const takeDown = (name: string) => void board.takeDown(numberOf(name));
  down.forEach(takeDown);
  return {
    mirrors,
    find: (except?: string) =>
      find(mirrors, BLOB, except === undefined ? undefined : mirrors[NAMES.indexOf(except)]),
    findIn: find,
    asked,
    clock,
    takeDown,
    bringUp: (name: string) => board.bringUp(numberOf(name), 0),
    learn: (name: string, is: Known) => void (known[NAMES.indexOf(name)] = is),
    nextSecond: () => void nowS++,
    turnedAway: () => turnedAway,
  };
}

/** What a finder gives: a mirror's name, with a star when diverted, or why there is none. */
function describe(found: FoundBlob): string {
  return found.kind === "none" ? found.reason : found.mirror.name + (found.diverted ? "*" : "");
}

const known: readonly {
  states: readonly Known[];
  down?: readonly string[];
  /** Who is asked behind the answer. */
  asked: string;
  found: string;
}[] = [
  { states: ["found", "found", "found"], asked: "", found: "a" },
  { states: ["missing", "found", "found"], asked: "", found: "b" },
  { states: ["missing", "missing", "found"], asked: "", found: "c" },
  { states: ["missing", "missing", "missing"], asked: "", found: "missing" },
  // A later mirror that is known to have it is taken at once, and earlier ones are asked behind.
  { states: ["unknown", "found", "found"], asked: "a", found: "b" },
  { states: ["unknown", "missing", "found"], asked: "a", found: "c" },
  { states: ["unknown", "unknown", "found"], asked: "ab", found: "c" },
  { states: ["missing", "unknown", "found"], asked: "b", found: "c" },
  // What was found long ago counts, and is asked for again behind the answer.
  { states: ["stale", "found", "found"], asked: "a", found: "a" },
  { states: ["missing", "stale", "found"], asked: "b", found: "b" },
  { states: ["unknown", "stale", "unknown"], asked: "ab", found: "b" },
  { states: ["found", "found", "found"], down: ["a"], asked: "", found: "b*" },
  { states: ["found", "found", "found"], down: ["b"], asked: "", found: "a" },
  { states: ["found", "found", "found"], down: ["a", "b"], asked: "", found: "c*" },
  { states: ["found", "found", "found"], down: ["a", "b", "c"], asked: "", found: "down" },
  { states: ["found", "missing", "missing"], down: ["a"], asked: "", found: "missing" },
  { states: ["unknown", "unknown", "found"], down: ["b"], asked: "a", found: "c*" },
  { states: ["unknown", "unknown", "stale"], down: ["a"], asked: "bc", found: "c*" },
];

Deno.test("a finder answers at once when all that it needs is known", () => {
  for (const { states, down = [], asked, found } of known) {
    const world = createWorld(states, { down });
    const answer = world.find();
    assert(!(answer instanceof Promise), states.join());
    assertEquals(describe(answer), found, `${states.join()}, down: ${down}`);
    assertEquals(world.asked.join(""), asked, `${states.join()}, down: ${down}`);
  }
});

Deno.test("a finder passes over a mirror that failed its client", async () => {
  const table: { states: Known[]; down?: string[]; found: string }[] = [
    { states: ["found", "found", "found"], found: "b*" },
    { states: ["stale", "missing", "found"], found: "c*" },
    { states: ["found", "unknown", "missing"], found: "b*" },
    { states: ["found", "missing", "missing"], found: "missing" },
    { states: ["found", "found", "found"], down: ["b", "c"], found: "down" },
  ];
  for (const { states, down = [], found } of table) {
    const world = createWorld(states, { down });
    assertEquals(describe(await world.find("a")), found, states.join());
    assertEquals(world.asked.includes("a"), false);
  }
});

Deno.test("a finder asks mirrors in their order, each only when those before it miss", async () => {
  const table: { states: Known[]; probes: Verdict[]; asked: string; found: string }[] = [
    { states: ["unknown", "unknown"], probes: ["found"], asked: "a", found: "a" },
    { states: ["unknown", "unknown"], probes: ["missing"], asked: "ab", found: "b" },
    {
      states: ["unknown", "unknown"],
      probes: ["failed", "missing"],
      asked: "ab",
      found: "missing",
    },
    { states: ["unknown", "missing"], probes: ["slow_down"], asked: "a", found: "missing" },
    { states: ["missing", "unknown"], probes: ["missing", "found"], asked: "b", found: "b" },
    { states: ["unknown", "unknown"], probes: ["unsent", "missing"], asked: "ab", found: "busy" },
    { states: ["unknown", "unknown"], probes: ["unsent", "found"], asked: "ab", found: "b" },
  ];
  for (const { states, probes, asked, found } of table) {
    const world = createWorld([...states, "missing"], { probes });
    const answer = world.find();
    assert(answer instanceof Promise);
    assertEquals(describe(await answer), found, `${states.join()}: ${probes.join()}`);
    assertEquals(world.asked.join(""), asked);
    assertEquals(world.clock.waiting, 0);
  }
});

Deno.test("a finder takes a later mirror that others found out about meanwhile", async () => {
  for (const is of ["found", "stale"] as const) {
    const first = Promise.withResolvers<Verdict>();
    const world = createWorld(["unknown", "unknown", "missing"], { probes: [first.promise] });
    const found = world.find();
    await settle();
    world.learn("b", is);
    first.resolve("missing");
    assertEquals([describe(await found), world.asked], ["b", ["a"]]);
  }
});

Deno.test("a finder finds nothing in no mirrors", () => {
  const { findIn } = createWorld([]);
  assertEquals(findIn([], BLOB), { kind: "none", reason: "missing" });
});

Deno.test("a finder sends nobody to a mirror that went down while it was asked", async () => {
  const table = [
    { answer: "found", then: "found", expected: "b*" },
    { answer: "missing", then: "found", expected: "b*" },
    { answer: "found", then: "missing", expected: "missing" },
    { answer: "failed", then: "found", expected: "b*" },
  ] as const;
  for (const { answer, then, expected } of table) {
    const { promise, resolve } = Promise.withResolvers<Verdict>();
    const world = createWorld(["unknown", "unknown", "missing"], { probes: [promise, then] });
    const found = world.find();
    world.takeDown("a");
    resolve(answer);
    assertEquals(describe(await found), expected, `${answer}, ${then}`);
  }
});

Deno.test("a finder says that all mirrors are down when the last one goes while it is asked", async () => {
  const { promise, resolve } = Promise.withResolvers<Verdict>();
  const world = createWorld(["found", "unknown", "found"], {
    probes: ["found", promise],
    down: ["a", "c"],
  });
  const found = world.find();
  world.takeDown("b");
  resolve("found");
  assertEquals(describe(await found), "down");
});

Deno.test("a finder diverts no more than the limit in a second, and the upstream has the rest", () => {
  const world = createWorld(["found", "found", "found"], { down: ["a"], limit: 2 });
  const take = () => describe(world.find() as FoundBlob);
  assertEquals([take(), take(), take(), take()], ["b*", "b*", "fallback_limit", "fallback_limit"]);
  world.nextSecond();
  assertEquals([take(), take(), take()], ["b*", "b*", "fallback_limit"]);
  world.bringUp("a");
  assertEquals(new Set([take(), take(), take()]), new Set(["a"]));
});

Deno.test("a limit of none diverts nobody to a mirror, and holds for late answers, too", async () => {
  for (const state of ["found", "unknown"] as const) {
    const world = createWorld(["found", state, "found"], { down: ["a"], limit: 0 });
    if (state === "unknown") world.learn("c", "missing");
    assertEquals(describe(await world.find()), "fallback_limit");
    world.bringUp("a");
    assertEquals(describe(await world.find()), "a");
  }
});

Deno.test("a mirror's own clients count towards no limit", () => {
  const world = createWorld(["missing", "found", "found"], { down: ["c"], limit: 1 });
  for (let at = 0; at < 10; at++) assertEquals(describe(world.find() as FoundBlob), "b");
});

Deno.test("the time to look for a mirror bounds the whole search, whatever hangs", async () => {
  const hangs = new Promise<Verdict>(() => {});
  const table: { probes: Probe[]; found: string; asked: string }[] = [
    { probes: [hangs, hangs, hangs], found: "busy", asked: "abc" },
    { probes: ["missing", hangs, hangs], found: "busy", asked: "abc" },
    { probes: ["missing", "failed", hangs], found: "busy", asked: "abc" },
  ];
  for (const { probes, found, asked } of table) {
    const world = createWorld(["unknown", "unknown", "unknown"], { probes });
    let overMs = -1;
    const answer = Promise.resolve(world.find()).finally(() => overMs = world.clock.now());
    await world.clock.pass(10 * TIMEOUT_MS);
    assertEquals([describe(await answer), overMs], [found, TIMEOUT_MS]);
    assertEquals(world.asked.join(""), asked);
    assertEquals(world.clock.waiting, 0);
  }
});

Deno.test("a mirror that hangs leaves each later one that may have the blob its share of the time", async () => {
  const hangs = new Promise<Verdict>(() => {});
  const table: { states: Known[]; found: string; atMs: number }[] = [
    { states: ["unknown", "unknown", "unknown"], found: "b", atMs: TIMEOUT_MS / 3 },
    { states: ["unknown", "missing", "unknown"], found: "c", atMs: TIMEOUT_MS / 2 },
    { states: ["unknown", "missing", "missing"], found: "busy", atMs: TIMEOUT_MS },
  ];
  for (const { states, found, atMs } of table) {
    const world = createWorld([...states], { probes: [hangs] });
    let overMs = -1;
    const answer = Promise.resolve(world.find()).finally(() => overMs = world.clock.now());
    await world.clock.goTo(10 * TIMEOUT_MS);
    assertEquals([describe(await answer), Math.round(overMs)], [found, Math.round(atMs)]);
  }
});

Deno.test("each mirror has what the ones before it left of the time", async () => {
  const clock = createVirtualClock();
  const first = clock.wait(0.3 * TIMEOUT_MS).then((): Verdict => "missing");
  const second = clock.wait(1.2 * TIMEOUT_MS).then((): Verdict => "found");
  const world = createWorld(["unknown", "unknown", "missing"], { probes: [first, second], clock });
  let overMs = -1;
  const found = Promise.resolve(world.find()).finally(() => overMs = clock.now());
  await clock.goTo(10 * TIMEOUT_MS);
  assertEquals([describe(await found), world.asked.join(""), overMs], ["busy", "ab", TIMEOUT_MS]);
});

Deno.test("a search that is late takes a mirror that is known to have the blob, and asks none", async () => {
  const hangs = new Promise<Verdict>(() => {});
  const world = createWorld(["unknown", "unknown", "unknown"], { probes: [hangs] });
  const found = world.find();
  await settle();
  world.learn("c", "found");
  await world.clock.pass(TIMEOUT_MS);
  assertEquals([describe(await found), world.asked], ["c", ["a"]]);
});

Deno.test("a search that is late says that mirrors are down when all are", async () => {
  const hangs = new Promise<Verdict>(() => {});
  const world = createWorld(["found", "unknown", "found"], {
    probes: ["found", hangs],
    down: ["a", "c"],
  });
  const found = world.find();
  world.takeDown("b");
  await world.clock.pass(TIMEOUT_MS);
  assertEquals(describe(await found), "down");
});

Deno.test("past the bound of probes a search goes on with what is known of later mirrors", async () => {
  const table: { states: Known[]; probes: Probe[]; found: string; turnedAway: number }[] = [
    { states: ["unknown", "unknown"], probes: ["turned_away", "found"], found: "b", turnedAway: 0 },
    {
      states: ["unknown", "unknown"],
      probes: ["turned_away", "missing"],
      found: "busy",
      turnedAway: 1,
    },
    { states: ["unknown", "missing"], probes: ["turned_away"], found: "busy", turnedAway: 1 },
    {
      states: ["missing", "unknown"],
      probes: ["missing", "turned_away"],
      found: "busy",
      turnedAway: 1,
    },
  ];
  for (const { states, probes, found, turnedAway } of table) {
    const world = createWorld([...states, "missing"], { probes });
    assertEquals(describe(await world.find()), found);
    assertEquals([world.turnedAway(), world.clock.waiting], [turnedAway, 0]);
  }
});

Deno.test("in a flood those that are turned away are held back, but those who know a mirror", async () => {
  const world = createWorld(["unknown", "unknown", "missing"], {
    probes: ["turned_away", "turned_away"],
    flooded: true,
  });
  let found: FoundBlob | undefined;
  const search = Promise.resolve(world.find()).then((one) => found = one);
  await world.clock.goTo(HELD_MS - 1);
  assertEquals(found, undefined);
  world.learn("b", "found");
  assertEquals(describe(world.find() as FoundBlob), "b", "at once");
  await world.clock.goTo(HELD_MS);
  await search;
  assertEquals(describe(found!), "busy");
});

Deno.test("nobody is held back past the time to look for a mirror", async () => {
  const slow = Promise.withResolvers<Verdict>();
  const world = createWorld(["unknown", "unknown", "missing"], {
    probes: ["turned_away", slow.promise],
    flooded: true,
  });
  let overMs = -1;
  const search = Promise.resolve(world.find()).finally(() => overMs = world.clock.now());
  await world.clock.goTo(0.9 * TIMEOUT_MS);
  slow.resolve("missing");
  await world.clock.goTo(10 * TIMEOUT_MS);
  assertEquals([describe(await search), overMs], ["busy", TIMEOUT_MS]);
});

Deno.test("a finder does what a plain list of mirrors would do", async () => {
  const mirror = fc.record({
    state: fc.constantFrom<Known>("found", "stale", "missing", "unknown"),
    probe: fc.constantFrom<Verdict>("found", "missing", "failed", "unsent"),
    down: fc.boolean(),
  });
  const property = fc.asyncProperty(fc.tuple(mirror, mirror, mirror), async (mirrors) => {
    const up = mirrors.map((mirror, at) => ({ ...mirror, at })).filter(({ down }) => !down);
    const isKnown = ({ state }: { state: Known }) => state === "found" || state === "stale";
    // The first that is known to have it; else the first that says so when it is asked.
    const isFound = (one: { state: Known; probe: Verdict }) =>
      isKnown(one) || (one.state === "unknown" && one.probe === "found");
    const first = up.find(isKnown) ?? up.find(isFound);
    const busy = up.some(({ state, probe }) => state === "unknown" && probe === "unsent");
    const expected = up.length === 0
      ? "down"
      : first === undefined
      ? busy ? "busy" : "missing"
      : NAMES[first.at]! + (mirrors.slice(0, first.at).some(({ down }) => down) ? "*" : "");
    const world = createWorld(mirrors.map(({ state }) => state), {
      probes: mirrors.map(({ probe }) => probe),
      down: NAMES.filter((_, at) => mirrors[at]!.down),
    });
    assertEquals(describe(await world.find()), expected);
  });
  await fc.assert(property, { numRuns: 500 });
});
