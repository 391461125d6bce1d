import { assert, assertEquals, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import {
  type Board,
  createBoard,
  createBoardMemory,
  MOST_MIRRORS,
  type Thresholds,
} from "../../lib/mirrors/board.ts";

function createNewBoard(thresholds: Thresholds): Board {
  return createBoard(createBoardMemory(), thresholds);
}

/** A board on which the first mirror is down. */
function createBoardWithOneDown(thresholds: Thresholds): Board {
  const board = createNewBoard(thresholds);
  for (let at = 0; at < thresholds.downAfter; at++) board.failed(0);
  return board;
}

Deno.test("a mirror is up until it has failed as often in a row as it may", () => {
  for (const downAfter of [2, 3, 4, 5, 6, 100]) {
    const board = createNewBoard({ downAfter, upAfter: 2 });
    for (let failures = 1; failures < downAfter; failures++) {
      assertEquals(board.failed(7), false, `${failures} of ${downAfter}`);
      assertEquals(board.isDown(7), false, `${failures} of ${downAfter}`);
    }
    assertEquals(board.failed(7), true, `${downAfter}`);
    assertEquals(board.isDown(7), true, `${downAfter}`);
    assertEquals(board.isDown(6) || board.isDown(8), false, "others stay up");
  }
});

Deno.test("only one failure takes a mirror down, however many come after it", () => {
  const board = createBoardWithOneDown({ downAfter: 2, upAfter: 2 });
  assertEquals([board.failed(0), board.failed(0), board.failed(0)], [false, false, false]);
  assertEquals(board.isDown(0), true);
});

Deno.test("failures count only in a row: an answer or a good check between them undoes them", () => {
  for (const undo of ["answered", "checkedWell"] as const) {
    const board = createNewBoard({ downAfter: 3, upAfter: 1 });
    for (let round = 0; round < 5; round++) {
      board.failed(0);
      assertEquals(board.failed(0), false, undo);
      assertNotEquals(board[undo](0), true, undo);
      assertEquals(board.isDown(0), false, undo);
    }
    board.failed(0);
    board.failed(0);
    assertEquals(board.failed(0), true, undo);
  }
});

Deno.test("a mirror that is down comes up by good checks in a row alone", () => {
  for (const upAfter of [1, 2, 5]) {
    const board = createBoardWithOneDown({ downAfter: 2, upAfter });
    for (let at = 0; at < 10; at++) board.answered(0);
    assertEquals(board.isDown(0), true, "answers to probes do not bring it up");
    for (let good = 1; good < upAfter; good++) assertEquals(board.checkedWell(0), false);
    assertEquals(board.failed(0), false);
    for (let good = 1; good < upAfter; good++) {
      assertEquals(board.checkedWell(0), false, `${good} of ${upAfter} after a failure`);
      assertEquals(board.isDown(0), true);
    }
    assertEquals(board.checkedWell(0), true, `${upAfter}`);
    assertEquals(board.isDown(0), false);
    assertEquals(board.checkedWell(0), false, "it is up already");
  }
});

Deno.test("a mirror that came up may fail as often as any before it is down again", () => {
  const board = createBoardWithOneDown({ downAfter: 3, upAfter: 2 });
  for (let round = 0; round < 3; round++) {
    assertEquals([board.checkedWell(0), board.checkedWell(0)], [false, true]);
    assertEquals([board.failed(0), board.failed(0), board.failed(0)], [false, false, true]);
  }
});

Deno.test("a board stands in memory that others read at once", () => {
  const memory = createBoardMemory();
  const [one, other] = [1, 2].map(() => createBoard(memory, { downAfter: 2, upAfter: 2 }));
  one!.failed(3);
  assertEquals(other!.failed(3), true, "failures are counted together");
  assertEquals([one!.isDown(3), other!.isDown(3)], [true, true]);
  one!.checkedWell(3);
  assertEquals(other!.checkedWell(3), true);
  assertEquals(one!.isDown(3), false);
  one!.forget(3);
  assertEquals(other!.generation(3), 1);
  assertEquals([one!.divert(3, 2, 50), other!.divert(3, 2, 50)], [true, true]);
  assertEquals([one!.divert(3, 2, 50), other!.divert(3, 2, 50)], [false, false]);
});

Deno.test("a board made anew by other thresholds keeps what is known", () => {
  const memory = createBoardMemory();
  const before = createBoard(memory, { downAfter: 10, upAfter: 10 });
  for (let at = 0; at < 5; at++) before.failed(0);
  for (let at = 0; at < 10; at++) before.failed(1);
  const after = createBoard(memory, { downAfter: 2, upAfter: 1 });
  assertEquals([after.isDown(0), after.isDown(1)], [false, true]);
  assertEquals(after.failed(0), true);
  assertEquals(after.checkedWell(1), true);
});

Deno.test("mirrors past those that a board has room for share its last place", () => {
  const board = createBoardWithOneDown({ downAfter: 2, upAfter: 1 });
  const last = MOST_MIRRORS - 1;
  board.failed(last);
  board.failed(last + 500);
  assertEquals([last - 1, last, last + 1, last + 9999].map(board.isDown), [
    false,
    true,
    true,
    true,
  ]);
});

Deno.test("forget() gives a mirror another generation, and no other mirror", () => {
  const board = createNewBoard({ downAfter: 2, upAfter: 1 });
  const seen = new Set<number>();
  for (let round = 0; round < 5; round++) {
    seen.add(board.generation(1));
    board.forget(1);
  }
  assertEquals(seen.size, 5);
  assertEquals([board.generation(0), board.generation(2)], [0, 0]);
});

Deno.test("divert() gives as many as the limit in a second, and as many in the next", () => {
  // The last two seconds do not fit into 31 bits.
  for (const second of [0, 1, 1_785_000_000, 2_147_483_647, 2_147_483_648, 4_000_000_000]) {
    for (const limit of [0, 1, 3]) {
      const board = createNewBoard({ downAfter: 2, upAfter: 1 });
      for (const nowS of [second, second + 1, second + 5]) {
        const given = Array.from({ length: 5 }, () => board.divert(4, limit, nowS));
        assertEquals(given, [0, 1, 2, 3, 4].map((at) => at < limit), `${limit} at ${nowS}`);
      }
      assertEquals(board.divert(5, 1, second + 5), true, "each mirror has its own limit");
    }
  }
});

// What anybody can see is right.
function createModel({ downAfter, upAfter }: Thresholds) {
  const state = { down: false, failures: 0, good: 0 };
  return {
    state,
    failed() {
      state.failures++;
      state.good = 0;
      const falls = !state.down && state.failures >= downAfter;
      if (falls) state.down = true;
      return falls;
    },
    answered: () => void (state.failures = 0),
    checkedWell() {
      state.failures = 0;
      if (!state.down) return false;
      state.good++;
      const rises = state.good >= upAfter;
      if (rises) Object.assign(state, { down: false, good: 0 });
      return rises;
    },
  };
}

Deno.test("a board of several isolates does what one plain list of counts would do", () => {
  const step = fc.record({
    what: fc.constantFrom("failed" as const, "failed" as const, "answered", "checkedWell" as const),
    mirror: fc.nat({ max: 2 }),
    isolate: fc.nat({ max: 2 }),
  });
  const thresholds = fc.record({
    downAfter: fc.integer({ min: 2, max: 4 }),
    upAfter: fc.integer({ min: 1, max: 3 }),
  });
  fc.assert(fc.property(thresholds, fc.array(step, { maxLength: 60 }), (thresholds, steps) => {
    const memory = createBoardMemory();
    const boards = [0, 1, 2].map(() => createBoard(memory, thresholds));
    const models = [0, 1, 2].map(() => createModel(thresholds));
    for (const { what, mirror, isolate } of steps) {
      assertEquals(boards[isolate]![what](mirror), models[mirror]![what]());
      for (const board of boards) {
        assertEquals([0, 1, 2].map(board.isDown), models.map(({ state }) => state.down));
      }
    }
  }));
});

Deno.test("a board's memory is shared, and has room for each of its mirrors", () => {
  const memory = createBoardMemory();
  assert(memory instanceof SharedArrayBuffer);
  const board = createBoard(memory, { downAfter: 2, upAfter: 1 });
  for (let mirror = 0; mirror < MOST_MIRRORS; mirror += 3) {
    board.failed(mirror);
    board.failed(mirror);
    board.forget(mirror);
  }
  for (let mirror = 0; mirror < MOST_MIRRORS; mirror++) {
    assertEquals(board.isDown(mirror), mirror % 3 === 0);
    assertEquals(board.generation(mirror), mirror % 3 === 0 ? 1 : 0);
  }
});
