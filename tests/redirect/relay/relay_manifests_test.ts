import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { settle } from "../../mirrors/virtual_clock.ts";
import {
  codeOf,
  createRelayWorld,
  digestOf,
  INDEX,
  MANIFEST,
  manifestOf,
  RELAYING,
  tell,
} from "./relay_world.ts";

const first = await manifestOf("first");
const second = await manifestOf("second");
const other = await manifestOf("other", MANIFEST);

Deno.test("a manifest by digest is fetched once, and served from memory", async () => {
  const { ask, add, taken } = createRelayWorld();
  add("acme/app", undefined, first);
  const path = `/v2/app/manifests/${first.digest}`;
  const got = await tell(await ask(path));
  assertEquals(got, {
    status: 200,
    headers: {
      "content-type": first.type,
      "content-length": String(first.text.length),
      "docker-content-digest": first.digest,
      "etag": `"${first.digest}"`,
      "cache-control": "public, max-age=31536000, immutable",
      "vary": "accept",
    },
    body: first.text,
  });
  const reference = `app/manifests/${first.digest}`;
  assertEquals(taken(), [`GET ${reference}`, "GET token", `GET ${reference}`]);
  assertEquals(await tell(await ask(path)), got);
  const head = await tell(await ask(path, { method: "HEAD" }));
  assertEquals(head, { ...got, body: "" });
  assertEquals(taken(), []);
});

Deno.test("HEAD fetches what GET then has", async () => {
  const { ask, add, taken } = createRelayWorld();
  add("acme/app", "v1", first);
  for (const reference of ["v1", first.digest]) {
    const { status, headers, body } = await tell(
      await ask(`/v2/app/manifests/${reference}`, { method: "HEAD" }),
    );
    assertEquals([status, headers["content-length"], body], [200, String(first.text.length), ""]);
  }
  assertEquals(taken().filter((request) => request.startsWith("GET app")).length, 1);
});

Deno.test("If-None-Match gets 304, by digest and by tag", async () => {
  const { ask, add } = createRelayWorld();
  add("acme/app", "v1", first);
  const etag = `"${first.digest}"`;
  const table = [
    { condition: etag, expected: 304 },
    { condition: `W/${etag}`, expected: 304 },
    { condition: "*", expected: 304 },
    { condition: `"x", W/"y" , ${etag}`, expected: 304 },
    { condition: first.digest, expected: 200 },
    { condition: `"${second.digest}"`, expected: 200 },
    { condition: "", expected: 200 },
    { condition: `"${"a".repeat(100_000)}"`, expected: 200 },
  ];
  for (const reference of ["v1", first.digest]) {
    for (const { condition, expected } of table) {
      for (const method of ["GET", "HEAD"]) {
        const response = await ask(`/v2/app/manifests/${reference}`, {
          method,
          headers: { "if-none-match": condition },
        });
        assertEquals(response.status, expected, condition);
        const { headers, body } = await tell(response);
        assertEquals(headers.etag, etag);
        if (expected === 304) assertEquals([headers["content-type"], body], [undefined, ""]);
      }
    }
  }
});

Deno.test("a tag is asked for again when it is old, and only what is new is fetched", async () => {
  const { ask, add, taken, clock } = createRelayWorld();
  add("acme/app", "v1", first);
  const path = "/v2/app/manifests/v1";
  const { headers, body } = await tell(await ask(path));
  assertEquals([headers["cache-control"], body], ["max-age=60", first.text]);
  assertEquals(taken(), [
    "HEAD app/manifests/v1",
    "GET token",
    "HEAD app/manifests/v1",
    `GET app/manifests/${first.digest}`,
  ]);
  await clock.pass(59_999);
  await ask(path);
  assertEquals(taken(), []);
  await clock.pass(1);
  await ask(path);
  assertEquals(taken().filter((request) => !request.endsWith("token")), ["HEAD app/manifests/v1"]);
  add("acme/app", "v1", second);
  await clock.pass(59_999);
  assertEquals((await tell(await ask(path))).body, first.text);
  await clock.pass(1);
  assertEquals((await tell(await ask(path))).body, second.text);
  assertEquals(taken().filter((request) => !request.endsWith("token")), [
    "HEAD app/manifests/v1",
    `GET app/manifests/${second.digest}`,
  ]);
});

Deno.test("a tag is fetched by GET where HEAD does not say its digest", async () => {
  for (
    const reply of [
      new Response(null, { status: 405 }),
      new Response(null, { status: 200 }),
      new Response(null, { status: 200, headers: { "docker-content-digest": "sha256:no" } }),
      new Response(null, { status: 307, headers: { location: "https://elsewhere.example/" } }),
    ]
  ) {
    const { ask, add, taken } = createRelayWorld({
      stub: { reply: ({ method }) => method === "HEAD" ? reply.clone() : undefined },
    });
    add("acme/app", "v1", first);
    const response = await ask("/v2/app/manifests/v1");
    assertEquals(response.status, 200);
    assertEquals(taken().filter((request) => request === "GET app/manifests/v1").length, 1);
  }
});

Deno.test("clients that wait for the same ask once", async () => {
  const { ask, add, taken } = createRelayWorld();
  add("acme/app", "v1", first);
  const paths = ["v1", "v1", first.digest, first.digest, "v1"];
  const answers = await Promise.all(paths.map((path) => ask(`/v2/app/manifests/${path}`)));
  assert(answers.every(({ status }) => status === 200));
  const requests = taken();
  // By tag and by digest, each after a challenge.
  assertEquals(requests.filter((request) => request === "GET token").length, 1);
  assertEquals(requests.filter((request) => request.startsWith("HEAD")).length, 2);
});

Deno.test("what clients accept is normalised, and a part of the key", async () => {
  const { ask, add, stub } = createRelayWorld();
  add("acme/app", "v1", first);
  const sent = () => new Set(stub.got.splice(0).map(({ headers }) => headers.get("accept")));
  await ask("/v2/app/manifests/v1", { headers: { accept: "*/*" } });
  stub.got.splice(0);
  await ask("/v2/app/manifests/v1", { headers: { accept: first.type } });
  assertEquals(stub.got.length, 0);
  await ask("/v2/app/manifests/v1", { headers: { accept: "application/x, */*" } });
  const [accept] = [...sent()];
  assertEquals(accept!.split(", ").length, 5);
  await ask("/v2/app/manifests/v1", { headers: { accept: `a/b,${"c/d,".repeat(50_000)}` } });
  assertEquals(stub.got.length, 0);
});

Deno.test("a client's credentials are not passed on, nor asked for", async () => {
  const { ask, add, stub } = createRelayWorld();
  add("acme/app", "v1", first);
  const headers = { authorization: "Basic c2VjcmV0", cookie: "secret" };
  assertEquals((await ask("/v2/", { headers })).status, 200);
  assertEquals((await ask("/v2/app/manifests/v1", { headers })).status, 200);
  const all = JSON.stringify(stub.got.map(({ headers }) => [...headers]));
  assert(!all.includes("c2VjcmV0") && !all.includes("cookie"));
});

Deno.test("what is remembered is served while the upstream fails, for a while", async () => {
  let fails: Response | "hangs" | undefined;
  const { ask, add, clock, told, totals } = createRelayWorld({ stub: { reply: () => fails } });
  add("acme/app", "v1", first);
  const path = "/v2/app/manifests/v1";
  await ask(path);
  for (const status of [500, 503, 429, 403]) {
    fails = new Response(null, { status });
    await clock.pass(120_000);
    const response = await ask(path);
    assertEquals([response.status, (await tell(response)).body], [200, first.text], String(status));
  }
  assertEquals(told.stale, ["main", "main", "main", "main"]);
  assertEquals(totals().relay.relayed(0, "stale"), 4);
  await clock.pass(3_600_000);
  fails = new Response(null, { status: 500 });
  const late = await ask(path);
  assertEquals(await codeOf(late), "503 UNAVAILABLE");
  assertEquals(late.headers.get("retry-after"), "5");
  fails = undefined;
  await clock.pass(60_000);
  assertEquals((await ask(path)).status, 200);
});

Deno.test("an upstream that fails is not waited for by each request", async () => {
  let fails = false;
  const { ask, add, clock, taken } = createRelayWorld({
    stub: { reply: () => fails ? "hangs" : undefined },
  });
  add("acme/app", "v1", first);
  const path = "/v2/app/manifests/v1";
  await ask(path);
  fails = true;
  await clock.pass(60_000);
  const waiting = ask(path);
  await clock.pass(10_000);
  assertEquals((await waiting).status, 200);
  taken();
  for (let at = 0; at < 10; at++) assertEquals((await ask(path)).status, 200);
  assertEquals(taken(), []);
});

Deno.test("a tag that is gone is gone, and found again soon", async () => {
  const { ask, add, stub, clock, taken } = createRelayWorld();
  add("acme/app", "v1", first);
  const path = "/v2/app/manifests/v1";
  await ask(path);
  stub.contents.delete("acme/app/manifests/v1");
  await clock.pass(60_000);
  assertEquals(await codeOf(await ask(path)), "404 MANIFEST_UNKNOWN");
  taken();
  assertEquals(await codeOf(await ask(path)), "404 MANIFEST_UNKNOWN");
  assertEquals(taken(), [], "what is missing is remembered");
  add("acme/app", "v1", second);
  await clock.pass(30_000);
  assertEquals((await tell(await ask(path))).body, second.text);
});

Deno.test("what nobody may see is not known", async () => {
  for (const manner of ["ghcr", "hub"] as const) {
    const { ask, taken } = createRelayWorld({ stub: { manner } });
    for (const method of ["GET", "HEAD"]) {
      const response = await ask("/v2/hidden/manifests/v1", { method });
      assertEquals(response.status, 404);
    }
    const before = taken().length;
    assertEquals(await codeOf(await ask("/v2/hidden/manifests/v1")), "404 MANIFEST_UNKNOWN");
    assertEquals(taken().length, 0);
    assert(before > 0);
  }
});

Deno.test("what a repository has shown lately is not unknown for want of a token", async () => {
  const hidden: string[] = [];
  const { ask, add, clock, told } = createRelayWorld({ stub: { hidden } });
  add("acme/app", "v1", first);
  add("acme/app", "v2", second);
  await ask("/v2/app/manifests/v1");
  hidden.push("acme/app");
  await clock.pass(61_000);
  const stale = await ask("/v2/app/manifests/v1");
  assertEquals([stale.status, told.stale], [200, ["main"]]);
  assertEquals(await codeOf(await ask("/v2/app/manifests/v2")), "503 UNAVAILABLE");
  await clock.pass(3_700_000);
  assertEquals(await codeOf(await ask("/v2/app/manifests/v2")), "404 MANIFEST_UNKNOWN");
});

Deno.test("refused credentials are a failure, and nothing is unknown for them", async () => {
  const credentials = { main: { kind: "password", username: "bot", password: "wrong" } } as const;
  const { ask, add, told } = createRelayWorld({
    config: {
      ...RELAYING,
      upstreams: {
        main: {
          endpoint: "https://ghcr.example",
          path: "acme",
          pull: "relay",
          credentials: { username: "bot", password_file: "/run/secret" },
        },
      },
      repositories: { app: { public: true } },
    },
    credentials,
    stub: { users: { bot: "right" } },
  });
  add("acme/app", "v1", first);
  assertEquals(await codeOf(await ask("/v2/app/manifests/v1")), "503 UNAVAILABLE");
  assertEquals(told.unanswered.length, 1);
});

Deno.test("what no entry names is never asked for, whoever asks", async () => {
  const { ask, add, taken } = createRelayWorld({
    config: {
      ...RELAYING,
      upstreams: {
        main: {
          endpoint: "https://ghcr.example",
          pull: "relay",
          credentials: { username: "bot", password_file: "/run/secret" },
        },
      },
      repositories: { "app": { as: "acme/app", public: true } },
    },
    credentials: { main: { kind: "password", username: "bot", password: "right" } },
    stub: { users: { bot: "right" }, hidden: ["acme/app", "acme/secret"] },
  });
  add("acme/app", "v1", first);
  add("acme/secret", "v1", second);
  assertEquals((await tell(await ask("/v2/app/manifests/v1"))).body, first.text);
  taken();
  for (const path of ["acme/secret/manifests/v1", "secret/manifests/v1", "acme/app/tags/list"]) {
    assertEquals((await ask(`/v2/${path}`)).status, 404);
  }
  // By digest, a manifest of another repository is not served from memory either.
  assertEquals((await ask(`/v2/other/manifests/${first.digest}`)).status, 404);
  assertEquals(taken(), []);
});

Deno.test("a manifest of one repository is not that of another", async () => {
  const { ask, add, taken } = createRelayWorld();
  add("acme/app", undefined, first);
  add("acme/other", undefined, other);
  assertEquals((await ask(`/v2/app/manifests/${first.digest}`)).status, 200);
  taken();
  assertEquals((await ask(`/v2/other/manifests/${first.digest}`)).status, 404);
  assertNotEquals(taken(), []);
});

Deno.test("a manifest that does not match its digest reaches nobody", async () => {
  const { digest } = first;
  const headers = { "content-type": first.type };
  const table: { what: string; reply: () => Response }[] = [
    { what: "other bytes", reply: () => new Response(second.text, { headers }) },
    { what: "none", reply: () => new Response("", { headers }) },
    { what: "cut off", reply: () => new Response(first.text.slice(0, -5), { headers }) },
    { what: "of 5 MB", reply: () => new Response(new Uint8Array(5_000_000), { headers }) },
    {
      what: "without end",
      reply: () =>
        new Response(new ReadableStream({ pull: (it) => it.enqueue(new Uint8Array(100_000)) })),
    },
    {
      what: "that breaks off",
      reply: () => new Response(new ReadableStream({ pull: (it) => it.error(new Error("reset")) })),
    },
    { what: "206", reply: () => new Response(first.text, { status: 206 }) },
    { what: "304", reply: () => new Response(null, { status: 304 }) },
    { what: "204", reply: () => new Response(null, { status: 204 }) },
    { what: "302", reply: () => new Response(null, { status: 302, headers: { location: "/" } }) },
  ];
  for (const { what, reply } of table) {
    const { ask, add, stub, told } = createRelayWorld();
    add("acme/app", "v1", first);
    stub.contents.set(`acme/app/manifests/${digest}`, reply);
    for (const reference of [digest, "v1"]) {
      const response = await ask(`/v2/app/manifests/${reference}`);
      assertEquals(await codeOf(response), "503 UNAVAILABLE", what);
    }
    assert(told.unanswered.length > 0);
  }
});

Deno.test("a tag's manifest must match what the upstream says of it, or be JSON", async () => {
  const table = [
    { body: "{}", headers: { "docker-content-digest": first.digest }, expected: 503 },
    { body: first.text, headers: { "docker-content-digest": first.digest }, expected: 200 },
    { body: first.text, headers: {}, expected: 200 },
    { body: first.text.slice(0, -3), headers: {}, expected: 503 },
    { body: "", headers: {}, expected: 503 },
    { body: first.text, headers: { "docker-content-digest": "md5:abc" }, expected: 200 },
  ];
  for (const { body, headers, expected } of table) {
    const { ask, stub } = createRelayWorld({
      stub: {
        reply: ({ method }) => method === "HEAD" ? new Response(null, { status: 405 }) : undefined,
      },
    });
    stub.contents.set(
      "acme/app/manifests/v1",
      () => new Response(body, { headers: headers as HeadersInit }),
    );
    const response = await ask("/v2/app/manifests/v1");
    assertEquals(response.status, expected);
    if (expected === 200) assertEquals(response.headers.get("docker-content-digest"), first.digest);
  }
});

Deno.test("a manifest is no page, whatever the upstream says of it", async () => {
  const table = [
    { type: "text/html", expected: "application/octet-stream" },
    { type: "application/json; charset=utf-8", expected: "application/json; charset=utf-8" },
    { type: "application/vnd.x+json", expected: "application/vnd.x+json" },
    { type: "application/json; a=b", expected: "application/octet-stream" },
  ];
  for (const { type, expected } of table) {
    const { ask, add } = createRelayWorld();
    add("acme/app", undefined, { ...first, type });
    const response = await ask(`/v2/app/manifests/${first.digest}`);
    assertEquals(response.headers.get("content-type"), expected);
  }
});

Deno.test("a manifest is served as it is, whatever its bytes are", async () => {
  const bodies = [
    new TextEncoder().encode(`{"a":"ü€😀"}`),
    new TextEncoder().encode(`\ufeff{"a":"b"}`),
    Uint8Array.of(0x22, 0xff, 0x22),
    Uint8Array.of(0),
  ];
  const { ask, stub } = createRelayWorld({ stub: { realm: null } });
  for (const body of bodies) {
    const digest = await digestOf(body);
    stub.contents.set(
      `acme/app/manifests/${digest}`,
      () => new Response(body, { headers: { "content-type": INDEX } }),
    );
    for (let time = 0; time < 2; time++) {
      const response = await ask(`/v2/app/manifests/${digest}`);
      const { headers } = response;
      assertEquals(headers.get("content-type"), INDEX);
      assertEquals(headers.get("content-length"), String(body.length));
      assertEquals(await response.bytes(), body);
    }
  }
});

Deno.test("a digest of an unknown algorithm is asked of nobody", async () => {
  const { ask, taken } = createRelayWorld();
  assertEquals(await codeOf(await ask("/v2/app/manifests/blake3:abc")), "404 MANIFEST_UNKNOWN");
  assertEquals(taken(), []);
});

Deno.test("sha512 serves as well", async () => {
  const { ask, stub } = createRelayWorld();
  const bytes = new TextEncoder().encode("{}");
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-512", bytes));
  const digest = `sha512:${[...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  stub.contents.set(`acme/app/manifests/${digest}`, () => new Response("{}"));
  const response = await ask(`/v2/app/manifests/${digest}`);
  assertEquals([response.status, response.headers.get("docker-content-digest")], [200, digest]);
});

Deno.test("a slow upstream ends with the time limit", async () => {
  for (const where of ["headers", "body"]) {
    const stalled = () => new Response(new ReadableStream());
    const { ask, add, stub, clock } = createRelayWorld({
      stub: { reply: () => where === "headers" ? "hangs" : undefined },
    });
    add("acme/app", "v1", first);
    stub.contents.set(`acme/app/manifests/${first.digest}`, stalled);
    const waiting = ask(`/v2/app/manifests/${first.digest}`);
    await clock.pass(10_000);
    assertEquals(await codeOf(await waiting), "503 UNAVAILABLE");
    assertEquals(clock.waiting, 0);
  }
});

Deno.test("what is fetched for a client alone ends when it leaves", async () => {
  const { ask, add, clock, stub, totals } = createRelayWorld({
    stub: { reply: () => "hangs", realm: null },
  });
  add("acme/app", "v1", first);
  const leaving = [new AbortController(), new AbortController()];
  const waiting = leaving.map(({ signal }) => ask("/v2/app/manifests/v1", {}, signal));
  await settle();
  assertEquals(stub.got.length, 1);
  leaving[0]!.abort();
  await settle();
  assertEquals(clock.waiting > 0, true, "the other one waits still");
  leaving[1]!.abort();
  const answers = await Promise.all(waiting);
  assertEquals(answers.map(({ status }) => status), [503, 503]);
  assertEquals(totals().relay.responded(0, "none"), 0, "which says nothing of the upstream");
  const gone = new AbortController();
  gone.abort();
  const late = ask("/v2/app/manifests/v1", {}, gone.signal);
  await clock.pass(10_000);
  assertEquals((await late).status, 503);
});

Deno.test("429 goes to those for whom nothing is remembered, with its Retry-After", async () => {
  let limited = false;
  const { ask, add, clock, taken } = createRelayWorld({
    stub: {
      reply: () =>
        limited ? new Response(null, { status: 429, headers: { "retry-after": "30" } }) : undefined,
    },
  });
  add("acme/app", "v1", first);
  add("acme/app", "v2", second);
  await ask("/v2/app/manifests/v1");
  limited = true;
  await clock.pass(60_000);
  assertEquals((await ask("/v2/app/manifests/v1")).status, 200);
  taken();
  const response = await ask("/v2/app/manifests/v2");
  assertEquals([response.headers.get("retry-after"), await codeOf(response)], [
    "30",
    "429 TOOMANYREQUESTS",
  ]);
  assertEquals(taken(), [], "an upstream that says so is left alone");
  await clock.pass(10_500);
  assertEquals((await ask("/v2/app/manifests/v2")).headers.get("retry-after"), "20");
  limited = false;
  await clock.pass(20_000);
  assertEquals((await ask("/v2/app/manifests/v2")).status, 200);
});

Deno.test("a Retry-After that is none is not handed on", async () => {
  for (
    const [told, expected] of [
      ["Wed, 25 Nov 2026 07:28:00 GMT", "Wed, 25 Nov 2026 07:28:00 GMT"],
      ["soon", "5"],
      ["-1", "5"],
      ["1".repeat(100), "5"],
    ]
  ) {
    const { ask, add } = createRelayWorld({
      stub: { reply: () => new Response(null, { status: 429, headers: { "retry-after": told! } }) },
    });
    add("acme/app", "v1", first);
    assertEquals((await ask("/v2/app/manifests/v1")).headers.get("retry-after"), expected);
  }
});

Deno.test("an upstream that gives no answer several times in a row is left alone", async () => {
  const { ask, clock, stub } = createRelayWorld({ stub: { reply: () => "hangs", realm: null } });
  for (let at = 0; at < 5; at++) {
    const waiting = ask(`/v2/app/manifests/v${at}`);
    await clock.pass(10_000);
    assertEquals((await waiting).status, 503);
  }
  assertEquals(stub.got.length, 5);
  assertEquals((await ask("/v2/app/manifests/v9")).status, 503);
  assertEquals(stub.got.length, 5);
  await clock.pass(1000);
  const waiting = ask("/v2/app/manifests/v9");
  await settle();
  assertEquals(stub.got.length, 6);
  await clock.pass(10_000);
  await waiting;
});

Deno.test("a flood of made-up names leaves places for what there is", async () => {
  const { ask, add, clock } = createRelayWorld({
    stub: { realm: null, reply: ({ url }) => url.includes("/made-up") ? "hangs" : undefined },
  });
  add("acme/app", "v1", first);
  assertEquals((await ask("/v2/app/manifests/v1")).status, 200);
  await clock.pass(61_000);
  const flood = Array.from({ length: 500 }, (_, at) => ask(`/v2/made-up-${at}/manifests/v1`));
  const tags = Array.from({ length: 500 }, (_, at) => ask(`/v2/app/manifests/made-up-${at}`));
  await settle();
  const known = ask("/v2/app/manifests/v1");
  await clock.pass(1000);
  assertEquals((await tell(await known)).body, first.text);
  await clock.pass(10_000);
  const statuses = (await Promise.all([...flood, ...tags])).map(({ status }) => status);
  assertEquals(new Set(statuses), new Set([503]));
});

Deno.test("a new name is served beside a flood of others, once places are free", async () => {
  const { ask, add, clock, taken } = createRelayWorld({ stub: { realm: null } });
  add("acme/app", "v1", first);
  for (let at = 0; at < 20; at++) {
    assertEquals((await ask(`/v2/made-up-${at}/manifests/v1`)).status, 404);
  }
  assertEquals(taken().length, 20);
  await clock.pass(1000);
  assertEquals((await ask("/v2/app/manifests/v1")).status, 200);
});

Deno.test("it is told whether a manifest would be served from memory", async () => {
  const { ask, add, clock, redirector } = createRelayWorld({ stub: { realm: null } });
  add("acme/app", "v1", first);
  const { policy: { upstream } } = redirector.routing();
  const name = { name: "app", query: "" };
  const remembers = () => [
    redirector.present.remembers!(
      upstream,
      { kind: "manifest_by_tag", tag: "v1", signature: false, ...name },
      "app",
    ),
    redirector.present.remembers!(
      upstream,
      { kind: "manifest_by_digest", digest: first.digest, registered: true, ...name },
      "app",
    ),
  ];
  assertEquals(remembers(), [false, false]);
  await ask("/v2/app/manifests/v1");
  assertEquals(remembers(), [true, true]);
  await clock.pass(61_000);
  assertEquals(remembers(), [false, true]);
});

Deno.test("a manifest is left as it is where the platform would compress it", async () => {
  const { ask, add } = createRelayWorld({ stub: { realm: null }, compresses: true });
  add("acme/app", "v1", first);
  const { headers } = await ask("/v2/app/manifests/v1");
  assertEquals(headers.get("cache-control"), "max-age=60, no-transform");
});

Deno.test("memory is bounded in bytes", async () => {
  const { ask, stub, totals, clock } = createRelayWorld({
    config: { ...RELAYING, relay: { memory_mib: 1 } },
    stub: { realm: null },
  });
  const size = 100_000;
  for (let at = 0; at < 30; at++) {
    const text = JSON.stringify({ at, fill: "x".repeat(size) });
    const bytes = new TextEncoder().encode(text);
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    const digest = `sha256:${[...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
    stub.contents.set(`acme/app/manifests/${digest}`, () => new Response(text));
    await clock.pass(100);
    assertEquals((await ask(`/v2/app/manifests/${digest}`)).status, 200);
    const bytesHeld = totals().relay.gauge("memory_bytes");
    assert(bytesHeld <= 1024 * 1024 && bytesHeld >= Math.min(7, at) * size, String(bytesHeld));
  }
});

Deno.test("a name without end is served, and not remembered", async () => {
  const { ask, add, taken } = createRelayWorld({ stub: { realm: null } });
  const name = Array.from({ length: 200 }, () => "component").join("/");
  add(`acme/${name}`, "v1", first);
  for (let round = 0; round < 2; round++) {
    assertEquals((await ask(`/v2/${name}/manifests/v1`)).status, 200);
    assertEquals((await ask(`/v2/${name}/manifests/v2`)).status, 404);
    assertEquals(taken().filter((request) => request.startsWith("HEAD")).length, 2);
  }
});

Deno.test("a reload keeps what is remembered, unless its size changes", async () => {
  const { ask, add, taken, change } = createRelayWorld();
  add("acme/app", "v1", first);
  const path = "/v2/app/manifests/v1";
  await ask(path);
  taken();
  await change({ ...RELAYING, relay: { tag_ttl_s: 30 } });
  const response = await ask(path);
  assertEquals([response.headers.get("cache-control"), taken()], ["max-age=30", []]);
  await change({ ...RELAYING, relay: { memory_mib: 32 } });
  await ask(path);
  assertNotEquals(taken(), []);
});

Deno.test("another registry of the same name has nothing that the first had", async () => {
  const { ask, add, taken, change, elsewhere } = createRelayWorld();
  add("acme/app", "v1", first);
  await ask("/v2/app/manifests/v1");
  await change({
    ...RELAYING,
    upstreams: { main: { endpoint: "https://other.example", path: "acme", pull: "relay" } },
  });
  taken();
  assertEquals((await ask("/v2/app/manifests/v1")).status, 404);
  assertEquals((await ask(`/v2/app/manifests/${first.digest}`)).status, 404);
  assertEquals(taken(), []);
  assert(elsewhere.length > 0);
});
