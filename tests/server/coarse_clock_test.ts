import { assertEquals } from "@std/assert";
import { createCoarseClock } from "../../lib/server/coarse_clock.ts";

Deno.test("a coarse clock reads its clock once, and again when its resolution has passed", async () => {
  let readings = 0;
  const clock = createCoarseClock(() => ++readings, 1);
  assertEquals(readings, 0);
  for (let count = 0; count < 100; count++) assertEquals(clock(), 1);
  // A timer that was started later and runs longer ends later.
  await new Promise((resolve) => setTimeout(resolve, 10));
  for (let count = 0; count < 100; count++) assertEquals(clock(), 2);
  await new Promise((resolve) => setTimeout(resolve, 10));
  assertEquals(readings, 2);
});
