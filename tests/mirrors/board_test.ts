import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  type Board,
  createBoard,
  createBoardMemory,
  MAX_MIRRORS,
  MIRROR_NUMBERS,
  type Thresholds,
} from "../../lib/mirrors/board.ts";

const NOW_S = 1_800_000_000;

function createNewBoard(): Board {
  return createBoard(createBoardMemory());
}

/** A board on which the first mirror is down. */
function createBoardWithOneDown(thresholds: Thresholds): Board {
  const board = createNewBoard();
  for (let at = 0; at < thresholds.downAfter; at++) board.failed(0, thresholds);
  return board;
}

Deno.test("a mirror is up until so many checks in a row have failed", () => {
  for (const downAfter of [2, 3, 4, 5, 6, 100]) {
    const board = createNewBoard();
    const thresholds = { downAfter, upAfter: 2 };
    for (let failures = 1; failures < downAfter; failures++) {
      assertEquals(board.failed(7, thresholds), false, `${failures} of ${downAfter}`);
      assertEquals(board.isDown(7), false, `${failures} of ${downAfter}`);
    }
    assertEquals(board.failed(7, thresholds), true, `${downAfter}`);
    assertEquals(board.isDown(7), true, `${downAfter}`);
    assertEquals(board.isDown(6) || board.isDown(8), false, "others stay up");
  }
});

Deno.test("only one failure takes a mirror down, however many come after it", () => {
  const thresholds = { downAfter: 2, upAfter: 2 };
  const board = createBoardWithOneDown(thresholds);
  const more = [0, 1, 2].map(() => board.failed(0, thresholds));
  assertEquals([...more, board.takeDown(0)], [false, false, false, false]);
  assertEquals(board.isDown(0), true);
});

Deno.test("takeDown() takes a mirror down at once", () => {
  const board = createNewBoard();
  assertEquals([board.takeDown(3), board.takeDown(3)], [true, false]);
  assertEquals([2, 3, 4].map(board.isDown), [false, true, false]);
});

Deno.test("failures count only in a row: a good check between them undoes them", () => {
  const thresholds = { downAfter: 3, upAfter: 1 };
  const board = createNewBoard();
  for (let round = 0; round < 5; round++) {
    board.failed(0, thresholds);
    assertEquals(board.failed(0, thresholds), false);
    assertEquals(board.checkedWell(0, thresholds), false, "it is up already");
    assertEquals(board.isDown(0), false);
  }
  board.failed(0, thresholds);
  board.failed(0, thresholds);
  assertEquals(board.failed(0, thresholds), true);
});

Deno.test("a mirror can come up after so many good checks in a row, and is brought up", () => {
  for (const upAfter of [1, 2, 5]) {
    const thresholds = { downAfter: 2, upAfter };
    for (const undo of ["failed", "takeDown"] as const) {
      const board = createBoardWithOneDown(thresholds);
      for (let good = 1; good < upAfter; good++) {
        assertEquals(board.checkedWell(0, thresholds), false);
      }
      assertEquals(board[undo](0, thresholds), false);
      for (let good = 1; good < upAfter; good++) {
        assertEquals(
          board.checkedWell(0, thresholds),
          false,
          `${good} of ${upAfter} after ${undo}`,
        );
      }
      assertEquals(board.checkedWell(0, thresholds), true);
      assertEquals(board.isDown(0), true, "until it is brought up");
      board.bringUp(0, NOW_S);
      assertEquals([board.isDown(0), board.recheckFromS(0)], [false, NOW_S]);
      assertEquals(board.checkedWell(0, thresholds), false);
    }
  }
});

Deno.test("a mirror that came up may fail as often as any before it is down again", () => {
  const thresholds = { downAfter: 3, upAfter: 2 };
  const board = createBoardWithOneDown(thresholds);
  for (let round = 0; round < 3; round++) {
    assertEquals([0, 1].map(() => board.checkedWell(0, thresholds)), [false, true]);
    board.bringUp(0, NOW_S);
    assertEquals([0, 1, 2].map(() => board.failed(0, thresholds)), [false, false, true]);
  }
});

Deno.test("a board stands in memory that others read at once", () => {
  const memory = createBoardMemory();
  assert(memory instanceof SharedArrayBuffer);
  const thresholds = { downAfter: 2, upAfter: 2 };
  const [one, other] = [createBoard(memory), createBoard(memory)];
  one.failed(3, thresholds);
  assertEquals(other.failed(3, thresholds), true, "failures are counted together");
  assertEquals([one.isDown(3), other.isDown(3)], [true, true]);
  one.checkedWell(3, thresholds);
  assertEquals(other.checkedWell(3, thresholds), true);
  one.bringUp(3, NOW_S);
  assertEquals([other.isDown(3), other.recheckFromS(3)], [false, NOW_S]);
  one.forget(3);
  assertEquals(other.generation(3), 1);
  assertEquals([one.divert(3, 2, 50), other.divert(3, 2, 50)], [true, true]);
  assertEquals([one.divert(3, 2, 50), other.divert(3, 2, 50)], [false, false]);
  assertEquals([one.noteFound(3, false), other.noteFound(3, false)], [1, 2]);
});

Deno.test("other thresholds count from where the ones before stopped", () => {
  const board = createNewBoard();
  for (let at = 0; at < 5; at++) board.failed(0, { downAfter: 10, upAfter: 10 });
  for (let at = 0; at < 10; at++) board.failed(1, { downAfter: 10, upAfter: 10 });
  const thresholds = { downAfter: 2, upAfter: 1 };
  assertEquals([board.isDown(0), board.isDown(1)], [false, true]);
  assertEquals(board.failed(0, thresholds), true);
  assertEquals(board.checkedWell(1, thresholds), true);
});

Deno.test("forget() gives a mirror another generation, and no other mirror", () => {
  const board = createNewBoard();
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
      const board = createNewBoard();
      for (const nowS of [second, second + 1, second + 5]) {
        const given = Array.from({ length: 5 }, () => {
          const mayDivert = board.mayDivert(4, limit, nowS);
          const diverts = board.divert(4, limit, nowS);
          assertEquals(mayDivert, diverts);
          return diverts;
        });
        assertEquals(given, [0, 1, 2, 3, 4].map((at) => at < limit), `${limit} at ${nowS}`);
      }
      assertEquals(board.divert(5, 1, second + 5), true, "each mirror has its own limit");
    }
  }
});

Deno.test("noteFound() counts what a mirror did not have, in a row", () => {
  const board = createNewBoard();
  assertEquals([false, false, true, false].map((found) => board.noteFound(2, found)), [1, 2, 0, 1]);
  assertEquals([1, 2, 3].map(board.notFound), [0, 1, 0]);
});

Deno.test("a number that is given to another mirror has nothing of the one before", () => {
  const board = createBoardWithOneDown({ downAfter: 2, upAfter: 2 });
  board.bringUp(1, NOW_S);
  for (const mirror of [0, 1]) {
    board.noteFound(mirror, false);
    board.divert(mirror, 1, NOW_S);
    const generation = board.generation(mirror);
    board.clear(mirror);
    assertEquals(board.isDown(mirror), false);
    assertEquals(board.notFound(mirror), 0);
    assertEquals(board.divert(mirror, 1, NOW_S), true);
    assertEquals(board.recheckFromS(mirror), createNewBoard().recheckFromS(mirror));
    assertEquals(board.generation(mirror), generation + 1);
    assertEquals(board.failed(mirror, { downAfter: 2, upAfter: 1 }), false);
  }
});

// What anybody can see is right.
function createModel({ downAfter, upAfter }: Thresholds) {
  const state = { down: false, failures: 0, good: 0 };
  function takeDown(): boolean {
    const falls = !state.down;
    Object.assign(state, { down: true, good: 0 });
    return falls;
  }
  return {
    state,
    takeDown,
    failed() {
      state.failures++;
      state.good = 0;
      return state.failures >= downAfter && takeDown();
    },
    checkedWell() {
      state.failures = 0;
      if (!state.down) return false;
      state.good++;
      return state.good >= upAfter;
    },
    bringUp() {
      Object.assign(state, { down: false, failures: 0, good: 0 });
    },
  };
}

Deno.test("a board of several isolates does what one plain list of counts would do", () => {
  const what = fc.constantFrom(
    "failed" as const,
    "failed" as const,
    "checkedWell" as const,
    "takeDown" as const,
    "bringUp" as const,
  );
  const step = fc.record({ what, mirror: fc.nat({ max: 2 }), isolate: fc.nat({ max: 2 }) });
  const thresholds = fc.record({
    downAfter: fc.integer({ min: 2, max: 4 }),
    upAfter: fc.integer({ min: 1, max: 3 }),
  });
  fc.assert(fc.property(thresholds, fc.array(step, { maxLength: 60 }), (thresholds, steps) => {
    const memory = createBoardMemory();
    const boards = [0, 1, 2].map(() => createBoard(memory));
    const models = [0, 1, 2].map(() => createModel(thresholds));
    for (const { what, mirror, isolate } of steps) {
      const board = boards[isolate]!;
      const result = what === "bringUp"
        ? board.bringUp(mirror, NOW_S)
        : board[what](mirror, thresholds);
      assertEquals(result, models[mirror]![what]());
      for (const board of boards) {
        assertEquals([0, 1, 2].map(board.isDown), models.map(({ state }) => state.down));
      }
    }
  }));
});

Deno.test("a board has room for the mirrors of two setups", () => {
  assertEquals(MIRROR_NUMBERS, 2 * MAX_MIRRORS);
  const board = createNewBoard();
  for (let mirror = 0; mirror < MIRROR_NUMBERS; mirror += 3) {
    board.takeDown(mirror);
    board.forget(mirror);
  }
  for (let mirror = 0; mirror < MIRROR_NUMBERS; mirror++) {
    assertEquals(board.isDown(mirror), mirror % 3 === 0);
    assertEquals(board.generation(mirror), mirror % 3 === 0 ? 1 : 0);
  }
});
