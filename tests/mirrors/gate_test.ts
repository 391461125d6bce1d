import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import fc from "fast-check";
import { createGate } from "../../lib/mirrors/gate.ts";
import { createVirtualClock } from "./virtual_clock.ts";

// As many begin at once after a pause: one whose turn it is, and 25 that take theirs early.
const BURST = 26;
const TURNED_AWAY_AT_ONCE = 25;
const MOST_HELD = 10_000;

function createWorld({ maxInFlight = 1_000_000, maxPerS = 100, random = 0.5 } = {}) {
  const clock = createVirtualClock();
  const { now, wait } = clock;
  return {
    clock,
    gate: createGate({ maxInFlight, maxPerS, now, wait, random: () => random, told() {} }),
  };
}

function times<T>(count: number, work: () => T): T[] {
  return Array.from({ length: count }, work);
}

Deno.test("a gate lets in as many as may be in flight, and one more for each that leaves", () => {
  for (const maxInFlight of [1, 2, 7, 256]) {
    const { gate } = createWorld({ maxInFlight, maxPerS: 1000 });
    assertEquals(gate.inFlight, 0);
    for (let inFlight = 1; inFlight <= maxInFlight; inFlight++) {
      assert(gate.enter() !== undefined);
      assertEquals(gate.inFlight, inFlight);
    }
    for (let round = 0; round < 3; round++) {
      assertEquals([gate.enter(), gate.enter()], [undefined, undefined]);
      gate.leave();
      assertEquals(gate.inFlight, maxInFlight - 1);
      assert(gate.enter() !== undefined);
      assertEquals(gate.inFlight, maxInFlight);
    }
  }
});

Deno.test("a gate lets a few through at once after a pause, and the rest at its pace", async () => {
  const { gate, clock } = createWorld({ maxPerS: 100 });
  for (let round = 0; round < 3; round++) {
    assertEquals(times(BURST, () => gate.enter()), Array(BURST).fill(0));
    assertEquals(times(4, () => gate.enter()), [10, 20, 30, 40]);
    await clock.pass(1000);
  }
});

Deno.test("a gate saves up no more than a few turns, however long the pause", async () => {
  const { gate, clock } = createWorld({ maxPerS: 100 });
  await clock.pass(86_400_000);
  assertEquals(times(BURST + 2, () => gate.enter()).slice(-3), [0, 10, 20]);
});

Deno.test("a gate gives turns back as fast as its pace", async () => {
  const { gate, clock } = createWorld({ maxPerS: 100 });
  times(BURST, () => gate.enter());
  await clock.pass(20);
  assertEquals(times(4, () => gate.enter()), [0, 0, 10, 20]);
});

Deno.test("a probe that is turned away takes nobody's turn", async () => {
  const { gate, clock } = createWorld({ maxInFlight: 1, maxPerS: 1000 });
  for (let at = 0; at < 200; at++) {
    assertEquals(gate.enter(), 0, `${at}`);
    times(10, () => assertEquals(gate.enter(), undefined));
    gate.leave();
    await clock.pass(1);
  }
});

Deno.test("no more probes begin in any time than the pace allows, but for a few at once", () => {
  const step = fc.oneof(
    fc.record({ enter: fc.integer({ min: 1, max: 60 }) }),
    fc.record({ leave: fc.integer({ min: 1, max: 60 }) }),
    fc.record({ pass: fc.double({ min: 0.1, max: 400, noNaN: true }) }),
  );
  const maxPerS = fc.constantFrom(1, 50, 500, 1_000_000);
  const maxInFlight = fc.integer({ min: 1, max: 100 });
  const steps = fc.array(step, { maxLength: 60 });
  fc.assert(fc.property(maxPerS, maxInFlight, steps, (maxPerS, maxInFlight, steps) => {
    let nowMs = 0;
    const gate = createGate({
      maxInFlight,
      maxPerS,
      now: () => nowMs,
      wait: () => Promise.reject(new Error("nobody waits")),
      random: () => 0,
      told() {},
    });
    const begun: number[] = [];
    for (const step of steps) {
      if ("pass" in step) nowMs += step.pass;
      else if ("leave" in step) times(Math.min(step.leave, gate.inFlight), gate.leave);
      else {
        for (const delayMs of times(step.enter, gate.enter)) {
          if (delayMs !== undefined) begun.push(nowMs + delayMs);
        }
      }
      assertLessOrEqual(gate.inFlight, maxInFlight);
    }
    begun.forEach((from, first) =>
      begun.slice(first).forEach((to, at) => {
        assert(to >= from - 1e-6, "whoever comes first begins first");
        assertLessOrEqual(at + 1, (to - from) / 1000 * maxPerS + BURST + 1e-3);
      })
    );
  }));
});

Deno.test("requests whose probes are turned away are answered at once, unless very many are", async () => {
  const { gate, clock } = createWorld();
  for (let round = 0; round < 3; round++) {
    assertEquals(
      times(TURNED_AWAY_AT_ONCE, () => gate.turnAway()),
      Array(TURNED_AWAY_AT_ONCE).fill(undefined),
    );
    assert(gate.turnAway() instanceof Promise);
    await clock.pass(99);
    assert(gate.turnAway() instanceof Promise, "the window is not over");
    await clock.pass(1);
  }
});

Deno.test("a request that is held back is let go after half to one and a half times as long", async () => {
  const cases = [
    { random: 0, heldMs: 500 },
    { random: 0.5, heldMs: 1000 },
    { random: 0.9999, heldMs: 1499.9 },
  ];
  for (const { random, heldMs } of cases) {
    const { gate, clock } = createWorld({ random });
    times(TURNED_AWAY_AT_ONCE, () => gate.turnAway());
    let released = false;
    const held = gate.turnAway()!.then(() => released = true);
    await clock.goTo(heldMs - 0.01);
    assertEquals(released, false, `${random}`);
    await clock.goTo(heldMs + 0.01);
    assertEquals(released, true, `${random}`);
    await held;
  }
});

Deno.test("a gate turns away whoever would have to wait for more than a second", () => {
  const { gate } = createWorld({ maxPerS: 2 });
  times(BURST, () => gate.enter());
  assertEquals(times(4, () => gate.enter()), [500, 1000, undefined, undefined]);
  assertEquals(gate.inFlight, BURST + 2);
});

Deno.test("a gate tells how many are in flight whenever that changes", () => {
  const told: number[] = [];
  const gate = createGate({
    maxInFlight: 2,
    maxPerS: 100,
    now: () => 0,
    wait: () => Promise.resolve(),
    random: () => 0,
    told: (inFlight) => void told.push(inFlight),
  });
  gate.enter();
  gate.enter();
  gate.enter();
  gate.leave();
  assertEquals(told, [1, 2, 1]);
});

Deno.test("a gate holds back only so many, and others again when those are let go", async () => {
  let release = () => {};
  let waits = 0;
  const over = new Promise<void>((resolve) => release = resolve);
  const gate = createGate({
    maxInFlight: 1,
    maxPerS: 1,
    now: () => 0,
    wait() {
      waits++;
      return over;
    },
    random: () => 0,
    told() {},
  });
  times(TURNED_AWAY_AT_ONCE, () => gate.turnAway());
  const held = times(MOST_HELD, () => gate.turnAway());
  assert(held.every((one) => one instanceof Promise));
  assertEquals(times(100, () => gate.turnAway()), Array(100).fill(undefined));
  assertEquals(waits, MOST_HELD);
  release();
  await Promise.all(held);
  const again = gate.turnAway();
  assert(again instanceof Promise);
  await again;
});
