import { assertEquals } from "@std/assert";
import { createLineSink, type LineSink } from "../../lib/observe/line_sink.ts";
import { createVirtualClock, settle, type VirtualClock } from "../mirrors/virtual_clock.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** A sink, and who reads what it writes: one piece whenever they like. */
interface Reading {
  readonly sink: LineSink;
  readonly clock: VirtualClock;
  /** What was written, piece by piece. */
  readonly pieces: string[];
  readonly lost: number[];
  /** Has what is being written read, or its reader gone. */
  readonly read: (how?: "gone") => Promise<void>;
}

function createReading(): Reading {
  const clock = createVirtualClock();
  const pieces: string[] = [];
  const lost: number[] = [];
  let writing: PromiseWithResolvers<void> | undefined;
  const sink = createLineSink({
    write(bytes) {
      pieces.push(new TextDecoder().decode(bytes));
      writing = Promise.withResolvers<void>();
      return writing.promise;
    },
    onLost: (lines) => void lost.push(lines),
    later: clock.later,
  });
  return {
    sink,
    clock,
    pieces,
    lost,
    async read(how) {
      const { resolve, reject } = writing!;
      if (how === undefined) resolve();
      else reject(new Deno.errors.BrokenPipe("nobody reads"));
      // The sink goes on with what waits.
      await settle();
    },
  };
}

Deno.test("a sink writes what it takes at once, and meanwhile gathers the rest", async () => {
  const { sink, pieces, lost, read } = createReading();
  sink.take(bytes("a\n"));
  sink.take(bytes("b\n"));
  sink.take(bytes("c\nd\n"));
  assertEquals(pieces, ["a\n"]);
  await read();
  assertEquals(pieces, ["a\n", "b\nc\nd\n"]);
  await read();
  sink.take(bytes("e\u20ac\n"));
  assertEquals(pieces.slice(2), ["e\u20ac\n"]);
  await read();
  assertEquals(lost, []);
});

Deno.test("a sink whose reader stands still holds so much, and gives up the rest by lines", async () => {
  const { sink, pieces, lost, read } = createReading();
  const mebibyte = "x".repeat(1024 * 1024 - 1) + "\n";
  sink.take(bytes("first\n"));
  for (let count = 0; count < 8; count++) sink.take(bytes(mebibyte));
  assertEquals(lost, []);
  sink.take(bytes("a\n"));
  sink.take(bytes("b\nc\n"));
  assertEquals(lost, [1, 2]);
  // When it reads again, all that was held is there, and there is room again.
  await read();
  sink.take(bytes("d\n"));
  await read();
  assertEquals(pieces.map(({ length }) => length), [6, 8 * mebibyte.length, 2]);
  assertEquals(lost, [1, 2]);
  await read();
});

Deno.test("a sink without a reader gives lines up, and goes on", async () => {
  const { sink, pieces, lost, read } = createReading();
  sink.take(bytes("a\n"));
  sink.take(bytes("b\nc\n"));
  await read("gone");
  await read("gone");
  assertEquals(lost, [1, 2]);
  sink.take(bytes("d\n"));
  await read();
  assertEquals(pieces, ["a\n", "b\nc\n", "d\n"]);
  await sink.drained();
});

Deno.test("a sink is drained when all is written", async () => {
  const { sink, pieces, read } = createReading();
  await sink.drained();
  sink.take(bytes("a\n"));
  sink.take(bytes("b\n"));
  let drained = false;
  const draining = sink.drained().then(() => drained = true);
  await read();
  assertEquals(drained, false);
  await read();
  await draining;
  assertEquals(pieces, ["a\n", "b\n"]);
});

Deno.test("a sink is not waited for when nobody reads", async () => {
  const { sink, clock, pieces } = createReading();
  sink.take(bytes("a\n"));
  let drained = false;
  const draining = sink.drained().then(() => drained = true);
  await clock.pass(499);
  assertEquals(drained, false);
  await clock.pass(1);
  await draining;
  assertEquals(pieces, ["a\n"]);
});

Deno.test("a sink that is drained leaves no timer behind", async () => {
  const { sink, clock, read } = createReading();
  sink.take(bytes("a\n"));
  const draining = sink.drained();
  await read();
  await draining;
  assertEquals(clock.waiting, 0);
});
