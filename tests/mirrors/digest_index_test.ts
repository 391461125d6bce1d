import { assertEquals, assertLessOrEqual } from "@std/assert";
import fc from "fast-check";
import { createDigestHash, createDigestIndex, ENTRY_SIZE } from "../../lib/mirrors/digest_index.ts";
import { createMemory } from "../../lib/mirrors/memory.ts";
import { createDigestReader } from "../../lib/oci/digest_reader.ts";

const HEX = "0123456789abcdef".repeat(4);

// Digests that differ in a bit or two, at any place: what a table must not confuse.
function flip(bits: readonly number[]): string {
  const digits = [...HEX].map((digit) => parseInt(digit, 16));
  for (const bit of bits) digits[bit >> 2]! ^= 1 << (bit & 3);
  return `sha256:${digits.map((digit) => digit.toString(16)).join("")}`;
}

Deno.test("a digest index tells all digests and scopes apart, as a Map does", () => {
  const keys = fc.record({
    digest: fc.array(fc.nat(255), { maxLength: 2 }).map(flip),
    scope: fc.constantFrom(0, 1, -1, 65_536, 2 ** 31 - 1, -(2 ** 31)),
  });
  const steps = fc.array(fc.record({ key: keys, remove: fc.boolean() }), { maxLength: 60 });
  // Factors that are all alike make many collisions.
  const randoms = fc.constantFrom(() => 0, () => 0.5, () => 0.999999);
  fc.assert(fc.property(steps, randoms, (steps, random) => {
    const reader = createDigestReader();
    const entries = new Int32Array(64 * ENTRY_SIZE);
    const index = createDigestIndex({ words: reader.words, entries, random });
    const model = new Map<string, number>();
    let next = 1;
    for (const { key: { digest, scope }, remove } of steps) {
      const key = `${scope} ${digest}`;
      reader.read(digest);
      assertEquals(index.find(scope), model.get(key) ?? 0);
      const slot = model.get(key);
      if (slot === undefined) {
        model.set(key, next);
        index.enter(scope, next++);
      } else if (remove) {
        model.delete(key);
        index.remove(slot);
      }
      for (const [key, slot] of model) {
        const [scope, digest] = key.split(" ");
        reader.read(digest!);
        assertEquals(index.find(Number(scope)), slot);
      }
    }
  }));
});

Deno.test("a digest hash spreads chosen digests as evenly as random ones", () => {
  // They differ in the two highest bits of each word. An unkeyed multiply-and-add, or
  // MurmurHash with any seed, puts them into few buckets.
  const words = new Int32Array(8);
  const BUCKETS = 1 << 16;
  for (let seed = 1; seed <= 20; seed++) {
    const hash = createDigestHash(createRandom(seed));
    const counts = new Uint16Array(BUCKETS);
    for (let bits = 0; bits < 1 << 16; bits++) {
      for (let word = 0; word < 8; word++) words[word] = (bits >> 2 * word & 3) << 30;
      counts[hash(words, 0, 7) & BUCKETS - 1]!++;
    }
    // As many balls as bins: 1/e of the bins stay empty, and the fullest holds about 8.
    assertLessOrEqual(Math.max(...counts), 40, `seed ${seed}`);
    assertLessOrEqual(counts.filter((count) => count === 0).length, 0.6 * BUCKETS, `seed ${seed}`);
  }
});

// mulberry32.
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = state + 0x6d2b79f5 | 0;
    let value = Math.imul(state ^ state >>> 15, 1 | state);
    value = value + Math.imul(value ^ value >>> 7, 61 | value) ^ value;
    return ((value ^ value >>> 14) >>> 0) / 2 ** 32;
  };
}

Deno.test("a memory keeps digests of every algorithm, and scopes, apart", () => {
  const memory = createMemory({ maxEntries: 3, now: () => 5, random: () => 0.5 });
  const sha512 = `sha512:${HEX}${HEX}`;
  memory.set(`sha256:${HEX}`, true, 10, 1);
  memory.set(sha512, true, 10, 1);
  memory.set(sha512, false, 10, 2);
  const all = () =>
    [1, 2].flatMap((scope) => [`sha256:${HEX}`, sha512].map((key) => memory.get(key, scope)));
  assertEquals(all(), [5, 5, undefined, 0]);
  memory.set(flip([255]), true, 10, 1);
  assertEquals(all(), [undefined, 5, undefined, 0], "one that was not used lately is evicted");
  memory.set(flip([0]), true, 10, 1);
  assertEquals(all(), [undefined, 5, undefined, 0], "and what is in use stays");
  assertEquals(memory.size, 3);
});
