import { assert, assertEquals } from "@std/assert";
import { createBoard, createBoardMemory } from "../../lib/mirrors/board.ts";
import { createEvents } from "../../lib/observe/events.ts";
import { createNumbers, createNumbersMemory } from "../../lib/observe/numbers.ts";
import { createStanding, type StandingOptions } from "../../lib/observe/standing.ts";
import { createNumbering } from "../../lib/redirect/setup.ts";
import { CONFIG, DATA_SET, readTestConfig } from "../redirect/fixture.ts";

/** What a program with two isolates has to tell, and may change. */
function createProgram() {
  const numbers = [createNumbersMemory(), createNumbersMemory()];
  const state = {
    setup: { ...createNumbering().enter(readTestConfig(CONFIG)), dataSet: DATA_SET },
    probesInFlight: 0,
    residentBytes: 0,
  };
  const options: StandingOptions = {
    numbers,
    setup: () => state.setup,
    board: createBoard(createBoardMemory()),
    events: createEvents(),
    isolates: 2,
    lastCheck: () => undefined,
    probesInFlight: () => state.probesInFlight,
    residentBytes: () => state.residentBytes,
    cpuS: () => 0,
    located: [],
    versions: { version: "1" },
    startedS: 7,
  };
  return { options, numbers, state, standing: createStanding(options) };
}

Deno.test("how a program stands is told of all its isolates, as it is now", () => {
  const { options, numbers, state, standing } = createProgram();
  for (const memory of numbers) createNumbers(memory).redirected("blob");
  options.events.reloads++;
  options.board.takeDown(1);
  state.probesInFlight = 3;
  state.residentBytes = 123_456_789;
  const { totals, board, mirrors, events, isolates, ...rest } = standing();
  assertEquals(totals.requests("blob", 307), 2);
  assertEquals(
    mirrors.map(({ name, number }) => [name, board.isDown(number)]),
    [["paris", false], ["cdn", true]],
  );
  assertEquals(events.reloads, 1);
  assertEquals(isolates, 2);
  assertEquals([rest.probesInFlight, rest.residentBytes], [3, 123_456_789]);
  assertEquals([rest.versions, rest.startedS], [{ version: "1" }, 7]);
  assertEquals(rest.upstreams.map(({ name }) => name), ["main"]);
});

Deno.test("the data set that is told of is the one in use", () => {
  const { state, standing } = createProgram();
  const summary = standing().dataSet;
  assertEquals(
    summary.map(({ provider, date, prefixes }) => [provider, date, prefixes]),
    [["aws", "2026-01-01", 3], ["gcp", "2026-01-01", 1]],
  );
  // It is read once, for that takes its time.
  assert(standing().dataSet === summary);
  const dataSet = DATA_SET.replace("date 2026-01-01", "date 2026-02-03");
  state.setup = { ...state.setup, dataSet };
  assertEquals(standing().dataSet.map(({ date }) => date), ["2026-02-03", "2026-01-01"]);
});
