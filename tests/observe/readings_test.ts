import { assertEquals } from "@std/assert";
import { addNumbers, createNumbers, createNumbersMemory } from "../../lib/observe/numbers.ts";
import { createRates, readCounters } from "../../lib/observe/readings.ts";

const MIRRORS = ["near", "far"].map((name, number) => ({
  name,
  number,
  url: `https://${name}.example`,
  fallbackLimit: Infinity,
}));
const UPSTREAMS = [{ name: "main", number: 0, base: "https://main.example/v2/" }];

Deno.test("readCounters() reads what a history is made of", () => {
  const memory = createNumbersMemory();
  const numbers = createNumbers(memory);
  for (let at = 0; at < 5; at++) numbers.redirected("blob");
  numbers.answered("version", 200);
  numbers.toMirror(0, false);
  numbers.toMirror(0, true);
  numbers.toMirror(1, false);
  numbers.toUpstream(0, "missing");
  numbers.toUpstream(0, "registry");
  numbers.asked(0, "found", 1);
  numbers.asked(1, "failed", 1);
  numbers.asked(1, "slow_down", 1);
  const counters = readCounters({
    totals: addNumbers([memory]),
    mirrors: MIRRORS,
    upstreams: UPSTREAMS,
    cpuS: 7,
  });
  assertEquals(Object.fromEntries(counters), {
    requests: 6,
    to_mirrors: 3,
    to_upstreams: 2,
    blobs_to_upstreams: 2,
    probes: 3,
    probe_failures: 2,
    cpu: 7,
    "mirror:near": 2,
    "mirror:far": 1,
    "upstream:main": 2,
  });
});

Deno.test("rates are of the time since the counters before, and now of some seconds at least", () => {
  const at = (atMs: number, requests: number) => ({ atMs, counters: new Map([["a", requests]]) });
  const rates = createRates(at(0, 10));
  assertEquals(rates.now(1000, at(1000, 20).counters).get("a"), 10);
  assertEquals(rates.take(10_000, at(10_000, 110).counters).get("a"), 10);
  // Too short a time since the last counters: since those before.
  assertEquals(rates.now(12_000, at(12_000, 250).counters).get("a"), 20);
  assertEquals(rates.now(13_000, at(13_000, 140).counters).get("a"), 10);
  // Another mirror's counter, which is lower, and one that is new.
  const counters = new Map([["a", 5], ["b", 7]]);
  assertEquals([...rates.take(20_000, counters)], [["a", 0], ["b", 0]]);
});
