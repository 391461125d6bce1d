import { assertEquals } from "@std/assert";
import { createSleeper } from "../../lib/mirrors/sleeper.ts";
import { createVirtualClock, settle } from "./virtual_clock.ts";

function createWorld() {
  const clock = createVirtualClock();
  const sleeper = createSleeper(clock.later);
  const risen: { atMs: number; woken: boolean }[] = [];
  async function sleep(ms: number, leastMs?: number): Promise<void> {
    const woken = await sleeper.sleep(ms, leastMs);
    risen.push({ atMs: clock.now(), woken });
  }
  return { ...sleeper, clock, risen, sleep };
}

Deno.test("sleep ends when its time is over", async () => {
  const { sleep, clock, risen } = createWorld();
  const slept = sleep(100);
  await clock.goTo(99);
  assertEquals(risen, []);
  await clock.goTo(100);
  await slept;
  assertEquals([risen, clock.waiting], [[{ atMs: 100, woken: false }], 0]);
});

Deno.test("sleep ends when the sleeper is woken, but not before the least time", async () => {
  const table = [
    { leastMs: undefined, wokenMs: 40, expected: 40 },
    { leastMs: 60, wokenMs: 40, expected: 60 },
    { leastMs: 60, wokenMs: 60, expected: 60 },
    { leastMs: 60, wokenMs: 80, expected: 80 },
  ];
  for (const { leastMs, wokenMs, expected } of table) {
    const { sleep, wake, clock, risen } = createWorld();
    const slept = sleep(100, leastMs);
    await clock.goTo(wokenMs);
    wake();
    wake();
    await clock.goTo(200);
    await slept;
    assertEquals([risen, clock.waiting], [[{ atMs: expected, woken: true }], 0]);
  }
});

Deno.test("being woken before it sleeps counts, once", async () => {
  for (
    const { leastMs, expected } of [{ leastMs: 0, expected: 0 }, { leastMs: 50, expected: 50 }]
  ) {
    const { sleep, wake, clock, risen } = createWorld();
    wake();
    const slept = sleep(100, leastMs);
    await clock.goTo(50);
    await slept;
    const again = sleep(100, leastMs);
    await clock.goTo(500);
    await again;
    assertEquals(risen, [{ atMs: expected, woken: true }, { atMs: 150, woken: false }]);
  }
});

Deno.test("a sleeper that is stopped sleeps no more", async () => {
  const { sleep, stop, isStopped, wake, clock, risen } = createWorld();
  const slept = sleep(100, 50);
  await settle();
  assertEquals(isStopped(), false);
  stop();
  await slept;
  await sleep(100);
  wake();
  await sleep(100, 50);
  assertEquals(isStopped(), true);
  assertEquals(risen, Array(3).fill({ atMs: 0, woken: false }));
  assertEquals(clock.waiting, 0);
});
