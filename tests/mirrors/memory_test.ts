import { assertEquals, assertLessOrEqual } from "@std/assert";
import fc from "fast-check";
import { createMemory } from "../../lib/mirrors/memory.ts";

Deno.test("a memory remembers when something was found, and what was not, each for its time", () => {
  let nowMs = 1000;
  const memory = createMemory({ random: () => 0.5, maxEntries: 2, now: () => nowMs });
  assertEquals(memory.get("a"), undefined);
  memory.set("a", true, 100);
  memory.set("b", false, 10);
  assertEquals([memory.get("a"), memory.get("b")], [1000, 0]);
  nowMs = 1009;
  assertEquals([memory.get("a"), memory.get("b")], [1000, 0]);
  nowMs = 1010;
  assertEquals([memory.get("a"), memory.get("b")], [1000, undefined]);
  memory.set("b", true, 100);
  assertEquals(memory.get("b"), 1010);
  nowMs = 1099;
  assertEquals(memory.get("a"), 1000);
  nowMs = 1100;
  assertEquals(memory.get("a"), undefined);
  assertEquals(memory.size, 2);
});

Deno.test("a memory forgets what is deleted, and remembers it again", () => {
  const memory = createMemory({ random: () => 0.5, maxEntries: 2, now: () => 1 });
  memory.set("a", true, 100);
  memory.delete("a");
  memory.delete("never set");
  assertEquals(memory.get("a"), undefined);
  memory.set("a", false, 100);
  assertEquals(memory.get("a"), 0);
});

Deno.test("a memory keeps what was set last", () => {
  let nowMs = 1;
  const memory = createMemory({ random: () => 0.5, maxEntries: 2, now: () => nowMs });
  memory.set("a", true, 100);
  memory.set("a", false, 10);
  assertEquals(memory.get("a"), 0);
  assertEquals(memory.size, 1);
  nowMs = 10;
  memory.set("a", true, 100);
  nowMs = 50;
  assertEquals(memory.get("a"), 10);
});

Deno.test("a memory that is full forgets what was not used lately", () => {
  const memory = createMemory({ random: () => 0.5, maxEntries: 3, now: () => 1 });
  for (const key of ["a", "b", "c"]) memory.set(key, true, 10);
  memory.get("a");
  memory.set("b", false, 10);
  memory.set("d", true, 10);
  assertEquals(["a", "b", "c", "d"].map((key) => memory.get(key)), [1, 0, undefined, 1]);
  memory.set("e", true, 10);
  assertEquals(["a", "b", "d", "e"].map((key) => memory.get(key)), [undefined, 0, 1, 1]);
  assertEquals(memory.size, 3);
});

Deno.test("a memory of one entry remembers the last", () => {
  const memory = createMemory({ random: () => 0.5, maxEntries: 1, now: () => 1 });
  for (const key of ["a", "b", "a", "a", "c"]) {
    memory.set(key, key !== "a", 10);
    assertEquals(memory.get(key), key === "a" ? 0 : 1);
    assertEquals(memory.size, 1);
  }
  assertEquals(memory.get("a"), undefined);
});

Deno.test("a memory that is full keeps what is in use, however much else is set", () => {
  const memory = createMemory({ random: () => 0.5, maxEntries: 10, now: () => 1 });
  const used = ["a", "b", "c", "d", "e"];
  for (const key of used) memory.set(key, true, 10);
  for (let at = 0; at < 1000; at++) {
    memory.set(`once ${at}`, true, 10);
    if (at % 4 === 0) assertEquals(used.map((key) => memory.get(key)), [1, 1, 1, 1, 1], `${at}`);
  }
});

// What anybody can see is right: a queue. Whatever was used goes from its head to its end once.
function createModel(maxEntries: number) {
  let entries: { key: string; value: number; untilMs: number; used: boolean }[] = [];
  const find = (key: string) => entries.find((entry) => entry.key === key);
  return {
    get(key: string, nowMs: number): number | undefined {
      const entry = find(key);
      if (entry === undefined || entry.untilMs <= nowMs) return undefined;
      entry.used = true;
      return entry.value;
    },
    set(key: string, value: number, untilMs: number): void {
      const entry = find(key);
      if (entry !== undefined) {
        Object.assign(entry, { value, untilMs, used: true });
        return;
      }
      if (entries.length === maxEntries) {
        while (entries[0]!.used) entries.push({ ...entries.shift()!, used: false });
        entries.shift();
      }
      entries.push({ key, value, untilMs, used: false });
    },
    delete(key: string): void {
      entries = entries.map((entry) => entry.key === key ? { ...entry, untilMs: 0 } : entry);
    },
    size: () => entries.length,
  };
}

Deno.test("a memory does what a plain queue would do", () => {
  const key = fc.constantFrom(..."abcdefgh");
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("get" as const), key }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("delete" as const), key }) },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant("set" as const),
        key,
        value: fc.boolean(),
        ttlMs: fc.integer({ min: 1, max: 20 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("pass" as const),
        ms: fc.integer({ max: 9, min: 1 }),
      }),
    },
  );
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 6 }),
    fc.array(step, { minLength: 10, maxLength: 100 }),
    (maxEntries, steps) => {
      let nowMs = 1;
      const memory = createMemory({ random: () => 0.5, maxEntries, now: () => nowMs });
      const model = createModel(maxEntries);
      for (const step of steps) {
        if (step.kind === "pass") {
          nowMs += step.ms;
        } else if (step.kind === "set") {
          memory.set(step.key, step.value, step.ttlMs);
          model.set(step.key, step.value ? nowMs : 0, nowMs + step.ttlMs);
        } else if (step.kind === "delete") {
          memory.delete(step.key);
          model.delete(step.key);
        } else {
          assertEquals(memory.get(step.key), model.get(step.key, nowMs));
        }
        assertEquals(memory.size, model.size());
        assertLessOrEqual(memory.size, maxEntries);
      }
      for (const key of "abcdefgh") assertEquals(memory.get(key), model.get(key, nowMs));
    },
  ));
});
