import { assertEquals } from "@std/assert";
import { MIRROR_NUMBERS } from "../../lib/mirrors/board.ts";
import { UPSTREAM_NUMBERS } from "../../lib/mirrors/upstream_check.ts";
import {
  addNumbers,
  clearMirror,
  clearUpstream,
  createNumbers,
  createNumbersMemory,
  LATENCY_BOUNDS_S,
  MIRROR_REASONS,
  type Numbers,
  RESULTS,
  type Totals,
  UPSTREAM_REASONS,
} from "../../lib/observe/numbers.ts";
import { ROUTES, STATUSES } from "../../lib/observe/routes.ts";

// Every number that there is, by how it is written and how it is read. Of mirrors and
// upstreams the first, the next, and the last.
const MIRRORS = [0, 1, MIRROR_NUMBERS - 1];
const UPSTREAMS = [0, 1, UPSTREAM_NUMBERS - 1];
const all: readonly {
  count: (numbers: Numbers) => void;
  read: (totals: Totals) => number;
}[] = [
  ...ROUTES.flatMap((route) =>
    STATUSES.map((status) => ({
      count: (numbers: Numbers) =>
        status === 307 ? numbers.redirected(route) : numbers.answered(route, status),
      read: (totals: Totals) => totals.requests(route, status),
    }))
  ),
  ...MIRRORS.flatMap((mirror) => [
    ...MIRROR_REASONS.map((reason) => ({
      count: (numbers: Numbers) => numbers.toMirror(mirror, reason === "fallback"),
      read: (totals: Totals) => totals.toMirror(mirror, reason),
    })),
    ...RESULTS.map((result) => ({
      count: (numbers: Numbers) => numbers.asked(mirror, result, 1),
      read: (totals: Totals) => totals.asked(mirror, result),
    })),
  ]),
  ...UPSTREAMS.flatMap((upstream) =>
    UPSTREAM_REASONS.map((reason) => ({
      count: (numbers: Numbers) => numbers.toUpstream(upstream, reason),
      read: (totals: Totals) => totals.toUpstream(upstream, reason),
    }))
  ),
];

Deno.test("each number has a place of its own", () => {
  const memory = createNumbersMemory();
  const numbers = createNumbers(memory);
  for (const [at, { count }] of all.entries()) {
    for (let time = 0; time <= at; time++) count(numbers);
  }
  const totals = addNumbers([memory]);
  assertEquals(all.map(({ read }) => read(totals)), all.map((_, at) => at + 1));
});

Deno.test("numbers are 0 at first, whatever is asked for", () => {
  const totals = addNumbers([createNumbersMemory()]);
  assertEquals(all.map(({ read }) => read(totals)), all.map(() => 0));
  assertEquals(totals.gauge("known_found"), 0);
  assertEquals(totals.latency("found").sumS, 0);
});

Deno.test("numbers of several isolates are added up", () => {
  const memories = [createNumbersMemory(), createNumbersMemory(), createNumbersMemory()];
  for (const [at, memory] of memories.entries()) {
    const numbers = createNumbers(memory);
    numbers.redirected("blob");
    numbers.asked(7, "missing", 20);
    numbers.known(at, 10 * at);
    numbers.known(1 + at, 10 + at);
  }
  const totals = addNumbers(memories);
  assertEquals(totals.requests("blob", 307), 3);
  assertEquals(totals.asked(7, "missing"), 3);
  assertEquals(totals.latency("missing").sumS, 0.06);
  assertEquals(totals.gauge("known_found"), 6);
  assertEquals(totals.gauge("known_missing"), 33);
  assertEquals(addNumbers([]).requests("blob", 307), 0);
});

Deno.test("numbers that isolates write are seen in totals that are made afterwards alone", () => {
  const memory = createNumbersMemory();
  const before = addNumbers([memory]);
  createNumbers(memory).answered("version", 200);
  assertEquals(before.requests("version", 200), 0);
  assertEquals(addNumbers([memory]).requests("version", 200), 1);
});

Deno.test("an answer of a status that is none of those counted counts as 500", () => {
  const memory = createNumbersMemory();
  createNumbers(memory).answered("nothing", 418);
  assertEquals(addNumbers([memory]).requests("nothing", 500), 1);
});

Deno.test("a number that is given to another mirror or upstream is cleared, and no other", () => {
  const memory = createNumbersMemory();
  const numbers = createNumbers(memory);
  for (const { count } of all) count(numbers);
  clearMirror(memory, 1);
  clearUpstream(memory, 0);
  const totals = addNumbers([memory]);
  for (const mirror of MIRRORS) {
    const expected = mirror === 1 ? 0 : 1;
    for (const reason of MIRROR_REASONS) assertEquals(totals.toMirror(mirror, reason), expected);
    for (const result of RESULTS) assertEquals(totals.asked(mirror, result), expected);
  }
  for (const upstream of UPSTREAMS) {
    const expected = upstream === 0 ? 0 : 1;
    for (const reason of UPSTREAM_REASONS) {
      assertEquals(totals.toUpstream(upstream, reason), expected);
    }
  }
  assertEquals(totals.requests("blob", 307), 1);
  assertEquals(totals.latency("found").sumS, 3 / 1000);
});

Deno.test("what a HEAD request took falls in the first bucket that is not below it", () => {
  const cases = [
    { tookMs: 0, bucket: 0 },
    { tookMs: 5, bucket: 0 },
    { tookMs: 5.001, bucket: 1 },
    { tookMs: 10, bucket: 1 },
    { tookMs: 24, bucket: 2 },
    { tookMs: 100, bucket: 4 },
    { tookMs: 999, bucket: 7 },
    { tookMs: 10_000, bucket: 10 },
    { tookMs: 10_001, bucket: 11 },
    { tookMs: 1e9, bucket: 11 },
  ];
  for (const mirror of [3, undefined]) {
    for (const { tookMs, bucket } of cases) {
      const memory = createNumbersMemory();
      const numbers = createNumbers(memory);
      if (mirror === undefined) numbers.askedUpstream(3, "found", tookMs);
      else numbers.asked(mirror, "found", tookMs);
      const { buckets, sumS } = addNumbers([memory]).latency("found");
      assertEquals(buckets.length, LATENCY_BOUNDS_S.length + 1);
      assertEquals(buckets.indexOf(1), bucket, `${tookMs}`);
      assertEquals(buckets.reduce((sum, count) => sum + count), 1);
      assertEquals(sumS, tookMs / 1000);
      assertEquals(addNumbers([memory]).asked(3, "found"), mirror === undefined ? 0 : 1);
      assertEquals(addNumbers([memory]).askedUpstream(3, "found"), mirror === undefined ? 1 : 0);
      assertEquals(addNumbers([memory]).upstreamS(3), mirror === undefined ? tookMs / 1000 : 0);
    }
  }
});
