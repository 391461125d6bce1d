import { assertEquals, assertLessOrEqual } from "@std/assert";
import { createRepeats } from "../../lib/mirrors/repeats.ts";
import { tryAddress } from "../../lib/net/address.ts";

const WINDOW_MS = 15_000;
const DIGEST = `sha256:${"a".repeat(64)}`;
const OTHER_DIGEST = `sha256:${"a".repeat(63)}b`;

function createWorld(size?: number) {
  let nowMs = 1000;
  const now = () => nowMs;
  const repeats = createRepeats(size === undefined ? { now } : { now, size });
  return {
    note: (client: string, digest = DIGEST) => repeats.note(tryAddress(client)!, digest),
    pass: (ms: number) => void (nowMs += ms),
  };
}

Deno.test("a client that asks for a blob again within 15 s is noticed, each time", () => {
  const { note, pass } = createWorld();
  assertEquals(note("192.0.2.1"), false);
  pass(WINDOW_MS - 1);
  assertEquals(note("192.0.2.1"), true);
  pass(WINDOW_MS - 1);
  assertEquals(note("192.0.2.1"), true);
  pass(WINDOW_MS);
  assertEquals(note("192.0.2.1"), false);
});

Deno.test("another client or another blob is no repeat", () => {
  const { note } = createWorld();
  for (const client of ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:1::"]) {
    for (const digest of [DIGEST, OTHER_DIGEST]) {
      assertEquals(note(client, digest), false, `${client} ${digest}`);
    }
  }
  assertEquals(note("2001:db8::1", OTHER_DIGEST), true);
});

Deno.test("a blob in another repository is no repeat, where the two are told apart", () => {
  const { note } = createWorld();
  for (const name of ["app", "apq", "library/app"]) {
    assertEquals(note("192.0.2.1", `${name}@${DIGEST}`), false, name);
  }
  assertEquals(note("192.0.2.1", `app@${DIGEST}`), true);
});

Deno.test("as many are held as the table has places, however many ask", () => {
  const { note } = createWorld(8);
  for (let at = 0; at < 256; at++) assertEquals(note(`192.0.2.${at}`), false);
  let seen = 0;
  for (let at = 255; at >= 0; at--) if (note(`192.0.2.${at}`)) seen++;
  assertLessOrEqual(seen, 8);
});

Deno.test("a busy server sees few repeats where there are none", () => {
  const { note } = createWorld();
  let seen = 0;
  for (let at = 0; at < 65_536; at++) if (note(`10.1.${at >> 8}.${at & 255}`)) seen++;
  assertEquals(seen, 0);
});
