import { assert, assertEquals } from "@std/assert";
import {
  type Answer,
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

Deno.test("a handler sends a blob's client to the first mirror of its rule that has it", async () => {
  const cases: readonly {
    client: string;
    paris?: Answer;
    cdn?: Answer;
    asked: readonly string[];
    location: string;
  }[] = [
    { client: CLIENTS.google, paris: FOUND, cdn: FOUND, asked: [], location: MAIN },
    { client: CLIENTS.paris, paris: FOUND, cdn: FOUND, asked: [PARIS], location: PARIS },
    { client: CLIENTS.paris, paris: MISSING, cdn: FOUND, asked: [PARIS, CDN], location: CDN },
    { client: CLIENTS.paris, paris: 403, cdn: FOUND, asked: [PARIS, CDN], location: CDN },
    { client: CLIENTS.paris, paris: 307, cdn: FOUND, asked: [PARIS, CDN], location: CDN },
    { client: CLIENTS.paris, paris: "fails", cdn: FOUND, asked: [PARIS, CDN], location: CDN },
    { client: CLIENTS.paris, paris: "hangs", cdn: FOUND, asked: [PARIS, CDN], location: CDN },
    { client: CLIENTS.paris, paris: MISSING, cdn: MISSING, asked: [PARIS, CDN], location: MAIN },
    { client: CLIENTS.paris, paris: "fails", cdn: "hangs", asked: [PARIS, CDN], location: MAIN },
    { client: CLIENTS.paris, paris: 500, cdn: 503, asked: [PARIS, CDN], location: MAIN },
    // A longer prefix of another region lies within that of Paris.
    { client: CLIENTS.virginia, paris: FOUND, cdn: FOUND, asked: [CDN], location: CDN },
    { client: CLIENTS.elsewhere, paris: FOUND, cdn: FOUND, asked: [CDN], location: CDN },
    { client: CLIENTS.elsewhere, paris: FOUND, cdn: MISSING, asked: [CDN], location: MAIN },
  ];
  for (const { client, paris, cdn, asked, location } of cases) {
    const world = await createWorld(
      { ...CONFIG, probe: { timeout_ms: 5 } },
      { [PARIS + DIGEST]: paris ?? MISSING, [CDN + DIGEST]: cdn ?? MISSING },
    );
    const expected = location === MAIN ? `${MAIN}kube-proxy/blobs/${DIGEST}` : location + DIGEST;
    const shown = JSON.stringify({ client, paris, cdn });
    assertEquals(await locationOf(world.handle(BLOB, { client })), expected, shown);
    assertEquals(world.asked, asked.map((mirror) => mirror + DIGEST), shown);
    // The second time all is known: nothing is asked, and the answer is no promise.
    for (const method of ["GET", "HEAD"]) {
      const again = world.handle(BLOB, { client, method });
      assert(again instanceof Response, shown);
      assertEquals(await locationOf(again), expected, shown);
    }
    assertEquals(world.asked.length, asked.length, shown);
  }
});

Deno.test("a handler asks again, soon for what was missing, late for what was found", async () => {
  const config = { ...CONFIG, probe: { found_ttl_s: 60, missing_ttl_s: 5 } };
  const { handle, answers, asked, pass } = await createWorld(config, {
    [CDN + OTHER_DIGEST]: FOUND,
  });
  const other = `/v2/kube-proxy/blobs/${OTHER_DIGEST}`;
  await locationOf(handle(other, { client }));
  assertEquals(await locationOf(handle(BLOB, { client })), `${MAIN}kube-proxy/blobs/${DIGEST}`);
  answers.set(CDN + DIGEST, FOUND);
  pass(4999);
  assertEquals(await locationOf(handle(BLOB, { client })), `${MAIN}kube-proxy/blobs/${DIGEST}`);
  pass(1);
  assertEquals(await locationOf(handle(BLOB, { client })), CDN + DIGEST);
  assertEquals(await locationOf(handle(other, { client })), CDN + OTHER_DIGEST);
  assertEquals(asked, [CDN + OTHER_DIGEST, CDN + DIGEST, CDN + DIGEST]);
  answers.clear();
  pass(55_000);
  assert(handle(other, { client }) instanceof Promise);
  assert(handle(BLOB, { client }) instanceof Response);
});

Deno.test("a handler sends one probe for all who ask for the same blob", async () => {
  const { handle, asked } = await createWorld(CONFIG, { [PARIS + DIGEST]: FOUND });
  const answers = Array.from(
    { length: 100 },
    (_, at) => handle(`/v2/image-${at}/blobs/${DIGEST}`, { client: CLIENTS.paris }),
  );
  for (const answer of answers) assertEquals(await locationOf(answer), PARIS + DIGEST);
  assertEquals(asked, [PARIS + DIGEST]);
});

Deno.test("a handler that asks enough already sends a client to the upstream at once", async () => {
  const { handle, asked, stop } = await createWorld(
    { ...CONFIG, probe: { max_in_flight: 1 } },
    { [CDN + DIGEST]: "hangs", [CDN + OTHER_DIGEST]: FOUND },
  );
  const waiting = handle(BLOB, { client });
  const other = handle(`/v2/kube-proxy/blobs/${OTHER_DIGEST}`, { client });
  assert(other instanceof Response);
  assertEquals(await locationOf(other), `${MAIN}kube-proxy/blobs/${OTHER_DIGEST}`);
  assertEquals(asked, [CDN + DIGEST]);
  stop();
  assertEquals(await locationOf(waiting), `${MAIN}kube-proxy/blobs/${DIGEST}`);
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
  const { handle, failed, stop } = await createWorld(
    SIGNED_CONFIG,
    {
      [PARIS + DIGEST]: "hangs",
      [CDN + DIGEST]: "hangs",
      [`${MAIN}kube-proxy/blobs/${DIGEST}`]: "hangs",
    },
  );
  const waiting = handle(BLOB, { client: CLIENTS.paris });
  assert(waiting instanceof Promise);
  stop();
  assertEquals(await locationOf(waiting), `${MAIN}kube-proxy/blobs/${DIGEST}`);
  assertEquals(failed, [PARIS + DIGEST, CDN + DIGEST, `${MAIN}kube-proxy/blobs/${DIGEST}`]);
});

Deno.test("a handler adds nothing to a mirror's URL", async () => {
  const { handle } = await createWorld(CONFIG, { [CDN + DIGEST]: FOUND });
  const asked = `${BLOB}?ns=registry.example&token=abc`;
  assertEquals(await locationOf(handle(asked, { client })), CDN + DIGEST);
  assertEquals(
    await locationOf(handle(asked, { client: CLIENTS.google })),
    `${MAIN}kube-proxy/blobs/${DIGEST}?token=abc`,
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
