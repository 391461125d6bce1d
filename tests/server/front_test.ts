import { assert, assertEquals, assertRejects } from "@std/assert";
import { createNumbers, createNumbersMemory, GAUGES } from "../../lib/server/numbers.ts";
import {
  BLOB,
  CDN,
  CLIENTS,
  CONFIG,
  type ConfigFile,
  createSetup,
  createWorld,
  DATA_SET,
  DIGEST,
  locationOf,
  MAIN,
  OTHER_DIGEST,
  PARIS,
  SIGNED_CONFIG,
  turn,
} from "./fixture.ts";

const client = CLIENTS.elsewhere;
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

Deno.test("a front serves by another setup once it is changed, and keeps what it remembers", async () => {
  const { front, handle, asked, roster } = await createWorld(CONFIG, { [CDN + DIGEST]: 200 });
  assertEquals(await locationOf(handle(BLOB, { client })), CDN + DIGEST);
  assertEquals(
    await locationOf(handle(OTHER_BLOB, { client })),
    `${MAIN}kube-proxy/blobs/${OTHER_DIGEST}`,
  );
  const moved: ConfigFile = {
    ...CONFIG,
    upstreams: { ...CONFIG.upstreams as ConfigFile, main: { endpoint: "https://new.example" } },
  };
  const next = createSetup(moved, { roster });
  await front.change(next);
  assert(front.setup() === next);
  assertEquals(await locationOf(handle("/v2/a/tags/list")), "https://new.example/v2/a/tags/list");
  const known = handle(BLOB, { client });
  assert(known instanceof Response);
  assertEquals(await locationOf(known), CDN + DIGEST);
  assertEquals(
    await locationOf(handle(OTHER_BLOB, { client })),
    `https://new.example/v2/kube-proxy/blobs/${OTHER_DIGEST}`,
  );
  assertEquals(asked, [CDN + DIGEST, CDN + OTHER_DIGEST]);
});

Deno.test("a front has a mirror that got another URL asked anew, and knows the old one again", async () => {
  const moved = "https://moved.example/blobs";
  const world = await createWorld(CONFIG, { [CDN + DIGEST]: 200 });
  const { front, handle, asked, roster, answers, board } = world;
  await handle(BLOB, { client });
  for (let failure = 0; failure < 3; failure++) board.failed(0);
  await front.change(createSetup(withUrls({ cdn: moved, paris: moved }), { roster }));
  assertEquals(await locationOf(handle(BLOB, { client })), IN_UPSTREAM);
  // The one that was down is another one, too.
  answers.set(`${moved}/${DIGEST}`, 200);
  assertEquals(
    await locationOf(handle(BLOB, { client: CLIENTS.paris })),
    `${moved}/${DIGEST}`,
  );
  assertEquals(asked, [CDN + DIGEST, `${moved}/${DIGEST}`, `${moved}/${DIGEST}`]);
  await front.change(createSetup(CONFIG, { roster }));
  assertEquals(await locationOf(handle(BLOB, { client })), CDN + DIGEST);
  // It is still down, so the rule's next serves.
  assertEquals(await locationOf(handle(BLOB, { client: CLIENTS.paris })), CDN + DIGEST);
  assertEquals(asked.length, 3);
});

Deno.test("a front that may remember another number of answers begins to remember anew", async () => {
  const { front, handle, asked, roster } = await createWorld(CONFIG, { [CDN + DIGEST]: 200 });
  await handle(BLOB, { client });
  await front.change(createSetup({ ...CONFIG, probe: { max_entries: 10 } }, { roster }));
  await handle(BLOB, { client });
  assertEquals(asked, [CDN + DIGEST, CDN + DIGEST]);
});

Deno.test("a front that is changed again and again asks no more at once than it may", async () => {
  const hanging = [PARIS, CDN].flatMap((mirror) =>
    [DIGEST, OTHER_DIGEST].map((digest) => [mirror + digest, "hangs"] as const)
  );
  const world = await createWorld(
    { ...CONFIG, probe: { max_in_flight: 1 } },
    Object.fromEntries(hanging),
  );
  const { front, handle, roster, stop, asked, totals } = world;
  const cases = [
    { probe: { max_in_flight: 1 }, asked: 1 },
    { probe: { max_in_flight: 1, missing_ttl_s: 1 }, asked: 1 },
    { probe: { max_in_flight: 2 }, asked: 2 },
    { probe: { max_in_flight: 2, max_per_s: 1 }, asked: 3 },
  ];
  const answers = [handle(BLOB, { client })];
  for (const { probe, asked: expected } of cases) {
    await front.change(createSetup({ ...CONFIG, probe }, { roster }));
    answers.push(handle(OTHER_BLOB, { client }));
    assertEquals(asked.length, expected);
  }
  stop();
  await Promise.all(answers);
  assertEquals(totals().gauge("probes_in_flight"), 0);
});

Deno.test("a front that takes a dead one's place knows nothing, and asks nothing yet", async () => {
  const numbers = createNumbersMemory();
  const dead = createNumbers(numbers);
  dead.known(7, 8);
  dead.inFlight(9);
  dead.redirected("tags");
  const { totals } = await createWorld(CONFIG, {}, { numbers });
  for (const gauge of GAUGES) assertEquals(totals().gauge(gauge), 0);
  assertEquals(totals().requests("tags", 307), 1);
});

Deno.test("a front drops no request that is under way when it is changed", async () => {
  const world = await createWorld(CONFIG, { [PARIS + DIGEST]: "hangs", [CDN + DIGEST]: "hangs" });
  const { front, handle, roster, stop, answers } = world;
  const waiting = [handle(BLOB, { client }), handle(BLOB, { client: CLIENTS.paris })];
  const changing = front.change(
    createSetup(withUrls({ cdn: "https://moved.example" }), { roster }),
  );
  // Until it is ready, the one before answers.
  assertEquals(await locationOf(handle("/v2/a/tags/list")), `${MAIN}a/tags/list`);
  await changing;
  answers.set(`https://moved.example/${DIGEST}`, 200);
  assertEquals(await locationOf(handle(BLOB, { client })), `https://moved.example/${DIGEST}`);
  stop();
  for (const answer of waiting) assertEquals(await locationOf(answer), IN_UPSTREAM);
});

Deno.test("a front reads a data set in steps, between which it answers", async () => {
  const regions = Array.from({ length: 100 }, (_, at) => `location gcp/r${at}\n10.0.${at}.0/24\n`);
  const dataSet = DATA_SET + regions.join("");
  const { front, handle, roster } = await createWorld(
    {
      ...CONFIG,
      rules: [{ clients: ["gcp/*"], mirrors: [] }, { clients: ["*"], mirrors: ["cdn"] }],
    },
    { [CDN + DIGEST]: 200 },
  );
  const setup = createSetup(CONFIG, { roster, dataSet });
  let changed = false;
  const changing = front.change(setup).then(() => changed = true);
  await turn(20);
  assertEquals(changed, false);
  assertEquals(await locationOf(handle(BLOB, { client: "10.0.99.1" })), CDN + DIGEST);
  await changing;
  assertEquals(await locationOf(handle(BLOB, { client: "10.0.99.1" })), IN_UPSTREAM);
  assertEquals(front.routing().locator.locations.length, 103);
});

Deno.test("a front that cannot use a setup goes on by the one before", async () => {
  const { front, handle, roster } = await createWorld(CONFIG);
  const before = front.setup();
  const dataSet = `${DATA_SET}no prefix\n`;
  await assertRejects(
    () => front.change(createSetup(CONFIG, { roster, dataSet })),
    SyntaxError,
    "no prefix",
  );
  assert(front.setup() === before);
  assertEquals(await locationOf(handle(BLOB, { client: CLIENTS.google })), IN_UPSTREAM);
});

Deno.test("a front asks its part of what all isolates may ask at once, and at least one", async () => {
  const cases = [
    { maxInFlight: 8, isolates: 1, asked: 8 },
    { maxInFlight: 8, isolates: 2, asked: 4 },
    { maxInFlight: 8, isolates: 3, asked: 2 },
    { maxInFlight: 2, isolates: 4, asked: 1 },
  ];
  for (const { maxInFlight, isolates, asked: expected } of cases) {
    const digests = Array.from({ length: 10 }, (_, at) => `sha256:${`${at}`.repeat(64)}`);
    const hanging = Object.fromEntries(digests.map((digest) => [CDN + digest, "hangs"] as const));
    const config = { ...CONFIG, probe: { max_in_flight: maxInFlight } };
    const { handle, asked, stop, totals } = await createWorld(config, hanging, { isolates });
    const answers = digests.map((digest) => handle(`/v2/a/blobs/${digest}`, { client }));
    assertEquals(asked.length, expected);
    assertEquals(answers.filter((answer) => answer instanceof Promise).length, expected);
    assertEquals(totals().toUpstream(0, "busy"), 10 - expected);
    stop();
    for (const answer of answers) await locationOf(answer);
  }
});

Deno.test("a front asks its part of what all isolates may ask in a second", async () => {
  // So many may be asked at once; each one more, when its turn has come.
  const AT_ONCE = 25;
  for (const { isolates, turnMs } of [{ isolates: 1, turnMs: 10 }, { isolates: 2, turnMs: 20 }]) {
    const config = { ...CONFIG, probe: { max_per_s: 100 } };
    const { handle, asked, pass, now } = await createWorld(config, {}, { isolates });
    const answers = Array.from(
      { length: AT_ONCE + 4 },
      (_, at) => handle(`/v2/a/blobs/sha256:${at.toString(16).padStart(64, "0")}`, { client }),
    );
    const atFirst = asked.length;
    const began = now();
    while (asked.length < answers.length) {
      pass(1);
      await turn();
    }
    assertEquals(atFirst, AT_ONCE + 1);
    assertEquals(now() - began, 3 * turnMs);
    await Promise.all(answers);
  }
});

Deno.test("a front takes a mirror down that fails too often in a row, and tells it once", async () => {
  const cases = [
    { statuses: [500, 503, 429], down: ["cdn"] },
    { statuses: ["fails", 599, 500, 500, 500], down: ["cdn"] },
    { statuses: [500, 500, 404, 500, 500], down: [] },
    { statuses: [500, 500, 403, 500, 500, 200], down: [] },
  ] as const;
  for (const { statuses, down: expected } of cases) {
    const { handle, answers, down, asked, board } = await createWorld(CONFIG);
    for (const [at, status] of statuses.entries()) {
      const digest = `sha256:${`${at}`.repeat(64)}`;
      answers.set(CDN + digest, status);
      const location = await locationOf(handle(`/v2/a/blobs/${digest}`, { client }));
      assertEquals(location, status === 200 ? CDN + digest : `${MAIN}a/blobs/${digest}`);
    }
    assertEquals(down, [...expected]);
    assertEquals(board.isDown(1), expected.length > 0);
    // One that is down is not asked.
    if (expected.length > 0) assertEquals(asked.length, 3);
  }
});

Deno.test("a front takes a mirror down after as many failures as it is changed to", async () => {
  const { front, handle, answers, down, roster } = await createWorld(CONFIG);
  const health = { down_after: 2 };
  await front.change(createSetup({ ...CONFIG, health }, { roster }));
  for (const digest of [DIGEST, OTHER_DIGEST]) {
    answers.set(CDN + digest, 500);
    await handle(`/v2/a/blobs/${digest}`, { client });
  }
  assertEquals(down, ["cdn"]);
});

Deno.test("a front takes no mirror down for the failures of an upstream", async () => {
  const { handle, answers, down } = await createWorld(SIGNED_CONFIG);
  for (let number = 0; number < 5; number++) {
    answers.set(`${MAIN}a${number}/manifests/${DIGEST}`, 500);
    await handle(`/v2/a${number}/manifests/${DIGEST}`);
  }
  assertEquals(down, []);
});
