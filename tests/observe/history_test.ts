import { assert, assertEquals } from "@std/assert";
import { createHistory, MAX_SERIES, type Span, SPANS } from "../../lib/observe/history.ts";
import { createRandom } from "../redirect/hostile.ts";

/** The same, of all readings, slowly. */
function meanOf(
  readings: readonly (readonly [atMs: number, value: number])[],
  step: number,
  stepMs: number,
): number | null {
  const values = readings.filter(([atMs]) => Math.floor(atMs / stepMs) === step)
    .map(([, value]) => value);
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value) / values.length;
}

Deno.test("a history has the mean of each step, of an hour and of a day, as a slow one has it", () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const random = createRandom(seed);
  const history = createHistory();
  const readings: (readonly [number, number])[] = [];
  let atMs = Date.UTC(2026, 0, 1);
  const beganMs = atMs;
  for (let at = 0; at < 12_000; at++) {
    // Mostly on time; now and then the machine sleeps.
    atMs += random() < 0.001 ? Math.floor(random() * 7_200_000) : 10_000;
    const value = Math.floor(random() * 1000);
    readings.push([atMs, value]);
    history.record(atMs, new Map([["requests", value]]));
  }
  for (const span of ["hour", "day"] satisfies Span[]) {
    const { stepMs, steps } = SPANS[span];
    const read = history.read(span);
    const values = read.series.get("requests")!;
    assert(values.length <= steps && read.beginsMs >= beganMs - stepMs, `seed ${seed}`);
    assertEquals(read.beginsMs + (values.length - 1) * stepMs, atMs - atMs % stepMs);
    for (const [at, value] of values.entries()) {
      const expected = meanOf(readings, read.beginsMs / stepMs + at, stepMs);
      if (expected === null) assertEquals(value, null, `seed ${seed}, ${span} ${at}`);
      else assert(Math.abs(value! - expected) < 0.01, `seed ${seed}, ${span} ${at}`);
      const count = readings.filter(([time]) =>
        Math.floor(time / stepMs) === read.beginsMs / stepMs + at
      ).length;
      assertEquals(read.measuredMs[at], count * 10_000);
    }
  }
});

Deno.test("a history begins with the first reading, and drops series that are read no more", () => {
  const history = createHistory();
  assertEquals(history.read("hour").series.size, 0);
  const atMs = 1_000_000_000_000;
  history.record(atMs, new Map([["a", 1], ["b", 2]]));
  history.record(atMs + 10_000, new Map([["a", 3], ["c", 4]]));
  const { beginsMs, series } = history.read("hour");
  assertEquals(beginsMs, atMs);
  assertEquals([...series], [["a", [1, 3]], ["c", [null, 4]]]);
});

Deno.test("a history begins anew when the clock is set back", () => {
  const history = createHistory();
  history.record(1_000_000_000_000, new Map([["a", 1]]));
  history.record(900_000_000_000, new Map([["a", 2]]));
  const { beginsMs, series } = history.read("hour");
  assertEquals([beginsMs, [...series]], [900_000_000_000, [["a", [2]]]]);
});

Deno.test("a history takes at most 4 MB, however many mirrors there are", () => {
  const history = createHistory();
  const readings = new Map(
    Array.from({ length: 5000 }, (_, at) => [`mirror:${at}`, at] as const),
  );
  history.record(10_000, readings);
  assertEquals(history.read("day").series.size, MAX_SERIES);
  const steps = SPANS.hour.steps + SPANS.day.steps;
  assert(MAX_SERIES * steps * Float32Array.BYTES_PER_ELEMENT < 4_000_000);
});
