import { assert, assertEquals } from "@std/assert";
import type { Reply } from "../mirrors/fake_servers.ts";
import {
  BLOB,
  CDN,
  CLIENTS,
  CONFIG,
  createWorld,
  DIGEST,
  type Incoming,
  locationOf,
  MAIN,
  PARIS,
  SIGNATURES,
  SIGNED_CONFIG,
} from "./fixture.ts";

const client = CLIENTS.paris;
const IN_UPSTREAM = `${MAIN}kube-proxy/blobs/${DIGEST}`;
const EVERYWHERE = { [PARIS + DIGEST]: 200, [CDN + DIGEST]: 200 };

Deno.test("a handler looks a second time at a mirror before it sends a client there again", async () => {
  const cases: readonly { paris: Reply; cdn?: Reply; location: string; waitedMs?: number }[] = [
    { paris: 206, location: PARIS + DIGEST },
    { paris: 200, location: PARIS + DIGEST },
    { paris: 500, location: CDN + DIGEST },
    { paris: "refuses", location: CDN + DIGEST },
    { paris: 404, location: CDN + DIGEST },
    { paris: 500, cdn: 404, location: IN_UPSTREAM },
    { paris: "hangs", location: CDN + DIGEST, waitedMs: 300 },
    { paris: { status: 206, body: "stalls" }, location: CDN + DIGEST, waitedMs: 300 },
  ];
  for (const { paris, cdn = 200, location, waitedMs = 0 } of cases) {
    const { handle, answer, answers, asked, looks, clock } = await createWorld(CONFIG, EVERYWHERE);
    const shown = JSON.stringify({ paris, cdn });
    assertEquals(await locationOf(handle(BLOB, { client })), PARIS + DIGEST);
    assertEquals(looks, []);
    answers.set(PARIS + DIGEST, paris).set(CDN + DIGEST, cdn);
    await clock.pass(3000);
    const beganMs = clock.now();
    assertEquals(await locationOf(await answer(BLOB, { client })), location, shown);
    assertEquals(clock.now() - beganMs, waitedMs, shown);
    assertEquals(looks, [PARIS + DIGEST], shown);
    assertEquals(asked, [PARIS + DIGEST, ...location === PARIS + DIGEST ? [] : [CDN + DIGEST]]);
  }
});

Deno.test("a handler takes no second look where a client cannot have failed", async () => {
  const far: Incoming = { client: "35.180.200.1" };
  const unix: Deno.Addr = { transport: "unix", path: "/run/archeio.sock" };
  const cases: readonly { first: Incoming; passMs?: number; second: Incoming; looks: number }[] = [
    { first: { client }, second: { client }, looks: 1 },
    // A HEAD before the GET, or after it, is no second try.
    { first: { client, method: "HEAD" }, second: { client }, looks: 0 },
    { first: { client }, second: { client, method: "HEAD" }, looks: 0 },
    { first: { client }, second: far, looks: 0 },
    { first: { client }, passMs: 15_100, second: { client }, looks: 0 },
    // Clients that nothing tells apart.
    { first: { peer: unix }, second: { peer: unix }, looks: 0 },
    { first: { client: "nobody" }, second: { client: "nobody" }, looks: 0 },
  ];
  const config = { ...CONFIG, rules: [{ clients: ["*"], mirrors: ["paris"] }] };
  for (const { first, passMs = 1000, second, looks: expected } of cases) {
    const { handle, clock, looks } = await createWorld(config, EVERYWHERE);
    assertEquals(await locationOf(handle(BLOB, first)), PARIS + DIGEST);
    await clock.pass(passMs);
    assertEquals(await locationOf(handle(BLOB, second)), PARIS + DIGEST);
    assertEquals(looks.length, expected, JSON.stringify({ first, second, passMs }));
  }
});

Deno.test("a handler looks once for all who come again, and trusts a good look for a while", async () => {
  const { handle, clock, looks } = await createWorld(CONFIG, EVERYWHERE);
  await handle(BLOB, { client });
  const answers = Array.from({ length: 50 }, () => handle(BLOB, { client }));
  for (const answer of answers) assertEquals(await locationOf(answer), PARIS + DIGEST);
  assert(handle(BLOB, { client }) instanceof Response);
  assertEquals(looks.length, 1);
  await clock.pass(2100);
  await handle(BLOB, { client });
  assertEquals(looks.length, 2);
});

Deno.test("a handler counts a client that it sends elsewhere, and has the mirror checked", async () => {
  const { handle, answers, board, totals, told } = await createWorld(
    { ...CONFIG, log: { pulls: true } },
    EVERYWHERE,
  );
  await handle(BLOB, { client });
  answers.set(PARIS + DIGEST, 500).set(CDN + DIGEST, 404);
  assertEquals(await locationOf(handle(BLOB, { client })), IN_UPSTREAM);
  assertEquals(totals().toUpstream(0, "retry"), 1);
  assertEquals(told.suspects, [0]);
  // One client says nothing of the mirror.
  assertEquals(board.isDown(0), false);
  answers.set(CDN + DIGEST, 200);
  const other = await createWorld(CONFIG, EVERYWHERE);
  await other.handle(BLOB, { client });
  other.answers.set(PARIS + DIGEST, 500);
  await other.handle(BLOB, { client });
  assertEquals(other.totals().toMirror(1, "fallback"), 1);
});

Deno.test("a handler gives up a bounded share of a mirror's clients, whatever second looks find", async () => {
  const { handle, answers, clock, totals } = await createWorld(
    { ...CONFIG, rules: [{ clients: ["*"], mirrors: ["paris"] }] },
    EVERYWHERE,
  );
  await handle(BLOB, { client });
  answers.set(PARIS + DIGEST, 500);
  for (let time = 0; time < 100; time++) {
    await handle(BLOB, { client });
    await clock.pass(1000);
  }
  assertEquals(totals().toUpstream(0, "retry"), 20);
});

Deno.test("a handler that sends a client elsewhere keeps to its time limit, all in all", async () => {
  const limit = 2000;
  const hangs = { [CDN + DIGEST]: "hangs", [IN_UPSTREAM]: "hangs" } as const;
  for (const isKnown of [true, false]) {
    const { answer, answers, clock } = await createWorld(
      { ...SIGNED_CONFIG, probe: { timeout_ms: limit, found_ttl_s: 5, recheck_s: 5 } },
      { [PARIS + DIGEST]: 200, ...hangs },
    );
    await answer(BLOB, { client });
    if (!isKnown) await clock.pass(5100);
    answers.set(PARIS + DIGEST, { status: 200, afterMs: 1000 });
    const beganMs = clock.now();
    assertEquals(await locationOf(await answer(BLOB, { client })), IN_UPSTREAM);
    assertEquals(clock.now() - beganMs, limit);
  }
});

Deno.test("a handler sends a client that failed at a mirror to the signature upstream where that is right", async () => {
  const { handle, answers } = await createWorld(SIGNED_CONFIG, EVERYWHERE);
  await handle(BLOB, { client });
  answers.set(PARIS + DIGEST, 500).set(CDN + DIGEST, 404);
  assertEquals(
    await locationOf(handle(BLOB, { client })),
    `${SIGNATURES}kube-proxy/blobs/${DIGEST}`,
  );
});
