import { assert, assertEquals, assertRejects } from "@std/assert";
import { createNumbers, GAUGES } from "../../lib/observe/numbers.ts";
import { createPlaces } from "../../lib/mirrors/places.ts";
import { SERVER_NUMBERS } from "../../lib/mirrors/upstream_check.ts";
import { settle } from "../mirrors/virtual_clock.ts";
import {
  BLOB,
  CDN,
  CLIENTS,
  CONFIG,
  type ConfigFile,
  createMemory,
  createSetup,
  createWorld,
  DATA_SET,
  DIGEST,
  locationOf,
  MAIN,
  OTHER_DIGEST,
  PARIS,
  SIGNED_CONFIG,
  type World,
} from "./fixture.ts";

const client = CLIENTS.elsewhere;
const HEAD = { client, method: "HEAD" };
const OTHER_BLOB = `/v2/kube-proxy/blobs/${OTHER_DIGEST}`;
const IN_UPSTREAM = `${MAIN}kube-proxy/blobs/${DIGEST}`;

/** The configuration with another URL for its mirrors. */
function withUrls(urls: Readonly<Record<string, string>>): ConfigFile {
  const mirrors = Object.entries({
    paris: "https://paris.example/blobs",
    cdn: "https://cdn.example/blobs",
    ...urls,
  }).map(([name, url]) => [name, { url }]);
  return { ...CONFIG, mirrors: Object.fromEntries(mirrors) };
}

/** Has a world serve by another configuration. */
async function change({ redirector, numbering, clock }: World, config: ConfigFile): Promise<void> {
  const changing = redirector.change(createSetup(config, { numbering }));
  await clock.pass(0);
  await changing;
}

Deno.test("a redirector serves by another setup once it is changed, and keeps what it remembers", async () => {
  const world = await createWorld(CONFIG, { [CDN + DIGEST]: 200 });
  const { handle, asked } = world;
  assertEquals(await locationOf(handle(BLOB, HEAD)), CDN + DIGEST);
  assertEquals(
    await locationOf(handle(OTHER_BLOB, HEAD)),
    `${MAIN}kube-proxy/blobs/${OTHER_DIGEST}`,
  );
  await change(world, {
    ...CONFIG,
    upstreams: { ...CONFIG.upstreams as ConfigFile, main: { endpoint: "https://new.example" } },
  });
  assertEquals(await locationOf(handle("/v2/a/tags/list")), "https://new.example/v2/a/tags/list");
  const known = handle(BLOB, HEAD);
  assert(known instanceof Response);
  assertEquals(await locationOf(known), CDN + DIGEST);
  assertEquals(
    await locationOf(handle(OTHER_BLOB, HEAD)),
    `https://new.example/v2/kube-proxy/blobs/${OTHER_DIGEST}`,
  );
  assertEquals(asked, [CDN + DIGEST, CDN + OTHER_DIGEST]);
});

Deno.test("a redirector has a mirror that got another URL asked anew, and knows the old one again", async () => {
  const moved = "https://moved.example/blobs";
  const alsoMoved = "https://also-moved.example/blobs";
  const world = await createWorld(CONFIG, { [CDN + DIGEST]: 200 });
  const { handle, asked, answers, board } = world;
  const paris = { ...HEAD, client: CLIENTS.paris };
  await handle(BLOB, HEAD);
  board.takeDown(0);
  await change(world, withUrls({ cdn: moved, paris: alsoMoved }));
  assertEquals(await locationOf(handle(BLOB, HEAD)), IN_UPSTREAM);
  // The one that was down is another one, too.
  answers.set(`${alsoMoved}/${DIGEST}`, 200);
  assertEquals(await locationOf(handle(BLOB, paris)), `${alsoMoved}/${DIGEST}`);
  assertEquals(asked, [CDN + DIGEST, `${moved}/${DIGEST}`, `${alsoMoved}/${DIGEST}`]);
  await change(world, CONFIG);
  assertEquals(await locationOf(handle(BLOB, HEAD)), CDN + DIGEST);
  // It is still down, so the rule's next serves.
  assertEquals(await locationOf(handle(BLOB, paris)), CDN + DIGEST);
  assertEquals(asked.length, 3);
});

Deno.test("a redirector that may remember another number of answers begins to remember anew", async () => {
  const world = await createWorld(CONFIG, { [CDN + DIGEST]: 200 });
  await world.handle(BLOB, HEAD);
  await change(world, { ...CONFIG, probe: { max_entries: 10 } });
  await world.handle(BLOB, HEAD);
  assertEquals(world.asked, [CDN + DIGEST, CDN + DIGEST]);
});

Deno.test("a redirector that is changed asks once for what is being asked for already", async () => {
  const world = await createWorld(CONFIG, { [CDN + DIGEST]: { status: 200, afterMs: 500 } });
  const { handle, asked, clock } = world;
  const before = handle(BLOB, HEAD);
  await change(world, { ...CONFIG, probe: { missing_ttl_s: 1 } });
  const after = handle(BLOB, HEAD);
  await clock.pass(500);
  for (const answer of [before, after]) assertEquals(await locationOf(answer), CDN + DIGEST);
  assertEquals(asked, [CDN + DIGEST]);
});

Deno.test("a redirector that is changed again and again asks no more at once than it may", async () => {
  const digests = Array.from({ length: 4 }, (_, at) => `sha256:${`${at}`.repeat(64)}`);
  const world = await createWorld(
    { ...CONFIG, probe: { max_in_flight: 1 } },
    Object.fromEntries(digests.map((digest) => [CDN + digest, "hangs"] as const)),
  );
  const { handle, stop, asked, inFlight } = world;
  const steps = [
    { probe: { max_in_flight: 1 }, asked: 1 },
    { probe: { max_in_flight: 1, missing_ttl_s: 1 }, asked: 1 },
    { probe: { max_in_flight: 1 }, asked: 1 },
    // One that hangs gets half of the places.
    { probe: { max_in_flight: 4 }, asked: 2 },
  ];
  const answers = [];
  for (const [at, { probe, asked: expected }] of steps.entries()) {
    await change(world, { ...CONFIG, probe });
    answers.push(handle(`/v2/a/blobs/${digests[at]}`, HEAD));
    await settle();
    assertEquals([asked.length, inFlight()], [expected, expected]);
  }
  stop();
  await Promise.all(answers);
  assertEquals(inFlight(), 0);
});

Deno.test("a redirector that takes a dead one's place knows nothing, and asks nothing yet", async () => {
  const memory = createMemory();
  const dead = createNumbers(memory.numbers);
  dead.known(7, 8);
  dead.redirected("tags");
  createPlaces(memory.places, memory.slot, SERVER_NUMBERS).add(3, 1);
  const { totals, inFlight } = await createWorld(CONFIG, {}, { memory });
  for (const gauge of GAUGES) assertEquals(totals().gauge(gauge), 0);
  assertEquals(inFlight(), 0);
  assertEquals(totals().requests("tags", 307), 1);
});

Deno.test("a redirector drops no request that is under way when it is changed", async () => {
  const world = await createWorld(CONFIG, { [PARIS + DIGEST]: "hangs", [CDN + DIGEST]: "hangs" });
  const { handle, redirector, numbering, stop, answers, clock } = world;
  const waiting = [handle(BLOB, HEAD), handle(BLOB, { client: CLIENTS.paris })];
  const changing = redirector.change(
    createSetup(withUrls({ cdn: "https://moved.example" }), { numbering }),
  );
  // Until it is ready, the one before answers.
  assertEquals(await locationOf(handle("/v2/a/tags/list")), `${MAIN}a/tags/list`);
  await clock.pass(0);
  await changing;
  answers.set(`https://moved.example/${DIGEST}`, 200);
  assertEquals(await locationOf(handle(BLOB, HEAD)), `https://moved.example/${DIGEST}`);
  stop();
  for (const answer of waiting) assertEquals(await locationOf(answer), IN_UPSTREAM);
});

Deno.test("a redirector reads a data set in steps, between which it answers", async () => {
  const regions = Array.from({ length: 100 }, (_, at) => `location gcp/r${at}\n10.0.${at}.0/24\n`);
  const dataSet = DATA_SET + regions.join("");
  const { redirector, handle, numbering, clock } = await createWorld(
    {
      ...CONFIG,
      rules: [{ clients: ["gcp/*"], mirrors: [] }, { clients: ["*"], mirrors: ["cdn"] }],
    },
    { [CDN + DIGEST]: 200 },
  );
  const asked = { client: "10.0.99.1", method: "HEAD" };
  await handle(BLOB, asked);
  const timersBefore = clock.waiting;
  let changed = false;
  const changing = redirector.change(createSetup(CONFIG, { numbering, dataSet }))
    .then(() => changed = true);
  // A step waits for its turn.
  assertEquals([changed, clock.waiting], [false, timersBefore + 1]);
  assertEquals(await locationOf(handle(BLOB, asked)), CDN + DIGEST);
  await clock.pass(0);
  await changing;
  assertEquals(await locationOf(handle(BLOB, asked)), IN_UPSTREAM);
  assertEquals(redirector.routing().locator.locations.length, 103);
});

Deno.test("a redirector that cannot use a setup goes on by the one before", async () => {
  const { redirector, handle, numbering, clock } = await createWorld(CONFIG);
  const before = redirector.routing();
  const dataSet = `${DATA_SET}no prefix\n`;
  const changing = assertRejects(
    () => redirector.change(createSetup(CONFIG, { numbering, dataSet })),
    SyntaxError,
    "no prefix",
  );
  await clock.pass(0);
  await changing;
  assert(redirector.routing() === before);
  assertEquals(await locationOf(handle(BLOB, { client: CLIENTS.google })), IN_UPSTREAM);
});

Deno.test("a redirector asks no more at once than all isolates together may", async () => {
  for (const { others, asked: expected } of [{ others: 0, asked: 4 }, { others: 5, asked: 2 }]) {
    const memory = createMemory(2);
    const digests = Array.from({ length: 10 }, (_, at) => `sha256:${`${at}`.repeat(64)}`);
    const { handle, asked, stop, totals } = await createWorld(
      { ...CONFIG, probe: { max_in_flight: 8 } },
      Object.fromEntries(digests.map((digest) => [CDN + digest, "hangs"] as const)),
      { isolates: 2, memory },
    );
    const places = createPlaces(memory.places, 1, SERVER_NUMBERS);
    for (let place = 0; place < others; place++) places.add(SERVER_NUMBERS - 1, 1);
    const answers = digests.map((digest) => handle(`/v2/a/blobs/${digest}`, HEAD));
    await settle();
    assertEquals(asked.length, expected);
    assertEquals(totals().toUpstream(0, "busy"), 10 - expected);
    stop();
    for (const answer of answers) await locationOf(answer);
  }
});

Deno.test("a redirector asks its part of what all isolates may ask in a second", async () => {
  // So many may be asked at once; each one more, when its turn has come.
  const AT_ONCE = 25;
  for (const { isolates, turnMs } of [{ isolates: 1, turnMs: 10 }, { isolates: 2, turnMs: 20 }]) {
    const config = { ...CONFIG, probe: { max_per_s: 100 } };
    const { handle, asked, clock } = await createWorld(config, {}, { isolates });
    const answers = Array.from(
      { length: AT_ONCE + 4 },
      (_, at) => handle(`/v2/a/blobs/sha256:${at.toString(16).padStart(64, "0")}`, HEAD),
    );
    assertEquals(asked.length, AT_ONCE + 1);
    await clock.pass(3 * turnMs - 1);
    assertEquals(asked.length, AT_ONCE + 3);
    await clock.pass(1);
    assertEquals(asked.length, AT_ONCE + 4);
    await Promise.all(answers);
  }
});

Deno.test("a redirector has a mirror checked that fails, and takes none down by itself", async () => {
  for (const status of [500, 503, 301, "refuses"] as const) {
    const { answer, answers, told, board } = await createWorld(CONFIG);
    for (let at = 0; at < 10; at++) {
      const digest = `sha256:${`${at}`.repeat(64)}`;
      answers.set(CDN + digest, status);
      assertEquals(
        await locationOf(await answer(`/v2/a/blobs/${digest}`, HEAD)),
        `${MAIN}a/blobs/${digest}`,
      );
    }
    assert(told.suspects.length > 0 && told.suspects.every((mirror) => mirror === 1), `${status}`);
    assertEquals(board.isDown(1), false, `${status}`);
  }
});

Deno.test("a redirector has no mirror checked for the failures of an upstream", async () => {
  const { answer, answers, told } = await createWorld(SIGNED_CONFIG);
  for (let number = 0; number < 5; number++) {
    answers.set(`${MAIN}a${number}/manifests/${DIGEST}`, 500);
    await answer(`/v2/a${number}/manifests/${DIGEST}`);
  }
  assertEquals(told.suspects, []);
});

Deno.test("a redirector tells which servers gave no answer", async () => {
  const manifest = `a/manifests/${DIGEST}`;
  const { answer, told } = await createWorld(SIGNED_CONFIG, {
    [PARIS + DIGEST]: "refuses",
    [CDN + DIGEST]: { error: new TypeError("too many open files (os error 24)") },
    [IN_UPSTREAM]: 200,
    [MAIN + manifest]: "hangs",
  });
  await answer(BLOB, { client: CLIENTS.paris });
  // What this machine cannot send is no failure of the mirror, and is told all the same.
  assertEquals(told.unanswered, [PARIS + DIGEST, CDN + DIGEST]);
  assertEquals(told.suspects, [0]);
  await answer(`/v2/${manifest}`);
  assertEquals(told.unanswered.slice(2), [MAIN]);
});

Deno.test("a redirector forgets a blob that a mirror has lost", async () => {
  const { handle, answers, redirector } = await createWorld(CONFIG, { [CDN + DIGEST]: 200 });
  await handle(BLOB, HEAD);
  answers.clear();
  redirector.forget(1, DIGEST);
  assertEquals(await locationOf(handle(BLOB, HEAD)), IN_UPSTREAM);
});

Deno.test("a redirector counts a request that it could not answer", async () => {
  const { redirector, totals } = await createWorld(CONFIG);
  redirector.onThrown();
  assertEquals(totals().requests("nothing", 500), 1);
});
