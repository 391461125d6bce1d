import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Asked, type ByDigest, parseRequest } from "../../lib/oci/request.ts";
import {
  decide,
  decideUpstream,
  decideWithoutAddress,
  type Decision,
  needsLocation,
  type ToUpstream,
} from "../../lib/routing/decide.ts";
import {
  createPolicy,
  type Mirror,
  type PolicyParts,
  type Rule,
  type Upstream,
} from "../../lib/routing/policy.ts";

const MAIN: Upstream = { name: "main", base: "https://main.example/v2/project/images/", place: 0 };
const OTHER: Upstream = { name: "other", base: "https://other.example/v2/", place: 1 };
const SIGNATURES: Upstream = {
  name: "signatures",
  base: "https://sig.example/v2/project/",
  place: 2,
};
const PARIS: Mirror = { name: "paris", url: "https://paris.example/blobs", place: 0 };
const EDGE: Mirror = { name: "edge", url: "https://edge.example/blobs", place: 1 };

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
  return decide(parseRequest("GET", path), policy.ruleFor(location), policy);
}

function decideUpstreamFor(parts: PolicyParts, location: number, path: string): ToUpstream {
  const policy = createPolicy(parts, LOCATIONS);
  return decideUpstream(parseByDigest(path), policy.ruleFor(location), policy);
}

function parseByDigest(path: string): ByDigest {
  const asked = parseRequest("GET", path);
  assert(asked.kind === "blob" || asked.kind === "manifest_by_digest");
  return asked;
}

/** A redirect to a path below an upstream's base URL. */
function redirect(upstream: Upstream, path: string): ToUpstream {
  return { kind: "redirect", location: upstream.base + path, upstream };
}

Deno.test("decide() keeps a GCP client in the upstream", () => {
  assertEquals(decideFor(PLAIN, GCP, BLOB), redirect(MAIN, `a/b/blobs/${DIGEST}`));
});

Deno.test("decide() looks for a blob in a rule's mirrors, in their order", () => {
  const table = [
    { location: AWS, expected: [PARIS, EDGE] },
    { location: OFFICE, expected: [EDGE] },
    { location: UNLOCATED, expected: [EDGE] },
  ];
  const blob = parseByDigest(BLOB);
  for (const parts of [PLAIN, SIGNED]) {
    for (const { location, expected } of table) {
      assertEquals(decideFor(parts, location, BLOB), {
        kind: "find_blob",
        blob,
        mirrors: expected,
      });
    }
  }
});

Deno.test("decide() sends blobs to the upstream when no rule matches", () => {
  const parts = { upstream: MAIN, rules: RULES.slice(0, 2) };
  for (const location of [OFFICE, UNLOCATED]) {
    assertEquals(decideFor(parts, location, BLOB), redirect(MAIN, `a/b/blobs/${DIGEST}`));
  }
});

Deno.test("decide() never has a digest of an unregistered algorithm looked for", () => {
  for (const parts of [PLAIN, SIGNED]) {
    for (const location of [GCP, AWS, UNLOCATED]) {
      for (const path of ["blobs", "manifests"].map((kind) => `a/b/${kind}/multihash+base58:Qm`)) {
        assertEquals(decideFor(parts, location, `/v2/${path}`), redirect(MAIN, path));
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
    assertEquals(decideFor(PLAIN, AWS, `/v2/${path}`), redirect(MAIN, path), path);
    assertEquals(decideFor(PLAIN, OFFICE, `/v2/${path}`), redirect(OTHER, path), path);
  }
});

Deno.test("decide() redirects signatures and referrers to the signature upstream when set", () => {
  const table = [
    { path: `a/b/manifests/${SIGNATURE_TAG}`, expected: SIGNATURES },
    { path: `a/b/manifests/${SIGNATURE_TAG}?x=1`, expected: SIGNATURES },
    { path: `a/b/manifests/${DIGEST.replace(":", "-")}`, expected: SIGNATURES },
    { path: `a/b/referrers/${DIGEST}?n=5`, expected: SIGNATURES },
    { path: "a/b/referrers/multihash+base58:Qm", expected: SIGNATURES },
    { path: "a/b/manifests/v1.30.0", expected: MAIN },
    { path: "a/b/tags/list?n=5", expected: MAIN },
  ];
  for (const { path, expected } of table) {
    assertEquals(decideFor(SIGNED, AWS, `/v2/${path}`), redirect(expected, path), path);
  }
});

Deno.test("decide() has the upstream asked about a manifest by digest when signatures are apart", () => {
  const path = `a/b/manifests/${DIGEST}`;
  assertEquals(decideFor(SIGNED, AWS, `${BY_DIGEST}?x=1`), {
    kind: "ask_upstream",
    asked: MAIN.base + path,
    location: `${MAIN.base}${path}?x=1`,
    upstream: MAIN,
    signatures: `${SIGNATURES.base}${path}?x=1`,
    signatureUpstream: SIGNATURES,
  });
});

Deno.test("decide() has the upstream asked about a blob that no mirror is there for", () => {
  const path = `a/b/blobs/${DIGEST}`;
  assertEquals(decideFor(SIGNED, GCP, BLOB), {
    kind: "ask_upstream",
    asked: MAIN.base + path,
    location: MAIN.base + path,
    upstream: MAIN,
    signatures: SIGNATURES.base + path,
    signatureUpstream: SIGNATURES,
  });
});

Deno.test("decideUpstream() asks the rule's own upstream", () => {
  for (const path of [`a/b/blobs/${DIGEST}`, `a/b/manifests/${DIGEST}`]) {
    assertEquals(decideUpstreamFor(SIGNED, OFFICE, `/v2/${path}`), {
      kind: "ask_upstream",
      asked: OTHER.base + path,
      location: OTHER.base + path,
      upstream: OTHER,
      signatures: SIGNATURES.base + path,
      signatureUpstream: SIGNATURES,
    });
  }
});

Deno.test("decideUpstream() asks nobody when signatures are where everything else is", () => {
  const same = { ...PLAIN, signatureUpstream: { name: "same", base: MAIN.base, place: 3 } };
  for (const path of [`a/b/blobs/${DIGEST}?x=1`, `a/b/manifests/${DIGEST}?x=1`]) {
    for (const parts of [PLAIN, same]) {
      assertEquals(decideUpstreamFor(parts, AWS, `/v2/${path}`), redirect(MAIN, path), path);
    }
  }
  assertEquals(decideUpstreamFor(same, OFFICE, BLOB).kind, "ask_upstream");
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
    assertEquals(decide(parseRequest("POST", path), policy.ruleFor(AWS), policy), {
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

Deno.test("decideWithoutAddress() says what the client address was missing from", () => {
  assertEquals(decideWithoutAddress(undefined), {
    kind: "error",
    status: 400,
    api: true,
    error: { code: "CLIENT_ADDRESS_INVALID", message: "the connection has no client address" },
  });
  assertEquals(decideWithoutAddress({ header: "x-forwarded-for", value: "unknown, x" }), {
    kind: "error",
    status: 400,
    api: true,
    error: {
      code: "CLIENT_ADDRESS_INVALID",
      message: "the header x-forwarded-for does not have the client's IP address in its place",
      detail: "unknown, x",
    },
  });
});

Deno.test("needsLocation() is true for blobs, and for the rest only when upstreams vary", () => {
  const uniform = createPolicy({ upstream: MAIN, rules: RULES.slice(0, 2) }, LOCATIONS);
  const varied = createPolicy(PLAIN, LOCATIONS);
  const table = [
    { path: BLOB, one: true, several: true },
    { path: BY_DIGEST, one: false, several: true },
    { path: "/v2/a/manifests/v1", one: false, several: true },
    { path: "/v2/a/tags/list", one: false, several: true },
    { path: `/v2/a/referrers/${DIGEST}`, one: false, several: true },
    { path: "/v2/", one: false, several: false },
    { path: "/v2/_catalog", one: false, several: false },
    { path: "/v2/A/blobs/x", one: false, several: false },
    { path: "/", one: false, several: false },
    { path: "/privacy", one: false, several: false },
    { path: "/nothing", one: false, several: false },
  ];
  for (const { path, one, several } of table) {
    const asked = parseRequest("GET", path);
    assertEquals(needsLocation(asked, uniform), one, path);
    assertEquals(needsLocation(asked, varied), several, path);
  }
  assertEquals(needsLocation(parseRequest("PUT", BLOB), varied), false);
});

Deno.test("needsLocation() is false for what the signature upstream alone serves", () => {
  const varied = createPolicy(SIGNED, LOCATIONS);
  const table = [
    { path: `/v2/a/manifests/${SIGNATURE_TAG}`, expected: false },
    { path: `/v2/a/referrers/${DIGEST}`, expected: false },
    { path: "/v2/a/manifests/v1", expected: true },
    { path: BY_DIGEST, expected: true },
  ];
  for (const { path, expected } of table) {
    assertEquals(needsLocation(parseRequest("GET", path), varied), expected, path);
  }
});

Deno.test("decide() gives the same for every rule when needsLocation() says that none is needed", () => {
  const uniform = createPolicy(
    { ...SIGNED, rules: RULES.filter((rule) => rule.upstream === MAIN) },
    LOCATIONS,
  );
  fc.assert(fc.property(targets, (target) => {
    const asked = parseRequest("GET", target);
    fc.pre(!needsLocation(asked, uniform));
    const expected = decide(asked, uniform.ruleFor(UNLOCATED), uniform);
    for (const location of [GCP, AWS]) {
      assertEquals(decide(asked, uniform.ruleFor(location), uniform), expected);
    }
  }));
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
      for (const { url, upstream } of urlsOf(decide(asked, rule, policy))) {
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
  switch (decision.kind) {
    case "redirect":
      return [{ url: decision.location, upstream: decision.upstream }];
    case "ask_upstream": {
      const { asked, location, upstream, signatures, signatureUpstream } = decision;
      return [
        { url: asked, upstream },
        { url: location, upstream },
        { url: signatures, upstream: signatureUpstream },
      ];
    }
    default:
      return [];
  }
}
