import { assertEquals } from "@std/assert";
import {
  type Answer,
  type Answered,
  describeAnswer,
  EMPTY_DIGEST,
  isEmptyDigest,
  judgeCheck,
  judgeProbe,
  judgeUpstream,
} from "../../lib/mirrors/answer.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;
const EMPTY_SHA512 =
  "sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e";

function answered(status: number, more: Partial<Answered> = {}): Answer {
  return {
    kind: "answered",
    status,
    length: undefined,
    archived: false,
    retryAfterMs: undefined,
    ...more,
  };
}

const judged = [
  { status: 200, probe: "found", check: "found", upstream: "found" },
  { status: 204, probe: "failed", check: "failed", upstream: "found" },
  { status: 206, probe: "failed", check: "found", upstream: "found" },
  { status: 301, probe: "failed", check: "failed", upstream: "found" },
  { status: 302, probe: "failed", check: "failed", upstream: "found" },
  { status: 307, probe: "failed", check: "failed", upstream: "found" },
  { status: 400, probe: "failed", check: "failed", upstream: "failed" },
  { status: 401, probe: "failed", check: "failed", upstream: "failed" },
  { status: 402, probe: "failed", check: "failed", upstream: "failed" },
  { status: 403, probe: "missing", check: "missing", upstream: "failed" },
  { status: 404, probe: "missing", check: "missing", upstream: "missing" },
  { status: 405, probe: "failed", check: "failed", upstream: "failed" },
  { status: 409, probe: "failed", check: "failed", upstream: "failed" },
  { status: 410, probe: "missing", check: "missing", upstream: "failed" },
  { status: 416, probe: "failed", check: "failed", upstream: "failed" },
  { status: 429, probe: "slow_down", check: "failed", upstream: "failed" },
  { status: 451, probe: "failed", check: "failed", upstream: "failed" },
  { status: 500, probe: "failed", check: "failed", upstream: "failed" },
  { status: 502, probe: "failed", check: "failed", upstream: "failed" },
  { status: 503, probe: "slow_down", check: "failed", upstream: "failed" },
  { status: 504, probe: "failed", check: "failed", upstream: "failed" },
] as const;

Deno.test("a status is judged for what was asked, and of whom", () => {
  for (const { status, probe, check, upstream } of judged) {
    const answer = answered(status);
    assertEquals(judgeProbe(answer, DIGEST), probe, `probe, ${status}`);
    assertEquals(judgeCheck(answer, DIGEST), check, `check, ${status}`);
    assertEquals(judgeUpstream(answer), upstream, `upstream, ${status}`);
  }
});

Deno.test("no answer is judged as such, whatever was asked", () => {
  for (const kind of ["failed", "unsent"] as const) {
    const answer: Answer = { kind, reason: "no route" };
    assertEquals(
      [judgeProbe(answer, DIGEST), judgeCheck(answer, DIGEST), judgeUpstream(answer)],
      [kind, kind, kind],
    );
    assertEquals(describeAnswer(answer), "no route");
  }
  assertEquals(describeAnswer(answered(502)), "status 502");
});

Deno.test("200 with no bytes is missing, but for the digests of no bytes", () => {
  const table = [
    { digest: DIGEST, length: 0, expected: "missing" },
    { digest: DIGEST, length: 1, expected: "found" },
    { digest: DIGEST, length: undefined, expected: "found" },
    { digest: EMPTY_DIGEST, length: 0, expected: "found" },
    { digest: EMPTY_SHA512, length: 0, expected: "found" },
  ] as const;
  for (const { digest, length, expected } of table) {
    assertEquals(judgeProbe(answered(200, { length }), digest), expected, `${digest} ${length}`);
    assertEquals(judgeCheck(answered(200, { length }), digest), expected, `${digest} ${length}`);
  }
  assertEquals(judgeCheck(answered(206, { length: 0 }), DIGEST), "missing");
});

Deno.test("an object that must be restored from an archive is missing", () => {
  const answer = answered(200, { archived: true, length: 10 });
  assertEquals([judgeProbe(answer, DIGEST), judgeCheck(answer, DIGEST)], ["missing", "missing"]);
});

Deno.test("isEmptyDigest() holds for the digests of no bytes alone", () => {
  assertEquals([EMPTY_DIGEST, EMPTY_SHA512, DIGEST, ""].map(isEmptyDigest), [
    true,
    true,
    false,
    false,
  ]);
});
