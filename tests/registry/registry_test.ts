import { assert, assertEquals } from "@std/assert";
import type { Pulled } from "../../lib/oci/request.ts";
import { startLimit } from "../../lib/registry/limit.ts";
import { createRegistry, type RegistryAnswer } from "../../lib/registry/registry.ts";
import type { RegistryServer } from "../../lib/registry/server.ts";
import { createVirtualClock, settle } from "../mirrors/virtual_clock.ts";
import { createStubRegistry, type StubOptions } from "./stub_registry.ts";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;
const BLOB = `acme/app/blobs/${DIGEST}`;
const TIMEOUT_MS = 1000;

function manifest(name: string, tag = "latest"): Pulled {
  return { kind: "manifest_by_tag", name, tag, signature: false, query: "" };
}

function blob(name = "app"): Pulled {
  return { kind: "blob", name, digest: DIGEST, registered: true, query: "" };
}

function createWorld(options: StubOptions = {}, more: Partial<RegistryServer> = {}) {
  const clock = createVirtualClock(1_000_000);
  const stub = createStubRegistry(clock, options);
  const responses: number[] = [];
  const registry = createRegistry({
    fetch: stub.fetch,
    fetchAnew: stub.fetch,
    later: clock.later,
    now: clock.now,
    tokenTimeoutMs: () => TIMEOUT_MS,
    stop: new AbortController().signal,
    onResponse: (_, { status }) => responses.push(status),
  });
  const server: RegistryServer = {
    base: `${stub.origin}/v2/acme/`,
    tokenHosts: [],
    redirectHosts: [],
    ...more,
  };
  stub.contents.set("acme/app/manifests/latest", () => Response.json({}));
  stub.contents.set("acme/other/manifests/latest", () => Response.json({}));

  async function ask(
    asked: Pulled,
    method: "GET" | "HEAD" = "GET",
    headers: Record<string, string> = {},
  ): Promise<RegistryAnswer> {
    const limit = startLimit({ timeoutMs: TIMEOUT_MS, later: clock.later });
    const answer = await registry({ server, asked, method, headers, limit });
    limit.end();
    if (answer.kind === "answered") await answer.response.body?.cancel();
    return answer;
  }

  /** What was asked since the last time: `GET /v2/…`, and `token` for the token service. */
  function taken(): string[] {
    const requests = stub.got.splice(0).map(({ method, url }) => {
      const { pathname } = new URL(url);
      return pathname.startsWith("/v2/") ? `${method} ${pathname.slice(4)}` : `${method} token`;
    });
    return requests;
  }

  return { clock, stub, ask, taken, registry, server, responses };
}

function kindOf(answer: RegistryAnswer): string {
  switch (answer.kind) {
    case "answered":
      return String(answer.response.status);
    case "refused":
      return `refused by ${answer.by}`;
    case "failed":
      return `${answer.fault}: ${answer.reason}`;
    case "redirect":
      return answer.location;
    default:
      return answer.kind;
  }
}

const LATEST = "GET acme/app/manifests/latest";
const OTHER = "GET acme/other/manifests/latest";

Deno.test("a token is fetched at the first challenge, and used for what follows", async () => {
  const { ask, taken, stub } = createWorld();
  assertEquals(kindOf(await ask(manifest("app"))), "200");
  assertEquals(taken(), [LATEST, "GET token", LATEST]);
  assertEquals(kindOf(await ask(manifest("app"))), "200");
  assertEquals(taken(), [LATEST]);
  // The next repository's token needs no challenge.
  assertEquals(kindOf(await ask(manifest("other"))), "200");
  assertEquals(taken(), ["GET token", OTHER]);
  assertEquals(stub.tokens.size, 2);
});

Deno.test("a token service gets the service and the scope, and no credentials without any", async () => {
  const { ask, stub } = createWorld();
  await ask(manifest("app"));
  const [first, token, second] = stub.got;
  assertEquals(
    token!.url,
    "https://ghcr.example/token?service=ghcr.example&scope=repository%3Aacme%2Fapp%3Apull",
  );
  assertEquals(token!.headers.get("authorization"), null);
  assertEquals(first!.headers.get("authorization"), null);
  assertEquals(second!.headers.get("authorization"), "Bearer token-1");
  assertEquals(second!.headers.get("accept-encoding"), "identity");
});

Deno.test("requests at once share one token", async () => {
  const { ask, taken } = createWorld();
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(manifest("app"))));
  assert(answers.every((answer) => kindOf(answer) === "200"));
  const requests = taken();
  assertEquals(requests.filter((request) => request === "GET token").length, 1);
});

Deno.test("a token is used until shortly before it ends", async () => {
  for (
    const { expiresInS, usedMs } of [
      { expiresInS: undefined, usedMs: 54_000 },
      { expiresInS: 300, usedMs: 270_000 },
      { expiresInS: 3600, usedMs: 3_570_000 },
      { expiresInS: 10, usedMs: 9000 },
    ]
  ) {
    const { ask, taken, clock } = createWorld({ expiresInS });
    await ask(manifest("app"));
    taken();
    await clock.pass(usedMs - 1);
    await ask(manifest("app"));
    assertEquals(taken(), [LATEST], String(expiresInS));
    await clock.pass(2);
    assertEquals(kindOf(await ask(manifest("app"))), "200");
    assertEquals(taken(), ["GET token", LATEST], String(expiresInS));
  }
});

Deno.test("a token that the registry refuses before its time is fetched anew once", async () => {
  const { ask, taken, stub } = createWorld({ expiresInS: 300 });
  await ask(manifest("app"));
  stub.tokens.clear();
  taken();
  assertEquals(kindOf(await ask(manifest("app"))), "200");
  assertEquals(taken(), [LATEST, "GET token", LATEST]);
});

Deno.test("a token that ended when it came is not fetched by each request", async () => {
  for (const expiresInS of [0, -5]) {
    const { ask, taken } = createWorld({ expiresInS });
    assertEquals(kindOf(await ask(manifest("app"))), "refused by registry");
    assertEquals(taken(), [LATEST, "GET token", LATEST]);
    await ask(manifest("app"));
    // Fetched anew, as for any token that the registry refuses.
    assertEquals(taken().filter((request) => request === "GET token").length, 1);
  }
});

Deno.test("what nobody may see is refused, in the manner of each registry", async () => {
  const ghcr = createWorld();
  assertEquals(kindOf(await ghcr.ask(manifest("hidden"))), "refused by token_service");
  assertEquals(ghcr.taken(), ["GET acme/hidden/manifests/latest", "GET token"]);
  const hub = createWorld({
    manner: "hub",
    origin: "https://registry-1.docker.io",
    realm: "https://auth.docker.io/token",
  });
  assertEquals(kindOf(await hub.ask(manifest("hidden"))), "refused by registry");
  assertEquals(hub.taken(), [
    "GET acme/hidden/manifests/latest",
    "GET token",
    "GET acme/hidden/manifests/latest",
  ]);
  // Another one of the same registry has another token.
  assertEquals(kindOf(await hub.ask(manifest("app"))), "200");
});

Deno.test("credentials go to the token service, and see what is hidden", async () => {
  const credentials = { kind: "password", username: "bot", password: "pä:ss" } as const;
  const options = { hidden: ["acme/app"], users: { bot: "pä:ss" } };
  const { ask, stub, taken } = createWorld(options, { credentials });
  assertEquals(kindOf(await ask(manifest("app"))), "200");
  const withSecret = stub.got.filter(({ headers }) =>
    headers.get("authorization")?.startsWith("Basic")
  );
  assertEquals(withSecret.map(({ url }) => new URL(url).pathname), ["/token"]);
  assertEquals(taken(), [LATEST, "GET token", LATEST]);
});

Deno.test("an identity token is exchanged by POST", async () => {
  const credentials = { kind: "identity_token", identityToken: "refresh" } as const;
  const { ask, stub, taken } = createWorld(
    { hidden: ["acme/app"], users: { bot: "refresh" } },
    { credentials },
  );
  assertEquals(kindOf(await ask(manifest("app"))), "200");
  const post = stub.got.find(({ method }) => method === "POST")!;
  assertEquals(Object.fromEntries(new URLSearchParams(post.body)), {
    grant_type: "refresh_token",
    refresh_token: "refresh",
    client_id: "archeio",
    service: "ghcr.example",
    scope: "repository:acme/app:pull",
  });
  assertEquals(taken(), [LATEST, "POST token", LATEST]);
});

Deno.test("a token service that takes no GET gets the password by POST", async () => {
  for (const status of [404, 405]) {
    const credentials = { kind: "password", username: "bot", password: "pass" } as const;
    const { ask, taken, stub } = createWorld({
      users: { bot: "pass" },
      replyToken: ({ method }) => method === "GET" ? new Response(null, { status }) : undefined,
    }, { credentials });
    assertEquals(kindOf(await ask(manifest("app"))), "200");
    const post = stub.got.find(({ method }) => method === "POST")!;
    assertEquals(new URLSearchParams(post.body).get("grant_type"), "password");
    assertEquals(taken(), [LATEST, "GET token", "POST token", LATEST]);
  }
});

Deno.test("wrong credentials are told, and tried no more for a while", async () => {
  const credentials = { kind: "password", username: "bot", password: "wrong" } as const;
  const { ask, taken, clock } = createWorld({ users: { bot: "pass" } }, { credentials });
  const expected = "credentials: its token service refuses the credentials";
  assertEquals(kindOf(await ask(manifest("app"))), expected);
  assertEquals(kindOf(await ask(manifest("app"))), expected);
  assertEquals(taken(), [LATEST, "GET token"]);
  await clock.pass(10_000);
  assertEquals(kindOf(await ask(manifest("app"))), expected);
  assertEquals(taken(), ["GET token"]);
});

Deno.test("a basic challenge is met with credentials, at the registry itself", async () => {
  const challenge = 'Basic realm="registry"';
  const registry = (sent: Request) =>
    sent.headers.get("authorization") === `Basic ${btoa("bot:pass")}`
      ? Response.json({})
      : new Response(null, { status: 401, headers: { "www-authenticate": challenge } });
  for (
    const { password, expected } of [
      { password: "pass", expected: "200" },
      { password: "wrong", expected: "credentials: it refuses the credentials" },
      {
        password: undefined,
        expected: "credentials: it wants a user and a password: it needs credentials",
      },
    ]
  ) {
    const credentials = password === undefined
      ? undefined
      : { kind: "password", username: "bot", password } as const;
    const { ask, taken } = createWorld({ realm: null, reply: registry }, { credentials });
    assertEquals(kindOf(await ask(manifest("app"))), expected);
    taken();
    assertEquals(kindOf(await ask(manifest("app"))), expected);
    // From then on they are sent at once.
    if (password === "pass") assertEquals(taken(), [LATEST]);
  }
});

Deno.test("a hostile challenge gets no token, and sends nobody elsewhere", async () => {
  const scope = 'service="s",scope="repository:acme/app:pull"';
  const table = [
    { challenge: "", expected: "no challenge" },
    { challenge: "Negotiate", expected: "no challenge" },
    { challenge: `Bearer realm="${"a".repeat(1_000_000)}"`, expected: "no challenge" },
    { challenge: `Bearer realm="https://169.254.169.254/",${scope}`, expected: "token_hosts" },
    { challenge: `Bearer realm="http://127.0.0.1/",${scope}`, expected: "not https:" },
    { challenge: `Bearer realm="https://evil.example/",${scope}`, expected: "token_hosts" },
    { challenge: `Bearer realm="https://me:secret@ghcr.example/token",${scope}`, expected: "user" },
    { challenge: `Bearer realm="file:///etc/passwd",${scope}`, expected: "not https:" },
    { challenge: `Bearer ${scope}`, expected: "no URL" },
    {
      challenge: `Bearer realm="https://ghcr.example/token",scope="${"a".repeat(2000)}"`,
      expected: "too long",
    },
    {
      challenge: `Bearer realm="https://ghcr.example/token",service="${"a".repeat(2000)}"`,
      expected: "too long",
    },
  ];
  for (const { challenge, expected } of table) {
    const { ask, taken } = createWorld({ challenge });
    const told = kindOf(await ask(manifest("app")));
    assert(told.startsWith("token: ") && told.includes(expected), told);
    assert(!told.includes("secret"));
    assertEquals(taken(), [LATEST], expected);
  }
});

Deno.test("of several challenges the first that can be met counts", async () => {
  const challenge = 'Negotiate, Bearer realm="https://evil.example/", ' +
    'Bearer realm="https://ghcr.example/token", Basic realm="r"';
  const { ask, taken } = createWorld({ challenge });
  assertEquals(kindOf(await ask(manifest("app"))), "200");
  assertEquals(taken(), [LATEST, "GET token", LATEST]);
});

Deno.test("with credentials no token is fetched for another repository", async () => {
  const challenge = 'Bearer realm="https://ghcr.example/token",scope="repository:acme/secret:pull"';
  const credentials = { kind: "password", username: "bot", password: "pass" } as const;
  const { ask, taken } = createWorld({ challenge, users: { bot: "pass" } }, { credentials });
  assertEquals(
    kindOf(await ask(manifest("app"))),
    "token: its challenge is for another repository",
  );
  assertEquals(taken(), [LATEST]);
});

Deno.test("a token is for pulling, whatever the challenge wants", async () => {
  const challenge =
    'Bearer realm="https://ghcr.example/token",scope="repository:acme/app:push,pull,delete"';
  const { ask, stub } = createWorld({ challenge });
  assertEquals(kindOf(await ask(manifest("app"))), "200");
  const scope = new URL(stub.got[1]!.url).searchParams.getAll("scope");
  assertEquals(scope, ["repository:acme/app:pull"]);
});

Deno.test("a scope that is no repository's is kept as it is", async () => {
  const challenge = 'Bearer realm="https://ghcr.example/token",scope="aws list"';
  const { ask, stub, taken } = createWorld({ challenge });
  assertEquals(kindOf(await ask(manifest("app"))), "refused by token_service");
  assertEquals(new URL(stub.got[1]!.url).searchParams.getAll("scope"), ["aws", "list"]);
  taken();
  await ask(manifest("other"));
  assertEquals(taken(), [OTHER], "the token service has refused it lately");
});

Deno.test("a hostile token service gives no token", async () => {
  const json = (value: unknown) => () => Response.json(value);
  const table: { replyToken: StubOptions["replyToken"]; expected: string }[] = [
    { replyToken: json({ token: "a".repeat(1_000_000) }), expected: "too long" },
    { replyToken: json({ token: "a".repeat(20_000) }), expected: "no token" },
    { replyToken: json({ token: "a\r\nb" }), expected: "no token" },
    { replyToken: json({ token: "" }), expected: "no token" },
    { replyToken: json({ token: 5 }), expected: "no token" },
    { replyToken: json(null), expected: "no token" },
    { replyToken: json([]), expected: "no token" },
    { replyToken: () => new Response("{"), expected: "no token" },
    { replyToken: () => new Response(null, { status: 500 }), expected: "answered 500" },
    {
      replyToken: () =>
        new Response(null, { status: 307, headers: { location: "https://evil.example" } }),
      expected: "answered 307",
    },
    {
      replyToken: () =>
        new Response(new ReadableStream({ pull: (it) => it.enqueue(new Uint8Array(9999)) })),
      expected: "too long",
    },
    {
      replyToken: () =>
        new Response(new ReadableStream({ pull: (it) => it.error(new Error("cut off")) })),
      expected: "cut off",
    },
  ];
  for (const { replyToken, expected } of table) {
    const { ask, taken, clock } = createWorld({ replyToken: replyToken! });
    const told = kindOf(await ask(manifest("app")));
    assert(told.startsWith("token: ") && told.includes(expected), `${told} for ${expected}`);
    assertEquals(taken(), [LATEST, "GET token"]);
    await ask(manifest("app"));
    assertEquals(taken(), [], "a failure is remembered for a second");
    await clock.pass(1000);
    await ask(manifest("app"));
    assertEquals(taken(), ["GET token"]);
  }
});

Deno.test("a token service that hangs ends with the time limit", async () => {
  const { ask, clock } = createWorld({ replyToken: () => "hangs" });
  const answer = ask(manifest("app"));
  await clock.pass(TIMEOUT_MS);
  assertEquals((await answer).kind, "failed");
});

Deno.test("access_token serves as well", async () => {
  const { ask, stub } = createWorld({
    replyToken: () => Response.json({ token: "", access_token: "given" }),
  });
  stub.tokens.set("given", { scope: "repository:acme/app:pull", untilMs: Infinity });
  assertEquals(kindOf(await ask(manifest("app"))), "200");
});

Deno.test("a token service that is asked too often is left alone", async () => {
  const replyToken = () => new Response(null, { status: 429, headers: { "retry-after": "7" } });
  const { ask, taken, clock } = createWorld({ replyToken });
  const answer = await ask(manifest("app"));
  assertEquals(answer, { kind: "slow_down", retryAfter: "7" });
  taken();
  await clock.pass(6999);
  assertEquals(await ask(manifest("app")), { kind: "slow_down", retryAfter: "7" });
  assertEquals(taken(), []);
  await clock.pass(1);
  await ask(manifest("app"));
  assertEquals(taken(), ["GET token"]);
});

Deno.test("an answer says what its status means", async () => {
  const table: { status: number; headers?: Record<string, string>; expected: RegistryAnswer }[] = [
    { status: 404, expected: { kind: "missing" } },
    { status: 403, expected: { kind: "refused", by: "registry" } },
    { status: 429, expected: { kind: "slow_down", retryAfter: undefined } },
    {
      status: 429,
      headers: { "retry-after": "30" },
      expected: { kind: "slow_down", retryAfter: "30" },
    },
    {
      status: 500,
      expected: { kind: "failed", fault: "registry", status: 500, reason: "it answered 500" },
    },
    {
      status: 405,
      expected: { kind: "failed", fault: "registry", status: 405, reason: "it answered 405" },
    },
    {
      status: 307,
      headers: { location: "https://other.example/" },
      expected: { kind: "redirect", location: "https://other.example/" },
    },
  ];
  for (const { status, headers, expected } of table) {
    for (const realm of [null, undefined]) {
      const { ask } = createWorld({
        ...(realm === null && { realm }),
        reply: () => new Response(null, { status, headers: headers ?? {} }),
      });
      assertEquals(await ask(manifest("app")), expected);
    }
  }
  for (const status of [200, 206, 304, 416]) {
    const { ask } = createWorld({ reply: () => new Response(null, { status }) });
    assertEquals(kindOf(await ask(blob())), String(status));
  }
});

Deno.test("a blob's redirect is handed on if a client can be sent there", async () => {
  const signed = "https://storage.example/x?sig=a%2Bb";
  const table = [
    { location: signed, expected: signed },
    { location: "/downloads/x?sig=1", expected: "https://ghcr.example/downloads/x?sig=1" },
    {
      location: `/v2/${BLOB}`,
      expected: "registry: it redirects to itself, where a client has no token",
    },
    { location: "", expected: "registry: it redirects to itself, where a client has no token" },
    {
      location: "https://127.0.0.1/x",
      expected:
        "registry: its Location is at 127.0.0.1, a private address that redirect_hosts does not name",
    },
    { location: "file:///etc/passwd", expected: "registry: its Location is not https:" },
  ];
  for (const status of [301, 302, 303, 307, 308]) {
    for (const { location, expected } of table) {
      const { ask, taken } = createWorld({
        reply: () => new Response(null, { status, headers: { location } }),
      });
      for (const method of ["GET", "HEAD"] as const) {
        assertEquals(kindOf(await ask(blob(), method)), expected);
      }
      assertEquals(taken().filter((request) => !/^(GET|HEAD) acme|token/.test(request)), []);
    }
  }
  const anybody = createWorld({
    realm: null,
    reply: () => new Response(null, { status: 307, headers: { location: `/v2/${BLOB}` } }),
  });
  assertEquals(kindOf(await anybody.ask(blob())), `https://ghcr.example/v2/${BLOB}`);
  const nowhere = createWorld({ reply: () => new Response(null, { status: 302 }) });
  assertEquals(kindOf(await nowhere.ask(blob())), "registry: it redirects without a Location");
});

Deno.test("a request is sent once more when its connection fails", async () => {
  const clock = createVirtualClock();
  const stub = createStubRegistry(clock, { realm: null });
  stub.contents.set("acme/app/manifests/latest", () => Response.json({}));
  const registry = createRegistry({
    fetch: () => Promise.reject(new TypeError("error", { cause: new Error("closed") })),
    fetchAnew: stub.fetch,
    later: clock.later,
    now: clock.now,
    tokenTimeoutMs: () => TIMEOUT_MS,
    stop: new AbortController().signal,
  });
  const server = { base: `${stub.origin}/v2/acme/`, tokenHosts: [], redirectHosts: [] };
  const limit = startLimit({ timeoutMs: TIMEOUT_MS, later: clock.later });
  const answer = await registry({ server, asked: manifest("app"), method: "GET", limit });
  limit.end();
  assertEquals(kindOf(answer), "200");
});

Deno.test("a registry that gives no answer ends with the time limit, or with its client", async () => {
  const { ask, clock, registry, server } = createWorld({ realm: null, reply: () => "hangs" });
  const late = ask(manifest("app"));
  await clock.pass(TIMEOUT_MS);
  assertEquals(kindOf(await late), "registry: no answer in 1000 ms");
  const leaving = new AbortController();
  const options = { timeoutMs: TIMEOUT_MS, later: clock.later, signals: [leaving.signal] };
  const limit = startLimit(options);
  const left = registry({ server, asked: manifest("app"), method: "GET", limit });
  await settle();
  leaving.abort(new Error("the client has left"));
  assertEquals(kindOf(await left), "registry: the client has left");
  limit.end();
  assertEquals(clock.waiting, 0);
  const gone = startLimit(options);
  const never = await registry({ server, asked: manifest("app"), method: "GET", limit: gone });
  gone.end();
  assertEquals(kindOf(never), "registry: the client has left");
});

Deno.test("names without end are not remembered without end", async () => {
  const { ask, stub } = createWorld();
  const long = "a".repeat(600);
  stub.contents.set(`acme/${long}/manifests/latest`, () => Response.json({}));
  assertEquals(kindOf(await ask(manifest(long))), "200");
  for (let at = 0; at < 2100; at++) {
    stub.contents.set(`acme/n${at}/manifests/latest`, () => Response.json({}));
    assertEquals(kindOf(await ask(manifest(`n${at}`))), "200");
  }
  assertEquals(kindOf(await ask(manifest("app"))), "200");
});

Deno.test("registries without end are not remembered without end", async () => {
  const { registry, clock } = createWorld();
  for (let at = 0; at < 1100; at++) {
    const stubbed = { base: `https://ghcr.example/v2/p${at}/`, tokenHosts: [], redirectHosts: [] };
    const limit = startLimit({ timeoutMs: TIMEOUT_MS, later: clock.later });
    await registry({ server: stubbed, asked: manifest("app"), method: "GET", limit });
    limit.end();
  }
});

Deno.test("each answer is told, challenges too", async () => {
  const { ask, responses } = createWorld();
  await ask(manifest("app"));
  assertEquals(responses, [401, 200]);
});
