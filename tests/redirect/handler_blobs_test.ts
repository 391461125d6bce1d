import { assert, assertEquals } from "@std/assert";
import type { Reply } from "../mirrors/fake_servers.ts";
import {
  BLOB,
  CDN,
  CLIENTS,
  CONFIG,
  createWorld,
  DIGEST,
  locationOf,
  LONG_DIGEST,
  MAIN,
  OTHER_DIGEST,
  PARIS,
  SIGNED_CONFIG,
} from "./fixture.ts";

const client = CLIENTS.elsewhere;
const FOREIGN_DIGEST = "blake3:abc_-=";
const FOUND = 200;
const MISSING = 404;
const IN_UPSTREAM = `${MAIN}kube-proxy/blobs/${DIGEST}`;

Deno.test("a handler sends a blob's client to the first mirror of its rule that has it", async () => {
  const cases: readonly {
    client: string;
    paris?: Reply;
    cdn?: Reply;
    asked: readonly string[];
    location: string;
  }[] = [
    { client: CLIENTS.google, paris: FOUND, cdn: FOUND, asked: [], location: MAIN },
    { client: CLIENTS.paris, paris: FOUND, cdn: FOUND, asked: [PARIS], location: PARIS },
    { client: CLIENTS.paris, paris: MISSING, cdn: FOUND, asked: [PARIS, CDN], location: CDN },
    { client: CLIENTS.paris, paris: 403, cdn: FOUND, asked: [PARIS, CDN], location: CDN },
    { client: CLIENTS.paris, paris: 307, cdn: FOUND, asked: [PARIS, CDN], location: CDN },
    { client: CLIENTS.paris, paris: 401, cdn: FOUND, asked: [PARIS, CDN], location: CDN },
    { client: CLIENTS.paris, paris: "refuses", cdn: FOUND, asked: [PARIS, CDN], location: CDN },
    {
      client: CLIENTS.paris,
      paris: { status: 200, headers: { "content-length": "0" } },
      cdn: FOUND,
      asked: [PARIS, CDN],
      location: CDN,
    },
    {
      client: CLIENTS.paris,
      paris: { status: 200, headers: { "x-amz-storage-class": "GLACIER" } },
      cdn: FOUND,
      asked: [PARIS, CDN],
      location: CDN,
    },
    { client: CLIENTS.paris, paris: MISSING, cdn: MISSING, asked: [PARIS, CDN], location: MAIN },
    { client: CLIENTS.paris, paris: 500, cdn: "refuses", asked: [PARIS, CDN], location: MAIN },
    // A longer prefix of another region lies within that of Paris.
    { client: CLIENTS.virginia, paris: FOUND, cdn: FOUND, asked: [CDN], location: CDN },
    { client: CLIENTS.elsewhere, paris: FOUND, cdn: FOUND, asked: [CDN], location: CDN },
    { client: CLIENTS.elsewhere, paris: FOUND, cdn: MISSING, asked: [CDN], location: MAIN },
  ];
  for (const { client, paris, cdn, asked, location } of cases) {
    const world = await createWorld(CONFIG, {
      [PARIS + DIGEST]: paris ?? MISSING,
      [CDN + DIGEST]: cdn ?? MISSING,
    });
    const expected = location === MAIN ? IN_UPSTREAM : location + DIGEST;
    const shown = JSON.stringify({ client, paris, cdn });
    assertEquals(await locationOf(world.handle(BLOB, { client })), expected, shown);
    assertEquals(world.asked, asked.map((mirror) => mirror + DIGEST), shown);
    // The second time all is known: nothing is asked, and the answer is no promise.
    const again = world.handle(BLOB, { client, method: "HEAD" });
    assert(again instanceof Response, shown);
    assertEquals(await locationOf(again), expected, shown);
    assertEquals(world.asked.length, asked.length, shown);
  }
});

Deno.test("a handler waits for servers no longer than its time limit, all in all", async () => {
  const limit = 2000;
  const config = { ...SIGNED_CONFIG, probe: { timeout_ms: limit } };
  const cases: readonly { paris: Reply; cdn: Reply; main: Reply; tookMs: number }[] = [
    { paris: "hangs", cdn: "hangs", main: "hangs", tookMs: limit },
    { paris: { status: 404, afterMs: 1500 }, cdn: "hangs", main: "hangs", tookMs: limit },
    {
      paris: { status: 404, afterMs: 900 },
      cdn: { status: 404, afterMs: 900 },
      main: "hangs",
      tookMs: limit,
    },
    {
      paris: { status: 404, afterMs: 900 },
      cdn: { status: 404, afterMs: 900 },
      main: { status: 200, afterMs: 100 },
      tookMs: 1900,
    },
  ];
  for (const { paris, cdn, main, tookMs } of cases) {
    const { answer, clock } = await createWorld(config, {
      [PARIS + DIGEST]: paris,
      [CDN + DIGEST]: cdn,
      [IN_UPSTREAM]: main,
    });
    const beganMs = clock.now();
    const response = await answer(BLOB, { client: CLIENTS.paris });
    assertEquals(await locationOf(response), IN_UPSTREAM);
    assertEquals(clock.now() - beganMs, tookMs, JSON.stringify({ paris, cdn, main }));
  }
});

Deno.test("a handler asks again, soon for what was missing, late for what was found", async () => {
  const config = { ...CONFIG, probe: { found_ttl_s: 60, recheck_s: 60, missing_ttl_s: 5 } };
  const { handle, answers, asked, clock } = await createWorld(config, {
    [CDN + OTHER_DIGEST]: FOUND,
  });
  const other = `/v2/kube-proxy/blobs/${OTHER_DIGEST}`;
  await locationOf(handle(other, { client }));
  assertEquals(await locationOf(handle(BLOB, { client })), IN_UPSTREAM);
  answers.set(CDN + DIGEST, FOUND);
  await clock.pass(4800);
  assertEquals(await locationOf(handle(BLOB, { client })), IN_UPSTREAM);
  await clock.pass(200);
  assertEquals(await locationOf(handle(BLOB, { client })), CDN + DIGEST);
  assertEquals(await locationOf(handle(other, { client, method: "HEAD" })), CDN + OTHER_DIGEST);
  assertEquals(asked, [CDN + OTHER_DIGEST, CDN + DIGEST, CDN + DIGEST]);
  answers.clear();
  await clock.pass(55_000);
  assert(handle(other, { client }) instanceof Promise);
  assert(handle(BLOB, { client }) instanceof Response);
});

Deno.test("a handler asks for a blob it has long known behind the answer, and forgets a lost one", async () => {
  const config = { ...CONFIG, probe: { recheck_s: 60 } };
  const { handle, answers, asked, clock } = await createWorld(config, { [CDN + DIGEST]: FOUND });
  await handle(BLOB, { client });
  answers.delete(CDN + DIGEST);
  await clock.pass(61_000);
  const known = handle(BLOB, { client, method: "HEAD" });
  assert(known instanceof Response);
  assertEquals(await locationOf(known), CDN + DIGEST);
  assertEquals(asked, [CDN + DIGEST, CDN + DIGEST]);
  await clock.pass(0);
  assertEquals(await locationOf(handle(BLOB, { client, method: "HEAD" })), IN_UPSTREAM);
});

Deno.test("a handler sends one probe for all who ask for the same blob", async () => {
  const { handle, asked } = await createWorld(CONFIG, { [PARIS + DIGEST]: FOUND });
  const answers = Array.from(
    { length: 100 },
    (_, at) => handle(`/v2/image-${at}/blobs/${DIGEST}`, { client: CLIENTS.paris, method: "HEAD" }),
  );
  for (const answer of answers) assertEquals(await locationOf(answer), PARIS + DIGEST);
  assertEquals(asked, [PARIS + DIGEST]);
});

Deno.test("a handler that asks enough already sends a client to the upstream", async () => {
  const { handle, asked, stop } = await createWorld(
    { ...CONFIG, probe: { max_in_flight: 1 } },
    { [CDN + DIGEST]: "hangs", [CDN + OTHER_DIGEST]: FOUND },
  );
  const waiting = handle(BLOB, { client });
  const other = handle(`/v2/kube-proxy/blobs/${OTHER_DIGEST}`, { client });
  assertEquals(await locationOf(other), `${MAIN}kube-proxy/blobs/${OTHER_DIGEST}`);
  assertEquals(asked, [CDN + DIGEST]);
  stop();
  assertEquals(await locationOf(waiting), IN_UPSTREAM);
});

Deno.test("a handler forgets the blob that it was asked for least recently", async () => {
  // A fourth of it is for what is missing.
  const config = { ...CONFIG, probe: { max_entries: 8 } };
  const { handle, asked } = await createWorld(config);
  const digests = [DIGEST, OTHER_DIGEST, DIGEST, LONG_DIGEST, DIGEST, OTHER_DIGEST];
  for (const digest of digests) await handle(`/v2/a/blobs/${digest}`, { client });
  assertEquals(
    asked,
    [DIGEST, OTHER_DIGEST, LONG_DIGEST, OTHER_DIGEST].map((digest) => CDN + digest),
  );
});

Deno.test("a handler that is stopped sends those who wait to the upstream", async () => {
  const { handle, told, stop } = await createWorld(SIGNED_CONFIG, {
    [PARIS + DIGEST]: "hangs",
    [CDN + DIGEST]: "hangs",
    [IN_UPSTREAM]: "hangs",
  });
  const waiting = handle(BLOB, { client: CLIENTS.paris });
  assert(waiting instanceof Promise);
  stop();
  assertEquals(await locationOf(waiting), IN_UPSTREAM);
  // Whoever ends by itself has nobody to blame.
  assertEquals(told.unanswered, []);
});

Deno.test("a handler adds nothing to a mirror's URL", async () => {
  const { handle } = await createWorld(CONFIG, { [CDN + DIGEST]: FOUND });
  const asked = `${BLOB}?ns=registry.example&token=abc`;
  assertEquals(await locationOf(handle(asked, { client })), CDN + DIGEST);
  assertEquals(
    await locationOf(handle(asked, { client: CLIENTS.google })),
    `${IN_UPSTREAM}?token=abc`,
  );
});

Deno.test("a handler asks no mirror for a digest of another algorithm", async () => {
  const { handle, asked } = await createWorld(SIGNED_CONFIG);
  for (const kind of ["blobs", "manifests"]) {
    const answer = handle(`/v2/a/${kind}/${FOREIGN_DIGEST}`, { client });
    assert(answer instanceof Response);
    assertEquals(await locationOf(answer), `${MAIN}a/${kind}/${FOREIGN_DIGEST}`);
  }
  assertEquals(asked, []);
});
