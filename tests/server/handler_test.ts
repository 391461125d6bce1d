import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { createConfiguredHandler } from "../../lib/server/serve.ts";
import {
  type Answer,
  CDN,
  CLIENTS,
  CONFIG,
  type ConfigFile,
  createWorld,
  DATA_SET,
  DIGEST,
  type Incoming,
  INFO_PAGE,
  LONG_DIGEST,
  MAIN,
  OTHER_DIGEST,
  PARIS,
  PRIVACY_PAGE,
  readTestConfig,
  SIGNATURES,
  SIGNED_CONFIG,
  type World,
} from "./fixture.ts";

const HEX = "0123456789abcdef".repeat(4);
const BLOB = `/v2/kube-proxy/blobs/${DIGEST}`;
const MANIFEST = `/v2/kube-proxy/manifests/${DIGEST}`;
const FOREIGN_DIGEST = "blake3:abc_-=";

/** Where a client is sent: a redirect, and nothing but a redirect. */
async function locationOf(answer: Response | Promise<Response>): Promise<string | null> {
  const response = await answer;
  assertEquals(response.status, 307);
  assertEquals(response.body, null);
  assertEquals([...response.headers.keys()], ["location"]);
  return response.headers.get("location");
}

// What a request gets, and what it gets when there is a signature upstream. Of the
// clients it is one without a location, of the servers all have everything.
const redirects: readonly { asked: string; location: string; signed?: string }[] = [
  { asked: "/", location: INFO_PAGE },
  { asked: "/?n=1", location: INFO_PAGE },
  { asked: "/privacy", location: PRIVACY_PAGE },
  { asked: BLOB, location: CDN + DIGEST },
  { asked: `/v2/a/b/c/blobs/${LONG_DIGEST}`, location: CDN + LONG_DIGEST },
  { asked: `/v2/a/blobs/${HEX.replace(/^/, "sha256%3A")}`, location: CDN + DIGEST },
  { asked: `/v2/a/blobs/${FOREIGN_DIGEST}`, location: `${MAIN}a/blobs/${FOREIGN_DIGEST}` },
  {
    asked: `/v2/kube-proxy/manifests/sha256-${HEX}.sig`,
    location: `${MAIN}kube-proxy/manifests/sha256-${HEX}.sig`,
    signed: `${SIGNATURES}kube-proxy/manifests/sha256-${HEX}.sig`,
  },
  {
    asked: `/v2/kube-proxy/manifests/sha256-${HEX}.att`,
    location: `${MAIN}kube-proxy/manifests/sha256-${HEX}.att`,
    signed: `${SIGNATURES}kube-proxy/manifests/sha256-${HEX}.att`,
  },
  {
    asked: `/v2/kube-proxy/manifests/sha256-${HEX}.sbom`,
    location: `${MAIN}kube-proxy/manifests/sha256-${HEX}.sbom`,
    signed: `${SIGNATURES}kube-proxy/manifests/sha256-${HEX}.sbom`,
  },
  {
    asked: `/v2/kube-proxy/manifests/sha256-${HEX}`,
    location: `${MAIN}kube-proxy/manifests/sha256-${HEX}`,
    signed: `${SIGNATURES}kube-proxy/manifests/sha256-${HEX}`,
  },
  {
    asked: `/v2/kube-proxy/manifests/sha256-${HEX}.other`,
    location: `${MAIN}kube-proxy/manifests/sha256-${HEX}.other`,
  },
  {
    asked: `/v2/kube-proxy/referrers/${DIGEST}?artifactType=application%2Fspdx`,
    location: `${MAIN}kube-proxy/referrers/${DIGEST}?artifactType=application%2Fspdx`,
    signed: `${SIGNATURES}kube-proxy/referrers/${DIGEST}?artifactType=application%2Fspdx`,
  },
  {
    asked: "/v2/kube-proxy/manifests/v1.30.0",
    location: `${MAIN}kube-proxy/manifests/v1.30.0`,
  },
  {
    asked: "/v2/sig-storage/csi-attacher/manifests/v4.6.1?ns=registry.example",
    location: `${MAIN}sig-storage/csi-attacher/manifests/v4.6.1`,
  },
  { asked: MANIFEST, location: `${MAIN}kube-proxy/manifests/${DIGEST}` },
  {
    asked: `/v2/a/manifests/${FOREIGN_DIGEST}`,
    location: `${MAIN}a/manifests/${FOREIGN_DIGEST}`,
  },
  { asked: "/v2/kube-proxy/tags/list", location: `${MAIN}kube-proxy/tags/list` },
  {
    asked: "/v2/kube-proxy/tags/list?n=10&ns=registry.example&last=v1",
    location: `${MAIN}kube-proxy/tags/list?n=10&last=v1`,
  },
];

const everything: Readonly<Record<string, Answer>> = {
  [CDN + DIGEST]: 200,
  [CDN + LONG_DIGEST]: 200,
  [`${MAIN}kube-proxy/manifests/${DIGEST}`]: 200,
};

const client = CLIENTS.elsewhere;

Deno.test("a handler redirects as the request table says", async () => {
  const world = createWorld(CONFIG, everything);
  const signedWorld = createWorld(SIGNED_CONFIG, everything);
  for (const { asked, location, signed = location } of redirects) {
    assertEquals(await locationOf(world.handle(asked, { client })), location, asked);
    assertEquals(await locationOf(signedWorld.handle(asked, { client })), signed, asked);
  }
});

const refusals: readonly {
  asked: string;
  status: number;
  code?: string;
  detail?: string;
}[] = [
  { asked: "/v2/_catalog", status: 404, code: "UNSUPPORTED" },
  { asked: "/v2/_catalog?n=100", status: 404, code: "UNSUPPORTED" },
  { asked: "/v2/a", status: 404, code: "UNSUPPORTED" },
  { asked: "/v2/a/tags", status: 404, code: "UNSUPPORTED" },
  { asked: "/v2/a/tags/other", status: 404, code: "UNSUPPORTED" },
  { asked: "/v2/a/blobs/uploads/", status: 404, code: "UNSUPPORTED" },
  { asked: "/v2/a/blobs/", status: 400, code: "DIGEST_INVALID", detail: "" },
  { asked: `/v2/A/blobs/${DIGEST}`, status: 400, code: "NAME_INVALID", detail: "A" },
  { asked: `/v2/a//b/blobs/${DIGEST}`, status: 400, code: "NAME_INVALID", detail: "a//b" },
  { asked: `/v2//blobs/${DIGEST}`, status: 400, code: "NAME_INVALID", detail: "" },
  { asked: "/v2/a%2fb/tags/list", status: 400, code: "NAME_INVALID", detail: "a%2fb" },
  { asked: "/v2/a%0d/manifests/b", status: 400, code: "NAME_INVALID", detail: "a\r" },
  { asked: "/v2/a/manifests/.b", status: 400, code: "MANIFEST_INVALID", detail: ".b" },
  { asked: "/v2/a/manifests/", status: 400, code: "MANIFEST_INVALID", detail: "" },
  {
    asked: `/v2/a/manifests/${"b".repeat(300)}`,
    status: 400,
    code: "MANIFEST_INVALID",
    detail: "b".repeat(256),
  },
  {
    asked: "/v2/a/manifests/sha256:abc",
    status: 400,
    code: "DIGEST_INVALID",
    detail: "sha256:abc",
  },
  {
    asked: `/v2/a/blobs/sha256:${HEX.toUpperCase()}`,
    status: 400,
    code: "DIGEST_INVALID",
    detail: `sha256:${HEX.toUpperCase()}`,
  },
  { asked: "/v2/a/referrers/abc", status: 400, code: "DIGEST_INVALID", detail: "abc" },
  { asked: "/v1/", status: 404 },
  { asked: "/v2x", status: 404 },
  { asked: "/favicon.ico", status: 404 },
  { asked: "/privacy/", status: 404 },
  { asked: "//", status: 404 },
];

Deno.test("a handler refuses as the request table says, and asks nothing of anyone", async () => {
  for (const config of [CONFIG, SIGNED_CONFIG]) {
    const { handle, asked: probes } = createWorld(config);
    for (const { asked, status, code, detail } of refusals) {
      const response = handle(asked, { client });
      assert(response instanceof Response, asked);
      assertEquals(response.status, status, asked);
      const body = await response.text();
      assertEquals(Number(response.headers.get("content-length")), body.length, asked);
      assertEquals(response.headers.get("allow"), null, asked);
      if (code === undefined) {
        assertEquals(response.headers.get("content-type"), "text/plain; charset=utf-8", asked);
        assertEquals(body, "not found\n", asked);
      } else {
        assertEquals(response.headers.get("content-type"), "application/json", asked);
        const { errors } = JSON.parse(body);
        assertEquals(errors.length, 1, asked);
        assertEquals(errors[0].code, code, asked);
        assertEquals(errors[0].detail, detail, asked);
        assert(errors[0].message.length > 0, asked);
      }
    }
    assertEquals(probes, []);
  }
});

Deno.test("a handler without pages has nothing at their paths", async () => {
  const { pages: _, ...config } = CONFIG;
  const { handle } = createWorld(config);
  for (const path of ["/", "/privacy"]) {
    const response = await handle(path);
    assertEquals(response.status, 404);
    assertEquals(await response.text(), "not found\n");
  }
});

Deno.test("a handler answers the API version check, and never asks who is there", async () => {
  const { handle } = createWorld(CONFIG);
  for (const asked of ["/v2/", "/v2", "/v2/?x=y"]) {
    const response = await handle(asked);
    assertEquals(response.status, 200);
    assertEquals(response.headers.get("docker-distribution-api-version"), "registry/2.0");
    assertEquals(response.headers.get("www-authenticate"), null);
    assertEquals(response.body, null);
  }
});

Deno.test("a handler refuses every method but GET and HEAD, whatever is asked for", async () => {
  const { handle, asked: probes } = createWorld(SIGNED_CONFIG);
  for (const method of ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "FOO"]) {
    for (const asked of ["/", "/v2/", BLOB, "/v2/a/blobs/uploads/", "/v2/A/tags/list", "/nope"]) {
      const response = await handle(asked, { method, client: "no address" });
      assertEquals(response.status, 405, `${method} ${asked}`);
      assertEquals(response.headers.get("allow"), "GET, HEAD");
      assertEquals(response.headers.get("content-type"), "application/json");
      assertEquals((await response.json()).errors[0].code, "UNSUPPORTED");
    }
  }
  assertEquals(probes, []);
});

Deno.test("a handler gives HEAD what GET gets, but for the body", async () => {
  const paths = [...redirects, ...refusals].map(({ asked }) => asked);
  const { handle } = createWorld(SIGNED_CONFIG, everything);
  for (const asked of [...paths, "/v2/", "/v2"]) {
    for (const client of [CLIENTS.elsewhere, "no address"]) {
      const got = await handle(asked, { client });
      const head = await handle(asked, { client, method: "HEAD" });
      assertEquals(head.status, got.status, asked);
      assertEquals([...head.headers], [...got.headers], asked);
      assertEquals(head.body, null, asked);
      await got.body?.cancel();
    }
  }
});

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
    const world = createWorld(
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
  const { handle, answers, asked, pass } = createWorld(config, { [CDN + OTHER_DIGEST]: FOUND });
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
  const { handle, asked } = createWorld(CONFIG, { [PARIS + DIGEST]: FOUND });
  const answers = Array.from(
    { length: 100 },
    (_, at) => handle(`/v2/image-${at}/blobs/${DIGEST}`, { client: CLIENTS.paris }),
  );
  for (const answer of answers) assertEquals(await locationOf(answer), PARIS + DIGEST);
  assertEquals(asked, [PARIS + DIGEST]);
});

Deno.test("a handler that asks enough already sends a client to the upstream at once", async () => {
  const { handle, asked, stop } = createWorld(
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
  const config = { ...CONFIG, probe: { max_entries: 2 } };
  const { handle, asked } = createWorld(config);
  const digests = [DIGEST, OTHER_DIGEST, DIGEST, LONG_DIGEST, DIGEST, OTHER_DIGEST];
  for (const digest of digests) await handle(`/v2/a/blobs/${digest}`, { client });
  assertEquals(
    asked,
    [DIGEST, OTHER_DIGEST, LONG_DIGEST, OTHER_DIGEST].map((digest) => CDN + digest),
  );
});

Deno.test("a handler that is stopped sends those who wait to the upstream", async () => {
  const { handle, failed, stop } = createWorld(
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
  const { handle } = createWorld(CONFIG, everything);
  const asked = `${BLOB}?ns=registry.example&token=abc`;
  assertEquals(await locationOf(handle(asked, { client })), CDN + DIGEST);
  assertEquals(
    await locationOf(handle(asked, { client: CLIENTS.google })),
    `${MAIN}kube-proxy/blobs/${DIGEST}?token=abc`,
  );
});

Deno.test("a handler asks no mirror for a digest of another algorithm", async () => {
  const { handle, asked } = createWorld(SIGNED_CONFIG);
  for (const kind of ["blobs", "manifests"]) {
    const answer = handle(`/v2/a/${kind}/${FOREIGN_DIGEST}`, { client });
    assert(answer instanceof Response);
    assertEquals(await locationOf(answer), `${MAIN}a/${kind}/${FOREIGN_DIGEST}`);
  }
  assertEquals(asked, []);
});

// From which mirror a client gets a blob tells which address it counted as coming from.
function located(client: ConfigFile = {}): World {
  return createWorld(
    { ...CONFIG, client_address: client },
    { [PARIS + DIGEST]: FOUND, [CDN + DIGEST]: FOUND },
  );
}

const IN_PARIS = PARIS + DIGEST;
const ELSEWHERE = CDN + DIGEST;
const AT_GOOGLE = `${MAIN}kube-proxy/blobs/${DIGEST}`;

function peer(hostname: string): Deno.Addr {
  return { transport: "tcp", hostname, port: 50000 };
}

Deno.test("a handler takes the client address from the header's entry, else from the peer", async () => {
  const cases: readonly {
    config?: ConfigFile;
    headers: Record<string, string>;
    peer?: string;
    location: string;
  }[] = [
    { headers: { "x-forwarded-for": "35.180.1.1,10.0.0.1" }, location: IN_PARIS },
    { headers: { "X-Forwarded-For": "35.180.1.1, 10.0.0.1" }, location: IN_PARIS },
    { headers: { "x-forwarded-for": " 35.180.1.1\t ,\t10.0.0.1 " }, location: IN_PARIS },
    { headers: { "x-forwarded-for": "34.155.1.1, 35.180.1.1, 10.0.0.1" }, location: IN_PARIS },
    { headers: { "x-forwarded-for": "<script>, 35.180.1.1, 10.0.0.1" }, location: IN_PARIS },
    { headers: { "x-forwarded-for": ",,35.180.1.1, whatever" }, location: IN_PARIS },
    { headers: { "x-forwarded-for": "2001:db8:a::1, 10.0.0.1" }, location: IN_PARIS },
    { headers: { "x-forwarded-for": "2001:DB8:A:0:0:0:0:1, 10.0.0.1" }, location: IN_PARIS },
    { headers: { "x-forwarded-for": "2001:db8:b::1, 10.0.0.1" }, location: ELSEWHERE },
    { headers: { "x-forwarded-for": "::ffff:35.180.1.1, 10.0.0.1" }, location: IN_PARIS },
    { headers: { "x-forwarded-for": "::ffff:23b4:101, 10.0.0.1" }, location: IN_PARIS },
    { headers: { "x-forwarded-for": "34.155.1.1, 10.0.0.1" }, location: AT_GOOGLE },
    {
      headers: { "x-forwarded-for": "34.155.1.1, 10.0.0.1" },
      peer: "35.180.1.1",
      location: AT_GOOGLE,
    },
    { headers: {}, peer: "35.180.1.1", location: IN_PARIS },
    { headers: {}, peer: "203.0.113.9", location: ELSEWHERE },
    { headers: {}, peer: "2001:db8:a::1", location: IN_PARIS },
    { headers: {}, peer: "2001:db8:a::1%eth0", location: IN_PARIS },
    { headers: {}, peer: "::ffff:34.155.1.1", location: AT_GOOGLE },
    { headers: { "x-real-ip": "34.155.1.1" }, peer: "35.180.1.1", location: IN_PARIS },
    {
      config: { from_end: 1 },
      headers: { "x-forwarded-for": "34.155.1.1, 35.180.1.1" },
      location: IN_PARIS,
    },
    {
      config: { from_end: 3 },
      headers: { "x-forwarded-for": "35.180.1.1, 34.155.1.1, 10.0.0.1" },
      location: IN_PARIS,
    },
    {
      config: { header: "X-Real-Ip", from_end: 1 },
      headers: { "x-real-ip": "35.180.1.1", "x-forwarded-for": "34.155.1.1, 10.0.0.1" },
      location: IN_PARIS,
    },
    {
      config: { header: null },
      headers: { "x-forwarded-for": "34.155.1.1, 10.0.0.1" },
      peer: "35.180.1.1",
      location: IN_PARIS,
    },
    {
      config: { header: null },
      headers: { "x-forwarded-for": "no address" },
      peer: "35.180.1.1",
      location: IN_PARIS,
    },
  ];
  for (const { config, headers, peer: hostname, location } of cases) {
    const { handle } = located(config);
    const incoming: Incoming = hostname === undefined
      ? { headers }
      : { headers, peer: peer(hostname) };
    const shown = JSON.stringify({ config, headers, hostname });
    assertEquals(await locationOf(handle(BLOB, incoming)), location, shown);
  }
});

Deno.test("a handler refuses a header that does not have the client address in its place", async () => {
  const values = [
    "",
    ",",
    "35.180.1.1",
    "35.180.1.1;10.0.0.1",
    ", 10.0.0.1",
    "35.180.1.1,, 10.0.0.1",
    "unknown, 10.0.0.1",
    "_hidden, 10.0.0.1",
    "010.1.1.1, 10.0.0.1",
    "0x7f.1, 10.0.0.1",
    "0x23.0xb4.1.1, 10.0.0.1",
    "35.180.1, 10.0.0.1",
    "35.180.257, 10.0.0.1",
    "599023873, 10.0.0.1",
    "35.180.1.256, 10.0.0.1",
    "35.180.1.1.1, 10.0.0.1",
    "35.180.1.1:443, 10.0.0.1",
    "35.180.1.1/32, 10.0.0.1",
    "35.180.1.+1, 10.0.0.1",
    "35. 180.1.1, 10.0.0.1",
    "[2001:db8:a::1], 10.0.0.1",
    "2001:db8:a::1%eth0, 10.0.0.1",
    "2001:db8:a:::1, 10.0.0.1",
    "2001:db8::a::1, 10.0.0.1",
    "::ffff:035.180.1.1, 10.0.0.1",
    '"35.180.1.1", 10.0.0.1',
    "for=35.180.1.1, 10.0.0.1",
  ];
  const { handle, asked } = located();
  for (const value of values) {
    const headers = { "x-forwarded-for": value };
    const response = handle(BLOB, { headers, peer: peer("35.180.1.1") });
    assert(response instanceof Response, value);
    assertEquals(response.status, 400, value);
    const { errors: [{ code, message, detail }] } = await response.json();
    assertEquals(code, "CLIENT_ADDRESS_INVALID", value);
    assertStringIncludes(message, "x-forwarded-for", value);
    assertEquals(detail, value);
    const head = await handle(BLOB, { headers, method: "HEAD" });
    assertEquals(head.status, 400, value);
    assertEquals(head.body, null, value);
  }
  assertEquals(asked, []);
});

Deno.test("a handler refuses a peer without an address, unless a header has one", async () => {
  const peers: readonly Deno.Addr[] = [
    { transport: "unix", path: "/run/archeio.sock" },
    { transport: "tcp", hostname: "", port: 0 },
    { transport: "tcp", hostname: "localhost", port: 1 },
  ];
  for (const config of [{}, { header: null }]) {
    for (const peer of peers) {
      const { handle } = located(config);
      const response = await handle(BLOB, { peer });
      assertEquals(response.status, 400);
      const { errors: [error] } = await response.json();
      assertEquals(error, {
        code: "CLIENT_ADDRESS_INVALID",
        message: "the connection has no client address",
      });
      assertEquals(await locationOf(handle("/v2/a/tags/list", { peer })), `${MAIN}a/tags/list`);
    }
  }
  const { handle } = located();
  assertEquals(await locationOf(handle(BLOB, { peer: peers[0]!, client: "35.180.1.1" })), IN_PARIS);
});

Deno.test("a handler needs no client address for what does not depend on it", async () => {
  const { handle } = createWorld(SIGNED_CONFIG, everything);
  for (const { asked, location, signed = location } of redirects) {
    if (asked.includes("/blobs/")) continue;
    assertEquals(await locationOf(handle(asked, { client: "no address" })), signed, asked);
  }
  for (const { asked, status } of refusals) {
    const response = await handle(asked, { client: "no address" });
    assertEquals(response.status, status, asked);
    await response.body?.cancel();
  }
  assertEquals((await handle("/v2/", { client: "no address" })).status, 200);
});

Deno.test("a handler knows the configuration's own prefixes beside the embedded ones", async () => {
  const config = {
    ...CONFIG,
    locations: {
      "office/berlin": ["198.51.100.0/24", "35.180.1.0/24"],
      "aws/eu-west-3": ["203.0.113.0/24"],
    },
    rules: [
      { clients: ["office/*"], mirrors: [] },
      { clients: ["aws/eu-west-3"], mirrors: ["paris"] },
    ],
  };
  const { handle } = createWorld(config, { [PARIS + DIGEST]: FOUND });
  const cases = [
    { client: "198.51.100.7", location: AT_GOOGLE },
    { client: "35.180.1.1", location: AT_GOOGLE },
    { client: "35.180.2.1", location: IN_PARIS },
    { client: "203.0.113.9", location: IN_PARIS },
    // No rule matches: the upstream.
    { client: "192.0.2.1", location: AT_GOOGLE },
  ];
  for (const { client, location } of cases) {
    assertEquals(await locationOf(handle(BLOB, { client })), location, client);
  }
});

Deno.test("a handler sends to the signature upstream what the upstream does not have", async () => {
  const cases: readonly { answer: Answer; signature: boolean }[] = [
    { answer: 200, signature: false },
    { answer: 307, signature: false },
    { answer: 401, signature: false },
    { answer: 403, signature: false },
    { answer: 404, signature: true },
    { answer: 429, signature: false },
    { answer: 500, signature: false },
    { answer: "fails", signature: false },
    { answer: "hangs", signature: false },
  ];
  for (const kind of ["manifests", "blobs"]) {
    for (const { answer, signature } of cases) {
      const path = `kube-proxy/${kind}/${DIGEST}`;
      const { handle, asked } = createWorld(
        { ...SIGNED_CONFIG, rules: [], probe: { timeout_ms: 5 } },
        { [MAIN + path]: answer },
      );
      const expected = `${signature ? SIGNATURES : MAIN}${path}?a=b`;
      const shown = `${kind}: ${answer}`;
      const first = handle(`/v2/${path}?ns=x&a=b`, { client });
      assert(first instanceof Promise, shown);
      assertEquals(await locationOf(first), expected, shown);
      const again = handle(`/v2/${path}?a=b`, { client, method: "HEAD" });
      assert(again instanceof Response, shown);
      assertEquals(await locationOf(again), expected, shown);
      assertEquals(asked, [MAIN + path], shown);
    }
  }
});

Deno.test("a handler asks the upstream about a blob only when no mirror has it", async () => {
  const { handle, asked } = createWorld(SIGNED_CONFIG, { [CDN + OTHER_DIGEST]: FOUND });
  const other = `/v2/kube-proxy/blobs/${OTHER_DIGEST}`;
  assertEquals(await locationOf(handle(other, { client })), CDN + OTHER_DIGEST);
  assertEquals(asked, [CDN + OTHER_DIGEST]);
  const upstream = `${MAIN}kube-proxy/blobs/${DIGEST}`;
  assertEquals(
    await locationOf(handle(BLOB, { client: CLIENTS.paris })),
    `${SIGNATURES}kube-proxy/blobs/${DIGEST}`,
  );
  assertEquals(asked.slice(1), [PARIS + DIGEST, CDN + DIGEST, upstream]);
});

Deno.test("a handler asks the upstream again, soon when it failed or had nothing", async () => {
  const path = `kube-proxy/manifests/${DIGEST}`;
  const config = { ...SIGNED_CONFIG, probe: { found_ttl_s: 60, missing_ttl_s: 5 } };
  const cases: readonly { answer: Answer; ttlMs: number }[] = [
    { answer: 200, ttlMs: 60_000 },
    { answer: 307, ttlMs: 60_000 },
    { answer: 404, ttlMs: 5000 },
    { answer: 500, ttlMs: 5000 },
    { answer: "fails", ttlMs: 5000 },
  ];
  for (const { answer, ttlMs } of cases) {
    const { handle, asked, pass } = createWorld(config, { [MAIN + path]: answer });
    await handle(`/v2/${path}`);
    pass(ttlMs - 1);
    assert(handle(`/v2/${path}`) instanceof Response, `${answer}`);
    pass(1);
    assert(handle(`/v2/${path}`) instanceof Promise, `${answer}`);
    assertEquals(asked.length, 2);
  }
});

Deno.test("a handler that asks enough already takes the upstream to have everything", async () => {
  const { handle, asked, stop } = createWorld(
    { ...SIGNED_CONFIG, rules: [], probe: { max_in_flight: 1 } },
    { [`${MAIN}kube-proxy/manifests/${DIGEST}`]: "hangs" },
  );
  const waiting = handle(MANIFEST);
  for (const kind of ["manifests", "blobs"]) {
    const path = `kube-proxy/${kind}/${OTHER_DIGEST}`;
    const answer = handle(`/v2/${path}`, { client });
    assert(answer instanceof Response);
    assertEquals(await locationOf(answer), MAIN + path);
  }
  assertEquals(asked.length, 1);
  stop();
  assertEquals(await locationOf(waiting), `${MAIN}kube-proxy/manifests/${DIGEST}`);
});

Deno.test("a handler does not ask about a name that is longer than any should be", async () => {
  const { handle, asked } = createWorld(SIGNED_CONFIG);
  const path = `${"a".repeat(60_000)}/manifests/${DIGEST}`;
  assertEquals(await locationOf(handle(`/v2/${path}`)), MAIN + path);
  assertEquals(asked, []);
});

Deno.test("a handler asks nothing when the signature upstream is the upstream", async () => {
  const { handle, asked } = createWorld({ ...CONFIG, rules: [], signature_upstream: "main" });
  for (const kind of ["manifests", "blobs"]) {
    const path = `kube-proxy/${kind}/${DIGEST}`;
    assertEquals(await locationOf(handle(`/v2/${path}`, { client })), MAIN + path);
  }
  assertEquals(asked, []);
});

Deno.test("a handler sends a rule's clients to the rule's upstream for everything", async () => {
  const rules = [
    { clients: ["gcp/*"], mirrors: ["cdn"], upstream: "google" },
    { clients: ["*"], mirrors: ["cdn"] },
  ];
  const google = "https://google.example/v2/";
  const upstreams = {
    ...CONFIG.upstreams as ConfigFile,
    google: { endpoint: "https://google.example" },
  };
  const { handle } = createWorld({ ...CONFIG, upstreams, rules });
  const paths = [
    "a/b/manifests/v1",
    `a/b/manifests/sha256-${HEX}.sig`,
    `a/b/manifests/${DIGEST}`,
    `a/b/blobs/${DIGEST}`,
    `a/b/referrers/${DIGEST}?artifactType=x`,
    "a/b/tags/list?n=1",
  ];
  for (const path of paths) {
    const atGoogle = await handle(`/v2/${path}`, { client: CLIENTS.google });
    assertEquals(await locationOf(atGoogle), google + path);
    assertEquals(await locationOf(handle(`/v2/${path}`, { client })), MAIN + path);
    const unlocated = await handle(`/v2/${path}`, { client: "no address" });
    assertEquals(unlocated.status, 400);
    await unlocated.body?.cancel();
  }
  assertEquals(await locationOf(handle("/", { client: "no address" })), INFO_PAGE);
  assertEquals((await handle("/v2/", { client: "no address" })).status, 200);
});

Deno.test("a handler asks a rule's upstream before it turns to the signature upstream", async () => {
  const rules = [{ clients: ["gcp/*"], upstream: "google" }];
  const google = "https://google.example/v2/";
  const upstreams = {
    ...CONFIG.upstreams as ConfigFile,
    google: { endpoint: "https://google.example" },
  };
  const path = `kube-proxy/manifests/${DIGEST}`;
  const { handle, asked } = createWorld(
    { ...SIGNED_CONFIG, upstreams, rules },
    { [MAIN + path]: 404, [google + path]: 200 },
  );
  assertEquals(await locationOf(handle(`/v2/${path}`, { client: CLIENTS.google })), google + path);
  assertEquals(await locationOf(handle(`/v2/${path}`, { client })), SIGNATURES + path);
  assertEquals(asked, [google + path, MAIN + path]);
});

Deno.test("a handler reads the data set bit by bit while no request waits", () => {
  const works: (() => void)[] = [];
  createConfiguredHandler(readTestConfig(CONFIG), {
    dataSet: `${DATA_SET}no prefix\n`,
    log: { listening() {}, stopping() {}, failed() {}, unanswered() {} },
    fetch,
    now: () => 0,
    stop: new AbortController().signal,
    defer: (work) => works.push(work),
  });
  // A location each, and the last of them cannot be read.
  for (const _ of ["aws/eu-west-3", "aws/us-east-1"]) works.shift()!();
  const last = works.shift()!;
  assertEquals(works, []);
  assertThrows(last, SyntaxError, "no prefix");
});

Deno.test("a handler of an upstream alone redirects everything to it", async () => {
  const { handle, asked } = createWorld({
    upstreams: { only: { endpoint: "https://new.example" } },
  });
  for (
    const path of [`a/blobs/${DIGEST}`, `a/manifests/${DIGEST}`, "a/manifests/b", "a/tags/list"]
  ) {
    assertEquals(
      await locationOf(handle(`/v2/${path}`, { client })),
      `https://new.example/v2/${path}`,
    );
  }
  assertEquals(asked, []);
});
