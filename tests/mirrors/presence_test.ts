import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { createMemory } from "../../lib/mirrors/memory.ts";
import {
  createMirrorJudge,
  createPresenceCheck,
  createUpstreamJudge,
  type Judge,
  type Presence,
} from "../../lib/mirrors/presence.ts";

const FOUND_TTL_MS = 1000;
const MISSING_TTL_MS = 10;
const REMEMBERING = { foundTtlMs: FOUND_TTL_MS, missingTtlMs: MISSING_TTL_MS };
const judge = createMirrorJudge(REMEMBERING);

/** A check whose clock stands still and whose HEAD requests wait until they are answered. */
function createWorld({ maxEntries = 10, maxInFlight = 10 } = {}) {
  const asked: string[] = [];
  const waiting = new Map<string, (status: number | undefined) => void>();
  const clock = { ms: 0 };
  const check = createPresenceCheck({
    head(url) {
      asked.push(url);
      return new Promise((resolve) => waiting.set(url, resolve));
    },
    memory: createMemory({ maxEntries, now: () => clock.ms }),
    maxInFlight,
  });
  function answer(url: string, status: number | undefined): void {
    const resolve = waiting.get(url)!;
    waiting.delete(url);
    resolve(status);
  }
  return {
    asked,
    answer,
    clock,
    check: (url: string) => check(`key of ${url}`, url, judge),
    /** Has `url` asked about and answered. */
    async learn(url: string, status: number | undefined): Promise<Presence> {
      const presence = check(`key of ${url}`, url, judge);
      answer(url, status);
      return await presence;
    },
  };
}

Deno.test("a check remembers what it found, and what it missed, each for its own time", async () => {
  const cases: { status: number | undefined; presence: Presence; ttlMs: number }[] = [
    { status: 200, presence: "found", ttlMs: FOUND_TTL_MS },
    { status: 404, presence: "missing", ttlMs: MISSING_TTL_MS },
    { status: 500, presence: "missing", ttlMs: MISSING_TTL_MS },
    { status: undefined, presence: "missing", ttlMs: MISSING_TTL_MS },
  ];
  for (const { status, presence, ttlMs } of cases) {
    const { check, asked, answer, learn, clock } = createWorld();
    assertEquals(await learn("u", status), presence, `${status} at first`);
    clock.ms += ttlMs - 1;
    assertEquals(check("u"), presence, `${status}, remembered, and not a promise`);
    assertEquals(asked, ["u"]);
    clock.ms += 1;
    const again = check("u");
    assert(again instanceof Promise, `${status}, forgotten`);
    assertEquals(asked, ["u", "u"]);
    answer("u", 200);
    assertEquals(await again, "found");
  }
});

Deno.test("a check sends one HEAD request for all that wait for the same URL", async () => {
  const { check, asked, answer } = createWorld({ maxInFlight: 1 });
  const answers = Array.from({ length: 100 }, () => check("u"));
  assertEquals(asked, ["u"]);
  answer("u", 200);
  assertEquals(new Set(await Promise.all(answers)), new Set(["found"]));
  assertEquals(check("u"), "found");
  assertEquals(asked, ["u"]);
});

Deno.test("a check asks nothing more when enough is in flight, and asks again after it", async () => {
  const { check, asked, answer } = createWorld({ maxInFlight: 2 });
  const first = check("a");
  const second = check("b");
  assertEquals(check("c"), "unknown");
  assertStrictEquals(await Promise.race([check("a"), "waits"]), "waits");
  assertEquals(asked, ["a", "b"]);
  answer("a", undefined);
  assertEquals(await first, "missing");
  const third = check("c");
  assertEquals(check("d"), "unknown");
  assertEquals(asked, ["a", "b", "c"]);
  answer("b", 200);
  answer("c", 404);
  assertEquals(await Promise.all([second, third]), ["found", "missing"]);
});

Deno.test("a check forgets the least recently used", async () => {
  const { check, asked, learn } = createWorld({ maxEntries: 2 });
  await learn("a", 200);
  await learn("b", 404);
  assertEquals(check("a"), "found");
  await learn("c", 200);
  assertEquals(check("a"), "found");
  assertEquals(check("c"), "found");
  assertEquals(asked, ["a", "b", "c"]);
  await learn("b", 200);
  assertEquals(asked, ["a", "b", "c", "b"]);
});

Deno.test("a check tells apart what is at one URL by its keys", async () => {
  const asked: string[] = [];
  const check = createPresenceCheck({
    head(url) {
      asked.push(url);
      return Promise.resolve(200);
    },
    memory: createMemory({ maxEntries: 10, now: () => 0 }),
    maxInFlight: 10,
  });
  assertEquals(await Promise.all([check("a", "u", judge), check("b", "u", judge)]), [
    "found",
    "found",
  ]);
  assertEquals(check("a", "v", judge), "found");
  assertEquals(asked, ["u", "u"]);
});

Deno.test("a check asks nothing about a URL that is longer than any should be", () => {
  const { check, asked } = createWorld();
  const longest = "u".repeat(1024);
  assert(check(longest) instanceof Promise);
  assertEquals(check(`${longest}u`), "unknown");
  assertEquals(asked, [longest]);
});

Deno.test("judges tell what a status means and for how long it holds", () => {
  const found = { found: true, ttlMs: FOUND_TTL_MS };
  const failed = { found: true, ttlMs: MISSING_TTL_MS };
  const missing = { found: false, ttlMs: MISSING_TTL_MS };
  const mirror: Judge = createMirrorJudge(REMEMBERING);
  const upstream: Judge = createUpstreamJudge(REMEMBERING);
  const cases = [
    { status: 200, ofMirror: found, ofUpstream: found },
    { status: 204, ofMirror: missing, ofUpstream: found },
    { status: 206, ofMirror: missing, ofUpstream: found },
    { status: 301, ofMirror: missing, ofUpstream: found },
    { status: 307, ofMirror: missing, ofUpstream: found },
    { status: 400, ofMirror: missing, ofUpstream: failed },
    { status: 401, ofMirror: missing, ofUpstream: failed },
    { status: 403, ofMirror: missing, ofUpstream: failed },
    { status: 404, ofMirror: missing, ofUpstream: missing },
    { status: 410, ofMirror: missing, ofUpstream: failed },
    { status: 429, ofMirror: missing, ofUpstream: failed },
    { status: 500, ofMirror: missing, ofUpstream: failed },
    { status: 503, ofMirror: missing, ofUpstream: failed },
    { status: undefined, ofMirror: missing, ofUpstream: failed },
  ];
  for (const { status, ofMirror, ofUpstream } of cases) {
    assertEquals(mirror(status), ofMirror, `mirror, ${status}`);
    assertEquals(upstream(status), ofUpstream, `upstream, ${status}`);
  }
});
