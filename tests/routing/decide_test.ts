import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Asked, parseRequest } from "../../lib/oci/request.ts";
import {
  decide,
  type Decision,
  locationAt,
  type Refusal,
  refuseAddress,
  urlAt,
} from "../../lib/routing/decide.ts";
import {
  createPolicy,
  type Mirror,
  type Policy,
  type PolicyParts,
  type Rule,
  type Upstream,
} from "../../lib/routing/policy.ts";

const MAIN: Upstream = { name: "main", base: "https://main.example/v2/project/images/", number: 0 };
const OTHER: Upstream = { name: "other", base: "https://other.example/v2/", number: 1 };
const SIGNATURES: Upstream = {
  name: "signatures",
  base: "https://sig.example/v2/project/",
  number: 2,
};
const PARIS: Mirror = {
  name: "paris",
  url: "https://paris.example/blobs",
  number: 0,
  fallbackLimit: Infinity,
};
const EDGE: Mirror = {
  name: "edge",
  url: "https://edge.example/blobs",
  number: 1,
  fallbackLimit: Infinity,
};

// Rules as they are in use: the upstream's own cloud, a near mirror, everyone else.
const RULES: readonly Rule[] = [
  { number: 1, clients: ["gcp/*"], mirrors: [], upstream: MAIN },
  { number: 2, clients: ["aws/eu-west-3"], mirrors: [PARIS, EDGE], upstream: MAIN },
  { number: 3, clients: ["office/*"], mirrors: [EDGE], upstream: OTHER },
  { number: 4, clients: ["*"], mirrors: [EDGE], upstream: MAIN },
];
const LOCATIONS = ["gcp/europe-west9", "aws/eu-west-3", "office/berlin"];
const [GCP, AWS, OFFICE, UNLOCATED] = [0, 1, 2, -1];

const PLAIN: PolicyParts = { upstream: MAIN, rules: RULES };
const SIGNED: PolicyParts = { ...PLAIN, signatureUpstream: SIGNATURES };

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;
const SIGNATURE_TAG = `${DIGEST.replace(":", "-")}.sig`;
const BLOB = `/v2/a/b/blobs/${DIGEST}`;
const BY_DIGEST = `/v2/a/b/manifests/${DIGEST}`;

function decideFor(parts: PolicyParts, location: number, path: string): Decision {
  const policy = createPolicy(parts, LOCATIONS);
  return decide(parseRequest("GET", path), policy, policy.ruleFor, location);
}

/** What a decision says of whom to ask, in their order, and where each has it. */
interface Serving {
  readonly mirrors: readonly Mirror[];
  readonly upstream: string;
  readonly signatures?: string;
  readonly byClient: boolean;
}

function servingFor(parts: PolicyParts, location: number, path: string): Serving {
  const decision = decideFor(parts, location, path);
  assert(decision.kind === "mirror" || decision.kind === "upstream", path);
  const { asked, upstream, signatures, byClient } = decision;
  assertEquals(asked, parseRequest("GET", path));
  return {
    mirrors: decision.kind === "mirror" ? decision.mirrors : [],
    upstream: locationAt(upstream, asked),
    ...signatures === undefined ? {} : { signatures: locationAt(signatures, asked) },
    byClient,
  };
}

Deno.test("decide() keeps a GCP client in the upstream", () => {
  assertEquals(servingFor(PLAIN, GCP, BLOB), {
    mirrors: [],
    upstream: `${MAIN.base}a/b/blobs/${DIGEST}`,
    byClient: true,
  });
});

Deno.test("decide() looks for a blob in a rule's mirrors, in their order, then in its upstream", () => {
  const path = `a/b/blobs/${DIGEST}`;
  const signatures = SIGNATURES.base + path;
  const table = [
    { location: AWS, mirrors: [PARIS, EDGE], upstream: MAIN },
    { location: OFFICE, mirrors: [EDGE], upstream: OTHER },
    { location: UNLOCATED, mirrors: [EDGE], upstream: MAIN },
  ];
  for (const { location, mirrors, upstream: { base } } of table) {
    const expected = { mirrors, upstream: base + path, byClient: true };
    assertEquals(servingFor(PLAIN, location, BLOB), expected);
    assertEquals(servingFor(SIGNED, location, BLOB), { ...expected, signatures });
  }
});

Deno.test("decide() sends blobs to the upstream when no rule matches", () => {
  const parts = { upstream: MAIN, rules: RULES.slice(0, 2) };
  for (const location of [OFFICE, UNLOCATED]) {
    const { mirrors, upstream } = servingFor(parts, location, BLOB);
    assertEquals({ mirrors, upstream }, { mirrors: [], upstream: MAIN.base + BLOB.slice(4) });
  }
});

Deno.test("decide() never has a digest of an unregistered algorithm looked for", () => {
  for (const parts of [PLAIN, SIGNED]) {
    for (const location of [GCP, AWS, UNLOCATED]) {
      for (const path of ["blobs", "manifests"].map((kind) => `a/b/${kind}/multihash+base58:Qm`)) {
        const expected = { mirrors: [], upstream: MAIN.base + path, byClient: true };
        assertEquals(servingFor(parts, location, `/v2/${path}`), expected);
      }
    }
  }
});

Deno.test("decide() redirects manifests, tags and referrers to the upstream", () => {
  const paths = [
    "a/b/manifests/v1.30.0",
    "a/b/manifests/v1.30.0?x=1",
    `a/b/manifests/${SIGNATURE_TAG}`,
    `a/b/manifests/${DIGEST}`,
    "a/b/tags/list",
    "a/b/tags/list?n=50&last=v1",
    `a/b/referrers/${DIGEST}`,
    `a/b/referrers/${DIGEST}?artifactType=application/spdx%2Bjson`,
  ];
  for (const path of paths) {
    for (const { location, base } of [{ location: AWS, ...MAIN }, { location: OFFICE, ...OTHER }]) {
      assertEquals(
        servingFor(PLAIN, location, `/v2/${path}`),
        { mirrors: [], upstream: base + path, byClient: true },
        path,
      );
    }
  }
});

Deno.test("decide() redirects signatures and referrers to the signature upstream when set", () => {
  const table = [
    { path: `a/b/manifests/${SIGNATURE_TAG}`, expected: SIGNATURES },
    { path: `a/b/manifests/${SIGNATURE_TAG}?x=1`, expected: SIGNATURES },
    { path: `a/b/manifests/${DIGEST.replace(":", "-")}`, expected: SIGNATURES },
    { path: `a/b/manifests/sha512-${"0".repeat(128)}`, expected: SIGNATURES },
    { path: `a/b/referrers/${DIGEST}?n=5`, expected: SIGNATURES },
    { path: "a/b/referrers/multihash+base58:Qm", expected: SIGNATURES },
    { path: "a/b/manifests/v1.30.0", expected: MAIN },
    { path: "a/b/tags/list?n=5", expected: MAIN },
  ];
  for (const { path, expected } of table) {
    assertEquals(
      servingFor(SIGNED, AWS, `/v2/${path}`),
      { mirrors: [], upstream: expected.base + path, byClient: expected === MAIN },
      path,
    );
  }
});

Deno.test("decide() turns to the signature upstream for what the upstream may not have", () => {
  for (const { location, base } of [{ location: GCP, ...MAIN }, { location: OFFICE, ...OTHER }]) {
    for (const path of [`a/b/blobs/${DIGEST}?x=1`, `a/b/manifests/${DIGEST}?x=1`]) {
      const { upstream, signatures } = servingFor(SIGNED, location, `/v2/${path}`);
      assertEquals({ upstream, signatures }, {
        upstream: base + path,
        signatures: SIGNATURES.base + path,
      });
    }
  }
});

Deno.test("decide() turns to no signature upstream that is the upstream itself", () => {
  const same = { ...PLAIN, signatureUpstream: { ...MAIN, name: "same", number: 3 } };
  for (const path of [BLOB, BY_DIGEST]) {
    assertEquals(servingFor(same, AWS, path).signatures, undefined, path);
    assertEquals(servingFor(same, OFFICE, path).signatures, MAIN.base + path.slice(4), path);
  }
});

Deno.test("urlAt() leaves out what a client has put into the query", () => {
  const asked = parseRequest("GET", "/v2/a/tags/list?n=5");
  assert(asked.kind === "tags");
  assertEquals(urlAt(MAIN, asked), `${MAIN.base}a/tags/list`);
  assertEquals(locationAt(MAIN, asked), `${MAIN.base}a/tags/list?n=5`);
});

Deno.test("decide() answers the version check, and what is not about a repository", () => {
  const parts = {
    ...PLAIN,
    infoPage: "https://info.example/page",
    privacyPage: "https://privacy.example/",
  };
  assertEquals(decideFor(parts, AWS, "/v2/"), { kind: "version" });
  assertEquals(decideFor(parts, AWS, "/"), {
    kind: "page",
    location: "https://info.example/page",
  });
  assertEquals(decideFor(parts, AWS, "/privacy"), {
    kind: "page",
    location: "https://privacy.example/",
  });
});

Deno.test("decide() finds no page that is not configured", () => {
  for (const path of ["/", "/privacy", "/other"]) {
    assertEquals(decideFor(PLAIN, AWS, path), {
      kind: "error",
      status: 404,
      api: false,
      error: { code: "UNSUPPORTED", message: "not found" },
    });
  }
});

Deno.test("decide() refuses what is not served, with the specification's codes", () => {
  const table = [
    { path: "/v2/_catalog", status: 404, code: "UNSUPPORTED" },
    { path: "/v2/a", status: 404, code: "UNSUPPORTED" },
    { path: "/v2/A/tags/list", status: 400, code: "NAME_INVALID", detail: "A" },
    { path: "/v2/a/manifests/-v1", status: 400, code: "MANIFEST_INVALID", detail: "-v1" },
    { path: "/v2/a/blobs/sha256:0", status: 400, code: "DIGEST_INVALID", detail: "sha256:0" },
    { path: "/v2/a/manifests/sha256:0", status: 400, code: "DIGEST_INVALID", detail: "sha256:0" },
  ];
  for (const { path, status, code, detail } of table) {
    const decision = decideFor(SIGNED, AWS, path);
    assert(decision.kind === "error", path);
    assertEquals([decision.status, decision.api], [status, true], path);
    assertEquals([decision.error.code, decision.error.detail], [code, detail], path);
  }
});

Deno.test("decide() refuses methods other than GET and HEAD wherever they go", () => {
  const policy = createPolicy(PLAIN, LOCATIONS);
  for (const path of ["/", "/v2/", BLOB, "/nothing"]) {
    assertEquals(decide(parseRequest("POST", path), policy, policy.ruleFor, AWS), {
      kind: "error",
      status: 405,
      api: true,
      error: {
        code: "UNSUPPORTED",
        message: "only GET and HEAD are supported: this registry is for pulling",
      },
    });
  }
});

Deno.test("refuseAddress() says where the client address was looked for, and what was there", () => {
  const place =
    "the header x-forwarded-for must have the client's IP address as entry 2 from its end";
  const header = "x-forwarded-for";
  const table = [
    { forwarded: undefined, message: "the connection has no client address" },
    {
      forwarded: { header, value: "unknown, x", fromEnd: 2, entries: 2 },
      message: `${place}; it has 2 entries, and that one is no IP address`,
    },
    {
      forwarded: { header, value: "192.0.2.1", fromEnd: 2, entries: 1 },
      message: `${place}; it has 1 entry`,
    },
    {
      forwarded: { header, value: "", fromEnd: 2, entries: 0 },
      message: `${place}; it has 0 entries`,
    },
  ];
  for (const { forwarded, message } of table) {
    const detail = forwarded === undefined ? {} : { detail: forwarded.value };
    assertEquals(refuseAddress(forwarded), {
      kind: "error",
      status: 400,
      api: true,
      error: { code: "CLIENT_ADDRESS_INVALID", message, ...detail },
    });
  }
});

/** Decides for a client without an address, and gives whether it was asked for. */
function decideBlindly(asked: Asked, policy: Policy): { decision: Decision; wasAsked: boolean } {
  const none: Refusal = refuseAddress(undefined);
  let wasAsked = false;
  const decision = decide(asked, policy, () => {
    wasAsked = true;
    return none;
  }, undefined);
  if (wasAsked) assertEquals(decision, none);
  return { decision, wasAsked };
}

Deno.test("decide() asks for the client's rule only where rules tell clients apart", () => {
  const alike = [
    { upstream: MAIN, rules: [] },
    { upstream: MAIN, rules: [RULES[3]!] },
    { upstream: MAIN, rules: [{ ...RULES[2]!, clients: ["*"] }] },
  ];
  const policies = {
    alike: alike.map((parts) => createPolicy(parts, LOCATIONS)),
    mirrors: [createPolicy({ upstream: MAIN, rules: RULES.slice(0, 2) }, LOCATIONS)],
    upstreams: [createPolicy(PLAIN, LOCATIONS)],
    signed: [createPolicy(SIGNED, LOCATIONS)],
  };
  const table: { path: string; by: (keyof typeof policies)[] }[] = [
    { path: BLOB, by: ["mirrors", "upstreams", "signed"] },
    { path: "/v2/a/blobs/blake3:abc", by: ["upstreams", "signed"] },
    { path: BY_DIGEST, by: ["upstreams", "signed"] },
    { path: "/v2/a/manifests/v1", by: ["upstreams", "signed"] },
    { path: "/v2/a/tags/list", by: ["upstreams", "signed"] },
    { path: `/v2/a/referrers/${DIGEST}`, by: ["upstreams"] },
    { path: `/v2/a/manifests/${SIGNATURE_TAG}`, by: ["upstreams"] },
    { path: "/v2/", by: [] },
    { path: "/v2/_catalog", by: [] },
    { path: "/v2/A/blobs/x", by: [] },
    { path: "/", by: [] },
    { path: "/privacy", by: [] },
    { path: "/nothing", by: [] },
  ];
  for (const { path, by } of table) {
    for (const [name, made] of Object.entries(policies)) {
      for (const policy of made) {
        const { wasAsked } = decideBlindly(parseRequest("GET", path), policy);
        assertEquals(wasAsked, (by as string[]).includes(name), `${name} ${path}`);
        assert(!decideBlindly(parseRequest("PUT", path), policy).wasAsked);
      }
    }
  }
});

const UPSTREAMS = [MAIN, OTHER];
const anyRule: fc.Arbitrary<Rule> = fc.record({
  number: fc.constant(1),
  clients: fc.subarray([...LOCATIONS, "aws/*", "gcp/*", "*"], { minLength: 1 }),
  mirrors: fc.subarray([PARIS, EDGE]),
  upstream: fc.constantFrom(...UPSTREAMS),
});
const anyParts: fc.Arbitrary<PolicyParts> = fc.record({
  upstream: fc.constantFrom(...UPSTREAMS),
  rules: fc.array(anyRule, { maxLength: 3 }),
  signatureUpstream: fc.constantFrom(...UPSTREAMS, SIGNATURES),
}, { requiredKeys: ["upstream", "rules"] });
const anyPull = fc.constantFrom(
  ...[BLOB, BY_DIGEST, `/v2/a/referrers/${DIGEST}`, `/v2/a/manifests/${SIGNATURE_TAG}`],
  ...["/v2/a/blobs/blake3:abc", "/v2/a/manifests/v1", "/v2/a/tags/list?n=5"],
);

/** The same as a table: mirrors, upstream and signature upstream by what is asked for. */
function slowServing(path: string, rule: Rule, signatures: Upstream | undefined) {
  const { mirrors, upstream } = rule;
  const apart = signatures?.base === upstream.base ? undefined : signatures;
  const alone = { mirrors: [], upstream: signatures ?? upstream, signatures: undefined };
  const plain = { mirrors: [], upstream, signatures: undefined };
  const table: Record<
    string,
    Omit<Serving, "byClient" | "upstream" | "signatures"> & {
      upstream: Upstream;
      signatures: Upstream | undefined;
    }
  > = {
    [BLOB]: { mirrors, upstream, signatures: apart },
    [BY_DIGEST]: { mirrors: [], upstream, signatures: apart },
    [`/v2/a/referrers/${DIGEST}`]: alone,
    [`/v2/a/manifests/${SIGNATURE_TAG}`]: alone,
  };
  return table[path] ?? plain;
}

Deno.test("decide() gives each client what a table does, and needs no address when all get the same", () => {
  const everywhere = [GCP, AWS, OFFICE, UNLOCATED];
  const property = fc.property(anyParts, anyPull, (parts, path) => {
    const policy = createPolicy(parts, LOCATIONS);
    const asked = parseRequest("GET", path);
    const { decision, wasAsked } = decideBlindly(asked, policy);
    const served = everywhere.map((location) =>
      slowServing(path, policy.ruleFor(location), parts.signatureUpstream)
    );
    const alike = served.every((each) => JSON.stringify(each) === JSON.stringify(served[0]));
    assertEquals(wasAsked && alike, false, "asked for nothing");
    for (const [at, location] of everywhere.entries()) {
      const decided = wasAsked ? decide(asked, policy, policy.ruleFor, location) : decision;
      assert(decided.kind === "mirror" || decided.kind === "upstream");
      const { upstream, signatures, byClient } = decided;
      const mirrors = decided.kind === "mirror" ? decided.mirrors : [];
      assertEquals({ mirrors, upstream, signatures }, served[at]);
      assertEquals(byClient, wasAsked);
      assertEquals(decided.kind === "mirror", mirrors.length > 0);
    }
  });
  fc.assert(property, { numRuns: 2000 });
});

const piece = fc.oneof(
  fc.constantFrom(
    ...["a", "b-c", "..", "/", "//", "%2e%2e", "%2f", "%0d%0a", "@evil.example", ":443", "?", "#"],
    ...["https://evil.example", "blobs/", "/manifests/", "/tags/list", "/referrers/", DIGEST, "v1"],
    ...["\\", "\r\n", "é", "😀", "&x=", "%", SIGNATURE_TAG],
  ),
  fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)),
);
const hostile = fc.array(piece, { maxLength: 6 }).map((parts) => parts.join(""));
const targets = fc.oneof(
  hostile.map((rest) => `/v2/${rest}`),
  hostile.map((rest) => `/v2/a${rest}`),
  hostile.map((name) => `/v2/${name}/blobs/${DIGEST}`),
  hostile.map((reference) => `/v2/a/b/manifests/${reference}`),
  hostile.map((query) => `${BY_DIGEST}?${query}`),
);

Deno.test("decide() leads nowhere but to a repository of a configured registry", () => {
  // The repository's name, the end point and the reference, then a query.
  const below =
    /^[a-z0-9][a-z0-9._/-]*\/(?:blobs|manifests|referrers|tags)\/[\w.:+=-]+(?:\?[\x21-\x7e]+)?$/;
  const property = fc.property(targets, fc.constantFrom(PLAIN, SIGNED), (target, parts) => {
    const policy = createPolicy(parts, LOCATIONS);
    const asked: Asked = parseRequest("GET", target);
    for (const location of [GCP, AWS, OFFICE, UNLOCATED]) {
      const rule = policy.ruleFor(location);
      for (const { url, upstream } of urlsOf(decide(asked, policy, policy.ruleFor, location))) {
        assert([rule.upstream, SIGNATURES].includes(upstream), url);
        assert(url.startsWith(upstream.base), url);
        const rest = url.slice(upstream.base.length);
        assert(below.test(rest), url);
        // A client that resolves it comes to the same path: no dots lead up.
        assertEquals(new URL(url).href.split("?")[0], url.split("?")[0]);
      }
    }
  });
  fc.assert(property, { numRuns: 3000 });
});

/** Every URL of a decision, each with the upstream that it is said to be in. */
function urlsOf(decision: Decision): { url: string; upstream: Upstream }[] {
  if (decision.kind !== "mirror" && decision.kind !== "upstream") return [];
  const { asked, upstream, signatures } = decision;
  const upstreams = signatures === undefined ? [upstream] : [upstream, signatures];
  return upstreams.flatMap((upstream) => [
    { url: urlAt(upstream, asked), upstream },
    { url: locationAt(upstream, asked), upstream },
  ]);
}
