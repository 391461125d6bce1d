import { assertEquals } from "@std/assert";
import { createBoard } from "../../lib/mirrors/board.ts";
import { createPlaces } from "../../lib/mirrors/places.ts";
import { SERVER_NUMBERS } from "../../lib/mirrors/upstream_check.ts";
import { addNumbers, createNumbers } from "../../lib/observe/numbers.ts";
import { createProgramMemory } from "../../lib/server/memory.ts";

Deno.test("createProgramMemory() gives each isolate numbers of its own, and all the same board and places", () => {
  const memory = createProgramMemory(3);
  const all = [0, 1, 2].map((slot) => memory.of(slot));
  assertEquals(all.map(({ slot }) => slot), [0, 1, 2]);
  assertEquals(new Set(all.map(({ numbers }) => numbers)).size, 3);
  assertEquals(new Set(all.map(({ board }) => board)), new Set([memory.board]));
  assertEquals(new Set(all.map(({ places }) => places)).size, 1);
  assertEquals(all.map(({ numbers }) => numbers), memory.numbers);
});

Deno.test("probes under way are counted over all isolates", () => {
  const memory = createProgramMemory(2);
  assertEquals(memory.probesInFlight(), 0);
  for (const slot of [0, 1]) {
    createPlaces(memory.of(slot).places, slot, SERVER_NUMBERS).add(slot, 1);
  }
  assertEquals(memory.probesInFlight(), 2);
});

Deno.test("a mirror that is given another's number begins with nothing: up, known by no isolate, counted from 0", () => {
  const memory = createProgramMemory(2);
  const board = createBoard(memory.board);
  const health = { downAfter: 1, upAfter: 1 };
  for (const mirror of [4, 5]) {
    board.failed(mirror, health);
    board.noteFound(mirror, false);
    for (const numbers of memory.numbers) {
      createNumbers(numbers).toMirror(mirror, false);
      createNumbers(numbers).toUpstream(mirror, "missing");
    }
  }
  const generation = board.generation(4);
  memory.onMirrorReused(4);
  memory.onUpstreamReused(5);
  const { toMirror, toUpstream } = addNumbers(memory.numbers);
  assertEquals([4, 5].map((mirror) => board.isDown(mirror)), [false, true]);
  assertEquals([4, 5].map((mirror) => board.notFound(mirror)), [0, 1]);
  assertEquals(board.generation(4), generation + 1);
  assertEquals([4, 5].map((mirror) => toMirror(mirror, "found")), [0, 2]);
  assertEquals([4, 5].map((upstream) => toUpstream(upstream, "missing")), [2, 0]);
});
