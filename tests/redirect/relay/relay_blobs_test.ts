import { assert, assertEquals, assertRejects } from "@std/assert";
import { settle } from "../../mirrors/virtual_clock.ts";
import { codeOf, createRelayWorld, digestOf, manifestOf, RELAYING, tell } from "./relay_world.ts";

const content = new Uint8Array(1000).map((_, at) => at % 251);
const DIGEST = await digestOf(content);
const PATH = `/v2/app/blobs/${DIGEST}`;
const BLOB = `acme/app/blobs/${DIGEST}`;
const manifest = await manifestOf("signature");

/** A registry that serves a blob itself, with ranges. */
function serving(request: Request): Response {
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.get("range") ?? "");
  if (range === null) {
    return new Response(content, { headers: { "content-length": String(content.length) } });
  }
  const from = Number(range[1]);
  const to = range[2] === "" ? content.length - 1 : Number(range[2]);
  if (from >= content.length) {
    return new Response(null, {
      status: 416,
      headers: { "content-range": `bytes */${content.length}` },
    });
  }
  return new Response(content.slice(from, to + 1), {
    status: 206,
    headers: {
      "content-length": String(to + 1 - from),
      "content-range": `bytes ${from}-${to}/${content.length}`,
    },
  });
}

function createServing(more: Parameters<typeof createRelayWorld>[0] = {}) {
  const world = createRelayWorld({
    ...more,
    stub: {
      reply: (request) => request.url.includes(DIGEST) ? serving(request) : undefined,
      ...more.stub,
    },
  });
  world.stub.contents.set(BLOB, () => new Response(content));
  return world;
}

Deno.test("a blob that a mirror has comes from there", async () => {
  const { ask, taken } = createServing({ others: () => new Response(null, { status: 200 }) });
  const response = await ask(PATH);
  assertEquals(response.headers.get("location"), `https://cdn.example/blobs/${DIGEST}`);
  assertEquals(taken(), []);
});

Deno.test("an upstream's own redirect is handed on, for each request anew", async () => {
  let at = 0;
  const { ask, taken, totals } = createRelayWorld({
    stub: {
      reply: ({ method }) =>
        new Response(null, {
          status: 302,
          headers: { location: `https://signed.example/x?method=${method}&sig=${++at}` },
        }),
    },
  });
  const { stub } = createRelayWorld();
  stub.contents.set(BLOB, () => new Response(null));
  const world = createRelayWorld({
    stub: {
      reply: ({ method }) =>
        new Response(null, {
          status: 302,
          headers: { location: `https://signed.example/x?method=${method}&sig=${++at}` },
        }),
    },
  });
  world.stub.contents.set(BLOB, () => new Response(null));
  for (const [method, sig] of [["GET", 1], ["HEAD", 2], ["GET", 3]] as const) {
    const response = await world.ask(PATH, { method });
    assertEquals(await tell(response), {
      status: 307,
      headers: {
        location: `https://signed.example/x?method=${method}&sig=${sig}`,
        "content-length": "0",
        "cache-control": "no-store",
      },
      body: "",
    });
  }
  assertEquals(world.taken().filter((request) => !request.endsWith("token")).length, 4);
  assertEquals(world.totals().relay.relayed(0, "redirect"), 3);
  assertEquals(world.totals().requests("blob", 307), 3);
  // In a repository that nobody sees, there is nothing to hand on.
  assertEquals((await ask("/v2/hidden/blobs/" + DIGEST)).status, 404);
  assertEquals([taken().length, totals().relay.relayed(0, "missing")], [2, 1]);
});

Deno.test("a redirect to where no client is to be sent is handed to nobody", async () => {
  const locations = [
    "file:///etc/passwd",
    "http://cdn.example/x",
    "https://127.0.0.1/x",
    "https://169.254.169.254/latest/meta-data",
    "https://user:secret@cdn.example/x",
    `/v2/${BLOB}`,
    "https://registry.example/v2/app/blobs/x",
    "",
  ];
  for (const location of locations) {
    const world = createRelayWorld({
      stub: { reply: () => new Response(null, { status: 307, headers: { location } }) },
    });
    world.stub.contents.set(BLOB, () => new Response(null));
    const response = await world.ask(PATH, { headers: { host: "registry.example" } });
    const text = JSON.stringify(await tell(response.clone()));
    assertEquals(await codeOf(response), "503 UNAVAILABLE", location);
    assert(!text.includes("secret") && !text.includes("127.0.0.1"), text);
    assertEquals(world.elsewhere.filter((url) => !url.includes("cdn.example/blobs")), []);
  }
});

Deno.test("a blob that the upstream serves itself is streamed, and HEAD handed on", async () => {
  const { ask, totals } = createServing();
  const expected = {
    "content-type": "application/octet-stream",
    "content-length": "1000",
    "docker-content-digest": DIGEST,
    "etag": `"${DIGEST}"`,
    "accept-ranges": "bytes",
  };
  const head = await tell(await ask(PATH, { method: "HEAD" }));
  assertEquals(head, { status: 200, headers: expected, body: "" });
  const response = await ask(PATH);
  assertEquals([response.status, Object.fromEntries(response.headers)], [200, expected]);
  assertEquals(totals().relay.gauge("streams"), 1);
  assertEquals(new Uint8Array(await response.arrayBuffer()), content);
  assertEquals(totals().relay.gauge("streams"), 0);
  assertEquals(totals().relay.gauge("streamed_bytes"), 1000);
});

Deno.test("a range is handed on, one of a sensible form", async () => {
  const table: { headers: Record<string, string>; expected: [number, string | null, number] }[] = [
    { headers: { range: "bytes=0-0" }, expected: [206, "bytes 0-0/1000", 1] },
    { headers: { range: "bytes=990-" }, expected: [206, "bytes 990-999/1000", 10] },
    { headers: { range: "bytes=5000-" }, expected: [416, "bytes */1000", 0] },
    {
      headers: { range: "bytes=0-0", "if-range": `"${DIGEST}"` },
      expected: [206, "bytes 0-0/1000", 1],
    },
    { headers: { range: "bytes=0-0", "if-range": '"other"' }, expected: [200, null, 1000] },
    { headers: { range: "bytes=0-0,5-6" }, expected: [200, null, 1000] },
    { headers: { range: "bytes=-" }, expected: [200, null, 1000] },
    { headers: { range: "bytes=a-b" }, expected: [200, null, 1000] },
    { headers: { range: "lines=1-2" }, expected: [200, null, 1000] },
    { headers: { range: `bytes=0-${"9".repeat(100)}` }, expected: [200, null, 1000] },
    { headers: { range: `bytes=${"0-0,".repeat(10_000)}` }, expected: [200, null, 1000] },
  ];
  for (const { headers, expected } of table) {
    const { ask } = createServing();
    const response = await ask(PATH, { headers });
    const { length } = new Uint8Array(await response.arrayBuffer());
    assertEquals([response.status, response.headers.get("content-range"), length], expected);
  }
});

Deno.test("an answer to a range that was not asked for is none", async () => {
  for (const status of [206, 304, 416]) {
    const world = createRelayWorld({ stub: { reply: () => new Response(null, { status }) } });
    world.stub.contents.set(BLOB, () => new Response(null));
    assertEquals(await codeOf(await world.ask(PATH)), "503 UNAVAILABLE");
  }
});

Deno.test("headers of the upstream are not handed on but for those that say what is sent", async () => {
  const world = createRelayWorld({
    stub: {
      reply: () =>
        new Response(content, {
          headers: {
            "set-cookie": "a=b",
            "content-type": "text/html",
            "content-length": "a lot",
            "content-range": "bytes of some kind",
            "location": "https://evil.example",
          },
        }),
    },
  });
  world.stub.contents.set(BLOB, () => new Response(null));
  const response = await world.ask(PATH);
  assertEquals([...response.headers.keys()], [
    "accept-ranges",
    "content-type",
    "docker-content-digest",
    "etag",
  ]);
  await response.body?.cancel();
});

Deno.test("with stream: false such a blob is 503 and a log line, never a redirect", async () => {
  const world = createServing({ config: { ...RELAYING, relay: { stream: false } } });
  const response = await world.ask(PATH);
  assertEquals([response.headers.get("retry-after"), response.headers.get("location")], [
    "5",
    null,
  ]);
  assertEquals(await codeOf(response), "503 UNAVAILABLE");
  assertEquals(world.told.unanswered, ["https://ghcr.example/v2/acme/"]);
  assertEquals((await world.ask(PATH, { method: "HEAD" })).status, 200);
});

Deno.test("streams are bounded, and a place is free when one ends, however it does", async () => {
  const { ask, totals } = createServing({ config: { ...RELAYING, relay: { max_streams: 2 } } });
  const open = [await ask(PATH), await ask(PATH)];
  const third = await ask(PATH);
  assertEquals([third.headers.get("retry-after"), await codeOf(third)], ["5", "503 UNAVAILABLE"]);
  assertEquals(totals().relay.relayed(0, "busy"), 1);
  assertEquals((await ask(PATH, { method: "HEAD" })).status, 200);
  await open[0]!.body!.cancel();
  const next = await ask(PATH);
  assertEquals(next.status, 200);
  await open[1]!.arrayBuffer();
  const last = await ask(PATH);
  assertEquals(last.status, 200);
  for (const response of [next, last]) await response.arrayBuffer();
  assertEquals(totals().relay.gauge("streams"), 0);
});

Deno.test("no more is read from the upstream than the client takes", async () => {
  let read = 0;
  let cancelled = 0;
  const world = createRelayWorld({
    stub: {
      reply: () =>
        new Response(
          new ReadableStream({
            pull(controller) {
              read++;
              controller.enqueue(new Uint8Array(1000));
            },
            cancel: () => void cancelled++,
          }, { highWaterMark: 0 }),
        ),
    },
  });
  world.stub.contents.set(BLOB, () => new Response(null));
  const response = await world.ask(PATH);
  await settle();
  assertEquals(read, 0);
  const reader = response.body!.getReader();
  for (let at = 1; at <= 3; at++) {
    await reader.read();
    assertEquals(read, at);
  }
  await reader.cancel();
  assertEquals(cancelled, 1);
  await world.clock.pass(1000);
  assertEquals(world.clock.waiting, 0);
});

Deno.test("a stream ends when the upstream sends no more, or breaks off", async () => {
  for (
    const [body, expected] of [
      [() => new ReadableStream(), "the upstream sends no more"],
      [() => new ReadableStream({ pull: (it) => it.error(new Error("reset")) }), "reset"],
    ] as const
  ) {
    const world = createRelayWorld({ stub: { reply: () => new Response(body()) } });
    world.stub.contents.set(BLOB, () => new Response(null));
    const response = await world.ask(PATH);
    const reading = assertRejects(() => response.arrayBuffer(), Error, expected);
    await world.clock.pass(20_000);
    await reading;
    assertEquals([world.clock.waiting, world.totals().relay.gauge("streams")], [0, 0]);
  }
});

Deno.test("a flood of made-up blobs leaves places for those that there are", async () => {
  const { ask, clock } = createServing({
    config: { upstreams: RELAYING.upstreams },
    stub: {
      realm: null,
      reply: ({ url }) => url.includes(DIGEST) ? serving(new Request(url)) : "hangs",
    },
  });
  assertEquals((await tell(await ask(PATH))).status, 200);
  const flood = Array.from(
    { length: 500 },
    (_, at) => ask(`/v2/app/blobs/sha256:${String(at).padStart(64, "0")}`),
  );
  await settle();
  const known = ask(PATH);
  await clock.pass(1000);
  assertEquals((await tell(await known)).status, 200);
  await clock.pass(11_000);
  const statuses = (await Promise.all(flood)).map(({ status }) => status);
  assertEquals(new Set(statuses), new Set([503]));
});

Deno.test("a client that takes too little holds no place", async () => {
  const endless = () =>
    new Response(
      new ReadableStream({ pull: (it) => it.enqueue(new Uint8Array(100 * 1024)) }, {
        highWaterMark: 0,
      }),
    );
  const world = createRelayWorld({ stub: { reply: endless } });
  world.stub.contents.set(BLOB, () => new Response(null));
  const quick = await world.ask(PATH);
  const slow = await world.ask(PATH);
  const idle = await world.ask(PATH);
  const [reader, slowReader] = [quick.body!.getReader(), slow.body!.getReader()];
  for (let minute = 0; minute < 3; minute++) {
    for (let at = 0; at < 6; at++) await reader.read();
    await world.clock.pass(59_000);
    if (minute === 0) await slowReader.read();
    await world.clock.pass(1000);
  }
  await assertRejects(() => slowReader.read(), DOMException, "the client takes too little");
  await assertRejects(() => idle.arrayBuffer(), DOMException, "the client takes too little");
  assertEquals(world.totals().relay.gauge("streams"), 1);
  await reader.cancel();
});

Deno.test("a blob is missing where the upstream has none, and that is remembered", async () => {
  const { ask, add, taken } = createRelayWorld();
  add("acme/app", "v1", manifest);
  assertEquals(await codeOf(await ask(PATH)), "404 BLOB_UNKNOWN");
  taken();
  assertEquals(await codeOf(await ask(PATH)), "404 BLOB_UNKNOWN");
  assertEquals(taken(), []);
});

Deno.test("an empty blob is served", async () => {
  const digest = await digestOf("");
  const world = createRelayWorld({ stub: { realm: null } });
  world.stub.contents.set(`acme/app/blobs/${digest}`, () => new Response(null));
  const response = await world.ask(`/v2/app/blobs/${digest}`);
  assertEquals([response.status, await response.text()], [200, ""]);
});

const SIGNED = {
  mirrors: RELAYING.mirrors,
  rules: RELAYING.rules,
  signature_upstream: "signatures",
};
const relaying = { endpoint: "https://ghcr.example", path: "acme", pull: "relay" };
const redirecting = { endpoint: "https://signed.example", path: "signed" };

Deno.test("what a relaying upstream lacks is at a redirecting signature upstream", async () => {
  const { ask, add } = createRelayWorld({
    config: { ...SIGNED, upstreams: { main: relaying, signatures: redirecting } },
  });
  add("acme/app", "v1", manifest);
  const digest = `sha256:${"1".repeat(64)}`;
  for (const path of [`manifests/${digest}`, `blobs/${digest}`]) {
    const response = await ask(`/v2/app/${path}`);
    assertEquals(response.headers.get("location"), `https://signed.example/v2/signed/app/${path}`);
  }
  assertEquals((await ask(`/v2/app/manifests/${manifest.digest}`)).status, 200);
  // Nobody knows the repository, as far as the upstream says.
  assertEquals((await ask(`/v2/hidden/manifests/sha256-${"0".repeat(64)}.sig`)).status, 307);
});

Deno.test("what a redirecting upstream lacks is fetched from a relaying signature upstream", async () => {
  const has = new Set<string>();
  const { ask, add, elsewhere } = createRelayWorld({
    config: { ...SIGNED, upstreams: { main: redirecting, signatures: relaying } },
    others: ({ url }) => new Response(null, { status: has.has(url) ? 200 : 404 }),
  });
  add("acme/app", undefined, manifest);
  add("acme/app", `sha256-${"2".repeat(64)}.sig`, manifest);
  const tagged = await ask(`/v2/app/manifests/sha256-${"2".repeat(64)}.sig`);
  assertEquals((await tell(tagged)).body, manifest.text);
  const byDigest = await ask(`/v2/app/manifests/${manifest.digest}`);
  assertEquals((await tell(byDigest)).body, manifest.text);
  const digest = `sha256:${"3".repeat(64)}`;
  has.add(`https://signed.example/v2/signed/app/manifests/${digest}`);
  const own = await ask(`/v2/app/manifests/${digest}`);
  assertEquals(
    own.headers.get("location"),
    `https://signed.example/v2/signed/app/manifests/${digest}`,
  );
  assert(elsewhere.length > 0);
});

Deno.test("both may be relaying, and only a 404 says that one has nothing", async () => {
  let status = 404;
  const upstreams = {
    main: { endpoint: "https://main.example", pull: "relay" },
    signatures: relaying,
  };
  const { ask, add, clock } = createRelayWorld({
    config: { ...SIGNED, upstreams },
    others: ({ url }) =>
      new Response(null, { status: url.startsWith("https://main") ? status : 404 }),
  });
  add("acme/app", undefined, manifest);
  const path = `/v2/app/manifests/${manifest.digest}`;
  assertEquals((await tell(await ask(path))).body, manifest.text);
  await clock.pass(31_000);
  for (status of [500, 503]) assertEquals((await ask(path)).status, 503);
});

Deno.test("pulls are counted and written down, with what came of relaying them", async () => {
  const { ask, add, pulls, totals } = createServing({
    config: { ...RELAYING, log: { pulls: true } },
  });
  add("acme/app", "v1", manifest);
  await ask("/v2/app/manifests/v1", { headers: { "user-agent": "test/1" }, client: "35.180.1.1" });
  await ask("/v2/app/manifests/v1");
  await (await ask(PATH)).arrayBuffer();
  await ask("/v2/none/manifests/v1");
  const lines = pulls().map((
    { repository, relayed, upstream, location, user_agent },
  ) => [repository, relayed, upstream, location, user_agent]);
  assertEquals(lines, [
    ["app", "fetched", "main", "aws/eu-west-3", "test/1"],
    ["app", "memory", "main", null, null],
    ["app", "stream", "main", null, null],
    ["none", "missing", "main", null, null],
  ]);
  assertEquals(totals().requests("manifest_by_tag", 200), 2);
  assertEquals(totals().requests("manifest_by_tag", 404), 1);
  const { relay } = totals();
  assertEquals(
    ["memory", "fetched", "stream", "missing"].map((result) =>
      relay.relayed(0, result as "memory")
    ),
    [1, 1, 1, 1],
  );
  assertEquals([relay.responded(0, "2xx"), relay.tokenAsked("token"), relay.tokenAsked("denied")], [
    3,
    1,
    1,
  ]);
});

Deno.test("how many more requests an upstream takes is told", async () => {
  const { ask, stub, totals } = createRelayWorld({ stub: { realm: null } });
  assertEquals(totals().relay.remaining(0), undefined);
  stub.contents.set(
    "acme/app/manifests/v1",
    () => new Response("{}", { headers: { "ratelimit-remaining": "76;w=21600" } }),
  );
  await ask("/v2/app/manifests/v1");
  assertEquals(totals().relay.remaining(0), 76);
  stub.contents.set(
    "acme/app/manifests/v2",
    () => new Response("{}", { headers: { "ratelimit-remaining": "none" } }),
  );
  await ask("/v2/app/manifests/v2");
  assertEquals(totals().relay.remaining(0), 76);
});
