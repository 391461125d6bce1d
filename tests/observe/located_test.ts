import { assertEquals } from "@std/assert";
import {
  addLocated,
  addOutcomes,
  countMirrored,
  countUpstream,
  createLocated,
  createLocatedMemory,
  createLocationNumbers,
  LOCATION_NUMBERS,
  OUTCOMES,
} from "../../lib/observe/located.ts";
import { UPSTREAM_REASONS } from "../../lib/observe/numbers.ts";

const NONE = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0]));

Deno.test("pulls are counted by location and by what became of them, over all isolates", () => {
  const names = ["aws/a", "gcp/b"];
  const numbers = createLocationNumbers()(names);
  const memories = [createLocatedMemory(), createLocatedMemory()];
  for (const memory of memories) {
    const located = createLocated(memory, names, numbers);
    located.toMirror(0, false);
    located.toMirror(0, true);
    for (const reason of UPSTREAM_REASONS) located.toUpstream(1, reason);
    located.toUpstream(-1, "missing");
    located.toUpstream(undefined, "registry");
  }
  const totals = addLocated(memories, numbers);
  assertEquals(totals.of("aws/a"), { ...NONE, found: 2, fallback: 2 } as typeof totals.nowhere);
  const upstream = Object.fromEntries(UPSTREAM_REASONS.map((reason) => [reason, 2]));
  assertEquals<unknown>(totals.of("gcp/b"), { ...NONE, ...upstream });
  assertEquals<unknown>(totals.nowhere, { ...NONE, missing: 2 });
  assertEquals<unknown>(totals.unasked, { ...NONE, registry: 2 });
  assertEquals(totals.others, undefined);
  assertEquals(totals.of("aws/other"), undefined);
  const added = addOutcomes([totals.of("aws/a")!, totals.of("gcp/b")!]);
  assertEquals([countMirrored(added), countUpstream(added)], [4, 2 * UPSTREAM_REASONS.length]);
});

Deno.test("a location keeps its number when a new data set has another order", () => {
  const enter = createLocationNumbers();
  const memory = createLocatedMemory();
  createLocated(memory, ["a/1", "b/2"], enter(["a/1", "b/2"])).toMirror(1, false);
  const numbers = enter(["c/3", "b/2"]);
  createLocated(memory, ["c/3", "b/2"], numbers).toMirror(1, false);
  const totals = addLocated([memory], numbers);
  assertEquals(totals.of("b/2")?.found, 2);
  assertEquals([totals.of("a/1"), totals.of("c/3")], [undefined, undefined]);
});

Deno.test("locations are numbered by their order unless numbers are given", () => {
  const memory = createLocatedMemory();
  createLocated(memory, ["a/1", "b/2"]).toMirror(1, false);
  assertEquals(addLocated([memory], createLocationNumbers()(["a/1", "b/2"])).of("b/2")?.found, 1);
});

Deno.test("locations past the last number are counted together", () => {
  const names = Array.from({ length: LOCATION_NUMBERS + 2 }, (_, at) => `x/${at}`);
  const numbers = createLocationNumbers()(names);
  assertEquals(numbers.size, LOCATION_NUMBERS);
  const memory = createLocatedMemory();
  const located = createLocated(memory, names, numbers);
  for (const at of names.keys()) located.toUpstream(at, "missing");
  const totals = addLocated([memory], numbers);
  assertEquals(totals.others?.missing, 2);
  assertEquals(totals.of(`x/${LOCATION_NUMBERS - 1}`)?.missing, 1);
});
