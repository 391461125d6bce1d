import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import fc from "fast-check";
import { createBoard, createBoardMemory } from "../../lib/mirrors/board.ts";
import type { FoundBlob } from "../../lib/mirrors/find_blob.ts";
import { createMirrors, type Mirrors, type ProbeBounds } from "../../lib/mirrors/mirrors.ts";
import { createPlaces, createPlacesMemory } from "../../lib/mirrors/places.ts";
import { SERVER_NUMBERS } from "../../lib/mirrors/upstream_check.ts";
import type { Mirror, Upstream } from "../../lib/routing/policy.ts";
import { createFakeServers, type Reply, type Sent } from "./fake_servers.ts";
import { createVirtualClock, settle } from "./virtual_clock.ts";

const BEGUN_MS = 1_800_000_000_000;
const BOUNDS: ProbeBounds = {
  timeoutMs: 5000,
  foundTtlMs: 86_400_000,
  recheckMs: 600_000,
  missingTtlMs: 30_000,
  maxEntries: 1000,
  maxInFlight: 256,
  maxPerS: 500,
};
const NEAR = createMirror(1, "near");
const FAR = createMirror(2, "far");
const MAIN: Upstream = { number: 0, name: "main", base: "https://main.example/v2/" };

function createMirror(number: number, name: string): Mirror {
  return { number, name, url: `https://${name}.example/blobs`, fallbackLimit: Infinity };
}

function digestOf(at: number): string {
  return `sha256:${String(at).padStart(64, "0")}`;
}

function blobOf(at: number) {
  return { digest: digestOf(at), name: "app" };
}

/** What some isolates know of mirrors, which do as they are told. */
function createWorld(reply: (sent: Sent, nowMs: number) => Reply, isolates = 1) {
  const clock = createVirtualClock(BEGUN_MS);
  const servers = createFakeServers(clock, (sent) => reply(sent, clock.now() - BEGUN_MS));
  const boardMemory = createBoardMemory();
  const placesMemory = createPlacesMemory(isolates, SERVER_NUMBERS);
  const world = { bounds: BOUNDS };
  const suspected: string[] = [];
  const probed: string[] = [];
  const stop = new AbortController();
  const start = (slot: number): Mirrors =>
    createMirrors({
      ...servers,
      now: clock.now,
      timeOfDay: clock.now,
      later: clock.later,
      random: () => 0.5,
      board: createBoard(boardMemory),
      places: createPlaces(placesMemory, slot, SERVER_NUMBERS),
      bounds: () => world.bounds,
      stop: stop.signal,
      log: {
        onSuspect: ({ name }) => suspected.push(name),
        onProbed: ({ name }, { verdict }) => probed.push(`${name} ${verdict}`),
        onAsked: ({ name }, _, verdict) => probed.push(`${name} ${verdict}`),
      },
    });
  const all = Array.from({ length: isolates }, (_, slot) => start(slot));
  return {
    clock,
    world,
    sent: servers.sent,
    suspected,
    probed,
    board: createBoard(boardMemory),
    start,
    stop,
    mirrors: all[0]!,
    all,
    find: (at: number, mirrors = [NEAR, FAR]) => all[0]!.find(mirrors, blobOf(at)),
    hosts: () => servers.sent.map(({ url }) => new URL(url).hostname.split(".")[0]),
  };
}

function describe(found: FoundBlob): string {
  return found.kind === "none" ? found.reason : found.mirror.name;
}

const isNear = ({ url }: Sent) => url.startsWith(NEAR.url);

Deno.test("a blob is looked for once, then known", async () => {
  const { find, mirrors, hosts, clock } = createWorld((sent) => isNear(sent) ? 404 : 200);
  assertEquals(describe(await find(1)), "far");
  assertEquals([mirrors.known().foundCount, mirrors.known().missingCount], [1, 1]);
  const again = find(1);
  assert(!(again instanceof Promise));
  assertEquals([describe(again), hosts()], ["far", ["near", "far"]]);
  await clock.pass(100);
  assertEquals(clock.waiting, 0);
});

Deno.test("a blob that was missing is asked for behind the answer once that is long ago", async () => {
  let filled = false;
  const { find, hosts, clock } = createWorld((sent) => isNear(sent) && !filled ? 404 : 200);
  await find(1);
  filled = true;
  await clock.pass(31_000);
  const found = find(1);
  assert(!(found instanceof Promise), "the client does not wait");
  assertEquals(describe(found), "far");
  await settle();
  assertEquals([describe(await find(1)), hosts()], ["near", ["near", "far", "near"]]);
});

Deno.test("a blob that a mirror lost alone is noticed after the recheck, the client unharmed once", async () => {
  let lost = false;
  const { find, clock, hosts } = createWorld((sent) => isNear(sent) && lost ? 404 : 200);
  assertEquals(describe(await find(1)), "near");
  lost = true;
  await clock.pass(599_000);
  assertEquals([describe(await find(1)), hosts().length], ["near", 1]);
  await clock.pass(2000);
  const stale = find(1);
  assert(!(stale instanceof Promise));
  assertEquals(describe(stale), "near");
  await settle();
  assertEquals(describe(await find(1)), "far");
});

Deno.test("what clients asked for before a mirror was forgotten is asked for anew", async () => {
  const { find, board, hosts } = createWorld(() => 200);
  await find(1);
  board.forget(NEAR.number);
  await find(1);
  assertEquals(hosts(), ["near", "near"]);
});

Deno.test("what was found before a mirror came up is asked for behind the answer", async () => {
  const { find, board, hosts, clock } = createWorld(() => 200);
  await find(1);
  board.takeDown(NEAR.number);
  await clock.pass(2000);
  board.bringUp(NEAR.number, Math.ceil(clock.now() / 1000));
  await clock.pass(2000);
  const found = find(1);
  assert(!(found instanceof Promise));
  assertEquals(describe(found), "near");
  await settle();
  assertEquals(hosts(), ["near", "near"]);
  find(1);
  await settle();
  assertEquals(hosts(), ["near", "near"], "once");
});

Deno.test("other bounds hold at once; probes under way and what is known stay", async () => {
  const { find, world, hosts, clock, mirrors } = createWorld((sent) =>
    isNear(sent) ? { status: 200, afterMs: 1000 } : 404
  );
  const first = find(1);
  await settle();
  world.bounds = { ...BOUNDS, timeoutMs: 3000, maxInFlight: 128 };
  const second = find(1);
  await clock.pass(1000);
  assertEquals([describe(await first), describe(await second)], ["near", "near"]);
  assertEquals(hosts(), ["near"]);
  assertEquals(describe(find(1) as FoundBlob), "near");
  world.bounds = { ...world.bounds, maxEntries: 500 };
  assertEquals(mirrors.known().foundCount, 0, "another size is another memory");
});

Deno.test("a mirror that hangs does not take the places of the others", async () => {
  const HANGING = createMirror(3, "hanging");
  const { mirrors, clock, world } = createWorld((sent) =>
    sent.url.includes("hanging") ? "hangs" : { status: 200, afterMs: 50 }
  );
  world.bounds = { ...BOUNDS, maxInFlight: 32 };
  const waiting: Promise<unknown>[] = [];
  for (let at = 0; at < 500; at++) {
    waiting.push(Promise.resolve(mirrors.find([HANGING], blobOf(at))));
    const found = mirrors.find([NEAR], blobOf(10_000 + at));
    await clock.pass(60);
    assertEquals(describe(await found), "near", `${at}`);
  }
  await clock.pass(10_000);
  await Promise.all(waiting);
});

Deno.test("the places are given back whatever servers do, and those of a dead isolate, too", async () => {
  const server = fc.constantFrom("near", "far");
  const reply = fc.constantFrom<Reply>(
    200,
    404,
    503,
    "hangs",
    "refuses",
    { status: 200, afterMs: 700 },
    { error: new TypeError("too many open files") },
  );
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ ask: fc.nat({ max: 30 }), isolate: fc.nat({ max: 1 }) }) },
    { weight: 1, arbitrary: fc.record({ upstream: fc.nat({ max: 5 }) }) },
    { weight: 2, arbitrary: fc.record({ server, reply }) },
    { weight: 2, arbitrary: fc.record({ pass: fc.integer({ min: 1, max: 3000 }) }) },
    { weight: 1, arbitrary: fc.record({ forget: fc.constantFrom(1, 2) }) },
    { weight: 1, arbitrary: fc.record({ takeDown: fc.constantFrom(1, 2) }) },
    { weight: 1, arbitrary: fc.record({ bringUp: fc.constantFrom(1, 2) }) },
  );
  const property = fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
    const replies: Record<string, Reply> = { near: 200, far: 404, main: 404 };
    const { all, world, board, clock, start, sent } = createWorld(
      ({ url }) => replies[new URL(url).hostname.split(".")[0]!]!,
      2,
    );
    world.bounds = { ...BOUNDS, maxInFlight: 6 };
    const unanswered = new Set<Promise<unknown>>();
    const longestMs = BOUNDS.timeoutMs + 1000;
    function note(answer: unknown): void {
      if (!(answer instanceof Promise)) return;
      const beganMs = clock.now();
      const noted = answer.then((found: FoundBlob | string) => {
        unanswered.delete(noted);
        assertLessOrEqual(clock.now() - beganMs, longestMs);
        if (typeof found !== "string" && found.kind === "mirror") {
          assert(!board.isDown(found.mirror.number), "nobody is sent to a mirror that is down");
        }
      });
      unanswered.add(noted);
    }
    for (const step of steps) {
      if ("ask" in step) note(all[step.isolate]!.find([NEAR, FAR], blobOf(step.ask)));
      else if ("upstream" in step) {
        note(all[0]!.upstreams.ask(MAIN, `${MAIN.base}${step.upstream}`));
      } else if ("server" in step) replies[step.server] = step.reply;
      else if ("pass" in step) await clock.pass(step.pass);
      else if ("forget" in step) board.forget(step.forget);
      else if ("takeDown" in step) board.takeDown(step.takeDown);
      else board.bringUp(step.bringUp, Math.ceil(clock.now() / 1000));
    }
    await clock.pass(3 * longestMs);
    assertEquals(unanswered.size, 0, "every request is answered");
    assertEquals(clock.waiting, 0, "no timer is left");
    // All places are free again: as many probes begin as may.
    await clock.pass(60_000);
    const before = sent.length;
    replies.near = "hangs";
    board.bringUp(1, 0);
    for (let at = 0; at < 6; at++) note(all[1]!.find([NEAR], blobOf(100 + at)));
    await settle();
    assertEquals(sent.length - before, 3);
    const successor = start(1);
    note(successor.find([NEAR], blobOf(200)));
    await settle();
    assertEquals(sent.length - before, 4, "of one that died nothing is left");
    await clock.pass(3 * longestMs);
    await Promise.all(unanswered);
  });
  await fc.assert(property, { numRuns: 100 });
});

Deno.test("a second look is at what is remembered, too: a blob that is gone is forgotten", async () => {
  let gone = false;
  const { find, mirrors, suspected } = createWorld((sent) => isNear(sent) && gone ? 404 : 200);
  await find(1);
  gone = true;
  assertEquals(await mirrors.doubts.look(NEAR, blobOf(1)), false);
  assertEquals(describe(await find(1)), "far");
  assertEquals(suspected, []);
});

Deno.test("probes that fail have their mirror checked, and those that slow down", async () => {
  for (const reply of [500, 503, "refuses"] as const) {
    const { find, suspected, probed } = createWorld(() => reply);
    assertEquals(describe(await find(1, [NEAR])), "missing");
    assertEquals(suspected, ["near"]);
    assertEquals(probed, [reply === 503 ? "near slow_down" : "near failed"]);
  }
});

Deno.test("known blobs go on being served while a mirror asks for fewer requests", async () => {
  let slow = false;
  const { find, hosts } = createWorld(() => slow ? 429 : 200);
  await find(1);
  slow = true;
  await find(2);
  const asked = hosts().length;
  assertEquals(describe(find(1) as FoundBlob), "near");
  await find(3, [NEAR]);
  assertEquals(hosts().length, asked, "nothing more is asked of it");
});

Deno.test("what is under way when the program stops is over, and counts against nobody", async () => {
  const { find, stop, suspected, clock, mirrors } = createWorld(() => "hangs");
  const found = find(1);
  await settle();
  stop.abort();
  assertEquals(describe(await found), "busy");
  assertEquals([suspected, mirrors.known().missingCount, clock.waiting], [[], 0, 0]);
});

Deno.test("an upstream is asked within the same bounds, and repeats are noticed", async () => {
  const { mirrors, probed, clock } = createWorld(() => 404);
  const url = `${MAIN.base}app/manifests/${digestOf(1)}`;
  assertEquals(await mirrors.upstreams.ask(MAIN, url), "missing");
  assertEquals(mirrors.upstreams.ask(MAIN, url), "missing");
  assertEquals(probed, ["main missing"]);
  const client = [192, 0, 2, 1];
  assertEquals(mirrors.repeats.note(client, digestOf(1)), false);
  assertEquals(mirrors.repeats.note(client, digestOf(1)), true);
  assertEquals(mirrors.coarseNow(), clock.now());
  await clock.pass(100);
});
