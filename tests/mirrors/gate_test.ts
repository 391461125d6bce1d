import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import fc from "fast-check";
import { createGate } from "../../lib/mirrors/gate.ts";
import { createPlaces, createPlacesMemory } from "../../lib/mirrors/places.ts";
import { createVirtualClock } from "./virtual_clock.ts";

// As many begin at once after a pause: one whose turn it is, and 25 that take theirs early.
const BURST = 26;
const TURNED_AWAY_AT_ONCE = 25;
const MAX_HELD = 10_000;
const SERVERS = 8;

function createWorld({ maxInFlight = 1_000_000, maxPerS = 100, random = 0.5, slot = 0 } = {}) {
  const clock = createVirtualClock();
  const bounds = { maxInFlight, maxPerS };
  const memory = createPlacesMemory(2, SERVERS);
  const open = (slot: number) => {
    const places = createPlaces(memory, slot, SERVERS);
    const gate = createGate({
      places,
      bounds: () => bounds,
      now: clock.now,
      wait: clock.wait,
      random: () => random,
    });
    return { places, gate };
  };
  const { places, gate } = open(slot);

  function enter(server = 0): number | undefined {
    const hasRoom = gate.hasRoom(server);
    const delayMs = gate.enter(server);
    assertEquals(hasRoom, delayMs !== undefined);
    return delayMs;
  }

  return { clock, bounds, places, gate, open, enter };
}

function times<T>(count: number, work: (at: number) => T): T[] {
  return Array.from({ length: count }, (_, at) => work(at));
}

/** Lets probes of a server in until one is turned away; how many it let in. */
function fill(enter: (server: number) => number | undefined, server: number): number {
  let entered = 0;
  while (enter(server) !== undefined) entered++;
  return entered;
}

Deno.test("a server may hold as many places as are free", () => {
  const table = [
    { maxInFlight: 1, filled: [1, 0] },
    { maxInFlight: 2, filled: [1, 1, 0] },
    { maxInFlight: 7, filled: [4, 2, 1, 0] },
    { maxInFlight: 256, filled: [128, 64, 32, 16] },
  ];
  for (const { maxInFlight, filled } of table) {
    const { enter, places } = createWorld({ maxInFlight, maxPerS: 1_000_000 });
    assertEquals(filled.map((_, server) => fill(enter, server)), filled, `${maxInFlight}`);
    assertLessOrEqual(places.total(), maxInFlight);
  }
});

Deno.test("servers that compete for places get as many each", () => {
  const { enter, places } = createWorld({ maxInFlight: 256, maxPerS: 1_000_000 });
  for (let round = 0; round < 256; round++) for (const server of [0, 1, 2]) enter(server);
  assertEquals([0, 1, 2].map(places.of), [64, 64, 64]);
});

Deno.test("a gate lets one more in for each that leaves", () => {
  const { gate, enter, places } = createWorld({ maxInFlight: 8, maxPerS: 1000 });
  fill(enter, 0);
  for (let round = 0; round < 3; round++) {
    assertEquals([enter(), enter()], [undefined, undefined]);
    gate.leave(0);
    assertEquals(places.of(0), 3);
    assert(enter() !== undefined);
    assertEquals(places.of(0), 4);
  }
});

Deno.test("the places are those of all isolates, without those of one that died", () => {
  const world = createWorld({ maxInFlight: 8, maxPerS: 1000 });
  const other = world.open(1);
  assertEquals(fill(other.gate.enter, 0), 4);
  assertEquals([world.enter(0), fill(world.enter, 1)], [undefined, 2]);
  const successor = world.open(1);
  assertEquals(successor.places.total(), 2);
  assertEquals(fill(successor.gate.enter, 0), 3);
});

Deno.test("servers that hang never take the last place from one that answers", () => {
  const maxInFlight = fc.integer({ min: 2, max: 300 });
  const server = fc.nat({ max: SERVERS - 2 });
  const asked = fc.array(server, { maxLength: 600 });
  fc.assert(fc.property(maxInFlight, asked, (maxInFlight, asked) => {
    const { gate, places } = createWorld({ maxInFlight, maxPerS: 1e9 });
    // None of these ever leaves.
    for (const server of asked) gate.enter(server);
    assertLessOrEqual(places.total(), maxInFlight);
    const hanging = new Set(asked).size;
    // Places are shared out in whole ones, so few of them cannot be shared by many.
    if (maxInFlight <= 2 ** hanging) return;
    for (let at = 0; at < 100; at++) {
      assert(gate.enter(SERVERS - 1) !== undefined, `${places.total()} of ${maxInFlight}`);
      gate.leave(SERVERS - 1);
    }
    for (const server of new Set(asked)) {
      assertLessOrEqual(places.of(server), Math.ceil(maxInFlight / 2));
    }
  }));
});

Deno.test("servers that come to hang one after another leave each other a share", () => {
  const { enter } = createWorld({ maxInFlight: 256, maxPerS: 1_000_000 });
  const shares = times(SERVERS, (server) => fill(enter, server));
  for (const share of shares) assertLessOrEqual(1, share);
});

Deno.test("a gate lets a few through at once after a pause, and the rest at its pace", async () => {
  const { enter, clock } = createWorld({ maxPerS: 100 });
  for (let round = 0; round < 3; round++) {
    assertEquals(times(BURST, () => enter()), Array(BURST).fill(0));
    assertEquals(times(4, () => enter()), [10, 20, 30, 40]);
    await clock.pass(1000);
  }
});

Deno.test("a gate saves up no more than a few turns, however long the pause", async () => {
  const { enter, clock } = createWorld({ maxPerS: 100 });
  await clock.pass(86_400_000);
  assertEquals(times(BURST + 2, () => enter()).slice(-3), [0, 10, 20]);
});

Deno.test("a gate gives turns back as fast as its pace", async () => {
  const { enter, clock } = createWorld({ maxPerS: 100 });
  times(BURST, () => enter());
  await clock.pass(20);
  assertEquals(times(4, () => enter()), [0, 0, 10, 20]);
});

Deno.test("a probe that is turned away takes nobody's turn", async () => {
  const { gate, enter, clock } = createWorld({ maxInFlight: 1, maxPerS: 1000 });
  for (let at = 0; at < 200; at++) {
    assertEquals(enter(), 0, `${at}`);
    times(10, () => assertEquals(enter(), undefined));
    gate.leave(0);
    await clock.pass(1);
  }
});

Deno.test("nobody waits for a turn for more than a second, and whoever fills the queue for half", () => {
  const { enter, gate, places } = createWorld({ maxPerS: 20 });
  const delays = times(100, () => enter(0)).filter((delay) => delay !== undefined);
  assertLessOrEqual(450, Math.max(...delays));
  assertLessOrEqual(Math.max(...delays), 600);
  const others = times(100, () => enter(1)).filter((delay) => delay !== undefined);
  assertLessOrEqual(1, others.length, "there is room in it for another server");
  assertLessOrEqual(Math.max(...others), 1000);
  times(places.of(0), () => gate.leave(0));
});

Deno.test("a gate that is told another pace keeps to it at once", async () => {
  const { enter, bounds, gate, clock, places } = createWorld({ maxPerS: 1 });
  while (enter() !== undefined);
  times(places.of(0), () => gate.leave(0));
  bounds.maxPerS = 1000;
  enter();
  await clock.pass(1000);
  const delay = enter();
  assert(delay !== undefined, "turns of the slow pace are passed over");
  assertLessOrEqual(delay, 100);
});

Deno.test("no more probes begin in any time than the pace allows, but for a few at once", () => {
  const step = fc.oneof(
    fc.record({ enter: fc.integer({ min: 1, max: 60 }), server: fc.nat({ max: 3 }) }),
    fc.record({ leave: fc.integer({ min: 1, max: 60 }), server: fc.nat({ max: 3 }) }),
    fc.record({ pass: fc.double({ min: 0.1, max: 400, noNaN: true }) }),
  );
  const maxPerS = fc.constantFrom(1, 50, 500, 1_000_000);
  const maxInFlight = fc.integer({ min: 1, max: 100 });
  const steps = fc.array(step, { maxLength: 60 });
  fc.assert(fc.property(maxPerS, maxInFlight, steps, (maxPerS, maxInFlight, steps) => {
    let nowMs = 0;
    const places = createPlaces(createPlacesMemory(1, SERVERS), 0, SERVERS);
    const gate = createGate({
      places,
      bounds: () => ({ maxInFlight, maxPerS }),
      now: () => nowMs,
      wait: () => Promise.reject(new Error("nobody waits")),
      random: () => 0,
    });
    const begun: number[] = [];
    for (const step of steps) {
      if ("pass" in step) nowMs += step.pass;
      else if ("leave" in step) {
        times(Math.min(step.leave, places.of(step.server)), () => gate.leave(step.server));
      } else {
        for (const delayMs of times(step.enter, () => gate.enter(step.server))) {
          if (delayMs === undefined) continue;
          assertLessOrEqual(delayMs, 1000);
          begun.push(nowMs + delayMs);
        }
      }
      assertLessOrEqual(places.total(), maxInFlight);
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

Deno.test("a gate holds back only so many, and others again when those are let go", async () => {
  const over = Promise.withResolvers<void>();
  let waits = 0;
  const gate = createGate({
    places: createPlaces(createPlacesMemory(1, SERVERS), 0, SERVERS),
    bounds: () => ({ maxInFlight: 1, maxPerS: 1 }),
    now: () => 0,
    wait() {
      waits++;
      return over.promise;
    },
    random: () => 0,
  });
  times(TURNED_AWAY_AT_ONCE, () => gate.turnAway());
  const held = times(MAX_HELD, () => gate.turnAway());
  assert(held.every((one) => one instanceof Promise));
  assertEquals(times(100, () => gate.turnAway()), Array(100).fill(undefined));
  assertEquals(waits, MAX_HELD);
  over.resolve();
  await Promise.all(held);
  const again = gate.turnAway();
  assert(again instanceof Promise);
  await again;
});
