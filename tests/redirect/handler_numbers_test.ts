import { assert, assertEquals } from "@std/assert";
import { MIRROR_REASONS, type Totals, UPSTREAM_REASONS } from "../../lib/observe/numbers.ts";
import { ROUTES, STATUSES } from "../../lib/observe/routes.ts";
import type { Reply } from "../mirrors/fake_servers.ts";
import {
  BLOB,
  CDN,
  CLIENTS,
  CONFIG,
  type ConfigFile,
  createSetup,
  createWorld,
  DIGEST,
  type Incoming,
  MAIN,
  OTHER_DIGEST,
  PARIS,
  SIGNED_CONFIG,
} from "./fixture.ts";

const HEX = "0123456789abcdef".repeat(4);
const HOUR_S = 3600;

/** All that was counted of requests, by names in the configuration: what is 0 is left out. */
function readTotals(totals: Totals, config: ConfigFile): Record<string, number> {
  const { mirrors, upstreams } = createSetup(config);
  const all = [
    ...ROUTES.flatMap((route) =>
      STATUSES.map((status) => [`${route} ${status}`, totals.requests(route, status)] as const)
    ),
    ...mirrors.flatMap(({ name, number }) =>
      MIRROR_REASONS.map((reason) =>
        [`${name} ${reason}`, totals.toMirror(number, reason)] as const
      )
    ),
    ...upstreams.flatMap(({ name, number }) =>
      UPSTREAM_REASONS.map((reason) =>
        [`${name} ${reason}`, totals.toUpstream(number, reason)] as const
      )
    ),
  ];
  return Object.fromEntries(all.filter(([, value]) => value > 0));
}

Deno.test("a handler counts what each request was for, its answer, and why it got that", async () => {
  const everywhere = { [PARIS + DIGEST]: 200, [CDN + DIGEST]: 200 };
  const cases: readonly {
    config?: ConfigFile;
    asked: string;
    incoming?: Incoming;
    answers?: Readonly<Record<string, Reply>>;
    counted: Readonly<Record<string, number>>;
  }[] = [
    { asked: "/", counted: { "info 307": 1 } },
    { asked: "/privacy", counted: { "privacy 307": 1 } },
    { asked: "/v2/", counted: { "version 200": 1 } },
    { asked: "/v2/_catalog", counted: { "catalog 404": 1 } },
    { asked: "/nothing", counted: { "nothing 404": 1 } },
    { asked: "/v2/nothing", counted: { "nothing 404": 1 } },
    { asked: "/v2/A/tags/list", counted: { "invalid 400": 1 } },
    { asked: BLOB, incoming: { method: "PUT" }, counted: { "method 405": 1 } },
    { asked: BLOB, incoming: { client: "nobody" }, counted: { "blob 400": 1 } },
    { asked: "/v2/a/tags/list", counted: { "tags 307": 1, "main registry": 1 } },
    { asked: "/v2/a/manifests/b", counted: { "manifest_by_tag 307": 1, "main registry": 1 } },
    {
      asked: `/v2/a/manifests/${DIGEST}`,
      counted: { "manifest_by_digest 307": 1, "main registry": 1 },
    },
    {
      asked: `/v2/a/referrers/${DIGEST}`,
      counted: { "referrers 307": 1, "main registry": 1 },
    },
    {
      config: SIGNED_CONFIG,
      asked: `/v2/a/referrers/${DIGEST}`,
      counted: { "referrers 307": 1, "signatures registry": 1 },
    },
    {
      config: SIGNED_CONFIG,
      asked: `/v2/a/manifests/sha256-${HEX}.sig`,
      counted: { "manifest_by_tag 307": 1, "signatures registry": 1 },
    },
    {
      config: SIGNED_CONFIG,
      asked: `/v2/a/manifests/${DIGEST}`,
      counted: { "manifest_by_digest 307": 1, "signatures signature": 1 },
    },
    {
      config: SIGNED_CONFIG,
      asked: `/v2/a/manifests/${DIGEST}`,
      answers: { [`${MAIN}a/manifests/${DIGEST}`]: 200 },
      counted: { "manifest_by_digest 307": 1, "main registry": 1 },
    },
    { asked: BLOB, answers: everywhere, counted: { "blob 307": 1, "cdn found": 1 } },
    {
      asked: BLOB,
      incoming: { client: CLIENTS.paris, method: "HEAD" },
      answers: everywhere,
      counted: { "blob 307": 1, "paris found": 1 },
    },
    // The first mirror of the rule is up and has it not: that is no fallback.
    {
      asked: BLOB,
      incoming: { client: CLIENTS.paris },
      answers: { [CDN + DIGEST]: 200 },
      counted: { "blob 307": 1, "cdn found": 1 },
    },
    { asked: BLOB, counted: { "blob 307": 1, "main missing": 1 } },
    {
      asked: BLOB,
      incoming: { client: CLIENTS.google },
      counted: { "blob 307": 1, "main no_mirror": 1 },
    },
    {
      asked: "/v2/a/blobs/blake3:abc",
      counted: { "blob 307": 1, "main no_mirror": 1 },
    },
    {
      config: SIGNED_CONFIG,
      asked: BLOB,
      counted: { "blob 307": 1, "signatures signature": 1 },
    },
    {
      config: SIGNED_CONFIG,
      asked: BLOB,
      answers: { [`${MAIN}kube-proxy/blobs/${DIGEST}`]: 200 },
      counted: { "blob 307": 1, "main missing": 1 },
    },
    {
      config: SIGNED_CONFIG,
      asked: BLOB,
      incoming: { client: CLIENTS.google },
      answers: { [`${MAIN}kube-proxy/blobs/${DIGEST}`]: 200 },
      counted: { "blob 307": 1, "main no_mirror": 1 },
    },
  ];
  for (const { config = CONFIG, asked, incoming, answers = {}, counted } of cases) {
    const world = await createWorld(config, answers);
    const response = await world.handle(asked, { client: CLIENTS.elsewhere, ...incoming });
    await response.body?.cancel();
    assertEquals(readTotals(world.totals(), config), counted, JSON.stringify({ asked, incoming }));
  }
});

Deno.test("a handler counts why a mirror that is down does not serve", async () => {
  const config: ConfigFile = {
    ...CONFIG,
    mirrors: {
      paris: { url: "https://paris.example/blobs" },
      cdn: { url: "https://cdn.example/blobs", fallback_limit: 2 },
    },
  };
  const world = await createWorld(config, { [PARIS + DIGEST]: 200, [CDN + DIGEST]: 200 });
  const { handle, board, totals, clock } = world;
  const ask = async (client: string) => void await handle(BLOB, { client, method: "HEAD" });
  board.takeDown(0);
  for (let time = 0; time < 5; time++) await ask(CLIENTS.paris);
  // Those who are sent there anyway are not among those who are diverted.
  await ask(CLIENTS.elsewhere);
  await clock.pass(1000);
  await ask(CLIENTS.paris);
  assertEquals(readTotals(totals(), config), {
    "blob 307": 7,
    "cdn fallback": 3,
    "cdn found": 1,
    "main fallback_limit": 3,
  });
  board.takeDown(1);
  await ask(CLIENTS.paris);
  await ask(CLIENTS.elsewhere);
  assertEquals(totals().toUpstream(0, "down"), 2);
});

Deno.test("a handler counts those who are not waited for, as too much is being asked", async () => {
  const world = await createWorld(
    { ...CONFIG, probe: { max_in_flight: 1 } },
    { [CDN + DIGEST]: "hangs" },
  );
  const { handle, totals, stop } = world;
  const client = CLIENTS.elsewhere;
  const waiting = handle(BLOB, { client });
  await handle(`/v2/a/blobs/${OTHER_DIGEST}`, { client });
  assertEquals(totals().toUpstream(0, "busy"), 1);
  stop();
  await waiting;
  // A probe that could not be sent says nothing of the mirror, nor of the blob.
  assertEquals(totals().asked(1, "unsent"), 1);
  assertEquals(totals().toUpstream(0, "busy"), 2);
  assertEquals(world.board.isDown(1), false);
});

Deno.test("a handler counts what came of probes, and what is remembered", async () => {
  const world = await createWorld(SIGNED_CONFIG, {
    [PARIS + DIGEST]: 503,
    [CDN + DIGEST]: 200,
    [CDN + OTHER_DIGEST]: 404,
    [`${MAIN}a/manifests/${DIGEST}`]: 404,
  });
  const { handle, totals } = world;
  await handle(BLOB, { client: CLIENTS.paris });
  await handle(`/v2/a/blobs/${OTHER_DIGEST}`, { client: CLIENTS.elsewhere });
  await handle(`/v2/a/manifests/${DIGEST}`);
  const counted = totals();
  assertEquals(counted.asked(0, "slow_down"), 1);
  assertEquals(counted.asked(1, "found"), 1);
  assertEquals(counted.asked(1, "missing"), 1);
  // Of these, two are the upstream's.
  const count = ({ buckets }: { readonly buckets: readonly number[] }) =>
    buckets.reduce((sum, bucket) => sum + bucket);
  assertEquals(count(counted.latency("slow_down")), 1);
  assertEquals(count(counted.latency("found")), 1);
  assertEquals(count(counted.latency("missing")), 3);
  assertEquals(counted.gauge("known_found"), 1);
  assertEquals(counted.gauge("known_missing"), 1);
  assertEquals(world.inFlight(), 0);
  // Where a probe found it, and where a client was sent.
  assertEquals(world.told.samples, [[1, DIGEST], [1, DIGEST]]);
  assertEquals(world.told.suspects, [0]);
});

Deno.test("a handler writes a line for each pull that it sends on, when it is to", async () => {
  const config = { ...SIGNED_CONFIG, log: { pulls: true } };
  const answers = { [PARIS + DIGEST]: 200, [`${MAIN}b/manifests/${DIGEST}`]: 200 };
  const { handle, pulls, clock } = await createWorld(config, answers);
  const paris = { client: CLIENTS.paris };
  const headers = { "user-agent": 'containerd/"2"' };
  await handle(BLOB, { ...paris, headers });
  await handle(BLOB, { ...paris, headers, method: "HEAD" });
  assertEquals(
    pulls(),
    ["GET", "HEAD"].map((method) => ({
      "@timestamp": "2026-01-01T00:00:00.000Z",
      message: "pull",
      method,
      kind: "blob",
      repository: "kube-proxy",
      reference: DIGEST,
      location: "aws/eu-west-3",
      mirror: "paris",
      reason: "found",
      user_agent: 'containerd/"2"',
    })),
  );
  await clock.pass(90_061_001);
  await handle("/v2/a/b/manifests/v1", { client: CLIENTS.elsewhere });
  assertEquals(pulls(), [{
    "@timestamp": "2026-01-02T01:01:01.001Z",
    message: "pull",
    method: "GET",
    kind: "manifest",
    repository: "a/b",
    reference: "v1",
    location: null,
    upstream: "main",
    reason: "registry",
    user_agent: null,
  }]);
  // Where a client is counts for nothing here, and is told all the same when it is known.
  await handle("/v2/a/tags/list", { client: CLIENTS.google });
  await handle(`/v2/b/manifests/${DIGEST}`, { client: "nobody" });
  await handle(`/v2/c/manifests/${DIGEST}`, { client: CLIENTS.virginia });
  await handle(`/v2/d/referrers/${DIGEST}`, paris);
  const told = pulls().map(({ kind, reference, location, upstream }) => ({
    kind,
    reference,
    location,
    upstream,
  }));
  assertEquals(told, [
    { kind: "tags", reference: null, location: "gcp/europe-west9", upstream: "main" },
    { kind: "manifest", reference: DIGEST, location: null, upstream: "main" },
    { kind: "manifest", reference: DIGEST, location: "aws/us-east-1", upstream: "signatures" },
    { kind: "referrers", reference: DIGEST, location: "aws/eu-west-3", upstream: "signatures" },
  ]);
});

Deno.test("a handler writes down what is a pull and is sent on alone", async () => {
  const paths = ["/", "/privacy", "/v2/", "/v2/_catalog", "/nothing", "/v2/A/tags/list"];
  const { handle, pulls } = await createWorld({ ...CONFIG, log: { pulls: true } });
  for (const client of [CLIENTS.elsewhere, "nobody"]) {
    for (const path of paths) await (await handle(path, { client })).body?.cancel();
  }
  await (await handle(BLOB, { method: "PUT" })).body?.cancel();
  await (await handle(BLOB, { client: "nobody" })).body?.cancel();
  assertEquals(pulls(), []);
  const silent = await createWorld(CONFIG);
  await silent.handle(BLOB, { client: CLIENTS.google });
  assertEquals(silent.pulls(), []);
});

Deno.test("a handler tells what each request is for, for traces", async () => {
  const told: string[] = [];
  const { handle } = await createWorld(CONFIG, {}, {
    tellRoute: (asked) => void told.push(asked.kind),
  });
  for (const path of ["/v2/", "/v2/a/tags/list", "/nothing", BLOB]) {
    await (await handle(path, { client: CLIENTS.google })).body?.cancel();
  }
  assertEquals(told, ["version", "tags", "nothing", "blob"]);
});

Deno.test("a handler keeps what is found apart from what is missing, so that no flood drives it out", async () => {
  const probe = { max_entries: 8, found_ttl_s: HOUR_S };
  const { handle, totals } = await createWorld({ ...CONFIG, probe }, { [CDN + DIGEST]: 200 });
  const client = CLIENTS.elsewhere;
  await handle(BLOB, { client });
  for (let number = 0; number < 20; number++) {
    await handle(`/v2/a/blobs/sha256:${number.toString(16).padStart(64, "0")}`, { client });
  }
  assert(handle(BLOB, { client, method: "HEAD" }) instanceof Response);
  assertEquals(totals().gauge("known_found"), 1);
  assertEquals(totals().gauge("known_missing"), 2);
});

Deno.test("a handler tells of a mirror that has had none of 100 blobs, once, with its last answer", async () => {
  const { answer, answers, told, board } = await createWorld(CONFIG);
  async function askFor(count: number, begin: string): Promise<void> {
    for (let at = 0; at < count; at++) {
      const digest = `sha256:${begin}${at.toString(16).padStart(63, "0")}`;
      await answer(`/v2/a/blobs/${digest}`, { client: CLIENTS.elsewhere });
    }
  }
  await askFor(99, "a");
  answers.set(CDN + DIGEST, 200);
  await answer(BLOB, { client: CLIENTS.elsewhere });
  await askFor(99, "b");
  assertEquals([told.nothingFound, board.notFound(1)], [[], 99]);
  answers.set(CDN + OTHER_DIGEST, 301);
  await answer(`/v2/a/blobs/${OTHER_DIGEST}`, { client: CLIENTS.elsewhere });
  assertEquals(told.nothingFound, [["cdn", 100, "status 301"]]);
  await askFor(150, "c");
  assertEquals(told.nothingFound.length, 1);
});
