import { assert, assertEquals, assertLessOrEqual, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { createBoard, createBoardMemory } from "../../lib/mirrors/board.ts";
import { createBlobFinder, createKeys, type FoundBlob } from "../../lib/mirrors/find_blob.ts";
import type { Presence, Server } from "../../lib/mirrors/presence.ts";
import { createVirtualClock } from "./virtual_clock.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;
const NAMES = ["a", "b", "c"];
const MIRRORS = NAMES.map((name, place) => ({ name, url: `https://${name}.example/blobs`, place }));
const TIMEOUT_MS = 1000;

interface WorldOptions {
  /** The mirrors that are down at first. */
  readonly down?: readonly string[];
  /** How much may be diverted to each. */
  readonly limit?: number;
}

/** A finder over mirrors of which is known, or will be answered, what is given. */
function createWorld(
  presences: readonly (Presence | Promise<Presence>)[],
  { down = [], limit = Infinity }: WorldOptions = {},
) {
  const clock = createVirtualClock();
  const board = createBoard(createBoardMemory(), { downAfter: 2, upAfter: 1 });
  // What a mirror is numbered on the board has nothing to do with its place.
  const numberOf = (name: string) => 10 + 3 * NAMES.indexOf(name);
  const asked: string[] = [];
  const recalled: string[] = [];
  const keys = new Map<string, string>();
  const states = MIRRORS.map(({ name }) => ({
    number: numberOf(name),
    fallbackLimit: limit,
    server: { judge: () => ({ found: true, ttlMs: 1, lasting: true }), answered() {} } as Server,
  }));
  let nowS = 100;
  const findBlob = createBlobFinder({
    check: {
      ask(key, url, server) {
        const at = MIRRORS.findIndex((mirror) => url === `${mirror.url}/${DIGEST}`);
        assertStrictEquals(server, states[at]!.server, "each mirror is asked in its own way");
        assertEquals(keys.get(key) ?? url, url, "a key stands for one URL");
        keys.set(key, url);
        asked.push(NAMES[at]!);
        return presences[at]!;
      },
      recall(key) {
        const at = states.findIndex(({ number }) => createKeys(board)(number, DIGEST) === key);
        recalled.push(NAMES[at]!);
        const presence = presences[at]!;
        return presence instanceof Promise ? "unknown" : presence;
      },
    },
    board,
    stateOf: ({ place }) => states[place]!,
    timeoutMs: TIMEOUT_MS,
    now: clock.now,
    nowS: () => nowS,
  });
  function takeDown(name: string): void {
    board.failed(numberOf(name));
    board.failed(numberOf(name));
  }
  down.forEach(takeDown);
  return {
    find: () => findBlob(MIRRORS, DIGEST),
    findBlob,
    asked,
    recalled,
    keys,
    clock,
    takeDown,
    bringUp: (name: string) => board.checkedWell(numberOf(name)),
    forget: (name: string) => board.forget(numberOf(name)),
    nextSecond: () => void nowS++,
  };
}

/** What a finder gives: a mirror's name, with a star when diverted, or why there is none. */
function describe(found: FoundBlob): string {
  if (found.kind === "none") return found.reason;
  assertEquals(found.url, `https://${found.mirror.name}.example/blobs/${DIGEST}`);
  return found.mirror.name + (found.diverted ? "*" : "");
}

function later(): {
  promise: Promise<Presence>;
  resolve: (presence: Presence) => void;
} {
  return Promise.withResolvers<Presence>();
}

const known: readonly { presences: Presence[]; down?: string[]; asked: string; found: string }[] = [
  { presences: ["found", "found", "found"], asked: "a", found: "a" },
  { presences: ["missing", "found", "found"], asked: "ab", found: "b" },
  { presences: ["missing", "missing", "found"], asked: "abc", found: "c" },
  { presences: ["missing", "missing", "missing"], asked: "abc", found: "missing" },
  { presences: ["unknown", "found", "found"], asked: "a", found: "busy" },
  { presences: ["missing", "unknown", "found"], asked: "ab", found: "busy" },
  { presences: ["found", "found", "found"], down: ["a"], asked: "b", found: "b*" },
  { presences: ["found", "found", "found"], down: ["b"], asked: "a", found: "a" },
  { presences: ["missing", "found", "found"], down: ["b"], asked: "ac", found: "c*" },
  { presences: ["found", "found", "found"], down: ["a", "b"], asked: "c", found: "c*" },
  { presences: ["found", "missing", "missing"], down: ["a"], asked: "bc", found: "missing" },
  { presences: ["found", "unknown", "found"], down: ["a"], asked: "b", found: "busy" },
  { presences: ["found", "found", "found"], down: ["a", "b", "c"], asked: "", found: "down" },
];

Deno.test("a finder answers at once when all that it needs is known", () => {
  for (const { presences, down, asked, found } of known) {
    const world = createWorld(presences, down === undefined ? {} : { down });
    const answer = world.find();
    assert(!(answer instanceof Promise), presences.join());
    assertEquals(describe(answer), found, `${presences.join()}, down: ${down}`);
    assertEquals(world.asked.join(""), asked, `${presences.join()}, down: ${down}`);
    assertEquals(world.recalled, []);
  }
});

Deno.test("a finder asks mirrors in their order, each only when those before it miss", async () => {
  for (const { presences, down, asked, found } of known) {
    // Each of the answers may come late, alone or with others.
    for (let late = 1; late < 8; late++) {
      const world = createWorld(
        presences.map((presence, at) => late >> at & 1 ? Promise.resolve(presence) : presence),
        down === undefined ? {} : { down },
      );
      const because = `${presences.join()}, down: ${down}, late: ${late}`;
      assertEquals(describe(await world.find()), found, because);
      assertEquals(world.asked.join(""), asked, because);
    }
  }
});

Deno.test("a finder asks no second mirror while the first one has not answered", async () => {
  const { promise, resolve } = later();
  const { find, asked } = createWorld([promise, "found", "found"]);
  const found = find();
  assert(found instanceof Promise);
  assertEquals(asked, ["a"]);
  resolve("missing");
  assertEquals(describe(await found), "b");
  assertEquals(asked, ["a", "b"]);
});

Deno.test("a finder finds nothing in no mirrors", () => {
  const { findBlob, asked } = createWorld([]);
  assertEquals(findBlob([], DIGEST), { kind: "none", reason: "missing" });
  assertEquals(asked, []);
});

Deno.test("a finder skips a mirror that is down, though it is known to have the blob", () => {
  const { find, takeDown, bringUp } = createWorld(["found", "found", "missing"]);
  assertEquals(describe(find() as FoundBlob), "a");
  takeDown("a");
  assertEquals(describe(find() as FoundBlob), "b*");
  takeDown("b");
  assertEquals(describe(find() as FoundBlob), "missing");
  takeDown("c");
  assertEquals(describe(find() as FoundBlob), "down");
  bringUp("c");
  bringUp("b");
  bringUp("a");
  assertEquals(describe(find() as FoundBlob), "a");
});

Deno.test("a finder sends nobody to a mirror that went down while it was asked", async () => {
  const table = [
    { answer: "found", then: "found", expected: "b*" },
    { answer: "missing", then: "found", expected: "b*" },
    { answer: "found", then: "missing", expected: "missing" },
    { answer: "unknown", then: "found", expected: "busy" },
  ] as const;
  for (const { answer, then, expected } of table) {
    const { promise, resolve } = later();
    const { find, takeDown } = createWorld([promise, then, "missing"]);
    const found = find();
    takeDown("a");
    resolve(answer);
    assertEquals(describe(await found), expected, `${answer}, ${then}`);
  }
});

Deno.test("a finder says that all mirrors are down when the last one goes while it is asked", async () => {
  const { promise, resolve } = later();
  const { find, takeDown } = createWorld(["found", promise, "found"], { down: ["a", "c"] });
  const found = find();
  takeDown("b");
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
  for (const presence of ["found", Promise.resolve<Presence>("found")] as const) {
    const world = createWorld(["found", presence, "found"], { down: ["a"], limit: 0 });
    assertEquals(describe(await world.find()), "fallback_limit");
    world.bringUp("a");
    assertEquals(describe(await world.find()), "a");
  }
});

Deno.test("a mirror's own clients count towards no limit", () => {
  const world = createWorld(["missing", "found", "found"], { down: ["c"], limit: 1 });
  for (let at = 0; at < 10; at++) assertEquals(describe(world.find() as FoundBlob), "b");
});

Deno.test("a finder asks no more mirrors when it has looked for long enough", async () => {
  const table: { tookMs: number; rest: Presence[]; expected: string; asked: string }[] = [
    { tookMs: TIMEOUT_MS - 1, rest: ["found", "found"], expected: "b", asked: "ab" },
    { tookMs: TIMEOUT_MS - 1, rest: ["missing", "missing"], expected: "missing", asked: "abc" },
    // Those of which it is known may still have it.
    { tookMs: TIMEOUT_MS, rest: ["found", "found"], expected: "b", asked: "a" },
    { tookMs: TIMEOUT_MS, rest: ["missing", "found"], expected: "c", asked: "a" },
    { tookMs: TIMEOUT_MS, rest: ["unknown", "found"], expected: "c", asked: "a" },
    { tookMs: TIMEOUT_MS, rest: ["unknown", "unknown"], expected: "busy", asked: "a" },
    { tookMs: TIMEOUT_MS, rest: ["missing", "missing"], expected: "busy", asked: "a" },
  ];
  for (const { tookMs, rest, expected, asked } of table) {
    const { promise, resolve } = later();
    const world = createWorld([promise, ...rest]);
    const found = world.find();
    await world.clock.pass(tookMs);
    resolve("missing");
    assertEquals(describe(await found), expected, `${tookMs}, ${rest.join()}`);
    assertEquals(world.asked.join(""), asked, `${tookMs}, ${rest.join()}`);
  }
});

Deno.test("the time to look for a mirror is that of the whole search", async () => {
  const [first, second] = [later(), later()];
  const world = createWorld([first.promise, second.promise, later().promise]);
  const found = world.find();
  await world.clock.pass(TIMEOUT_MS * 0.6);
  first.resolve("missing");
  await world.clock.pass(TIMEOUT_MS * 0.4);
  second.resolve("missing");
  assertEquals(describe(await found), "busy");
  assertEquals([world.asked, world.recalled], [["a", "b"], ["c"]]);
});

Deno.test("a search that ends late still sends a client to the mirror that answered", async () => {
  const { promise, resolve } = later();
  const world = createWorld([promise, "found", "found"]);
  const found = world.find();
  await world.clock.pass(10 * TIMEOUT_MS);
  resolve("found");
  assertEquals(describe(await found), "a");
});

Deno.test("a search that is late says that mirrors are down when all are", async () => {
  const { promise, resolve } = later();
  const world = createWorld(["found", promise, "found"], { down: ["a", "c"] });
  const found = world.find();
  await world.clock.pass(TIMEOUT_MS);
  world.takeDown("b");
  resolve("missing");
  assertEquals(describe(await found), "down");
});

Deno.test("a finder asks a mirror anew when what is known of it is to be forgotten", () => {
  const world = createWorld(["missing", "found", "found"]);
  world.find();
  world.find();
  const before = [...world.keys.keys()];
  assertEquals(before.length, 2);
  world.forget("b");
  world.find();
  const after = [...world.keys.keys()];
  assertEquals(after.length, 3, "that mirror has another key, and no other has");
  assertEquals([...world.keys.values()].slice(1), Array(2).fill(`${MIRRORS[1]!.url}/${DIGEST}`));
});

Deno.test("createKeys() gives each mirror, blob and generation a key of its own", () => {
  const board = createBoard(createBoardMemory(), { downAfter: 2, upAfter: 1 });
  const keyOf = createKeys(board);
  const held = new Set<string>();
  const mirrors = [0, 1, 9, 10, 11, 35, 36, 37, 400, 1023];
  for (let generation = 0; generation < 40; generation++) {
    for (const mirror of mirrors) {
      for (const digest of [DIGEST, "sha512:0"]) {
        const key = keyOf(mirror, digest);
        assertEquals(keyOf(mirror, digest), key);
        assertEquals(createKeys(board)(mirror, digest), key, "the same in every isolate");
        held.add(key);
      }
    }
    mirrors.forEach(board.forget);
  }
  assertEquals(held.size, 40 * mirrors.length * 2);
  assertLessOrEqual(keyOf(0, DIGEST).length, DIGEST.length + 12, "and a short one");
});

Deno.test("a finder does what a plain list of mirrors would do", async () => {
  const mirror = fc.record({
    presence: fc.constantFrom<Presence>("found", "missing", "unknown"),
    late: fc.boolean(),
    down: fc.boolean(),
  });
  const property = fc.asyncProperty(fc.tuple(mirror, mirror, mirror), async (mirrors) => {
    const up = mirrors.map((mirror, at) => ({ ...mirror, at })).filter(({ down }) => !down);
    const first = up.find(({ presence }) => presence !== "missing");
    const found = first === undefined ? undefined : NAMES[first.at]!;
    const diverted = mirrors.slice(0, first?.at).some(({ down }) => down);
    const expected = up.length === 0
      ? "down"
      : found === undefined
      ? "missing"
      : first!.presence === "unknown"
      ? "busy"
      : found + (diverted ? "*" : "");
    const world = createWorld(
      mirrors.map(({ presence, late }) => late ? Promise.resolve(presence) : presence),
      { down: NAMES.filter((_, at) => mirrors[at]!.down) },
    );
    const answer = world.find();
    const asked = first === undefined ? up : up.filter(({ at }) => at <= first.at);
    assertEquals(answer instanceof Promise, asked.some(({ late }) => late));
    assertEquals(describe(await answer), expected);
  });
  await fc.assert(property, { numRuns: 300 });
});
