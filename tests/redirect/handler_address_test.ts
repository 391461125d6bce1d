import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  BLOB,
  CDN,
  CONFIG,
  type ConfigFile,
  createWorld,
  DIGEST,
  type Incoming,
  locationOf,
  MAIN,
  OTHER_DIGEST,
  PARIS,
  type World,
} from "./fixture.ts";

const FOUND = 200;

// From which mirror a client gets a blob tells which address it counted as coming from.
function located(client: ConfigFile = {}): Promise<World> {
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
    { headers: { "x-forwarded-for": "35.180.1.1:443, 10.0.0.1" }, location: IN_PARIS },
    { headers: { "x-forwarded-for": "35.180.1.1:50000, 10.0.0.1:443" }, location: IN_PARIS },
    { headers: { "x-forwarded-for": "[2001:db8:a::1], 10.0.0.1" }, location: IN_PARIS },
    { headers: { "x-forwarded-for": "[2001:db8:a::1]:443, 10.0.0.1" }, location: IN_PARIS },
    { headers: { "x-forwarded-for": "[::ffff:35.180.1.1]:1, 10.0.0.1" }, location: IN_PARIS },
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
    const { handle } = await located(config);
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
    "35.180.1.1:, 10.0.0.1",
    "35.180.1.1:99999, 10.0.0.1",
    "[35.180.1.1]:443, 10.0.0.1",
    "35.180.1.1/32, 10.0.0.1",
    "35.180.1.+1, 10.0.0.1",
    "35. 180.1.1, 10.0.0.1",
    "[2001:db8:a::1, 10.0.0.1",
    "2001:db8:a::1%eth0, 10.0.0.1",
    "[2001:db8:a::1%eth0], 10.0.0.1",
    "2001:db8:a:::1, 10.0.0.1",
    "2001:db8::a::1, 10.0.0.1",
    "::ffff:035.180.1.1, 10.0.0.1",
    '"35.180.1.1", 10.0.0.1',
    "for=35.180.1.1, 10.0.0.1",
  ];
  const { handle, asked } = await located();
  for (const value of values) {
    const headers = { "x-forwarded-for": value };
    const response = handle(BLOB, { headers, peer: peer("35.180.1.1") });
    assert(response instanceof Response, value);
    assertEquals(response.status, 400, value);
    const { errors: [{ code, message, detail }] } = await response.json();
    assertEquals(code, "CLIENT_ADDRESS_INVALID", value);
    assertStringIncludes(message, "x-forwarded-for", value);
    assertStringIncludes(message, "entry 2 from its end", value);
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
      const { handle } = await located(config);
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
  const { handle } = await located();
  assertEquals(await locationOf(handle(BLOB, { peer: peers[0]!, client: "35.180.1.1" })), IN_PARIS);
});

Deno.test("a handler tells of each request whose client address it cannot read", async () => {
  const unix: Deno.Addr = { transport: "unix", path: "/run/archeio.sock" };
  const header = "x-forwarded-for";
  const table: { incoming: Incoming; expected?: string }[] = [
    {
      incoming: { headers: { [header]: "35.180.1.1, 10.0.0.1" } },
      expected: `the header ${header} must have the client's IP address as entry 3 from its end; ` +
        "it has 2 entries",
    },
    {
      incoming: { headers: { [header]: "unknown,35.180.1.1,10.0.0.1" } },
      expected: `the header ${header} must have the client's IP address as entry 3 from its end; ` +
        "it has 3 entries, and that one is no IP address",
    },
    { incoming: { peer: unix }, expected: "the connection has no client address" },
    { incoming: { headers: { [header]: "35.180.1.1,10.0.0.1,10.0.0.2" } } },
    { incoming: {} },
  ];
  for (const { incoming, expected } of table) {
    const { handle, told } = await located({ from_end: 3 });
    for (const path of ["/v2/", "/v2/a/tags/list"]) {
      await handle(path, incoming);
      assertEquals(told.noAddress, [], path);
    }
    const response = await handle(BLOB, incoming);
    assertEquals(told.noAddress, expected === undefined ? [] : [expected]);
    assertEquals(response.status, expected === undefined ? 307 : 400);
    if (expected !== undefined) assertStringIncludes(await response.text(), expected);
  }
});

Deno.test("a handler needs no client address where rules tell no clients apart", async () => {
  const everyone = { ...CONFIG, rules: [{ clients: ["*"], mirrors: ["cdn"] }] };
  const nobody = { ...CONFIG, rules: [], signature_upstream: "signatures" };
  for (const pulls of [false, true]) {
    for (const config of [everyone, nobody]) {
      const world = await createWorld(
        { ...config, log: { pulls } },
        { [CDN + DIGEST]: FOUND, [AT_GOOGLE]: FOUND },
      );
      const location = config === everyone ? ELSEWHERE : AT_GOOGLE;
      const unix: Deno.Addr = { transport: "unix", path: "/run/archeio.sock" };
      for (const incoming of [{ client: "no address" }, { peer: unix }]) {
        assertEquals(await locationOf(world.handle(BLOB, incoming)), location);
        assertEquals(
          await locationOf(world.handle("/v2/a/tags/list", incoming)),
          `${MAIN}a/tags/list`,
        );
      }
      // Its place in the log is told nonetheless, where it is known.
      await locationOf(world.handle(BLOB, { client: "35.180.1.1" }));
      const expected = [null, null, null, null, "aws/eu-west-3"];
      assertEquals(world.pulls().map(({ location }) => location), pulls ? expected : []);
    }
  }
});

Deno.test("a handler lets no cache keep a redirect that depends on the client's address", async () => {
  const rules = [{ clients: ["gcp/*"], mirrors: [], upstream: "signatures" }];
  const ONE = "private, no-store";
  const MANIFEST = "/v2/a/manifests/v1";
  const table: { config: ConfigFile; path: string; client?: string; expected: string | null }[] = [
    { config: CONFIG, path: BLOB, client: "35.180.1.1", expected: ONE },
    { config: CONFIG, path: BLOB, client: "203.0.113.9", expected: ONE },
    { config: CONFIG, path: BLOB, client: "34.155.1.1", expected: ONE },
    { config: CONFIG, path: `/v2/a/blobs/${OTHER_DIGEST}`, client: "35.180.1.1", expected: ONE },
    { config: CONFIG, path: "/v2/a/blobs/blake3:abc", client: "35.180.1.1", expected: null },
    { config: CONFIG, path: MANIFEST, expected: null },
    { config: CONFIG, path: "/", expected: null },
    { config: { ...CONFIG, rules }, path: MANIFEST, client: "34.155.1.1", expected: ONE },
    { config: { ...CONFIG, rules }, path: MANIFEST, client: "203.0.113.9", expected: ONE },
    { config: { ...CONFIG, rules }, path: BLOB, client: "203.0.113.9", expected: ONE },
    { config: { ...CONFIG, rules }, path: "/", expected: null },
    { config: { ...CONFIG, rules: [] }, path: BLOB, expected: null },
    {
      config: { ...CONFIG, rules: [{ clients: ["*"], mirrors: ["cdn"] }] },
      path: BLOB,
      expected: null,
    },
  ];
  for (const { config, path, client, expected } of table) {
    const world = await createWorld(config, { [PARIS + DIGEST]: FOUND, [CDN + DIGEST]: FOUND });
    // The second time they are kept ones.
    for (const method of ["GET", "HEAD", "GET"]) {
      const incoming: Incoming = client === undefined ? { method } : { method, client };
      const response = await world.handle(path, incoming);
      assertEquals(response.status, 307);
      assertEquals(response.headers.get("cache-control"), expected, `${path} ${client}`);
    }
  }
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
  const { handle } = await createWorld(config, { [PARIS + DIGEST]: FOUND });
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
