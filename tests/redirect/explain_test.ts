import { assertEquals } from "@std/assert";
import { createRouting } from "../../lib/redirect/create_routing.ts";
import type { Foresight } from "../../lib/mirrors/foresight.ts";
import { explain, type Explanation } from "../../lib/redirect/explain.ts";
import { createNumbering } from "../../lib/redirect/setup.ts";
import type { Known } from "../../lib/mirrors/known.ts";
import { parseAddress } from "../../lib/net/address.ts";
import { configOf } from "../config/fixture.ts";

const DATA_SET = `provider aws
source https://aws.example/
date 2026-07-29
count 2
location aws/eu-west-3
10.0.0.0/8
location aws/us-east-1
192.0.2.0/24
provider gcp
source https://gcp.example/
date 2026-07-29
count 1
location gcp/europe-west9
198.51.100.0/24
`;

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;
const SIGNATURE = `${DIGEST.replace(":", "-")}.sig`;
const BLOB = `/v2/a/b/blobs/${DIGEST}`;
const MANIFEST = `/v2/a/b/manifests/${DIGEST}`;

const BEGIN = `
pages: { info: https://info.example/ }
upstreams:
  main: { endpoint: https://main.example, path: images }
  other: { endpoint: https://other.example }
`;
const REST = `
mirrors:
  one: { url: https://one.example/blobs/ }
  two: { url: https://two.example }
rules:
  - { clients: [gcp/*], mirrors: [] }
  - { clients: [aws/eu-west-3], mirrors: [two, one], upstream: other }
`;
const CONFIG = BEGIN + REST;
const SIGNED = `${BEGIN}  signed: { endpoint: https://signed.example }
signature_upstream: signed
${REST}`;

function explained(
  text: string,
  address: string,
  path: string,
  present?: Foresight,
): Explanation {
  const config = configOf(text);
  const routing = createRouting({ config, ...createNumbering().enter(config) }, DATA_SET);
  return explain(parseAddress(address), { address, path }, routing, present);
}

/** What an explanation says of a request that is refused, or for a page. */
const NOTHING = {
  repository: null,
  rule: null,
  mirrors: [],
  blobs: [],
  asks: [],
  upstream: null,
  signatures: null,
  status: 307,
  redirect: null,
  error: null,
};

const IN_PARIS = { address: "10.1.2.3", location: "aws/eu-west-3", prefix: "10.0.0.0/8" };
const NOWHERE = { address: "9.9.9.9", location: null, prefix: null };

Deno.test("explain() tells a blob's mirrors in order, and what comes after them", () => {
  const upstream = `https://other.example/v2/a/b/blobs/${DIGEST}`;
  const mirrors = [
    { name: "two", location: `https://two.example/${DIGEST}` },
    { name: "one", location: `https://one.example/blobs/${DIGEST}` },
  ];
  const expected = {
    ...NOTHING,
    ...IN_PARIS,
    path: BLOB,
    asked: "blob",
    rule: { number: 2, clients: ["aws/eu-west-3"] },
    mirrors,
    asks: ["two", "one"],
    upstream,
    redirect: mirrors[0]!.location,
  };
  assertEquals(explained(CONFIG, "10.1.2.3", BLOB), expected);
  // With a signature upstream, the last resort is one of two.
  assertEquals(explained(SIGNED, "10.1.2.3", BLOB), {
    ...expected,
    asks: ["two", "one", "other"],
    signatures: `https://signed.example/v2/a/b/blobs/${DIGEST}`,
  });
});

Deno.test("explain() tells a blob that no mirror is asked for", () => {
  const redirect = `https://main.example/v2/images/a/b/blobs/${DIGEST}`;
  const table = [
    {
      asked: "198.51.100.9",
      expected: {
        address: "198.51.100.9",
        location: "gcp/europe-west9",
        prefix: "198.51.100.0/24",
        rule: { number: 1, clients: ["gcp/*"] },
      },
    },
    // A location that no rule is for, and none.
    {
      asked: "192.0.2.9",
      expected: {
        address: "192.0.2.9",
        location: "aws/us-east-1",
        prefix: "192.0.2.0/24",
        rule: null,
      },
    },
    { asked: "9.9.9.9", expected: { ...NOWHERE, rule: null } },
  ];
  for (const { asked, expected } of table) {
    assertEquals(explained(CONFIG, asked, BLOB), {
      ...NOTHING,
      ...expected,
      path: BLOB,
      asked: "blob",
      upstream: redirect,
      redirect,
    });
  }
});

Deno.test("explain() tells where each kind of request goes", () => {
  const toUpstream = (base: string, rest: string) => ({
    upstream: `https://${base}/${rest}`,
    redirect: `https://${base}/${rest}`,
  });
  const table: { path: string; text?: string; expected: Partial<Explanation> }[] = [
    { path: "/", expected: { asked: "info", redirect: "https://info.example/" } },
    { path: "/v2/", expected: { asked: "version", status: 200 } },
    {
      path: "/v2/a/manifests/1.0",
      expected: {
        asked: "manifest_by_tag",
        ...toUpstream("main.example", "v2/images/a/manifests/1.0"),
      },
    },
    {
      path: "/v2/a/tags/list?n=5&ns=x",
      expected: { asked: "tags", ...toUpstream("main.example", "v2/images/a/tags/list?n=5") },
    },
    {
      path: MANIFEST,
      expected: {
        asked: "manifest_by_digest",
        ...toUpstream("main.example", `v2/images/a/b/manifests/${DIGEST}`),
      },
    },
    {
      path: MANIFEST,
      text: SIGNED,
      expected: {
        asked: "manifest_by_digest",
        ...toUpstream("main.example", `v2/images/a/b/manifests/${DIGEST}`),
        asks: ["main"],
        signatures: `https://signed.example/v2/a/b/manifests/${DIGEST}`,
      },
    },
    {
      path: `/v2/a/manifests/${SIGNATURE}`,
      text: SIGNED,
      expected: {
        asked: "manifest_by_tag",
        ...toUpstream("signed.example", `v2/a/manifests/${SIGNATURE}`),
      },
    },
    {
      path: "/privacy",
      expected: {
        asked: "privacy",
        status: 404,
        error: { code: "UNSUPPORTED", message: "not found" },
      },
    },
  ];
  for (const { path, text = CONFIG, expected } of table) {
    const actual = explained(text, "9.9.9.9", path);
    assertEquals(actual, { ...NOTHING, ...NOWHERE, path, ...expected } as Explanation, path);
  }
});

Deno.test("explain() names the rule of whatever its upstream serves", () => {
  const { rule, upstream } = explained(CONFIG, "10.1.2.3", "/v2/a/manifests/1.0");
  assertEquals({ rule, upstream }, {
    rule: { number: 2, clients: ["aws/eu-west-3"] },
    upstream: "https://other.example/v2/a/manifests/1.0",
  });
  // Of what is decided without a client's location, none.
  assertEquals(explained(CONFIG, "10.1.2.3", "/v2/").rule, null);
});

Deno.test("explain() tells what is wrong with a request", () => {
  const table = [
    { asked: "/v2/../x/manifests/1", status: 400, code: "NAME_INVALID" },
    { asked: "/v2/a/blobs/sha256:12", status: 400, code: "DIGEST_INVALID" },
    { asked: "/v2/a/manifests/-", status: 400, code: "MANIFEST_INVALID" },
    { asked: "/v2/_catalog", status: 404, code: "UNSUPPORTED" },
    { asked: "/else", status: 404, code: "UNSUPPORTED" },
  ];
  for (const { asked, status, code } of table) {
    const actual = explained(SIGNED, "10.1.2.3", asked);
    assertEquals({ status: actual.status, code: actual.error?.code, redirect: actual.redirect }, {
      status,
      code,
      redirect: null,
    }, asked);
  }
});

const ONE = `https://one.example/blobs/${DIGEST}`;
const TWO = `https://two.example/${DIGEST}`;
const AT_UPSTREAM = `https://other.example/v2/a/b/blobs/${DIGEST}`;
const AT_SIGNATURES = `https://signed.example/v2/a/b/blobs/${DIGEST}`;

Deno.test("explain() tells what a client would get by what is known now", () => {
  const table: {
    down?: readonly string[];
    known?: Readonly<Record<string, Known>>;
    /** The mirrors that are not asked. */
    busy?: readonly string[];
    upstream?: "found" | "missing";
    /** Whether mirrors take clients from others. */
    diverts?: boolean;
    expected: string;
    asks?: readonly string[];
  }[] = [
    // Of a mirror of which nothing is known it is not said that it has the blob.
    { expected: TWO, asks: ["two", "one", "other"] },
    { upstream: "found", expected: TWO, asks: ["two", "one"] },
    { known: { two: "found" }, expected: TWO },
    { known: { two: "missing" }, upstream: "found", expected: ONE, asks: ["one"] },
    { known: { one: "found" }, expected: ONE },
    { known: { one: "stale" }, expected: ONE },
    { known: { two: "missing", one: "missing" }, expected: AT_UPSTREAM, asks: ["other"] },
    { known: { two: "missing", one: "missing" }, upstream: "found", expected: AT_UPSTREAM },
    { known: { two: "missing", one: "missing" }, upstream: "missing", expected: AT_SIGNATURES },
    { known: { one: "found" }, upstream: "missing", expected: ONE },
    { down: ["two"], known: { two: "found" }, upstream: "found", expected: ONE, asks: ["one"] },
    { down: ["two"], known: { one: "missing" }, upstream: "found", expected: AT_UPSTREAM },
    { down: ["two", "one"], upstream: "found", expected: AT_UPSTREAM },
    { busy: ["two"], upstream: "found", expected: ONE, asks: ["one"] },
    { busy: ["two", "one"], upstream: "found", expected: AT_UPSTREAM },
    {
      down: ["two"],
      diverts: false,
      upstream: "found",
      expected: AT_UPSTREAM,
      asks: ["one"],
    },
    { down: ["two"], known: { one: "found" }, upstream: "found", expected: ONE },
    {
      down: ["two"],
      known: { one: "found" },
      diverts: false,
      upstream: "found",
      expected: AT_UPSTREAM,
    },
    // One that is up, and has not the blob, is no reason to divert anyone.
    { known: { two: "missing" }, diverts: false, upstream: "found", expected: ONE, asks: ["one"] },
  ];
  for (const { down = [], known = {}, busy = [], upstream, diverts = true, ...told } of table) {
    const { expected, asks = [] } = told;
    const { mirrors, redirect, ...rest } = explained(SIGNED, "10.1.2.3", BLOB, {
      isDown: ({ name }) => down.includes(name),
      recall: ({ name }, { digest }) => digest === DIGEST ? known[name] ?? "unknown" : "missing",
      mayProbe: ({ name }) => !busy.includes(name),
      mayDivert: () => diverts,
      presence: ({ name }, url) => name === "other" && url === AT_UPSTREAM ? upstream : undefined,
    });
    const shown = JSON.stringify({ down, known, busy, upstream, diverts });
    assertEquals(redirect, expected, shown);
    assertEquals(rest.asks, asks, shown);
    const stateOf = (name: string) => ({
      state: down.includes(name) ? "down" as const : "up" as const,
      blob: known[name] ?? "unknown",
    });
    assertEquals(mirrors, [
      { name: "two", location: TWO, ...stateOf("two") },
      { name: "one", location: ONE, ...stateOf("one") },
    ], shown);
  }
});

Deno.test("explain() tells a repository, and the mirrors of its blobs", () => {
  const text = `${BEGIN}repositories:
  app: { upstream: other, as: acme/app }
  charts/*: { as: c/* }
${REST}`;
  const at = (path: string) => {
    const { repository, redirect, blobs, error } = explained(text, "10.1.2.3", path);
    return { repository, redirect, blobs, error: error?.code };
  };
  assertEquals(at("/v2/app/manifests/1"), {
    repository: { pattern: "app", upstream: "other", name: "acme/app" },
    redirect: "https://other.example/v2/acme/app/manifests/1",
    blobs: ["two", "one"],
    error: undefined,
  });
  assertEquals(at("/v2/charts/web/tags/list"), {
    repository: { pattern: "charts/*", upstream: null, name: "c/web" },
    redirect: "https://other.example/v2/c/web/tags/list",
    blobs: [],
    error: undefined,
  });
  assertEquals(at("/v2/apps/manifests/1"), {
    repository: null,
    redirect: null,
    blobs: [],
    error: "NAME_UNKNOWN",
  });
});

Deno.test("explain() tells where a mirror's template puts a blob", () => {
  const text = CONFIG.replace("https://two.example", '"https://two.example/{name}/{hex:2}/{hex}"');
  const { mirrors } = explained(text, "10.1.2.3", BLOB);
  assertEquals(mirrors[0], {
    name: "two",
    location: `https://two.example/a/b/01/${DIGEST.slice(7)}`,
  });
});

Deno.test("explain() tells of the signature upstream when the upstream is known to lack a manifest", () => {
  const asked = `https://main.example/v2/images/a/b/manifests/${DIGEST}`;
  const present: Foresight = {
    isDown: () => false,
    recall: () => "unknown",
    mayProbe: () => true,
    mayDivert: () => true,
    presence: ({ name }, url) => name === "main" && url === asked ? "missing" : undefined,
  };
  assertEquals(
    explained(SIGNED, "9.9.9.9", MANIFEST, present).redirect,
    `https://signed.example/v2/a/b/manifests/${DIGEST}`,
  );
  assertEquals(explained(CONFIG, "9.9.9.9", MANIFEST, present).redirect, asked);
});

Deno.test("explain() tells of the token flow where there are sessions", () => {
  const table: { path: string; expected: Partial<Explanation> }[] = [
    { path: "/v2/", expected: { asked: "version", status: 401, redirect: null } },
    { path: "/token", expected: { asked: "token", status: 200, error: null } },
    { path: "/token?scope=x", expected: { asked: "token", status: 200, error: null } },
    { path: "/tokens", expected: { asked: "nothing", status: 404 } },
    { path: "/v2/a/manifests/1", expected: { status: 307, error: null } },
  ];
  for (const { path, expected } of table) {
    const actual = explained(`trace: { session: true }\n${CONFIG}`, "9.9.9.9", path);
    for (const [key, value] of Object.entries(expected)) {
      assertEquals(actual[key as keyof Explanation], value, `${path} ${key}`);
    }
  }
  assertEquals(explained(CONFIG, "9.9.9.9", "/token").status, 404);
});

Deno.test("explain() tells what is fetched for clients, and from where", () => {
  const upstreams = {
    main: { endpoint: "https://upstream.example", pull: "relay" },
    signatures: { endpoint: "https://signatures.example" },
  };
  const relaying: Record<string, unknown> = { upstreams: { main: upstreams.main } };
  const digest = `sha256:${"a".repeat(64)}`;
  const table = [
    {
      config: relaying,
      path: "/v2/app/manifests/v1",
      relayed: "main",
      status: 200,
      redirect: null,
    },
    { config: relaying, path: "/v2/app/tags/list", relayed: "main", status: 200, redirect: null },
    {
      config: { upstreams, signature_upstream: "signatures" },
      path: `/v2/app/referrers/${digest}`,
      relayed: undefined,
      status: 307,
      redirect: `https://signatures.example/v2/app/referrers/${digest}`,
    },
    {
      config: {
        ...relaying,
        upstreams: { main: { endpoint: "https://upstream.example", tags: "relay" } },
      },
      path: "/v2/app/manifests/v1",
      relayed: undefined,
      status: 307,
      redirect: "https://upstream.example/v2/app/manifests/v1",
    },
  ];
  for (const { config, path, relayed, status, redirect } of table) {
    const told = explained(JSON.stringify(config), "203.0.113.9", path);
    assertEquals([told.relayed, told.status, told.redirect], [relayed, status, redirect], path);
  }
});
