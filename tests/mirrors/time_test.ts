import { assertEquals, assertRejects } from "@std/assert";
import { createCoarseClock, createWait, createWithin } from "../../lib/mirrors/time.ts";
import { createVirtualClock, settle } from "./virtual_clock.ts";

Deno.test("wait() resolves after so many milliseconds", async () => {
  const { later, goTo, now } = createVirtualClock();
  let overMs = 0;
  const over = createWait(later)(10).then(() => overMs = now());
  await goTo(9);
  assertEquals(overMs, 0);
  await goTo(50);
  await over;
  assertEquals(overMs, 10);
});

Deno.test("within() resolves as the work does, and leaves no timer", async () => {
  const clock = createVirtualClock();
  const within = createWithin(clock.later);
  assertEquals(await within(10, Promise.resolve("done")), "done");
  await assertRejects(() => within(10, Promise.reject(new Error("failed"))), Error, "failed");
  assertEquals(clock.waiting, 0);
});

Deno.test("within() waits no longer than it is told", async () => {
  const clock = createVirtualClock();
  const late = Promise.withResolvers<string>();
  let overMs = -1;
  const result = createWithin(clock.later)(10, late.promise).finally(() => overMs = clock.now());
  await clock.goTo(9);
  assertEquals(overMs, -1);
  await clock.goTo(20);
  assertEquals([await result, overMs], [undefined, 10]);
  // Nobody hears of it any more.
  late.reject(new Error("too late"));
  await settle();
});

Deno.test("a coarse clock reads its clock once, and again when its resolution has passed", async () => {
  const clock = createVirtualClock(1000);
  let readings = 0;
  const now = createCoarseClock(
    () => {
      readings++;
      return clock.now();
    },
    clock.later,
    100,
  );
  assertEquals([readings, clock.waiting], [0, 0]);
  for (let count = 0; count < 100; count++) assertEquals(now(), 1000);
  await clock.pass(99);
  assertEquals([now(), readings, clock.waiting], [1000, 1, 1]);
  await clock.pass(1);
  assertEquals(clock.waiting, 0, "an idle clock needs no timer");
  await clock.pass(1000);
  for (let count = 0; count < 100; count++) assertEquals(now(), 2100);
  assertEquals(readings, 2);
});
