import { assert, assertEquals, assertThrows } from "@std/assert";
import { createRedirector, type RedirectorOptions } from "../../lib/redirect/mod.ts";
import { createFakeServers, type Reply } from "../mirrors/fake_servers.ts";
import { createVirtualClock, settle } from "../mirrors/virtual_clock.ts";
import {
  BEGUN,
  BLOB,
  CDN,
  CLIENTS,
  CONFIG,
  DATA_SET,
  DIGEST,
  MAIN,
  PARIS,
  patiently,
  readLines,
} from "../redirect/fixture.ts";

const { upstreams: { main } } = CONFIG as { upstreams: { main: unknown } };
const USED = { ...CONFIG, upstreams: { main } };
const IN_UPSTREAM = `${MAIN}kube-proxy/blobs/${DIGEST}`;

/** A redirector by a virtual clock, of which mirrors answer as they are told. */
function createWorld(config: unknown = USED, options: RedirectorOptions = {}) {
  const clock = createVirtualClock(BEGUN);
  const answers = new Map<string, Reply>();
  const servers = createFakeServers(clock, ({ url }) => answers.get(url) ?? 404);
  const redirector = createRedirector(config, {
    fetch: servers.fetch,
    now: clock.now,
    timeOfDay: clock.now,
    later: clock.later,
    random: () => 0.5,
    dataSet: DATA_SET,
    ...options,
  });
  async function locationFor(client: string, info?: unknown): Promise<string | null> {
    const headers: HeadersInit = client === "" ? {} : { "x-forwarded-for": `${client}, 10.0.0.1` };
    const request = new Request(`https://old.example${BLOB}`, { headers, method: "HEAD" });
    const response = await patiently(clock, redirector.fetch(request, info));
    await response.body?.cancel();
    return response.headers.get("location");
  }
  return { redirector, clock, answers, sent: servers.sent, locationFor };
}

Deno.test("createRedirector() redirects by a value that a configuration file could have", async () => {
  const { redirector, answers, locationFor } = createWorld();
  answers.set(PARIS + DIGEST, 200).set(CDN + DIGEST, 200);
  assertEquals(await locationFor(CLIENTS.paris), PARIS + DIGEST);
  assertEquals(await locationFor(CLIENTS.elsewhere), CDN + DIGEST);
  assertEquals(await locationFor(CLIENTS.google), IN_UPSTREAM);
  redirector.stop();
});

Deno.test("createRedirector() takes what each platform knows of a connection", async () => {
  const table: { info?: unknown; client?: string; expected: string | null }[] = [
    // Deno.serve
    { info: { remoteAddr: { hostname: "35.180.1.1", port: 1 } }, expected: PARIS + DIGEST },
    { info: { remoteAddr: { transport: "unix", path: "/run/a.sock" } }, expected: null },
    // Workers give bindings, Bun its server, adapters for Node what they have.
    { info: { KV: {} }, expected: null },
    { info: { KV: {} }, client: "35.180.1.1", expected: PARIS + DIGEST },
    { info: { remoteAddr: { hostname: 5 } }, expected: null },
    { info: null, expected: null },
    { expected: null },
    { client: "35.180.1.1", expected: PARIS + DIGEST },
  ];
  for (const { info, client = "", expected } of table) {
    const { redirector, answers, locationFor } = createWorld();
    answers.set(PARIS + DIGEST, 200);
    assertEquals(await locationFor(client, info), expected, JSON.stringify({ info, client }));
    redirector.stop();
  }
});

Deno.test("createRedirector() lists all mistakes of a configuration at once", () => {
  const table: { config: unknown; named: readonly string[] }[] = [
    {
      config: { ...USED, upstreams: { main: { endpoint: "nowhere" } }, rulez: [] },
      named: ["\n  upstreams.main.endpoint: found ", "\n  rulez: found "],
    },
    { config: undefined, named: ["the whole file: found nothing"] },
    { config: "text", named: ['the whole file: found "text"'] },
    { config: [], named: ["the whole file: "] },
  ];
  for (const { config, named } of table) {
    const { message } = assertThrows(() => createRedirector(config), TypeError);
    assert(message.startsWith("Cannot use the configuration:\n  "), message);
    for (const part of named) assert(message.includes(part), `${part} in ${message}`);
  }
});

Deno.test("createRedirector() asks no server and waits for nothing before the first request", async () => {
  const { redirector, clock, sent } = createWorld();
  await clock.pass(60_000);
  assertEquals([sent.length, clock.waiting], [0, 0]);
  redirector.stop();
});

Deno.test("createRedirector() checks mirrors from the first request on, until it is stopped", async () => {
  const told: string[] = [];
  const { redirector, clock, sent, answers, locationFor } = createWorld(USED, {
    log: {
      onDown: ({ name }, reason) => void told.push(`${name} is down: ${reason}`),
      onUp: ({ name }) => void told.push(`${name} is up`),
    },
  });
  answers.set(PARIS + DIGEST, 200).set(CDN + DIGEST, 200);
  assertEquals(await locationFor(CLIENTS.paris), PARIS + DIGEST);
  await clock.pass(30_000);
  answers.set(PARIS + DIGEST, 500);
  await clock.pass(60_000);
  assertEquals(told, ["paris is down: status 500"]);
  assertEquals(await locationFor(CLIENTS.paris), CDN + DIGEST);
  answers.set(PARIS + DIGEST, 200);
  await clock.pass(300_000);
  assertEquals(told.slice(1), ["paris is up"]);
  redirector.stop();
  const sentBefore = sent.length;
  await clock.pass(600_000);
  assertEquals([sent.length - sentBefore, clock.waiting], [0, 0]);
});

Deno.test("createRedirector() tells what mirrors lost and who gave no answer", async () => {
  const lost: string[] = [];
  const unanswered: string[] = [];
  const { redirector, clock, answers, locationFor } = createWorld(USED, {
    log: {
      onLost: ({ name }, digest) => void lost.push(`${name} ${digest}`),
      onUnanswered: (url) => void unanswered.push(url),
    },
  });
  answers.set(CDN + DIGEST, 200);
  assertEquals(await locationFor(CLIENTS.elsewhere), CDN + DIGEST);
  answers.delete(CDN + DIGEST);
  await clock.pass(60_000);
  assertEquals(lost, [`cdn ${DIGEST}`]);
  answers.set(PARIS + DIGEST, "refuses");
  assertEquals(await locationFor(CLIENTS.paris), IN_UPSTREAM);
  assertEquals(unanswered, [PARIS + DIGEST]);
  redirector.stop();
});

Deno.test("a redirector that is stopped answers whoever waits, and who comes later", async () => {
  for (const hasServed of [true, false]) {
    const { redirector, clock, answers, sent, locationFor } = createWorld();
    answers.set(PARIS + DIGEST, "hangs").set(CDN + DIGEST, 200);
    const request = new Request(`https://old.example${BLOB}`, {
      headers: { "x-forwarded-for": `${CLIENTS.paris}, 10.0.0.1` },
    });
    const waiting = hasServed ? redirector.fetch(request) : undefined;
    await settle();
    redirector.stop();
    const location = (await waiting)?.headers.get("location");
    assertEquals(location, hasServed ? IN_UPSTREAM : undefined);
    const sentBefore = sent.length;
    assertEquals(await locationFor(CLIENTS.google), IN_UPSTREAM);
    assertEquals(await locationFor(CLIENTS.paris), IN_UPSTREAM);
    await clock.pass(600_000);
    assertEquals([sent.length - sentBefore, clock.waiting], [0, 0]);
  }
});

Deno.test("createRedirector() hands on the pull log when it is to be written", async () => {
  const lines: string[] = [];
  const { redirector, clock, locationFor } = createWorld({ ...USED, log: { pulls: true } }, {
    writePulls: (text) => void lines.push(text),
  });
  await locationFor(CLIENTS.google);
  await clock.pass(100);
  assertEquals(readLines(lines.join("")).map(({ upstream }) => upstream), ["main"]);
  redirector.stop();
});

Deno.test("createRedirector() gives each request a response of its own", async () => {
  const { redirector } = createWorld();
  const ask = () => redirector.fetch(new Request("https://old.example/v2/a/tags/list"));
  const [first, second] = [await ask(), await ask()];
  first.headers.set("x-added", "1");
  assertEquals(second.headers.has("x-added"), false);
  assertEquals([first.status, second.status], [307, 307]);
  const wrong = await redirector.fetch(new Request("https://old.example/v2/A/tags/list"));
  assertEquals((await wrong.json()).errors[0].code, "NAME_INVALID");
  redirector.stop();
});

Deno.test("createRedirector() runs on what the platform has, where it is given nothing", async () => {
  await using mirror = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => new Response("blob", { status: request.url.endsWith(DIGEST) ? 200 : 404 }),
  );
  const url = `http://127.0.0.1:${mirror.addr.port}`;
  const redirector = createRedirector({
    ...USED,
    log: { pulls: true },
    mirrors: { here: { url } },
    rules: [{ clients: ["*"], mirrors: ["here"] }],
  });
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    redirector.fetch,
  );
  const response = await fetch(`http://127.0.0.1:${server.addr.port}${BLOB}`, {
    redirect: "manual",
  });
  await response.body?.cancel();
  assertEquals(response.headers.get("location"), `${url}/${DIGEST}`);
  redirector.stop();
});

Deno.test("createRedirector() reads files of prefixes by readFile, and refuses them without it", async () => {
  const locations = { "office/berlin": { file: "berlin.txt" } };
  const rules = [{ clients: ["office/berlin"], mirrors: ["paris"] }];
  const config = { upstreams: { main }, mirrors: { paris: { url: PARIS } }, locations, rules };
  const readFile = (path: string) => {
    if (path === "berlin.txt") return "100.64.0.0/10\n";
    throw new Error("there is none");
  };
  const { answers, locationFor, redirector } = createWorld(config, { readFile });
  answers.set(`${PARIS}${DIGEST}`, 200);
  assertEquals(await locationFor("100.64.1.1"), `${PARIS}${DIGEST}`);
  assertEquals(await locationFor("100.128.1.1"), IN_UPSTREAM);
  redirector.stop();
  const file =
    'locations.office/berlin.file: found "berlin.txt"; allowed: a file of prefixes that ' +
    "can be read";
  assertThrows(() => createRedirector(config), TypeError, `${file} (readFile is not set)`);
  const other = { ...config, locations: { "office/berlin": { file: "other.txt" } } };
  assertThrows(() => createRedirector(other, { readFile }), TypeError, "(there is none)");
});
