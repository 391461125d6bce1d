import { assertEquals } from "@std/assert";
import { EMPTY_DIGEST } from "../../lib/mirrors/answer.ts";
import { createSampler, createSamples, MAX_SAMPLES } from "../../lib/mirrors/samples.ts";

function times<T>(count: number, work: (at: number) => T): T[] {
  return Array.from({ length: count }, (_, at) => work(at));
}

Deno.test("samples take turns", () => {
  const samples = createSamples();
  assertEquals(samples.next(), undefined);
  for (const digest of ["a", "b", "c"]) samples.add(digest);
  assertEquals(times(7, samples.next), ["a", "b", "c", "a", "b", "c", "a"]);
});

Deno.test("samples take turns whichever of them clients ask for meanwhile", () => {
  const samples = createSamples();
  for (const digest of ["cold", "hot", "hotter"]) samples.add(digest);
  const asked = times(9, () => {
    samples.add("hotter");
    samples.add("hot");
    samples.add("hotter");
    return samples.next();
  });
  const counts = ["cold", "hot", "hotter"].map((one) => asked.filter((it) => it === one).length);
  assertEquals(counts, [3, 3, 3]);
});

Deno.test("a new sample has its turn before those that were asked for", () => {
  const samples = createSamples();
  for (const digest of ["a", "b"]) samples.add(digest);
  samples.next();
  samples.next();
  samples.add("c");
  assertEquals(times(4, samples.next), ["c", "a", "b", "c"]);
});

Deno.test("as many samples are kept as may be, those that clients asked for last", () => {
  const samples = createSamples();
  for (let at = 0; at < MAX_SAMPLES; at++) samples.add(`${at}`);
  samples.add("0");
  samples.add("one more");
  assertEquals(samples.list().length, MAX_SAMPLES);
  assertEquals(["0", "1", "2", "one more"].map((one) => samples.list().includes(one)), [
    true,
    false,
    true,
    true,
  ]);
});

Deno.test("a sample that is dropped is asked for no more", () => {
  const samples = createSamples();
  for (const digest of ["a", "b", "c"]) samples.add(digest);
  samples.drop("b");
  samples.drop("never added");
  assertEquals(times(3, samples.next), ["a", "c", "a"]);
  assertEquals(samples.list(), ["a", "c"]);
});

Deno.test("the blob of no bytes is no sample, for it has no first byte", () => {
  const samples = createSamples();
  samples.add(EMPTY_DIGEST);
  assertEquals(samples.list(), []);
});

Deno.test("no more samples are handed on in a second than are kept, for each mirror", () => {
  let nowMs = 1000;
  const handedOn: string[] = [];
  const note = createSampler(() => nowMs, (mirror, digest) => handedOn.push(`${mirror} ${digest}`));
  for (let at = 0; at < 100; at++) note(1, `${at}`);
  assertEquals(handedOn, times(MAX_SAMPLES, (at) => `1 ${at}`));
  note(2, "other");
  assertEquals(handedOn.pop(), "2 other");
  nowMs += 999;
  note(1, "late");
  assertEquals(handedOn.length, MAX_SAMPLES);
  nowMs += 1;
  note(1, "next");
  assertEquals(handedOn.at(-1), "1 next");
});
