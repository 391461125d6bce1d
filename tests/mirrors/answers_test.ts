import { assertEquals, assertLessOrEqual } from "@std/assert";
import fc from "fast-check";
import {
  createAnswers,
  createMirrorJudge,
  createUpstreamJudge,
  type HeadAnswer,
  isFailure,
  type Verdict,
} from "../../lib/mirrors/presence.ts";

const FOUND: Verdict = { found: true, ttlMs: 1000, lasting: true };
const FAILED: Verdict = { found: true, ttlMs: 10, lasting: false };
const MISSING: Verdict = { found: false, ttlMs: 10, lasting: false };

const answers: readonly {
  answer: HeadAnswer;
  ofMirror: Verdict;
  ofUpstream: Verdict;
  failure: boolean;
}[] = [
  { answer: 200, ofMirror: FOUND, ofUpstream: FOUND, failure: false },
  { answer: 204, ofMirror: MISSING, ofUpstream: FOUND, failure: false },
  { answer: 206, ofMirror: MISSING, ofUpstream: FOUND, failure: false },
  { answer: 301, ofMirror: MISSING, ofUpstream: FOUND, failure: false },
  { answer: 307, ofMirror: MISSING, ofUpstream: FOUND, failure: false },
  { answer: 399, ofMirror: MISSING, ofUpstream: FOUND, failure: false },
  { answer: 400, ofMirror: MISSING, ofUpstream: FAILED, failure: false },
  { answer: 401, ofMirror: MISSING, ofUpstream: FAILED, failure: false },
  { answer: 403, ofMirror: MISSING, ofUpstream: FAILED, failure: false },
  { answer: 404, ofMirror: MISSING, ofUpstream: MISSING, failure: false },
  { answer: 410, ofMirror: MISSING, ofUpstream: FAILED, failure: false },
  { answer: 428, ofMirror: MISSING, ofUpstream: FAILED, failure: false },
  { answer: 429, ofMirror: MISSING, ofUpstream: FAILED, failure: true },
  { answer: 499, ofMirror: MISSING, ofUpstream: FAILED, failure: false },
  { answer: 500, ofMirror: MISSING, ofUpstream: FAILED, failure: true },
  { answer: 503, ofMirror: MISSING, ofUpstream: FAILED, failure: true },
  { answer: 599, ofMirror: MISSING, ofUpstream: FAILED, failure: true },
  { answer: "failed", ofMirror: MISSING, ofUpstream: FAILED, failure: true },
  { answer: "unsent", ofMirror: MISSING, ofUpstream: FAILED, failure: false },
];

Deno.test("judges tell what an answer means, for how long it holds, and whether it lasts", () => {
  const remembering = { foundTtlMs: 1000, missingTtlMs: 10 };
  const mirror = createMirrorJudge(remembering);
  const upstream = createUpstreamJudge(remembering);
  for (const { answer, ofMirror, ofUpstream } of answers) {
    assertEquals(mirror(answer), ofMirror, `mirror, ${answer}`);
    assertEquals(upstream(answer), ofUpstream, `upstream, ${answer}`);
  }
});

Deno.test("isFailure() holds for no answer, 5xx and 429, and not for what could not be sent", () => {
  for (const { answer, failure } of answers) assertEquals(isFailure(answer), failure, `${answer}`);
});

Deno.test("answers are remembered, each for its time, whatever was remembered before", () => {
  let nowMs = 0;
  const memory = createAnswers({ maxEntries: 8, now: () => nowMs });
  assertEquals(memory.get("a"), undefined);
  memory.set("a", MISSING);
  assertEquals(memory.get("a"), false);
  memory.set("a", FAILED);
  assertEquals(memory.get("a"), true);
  memory.set("a", MISSING);
  memory.set("a", FOUND);
  assertEquals(memory.get("a"), true, "what lasts counts");
  nowMs = 999;
  assertEquals(memory.get("a"), true);
  nowMs = 1000;
  assertEquals(memory.get("a"), undefined);
  memory.set("a", MISSING);
  assertEquals(memory.get("a"), false, "what is over does not hide what came later");
  nowMs = 1010;
  assertEquals(memory.get("a"), undefined);
});

Deno.test("a flood of what does not last never pushes out what does", () => {
  const passing = fc.array(fc.constantFrom(MISSING, FAILED), { minLength: 500, maxLength: 500 });
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 100 }), passing, (maxEntries, flood) => {
      const memory = createAnswers({ maxEntries, now: () => 0 });
      // At least half, and three quarters but for what is rounded.
      const known = Array.from({ length: Math.max(1, Math.ceil(maxEntries * 3 / 4) - 1) });
      known.forEach((_, at) => memory.set(`known ${at}`, FOUND));
      flood.forEach((verdict, at) => {
        memory.set(`flood ${at}`, verdict);
        assertEquals(memory.get(`flood ${at}`), verdict.found);
        assertLessOrEqual(memory.lasting.size + memory.passing.size, maxEntries);
      });
      known.forEach((_, at) => assertEquals(memory.get(`known ${at}`), true));
    }),
    { numRuns: 30 },
  );
});

Deno.test("answers take as many entries as they may, a quarter of them for what does not last", () => {
  const cases = [
    { maxEntries: 2, lasting: 1, passing: 1 },
    { maxEntries: 7, lasting: 6, passing: 1 },
    { maxEntries: 8, lasting: 6, passing: 2 },
    { maxEntries: 1000, lasting: 750, passing: 250 },
    // There has to be room for one of each.
    { maxEntries: 1, lasting: 1, passing: 1 },
  ];
  for (const { maxEntries, lasting, passing } of cases) {
    const memory = createAnswers({ maxEntries, now: () => 0 });
    assertEquals([memory.lasting.size, memory.passing.size], [0, 0]);
    for (let at = 0; at < 2000; at++) {
      memory.set(`found ${at}`, FOUND);
      memory.set(`missing ${at}`, MISSING);
    }
    assertEquals([memory.lasting.size, memory.passing.size], [lasting, passing], `${maxEntries}`);
  }
});
