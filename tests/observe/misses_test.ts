import { assertEquals } from "@std/assert";
import { type CountedMiss, createMissCounter, createMissTable } from "../../lib/observe/misses.ts";
import { createVirtualClock } from "../mirrors/virtual_clock.ts";

function digestOf(number: number): string {
  return `sha256:${number.toString(16).padStart(64, "0")}`;
}

function blobOf(number: number, name = "app") {
  return { name, digest: digestOf(number) };
}

Deno.test("a counter sends what was missing once a second, and nothing while nothing is", async () => {
  const sent: (readonly CountedMiss[])[] = [];
  const clock = createVirtualClock(0);
  const counter = createMissCounter({ send: (misses) => sent.push(misses), later: clock.later });
  counter.flush();
  counter.noteLacking(blobOf(1));
  counter.noteAsked(blobOf(1));
  counter.noteAsked(blobOf(1));
  counter.noteLacking(blobOf(2, "charts/web"));
  assertEquals(sent, []);
  await clock.pass(1000);
  const first = [{ ...blobOf(1), count: 2 }, { ...blobOf(2, "charts/web"), count: 0 }];
  assertEquals(sent, [first]);
  await clock.pass(60_000);
  assertEquals(sent.length, 1);
  counter.noteAsked(blobOf(1));
  counter.flush();
  assertEquals(sent, [first, [{ ...blobOf(1), count: 1 }]]);
  await clock.pass(60_000);
  assertEquals(sent.length, 2);
});

Deno.test("a counter counts no more than 2,000 blobs in a second, and those it has further", () => {
  const sent: CountedMiss[] = [];
  const counter = createMissCounter({
    send: (misses) => sent.push(...misses),
    later: () => () => {},
  });
  for (let round = 0; round < 2; round++) {
    for (let number = 0; number < 3000; number++) counter.noteAsked(blobOf(number));
  }
  counter.flush();
  assertEquals(sent.length, 2000);
  assertEquals(sent.every(({ count }) => count === 2), true);
});

Deno.test("a table lists the most asked for first, then the latest", () => {
  const table = createMissTable();
  table.add([{ ...blobOf(1), count: 1 }, { ...blobOf(2), count: 5 }, { ...blobOf(3), count: 1 }]);
  table.add([{ ...blobOf(4), count: 0 }, { ...blobOf(1, "x".repeat(256)), count: 9 }]);
  table.add([{ ...blobOf(3), count: 2 }]);
  assertEquals(table.list(), [
    { ...blobOf(2), count: 5 },
    { ...blobOf(3), count: 3 },
    { ...blobOf(1), count: 1 },
    { ...blobOf(4), count: 0 },
  ]);
});

Deno.test("a table keeps what is asked for through a flood of digests that there are not", () => {
  const table = createMissTable(100);
  for (let number = 0; number < 10; number++) table.add([{ ...blobOf(number), count: 3 }]);
  for (let number = 1000; number < 5000; number++) table.add([{ ...blobOf(number), count: 1 }]);
  const listed = table.list();
  assertEquals(listed.length <= 101, true);
  assertEquals(
    listed.slice(0, 10).map(({ digest }) => digest).toSorted(),
    Array.from({ length: 10 }, (_, number) => digestOf(number)),
  );
});
