import { assert, assertEquals } from "@std/assert";
import { formatDisplay } from "../../lib/fill/display.ts";
import { createProgress, type MirrorProgress, type Progress } from "../../lib/fill/progress.ts";
import { formatReport, toReport } from "../../lib/fill/report.ts";
import { addMirror, createTally } from "../../lib/fill/tally.ts";

function mirrorOf(name: string, more: Partial<MirrorProgress> = {}): MirrorProgress {
  return {
    name,
    blobs: 5,
    ofBlobs: 10,
    bytes: 5e6,
    ofBytes: 1e7,
    failed: 0,
    bytesPerS: 1e6,
    leftS: 5,
    unknown: undefined,
    ...more,
  };
}

const PROGRESS: Progress = {
  stage: "copy",
  tookMs: 61_000,
  manifests: 3,
  blobs: 10,
  bytes: 1e7,
  failures: 0,
  readBytesPerS: 2e6,
  mirrors: [
    mirrorOf("near"),
    mirrorOf("far-away", { blobs: 10, bytes: 1e7, bytesPerS: 0, leftS: undefined }),
    mirrorOf("broken", { unknown: "it cannot be listed:\x1b[31m 403" }),
  ],
};

const SCREEN = { columns: 90, rows: 24, color: false };

Deno.test("the display has a bar for each mirror, what it has, its speed and what is left", () => {
  assertEquals(formatDisplay(PROGRESS, SCREEN), [
    "filling · 10 blobs, 10.0 MB · reading 2.00 MB/s · 1:01 min",
    "near     ████████████░░░░░░░░░░░░  50 %  5/10 blobs 5.00 MB of 10.0 MB 1.00 MB/s 5 s left",
    "far-away ████████████████████████████████ 100 % 10/10 blobs 10.0 MB of 10.0 MB",
    "broken   it cannot be listed:?[31m 403",
  ]);
});

Deno.test("the display says what it does before it copies, and what failed", () => {
  const { mirrors } = PROGRESS;
  const plan = {
    ...PROGRESS,
    stage: "plan" as const,
    mirrors: mirrors.map((one) => ({ ...one, ofBlobs: 0, unknown: undefined })),
  };
  assertEquals(formatDisplay(plan, SCREEN), ["reading manifests: 3 · 1:01 min"]);
  assertEquals(
    formatDisplay({ ...PROGRESS, stage: "compare", mirrors: [] }, SCREEN),
    ["comparing 10 blobs · 1:01 min"],
  );
  const failing = {
    ...PROGRESS,
    failures: 2,
    mirrors: [mirrorOf("near", { failed: 2, bytesPerS: 0, ofBytes: 0, bytes: 0 })],
  };
  assertEquals(formatDisplay(failing, SCREEN, { lastFailure: "app: 403" }).slice(1), [
    "near ████████████████░░░░░░░░░░░░░░░░  50 %  5/10 blobs     0 B of 0 B 2 failed",
    "2 failed: app: 403",
  ]);
  assertEquals(formatDisplay(failing, SCREEN).at(-1), "2 failed");
});

Deno.test("no line is wider than the terminal, none is too many, and colours add nothing", () => {
  const many = Array.from(
    { length: 40 },
    (_, at) =>
      mirrorOf(`mirror-with-a-long-name-${at}`, at === 39 ? {} : { blobs: 10, bytes: 1e7 }),
  );
  for (const columns of [1, 12, 20, 30, 40, 60, 79, 80, 120, 300]) {
    for (const mirrors of [PROGRESS.mirrors, many]) {
      const progress = { ...PROGRESS, mirrors, failures: 1 };
      const plain = formatDisplay(progress, { columns, rows: 10, color: false });
      assert(plain.length <= 9, String(plain.length));
      for (const line of plain) assert(line.length < Math.max(11, columns), `${columns}: ${line}`);
      const color = formatDisplay(progress, { columns, rows: 10, color: true });
      // deno-lint-ignore no-control-regex -- what colours consist of
      assertEquals(color.map((line) => line.replaceAll(/\x1b\[\d*m/g, "")), plain);
    }
  }
  const shown = formatDisplay({ ...PROGRESS, mirrors: many }, { ...SCREEN, rows: 10 });
  assert(shown[1]!.includes("50 %"), "what lacks something comes first");
  assertEquals(shown.at(-1), "… and 34 more");
});

Deno.test("speeds are those of the last seconds, from when copying begins", () => {
  let now = 0;
  const progressOf = createProgress(() => now);
  const tally = createTally();
  const mirror = addMirror(tally, "near", false);
  Object.assign(mirror, { had: 1, hadBytes: 100, missing: 2, missingBytes: 100_000 });
  now = 50_000;
  assertEquals(progressOf("plan", tally).mirrors[0]!.bytesPerS, 0);
  assertEquals(progressOf("copy", tally).mirrors[0]!.bytesPerS, 0);
  for (let second = 1; second <= 40; second++) {
    now += 1000;
    mirror.sentBytes += second <= 20 ? 100 : 1000;
    tally.readBytes = mirror.sentBytes;
    progressOf("copy", tally);
  }
  const { mirrors: [near], readBytesPerS, tookMs } = progressOf("copy", tally);
  assertEquals([near!.bytesPerS, readBytesPerS, tookMs], [1000, 1000, 90_000]);
  assertEquals([near!.bytes, near!.ofBytes, near!.leftS], [22_100, 100_100, 78]);
  Object.assign(mirror, { copied: 2, copiedBytes: 100_000, sentBytes: 300_000 });
  assertEquals(progressOf("end", tally).mirrors[0]!.leftS, undefined);
});

Deno.test("a report tells each mirror, what failed, and what copying would take", () => {
  const tally = createTally();
  Object.assign(tally, { manifests: 3, blobs: 4, bytes: 4000, foreign: 1, isCompared: true });
  const near = addMirror(tally, "near", false);
  Object.assign(near, {
    had: 1,
    missing: 3,
    missingBytes: 3000,
    copied: 1,
    copiedBytes: 900,
    failed: 2,
  });
  near.reasons.set("it answered 500\n", 2);
  const cdn = addMirror(tally, "cdn", true);
  Object.assign(cdn, { had: 4, hadBytes: 4000 });
  addMirror(tally, "lost", false).unknown = "it cannot be listed: 403";
  tally.failedPlaces = 25;
  tally.firstFailures.push({ place: "app:v1", reason: "500" });
  tally.warnings = 1;
  tally.firstWarnings.push({ place: "app:v2", reason: "odd" });
  tally.estimate = { requests: 12, seconds: 2 };
  const options = { dryRun: false, tookMs: 1500 };
  assertEquals(formatReport(tally, options).split("\n"), [
    "3 manifests name 4 blobs, 4.00 kB; 1 layer more are fetched from elsewhere",
    "near had 1 blob, lacked 3 (3.00 kB); copied 1 (900 B), lacks 2 still",
    "  2 × it answered 500?",
    "cdn had 4 blobs, lacked 0; it has no store",
    "lost: it cannot be listed: 403",
    "not read or not copied: 25",
    "  app:v1: 500",
    "  and 24 more",
    "odd: 1",
    "  app:v2: odd",
    "something is missing still (2 s)",
    "",
  ]);
  const dry = formatReport(tally, { ...options, dryRun: true });
  assert(dry.includes("near had 1 blob, lacked 3 (3.00 kB)\n"));
  assert(dry.includes("to copy: 12 requests, 2 s at least, by the limits\n"));
  const value = toReport(tally, options);
  assertEquals([value.complete, value.mirrors.near!.missing, value.mirrors.lost!.missing], [
    false,
    2,
    null,
  ]);
});
