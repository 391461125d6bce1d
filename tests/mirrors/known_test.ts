import { assertEquals, assertLessOrEqual } from "@std/assert";
import fc from "fast-check";
import { createBoard, createBoardMemory, MIRROR_NUMBERS } from "../../lib/mirrors/board.ts";
import { createAnswers, createKnownBlobs, scopeAt } from "../../lib/mirrors/known.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;
// A time of day, for a board has no place for what is long before it was written.
const BEGUN_MS = 1_800_000_000_000;
const FOUND_TTL_MS = 86_400_000;
const RECHECK_MS = 600_000;
const MISSING_TTL_MS = 30_000;

function createWorld({ missingTtlMs = MISSING_TTL_MS } = {}) {
  let nowMs = BEGUN_MS;
  const board = createBoard(createBoardMemory());
  const known = createKnownBlobs({
    random: () => 0.5,
    board,
    maxEntries: 100,
    now: () => nowMs,
    remembering: () => ({ foundTtlMs: FOUND_TTL_MS, recheckMs: RECHECK_MS, missingTtlMs }),
  });
  return {
    board,
    known,
    recall: (mirror = 1) => known.recall(mirror, DIGEST),
    pass: (ms: number) => void (nowMs += ms),
    nowS: () => Math.ceil(nowMs / 1000),
  };
}

Deno.test("what is found is remembered for long, and to be asked for again after a while", () => {
  const { known, recall, pass } = createWorld();
  assertEquals(recall(), "unknown");
  known.found(1, DIGEST);
  assertEquals([recall(), recall(2)], ["found", "unknown"]);
  pass(RECHECK_MS - 1);
  assertEquals(recall(), "found");
  pass(1);
  assertEquals(recall(), "stale");
  pass(FOUND_TTL_MS - RECHECK_MS - 1);
  assertEquals(recall(), "stale");
  pass(1);
  assertEquals(recall(), "unknown");
});

Deno.test("what is found again is fresh again", () => {
  const { known, recall, pass } = createWorld();
  known.found(1, DIGEST);
  pass(2 * RECHECK_MS);
  known.found(1, DIGEST);
  assertEquals(recall(), "found");
});

Deno.test("what is missing is remembered for a short time", () => {
  const { known, recall, pass } = createWorld();
  known.missing(1, DIGEST);
  pass(MISSING_TTL_MS - 1);
  assertEquals(recall(), "missing");
  pass(1);
  assertEquals(recall(), "unknown");
});

Deno.test("a blob that a mirror failed at is asked for again sooner than one that is missing", () => {
  for (
    const { missingTtlMs, expected } of [
      { missingTtlMs: MISSING_TTL_MS, expected: 5000 },
      { missingTtlMs: 1000, expected: 1000 },
    ]
  ) {
    const { known, recall, pass } = createWorld({ missingTtlMs });
    known.failed(1, DIGEST);
    pass(expected - 1);
    assertEquals(recall(), "missing");
    pass(1);
    assertEquals(recall(), "unknown");
  }
});

Deno.test("what is missing was not found, and what is found is not missing", () => {
  const { known, recall } = createWorld();
  known.found(1, DIGEST);
  known.missing(1, DIGEST);
  assertEquals(recall(), "missing");
  known.found(1, DIGEST);
  assertEquals(recall(), "found");
});

Deno.test("all that is known of a mirror is forgotten with its generation", () => {
  const { known, recall, board } = createWorld();
  known.found(1, DIGEST);
  known.found(2, DIGEST);
  board.forget(1);
  assertEquals([recall(1), recall(2)], ["unknown", "found"]);
  known.found(1, DIGEST);
  assertEquals(recall(1), "found");
});

Deno.test("what was found before a mirror came up is to be asked for again", () => {
  const { known, recall, board, pass, nowS } = createWorld();
  known.found(1, DIGEST);
  known.found(2, DIGEST);
  pass(100);
  board.bringUp(1, nowS());
  assertEquals([recall(1), recall(2)], ["stale", "found"]);
  pass(1000);
  known.found(1, DIGEST);
  assertEquals(recall(1), "found");
});

Deno.test("it is told how much is remembered", () => {
  const { known } = createWorld();
  known.found(1, DIGEST);
  known.found(2, DIGEST);
  known.missing(3, DIGEST);
  assertEquals([known.foundCount, known.missingCount], [2, 1]);
});

Deno.test("a flood of what is missing never evicts what was found", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 100 }), (maxEntries) => {
      const memory = createAnswers({ random: () => 0.5, maxEntries, now: () => 1 });
      // At least half, and three quarters but for what is rounded.
      const known = Array.from({ length: Math.max(1, Math.ceil(maxEntries * 3 / 4) - 1) });
      known.forEach((_, at) => memory.found(`known ${at}`, 10));
      for (let at = 0; at < 500; at++) {
        memory.missing(`flood ${at}`, 10);
        assertEquals(memory.get(`flood ${at}`), 0);
        const held = memory.foundEntries.size + memory.missingEntries.size;
        assertLessOrEqual(held, maxEntries);
      }
      known.forEach((_, at) => assertEquals(memory.get(`known ${at}`), 1));
    }),
    { numRuns: 30 },
  );
});

Deno.test("answers take as many entries as they may, a quarter of them for what is missing", () => {
  const cases = [
    { maxEntries: 2, found: 1, missing: 1 },
    { maxEntries: 7, found: 6, missing: 1 },
    { maxEntries: 8, found: 6, missing: 2 },
    { maxEntries: 1000, found: 750, missing: 250 },
    // There has to be room for one of each.
    { maxEntries: 1, found: 1, missing: 1 },
  ];
  for (const { maxEntries, found, missing } of cases) {
    const memory = createAnswers({ random: () => 0.5, maxEntries, now: () => 1 });
    for (let at = 0; at < 2000; at++) {
      memory.found(`found ${at}`, 10);
      memory.missing(`missing ${at}`, 10);
    }
    const sizes = [memory.foundEntries.size, memory.missingEntries.size];
    assertEquals(sizes, [found, missing], `${maxEntries}`);
  }
});

Deno.test("scopeAt() gives each generation of each mirror a 32-bit integer of its own", () => {
  const held = new Set<number>();
  for (const generation of [0, 1, 2, 40, 999_999]) {
    for (let mirror = 0; mirror < MIRROR_NUMBERS; mirror++) {
      const scope = scopeAt(mirror, generation);
      assertEquals(scope, scope | 0);
      held.add(scope);
    }
  }
  assertEquals(held.size, 5 * MIRROR_NUMBERS);
});
