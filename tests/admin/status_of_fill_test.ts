import { assertEquals, assertStringIncludes } from "@std/assert";
import { statusOfFill, statusOfMirrorFill } from "../../lib/admin/status_of_fill.ts";
import type { FillState } from "../../lib/fill/state.ts";
import { createProgram } from "./fixture.ts";
import { textOf } from "./page_text.ts";

const BEGUN_S = Date.UTC(2026, 0, 1) / 1000;
const HOUR_S = 3600;

const STATE: FillState = {
  version: 1,
  beganS: BEGUN_S - 2 * HOUR_S,
  endedS: BEGUN_S - HOUR_S,
  completeS: 0,
  blobs: 100,
  bytes: 5e9,
  readBytes: 1e9,
  failures: 2,
  mirrors: {
    paris: {
      blobs: 88,
      missing: 12,
      missingSinceS: BEGUN_S - 30 * HOUR_S,
      copied: 3,
      copiedBytes: 3e8,
      failed: 12,
    },
    cdn: { blobs: 100, missing: 0, missingSinceS: 0, copied: 0, copiedBytes: 0, failed: 0 },
  },
};

Deno.test("the last fill is told of all mirrors and of each", async () => {
  const { tell, fillStates } = await createProgram();
  const before = await tell();
  assertEquals([before.fill, before.mirrors[0]!.fill], [null, null]);
  fillStates.push(STATE);
  const { fill, mirrors, problems } = await tell();
  assertEquals(fill, {
    began: "2025-12-31T22:00:00.000Z",
    ended: "2025-12-31T23:00:00.000Z",
    last_complete: null,
    blobs: 100,
    bytes: 5e9,
    read_bytes: 1e9,
    unreadable: 2,
  });
  assertEquals(mirrors.map((mirror) => mirror.fill), [
    {
      blobs: 88,
      missing: 12,
      missing_since: "2025-12-30T18:00:00.000Z",
      copied: 3,
      copied_bytes: 3e8,
      failed: 12,
    },
    { blobs: 100, missing: 0, missing_since: null, copied: 0, copied_bytes: 0, failed: 0 },
  ]);
  assertEquals(problems, [{
    severity: "warning",
    kind: "mirror_unfilled",
    subject: "paris",
    text: "Mirror paris lacks 12 blobs that filling should have copied to it.",
    since: "2025-12-30T18:00:00.000Z",
  }]);
});

Deno.test("the page says which mirrors are full, what is missing, and for how long", async () => {
  const { ask, fillStates } = await createProgram();
  assertEquals(textOf((await ask("/")).body).includes("Missing paris"), false);
  fillStates.push(STATE);
  const text = textOf((await ask("/")).body);
  for (
    const expected of [
      "12 of 100 blobs for 30 h 12 failed",
      "full 100 blobs",
      "The last fill ended 60 min ago, for 100 blobs of 5 GB. All mirrors had all: never. " +
      "2 places of upstreams could not be read.",
    ]
  ) assertStringIncludes(text, expected);
  const unknown = { ...STATE.mirrors.paris!, missing: -1, failed: 0 };
  fillStates[0] = { ...STATE, completeS: BEGUN_S - 60, failures: 0, mirrors: { paris: unknown } };
  const other = textOf((await ask("/")).body);
  assertStringIncludes(other, "unknown for 30 h");
  assertStringIncludes(other, "not filled");
  assertStringIncludes(other, "All mirrors had all: 60 s ago.");
  assertStringIncludes(other, "Mirror paris lacks blobs that filling should have copied to it.");
});

Deno.test("a state file with other numbers than times gives times nevertheless", () => {
  const { began, ended } = statusOfFill({ ...STATE, beganS: -5, endedS: 1e300 });
  assertEquals([began, ended], ["1970-01-01T00:00:00.000Z", "+275760-09-13T00:00:00.000Z"]);
  assertEquals(statusOfMirrorFill("constructor", STATE), null);
});
