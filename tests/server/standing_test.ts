import { assert, assertEquals } from "@std/assert";
import { createNumbers } from "../../lib/server/numbers.ts";
import { createShared } from "../../lib/server/shared.ts";
import { createStanding } from "../../lib/server/standing.ts";
import { CONFIG, DATA_SET, readTestConfig } from "./fixture.ts";

Deno.test("how a program stands is told of all its isolates, as it is now", () => {
  const shared = createShared(readTestConfig({ ...CONFIG, workers: 2 }), 1);
  const versions = { version: "1" };
  const standing = createStanding(shared, { dataSet: DATA_SET, versions, startedS: 7 });
  for (const memory of shared.numbers) createNumbers(memory).redirected("blob");
  shared.events.reloads++;
  for (let failure = 0; failure < 3; failure++) shared.board().failed(1);
  const { totals, board, roster, configured, events, isolates, residentBytes, ...rest } =
    standing();
  assertEquals(totals.requests("blob", 307), 2);
  assertEquals(configured.map((number) => board.isDown(number)), [false, true]);
  assertEquals(roster.mirrors.map(({ name }) => name), ["paris", "cdn"]);
  assertEquals(events.reloads, 1);
  assertEquals(isolates, 2);
  assertEquals([rest.versions, rest.startedS], [versions, 7]);
  assert(residentBytes > 1_000_000);
});

Deno.test("the data set that is told of is the one in use", () => {
  const shared = createShared(readTestConfig(CONFIG), 1);
  const standing = createStanding(shared, { dataSet: DATA_SET, versions: {}, startedS: 0 });
  const summary = standing().dataSet;
  assertEquals(
    summary.map(({ provider, date, prefixes }) => [provider, date, prefixes]),
    [["aws", "2026-01-01", 3], ["gcp", "2026-01-01", 1]],
  );
  // It is read once, for that takes its time.
  assert(standing().dataSet === summary);
  const dataSet = DATA_SET.replace("date 2026-01-01", "date 2026-02-03");
  shared.setup = { ...shared.setup, dataSet };
  assertEquals(standing().dataSet.map(({ date }) => date), ["2026-02-03", "2026-01-01"]);
});
