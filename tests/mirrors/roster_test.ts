import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { createRoster } from "../../lib/mirrors/roster.ts";

Deno.test("a key keeps its number for as long as it is kept", () => {
  const roster = createRoster(10, () => {});
  const before = new Map(roster.enter(["a", "b", "c"]));
  assertEquals([...before.values()].sort(), [0, 1, 2]);
  const after = roster.enter(["d", "c", "b", "a"]);
  for (const key of ["a", "b", "c"]) assertEquals(after.get(key), before.get(key));
  assertEquals(after.get("d"), 3);
});

Deno.test("a freed number is told of before it is given to another key, the oldest first", () => {
  const reused: number[] = [];
  const roster = createRoster(3, (number) => reused.push(number));
  roster.enter(["a", "b", "c"]);
  roster.keep(["a", "c"]);
  roster.keep(["c"]);
  assertEquals(roster.enter(["d"]).get("d"), 1);
  assertEquals(roster.enter(["e"]).get("e"), 0);
  assertEquals(reused, [1, 0]);
});

Deno.test("numbers that were never given are given before those that were", () => {
  const roster = createRoster(3, () => {
    throw new Error("nothing is reused");
  });
  roster.enter(["a"]);
  roster.keep([]);
  assertEquals(roster.enter(["a"]).get("a"), 1);
});

Deno.test("more keys than numbers are refused", () => {
  const roster = createRoster(2, () => {});
  assertThrows(
    () => roster.enter(["a", "b", "c"]),
    RangeError,
    'Cannot number "c": all 2 numbers are in use',
  );
  roster.keep(["a"]);
  assertEquals([...roster.enter(["a", "c"]).keys()].sort(), ["a", "c"]);
});

Deno.test("no two keys ever have one number", () => {
  const keys = fc.uniqueArray(fc.constantFrom(..."abcdefgh"), { maxLength: 4 });
  fc.assert(fc.property(fc.array(keys, { maxLength: 20 }), (setups) => {
    const roster = createRoster(8, () => {});
    let kept = new Map<string, number>();
    for (const keys of setups) {
      const numbers = new Map(roster.enter(keys));
      for (const [key, number] of kept) assertEquals(numbers.get(key), number);
      assertEquals(new Set(numbers.values()).size, numbers.size);
      roster.keep(keys);
      kept = new Map(keys.map((key) => [key, numbers.get(key)!]));
    }
  }));
});
