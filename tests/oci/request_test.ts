import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Asked, formatPath, parseRequest } from "../../lib/oci/request.ts";

const HEX = "0123456789abcdef".repeat(4);
const SHA256 = `sha256:${HEX}`;
const SHA512 = `sha512:${HEX}${HEX}`;

interface Row {
  readonly target: string;
  readonly expected: Asked;
}

function check(table: readonly Row[]): void {
  for (const { target, expected } of table) {
    assertEquals(parseRequest("GET", target), expected, target);
  }
}

const NOTHING: Asked = { kind: "nothing", api: false };
const NO_END_POINT: Asked = { kind: "nothing", api: true };

function byDigest(kind: "blob" | "manifest_by_digest" | "referrers", name: string): Asked {
  return { kind, name, digest: SHA256, registered: true, query: "" };
}

function byTag(name: string, tag: string, query = ""): Asked {
  return { kind: "manifest_by_tag", name, tag, signature: false, query };
}

function invalid(part: "name" | "tag" | "digest", value: string): Asked {
  return { kind: "invalid", part, value };
}

Deno.test("parseRequest() takes GET and HEAD alone, in upper case", () => {
  const methods = ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "Head", "", "GET "];
  for (const method of methods) {
    assertEquals(parseRequest(method, "/v2/"), { kind: "method", method });
    assertEquals(parseRequest(method, "*"), { kind: "method", method });
  }
});

Deno.test("parseRequest() reads the same from HEAD as from GET", () => {
  for (const target of ["/", "/v2/", `/v2/a/blobs/${SHA256}`, "/v2/A/tags/list", "/nothing"]) {
    assertEquals(parseRequest("HEAD", target), parseRequest("GET", target));
  }
});

Deno.test("parseRequest() knows the pages and the version check", () => {
  check([
    { target: "/", expected: { kind: "info" } },
    { target: "/?utm=1", expected: { kind: "info" } },
    { target: "/privacy", expected: { kind: "privacy" } },
    { target: "/privacy?x=/v2/", expected: { kind: "privacy" } },
    { target: "/v2", expected: { kind: "version" } },
    { target: "/v2/", expected: { kind: "version" } },
    { target: "/v2?ns=registry.k8s.io", expected: { kind: "version" } },
    { target: "/v2/?a=/v2/b/blobs/c", expected: { kind: "version" } },
    { target: "/%76%32/", expected: { kind: "version" } },
    { target: "/v2/_catalog", expected: { kind: "catalog" } },
    { target: "/v2/_catalog?n=5", expected: { kind: "catalog" } },
  ]);
});

Deno.test("parseRequest() serves nothing else", () => {
  check([
    { target: "", expected: NOTHING },
    { target: "//", expected: NOTHING },
    { target: "//v2/", expected: NOTHING },
    { target: "/v1/", expected: NOTHING },
    { target: "/v2a/", expected: NOTHING },
    { target: "/V2/", expected: NOTHING },
    { target: "/v20", expected: NOTHING },
    { target: "/privacy/", expected: NOTHING },
    { target: "/Privacy", expected: NOTHING },
    { target: "/index.html", expected: NOTHING },
    { target: "/..", expected: NOTHING },
    { target: "/%2e%2e/v2/", expected: NOTHING },
    { target: "/%2fv2/", expected: NOTHING },
    { target: "*", expected: NOTHING },
    { target: "v2/", expected: NOTHING },
    { target: "registry.example:443", expected: NOTHING },
    { target: "/v2//", expected: NO_END_POINT },
    { target: "/v2/..", expected: NO_END_POINT },
    { target: "/v2/a", expected: NO_END_POINT },
    { target: "/v2/a/b/c", expected: NO_END_POINT },
    { target: "/v2/_catalog/", expected: NO_END_POINT },
    { target: "/v2/a/_catalog", expected: NO_END_POINT },
    { target: "/v2/auth", expected: NO_END_POINT },
    { target: "/v2/a/tags", expected: NO_END_POINT },
    { target: "/v2/a/tags/", expected: NO_END_POINT },
    { target: "/v2/a/tags/list/", expected: NO_END_POINT },
    { target: "/v2/a/tags/lists", expected: NO_END_POINT },
    { target: "/v2/a/tags/list/v1", expected: NO_END_POINT },
    { target: "/v2/a/manifests", expected: NO_END_POINT },
    { target: "/v2/a/manifests/v1/", expected: NO_END_POINT },
    { target: "/v2/a/blobs", expected: NO_END_POINT },
    { target: `/v2/a/blobs/${SHA256}/`, expected: NO_END_POINT },
    { target: `/v2/a/blobs/${SHA256}/x`, expected: NO_END_POINT },
    { target: `/v2/a/blob/${SHA256}`, expected: NO_END_POINT },
    { target: `/v2/a/myblobs/${SHA256}`, expected: NO_END_POINT },
    { target: "/v2/a/blobs/uploads/", expected: NO_END_POINT },
    { target: "/v2/a/blobs/uploads/0f3c", expected: NO_END_POINT },
    // No name stands before the end point.
    { target: `/v2/blobs/${SHA256}`, expected: NO_END_POINT },
    { target: "/v2/manifests/v1", expected: NO_END_POINT },
    { target: `/v2/referrers/${SHA256}`, expected: NO_END_POINT },
    { target: "/v2/tags/list", expected: NO_END_POINT },
  ]);
});

Deno.test("parseRequest() reads blobs, manifests, referrers and tags", () => {
  check([
    { target: `/v2/a/blobs/${SHA256}`, expected: byDigest("blob", "a") },
    { target: `/v2/a/b-c/d/blobs/${SHA256}`, expected: byDigest("blob", "a/b-c/d") },
    { target: `/v2/a/manifests/${SHA256}`, expected: byDigest("manifest_by_digest", "a") },
    { target: `/v2/a/referrers/${SHA256}`, expected: byDigest("referrers", "a") },
    { target: "/v2/a/manifests/v1.30.0", expected: byTag("a", "v1.30.0") },
    { target: "/v2/a/manifests/_", expected: byTag("a", "_") },
    { target: "/v2/a/manifests/list", expected: byTag("a", "list") },
    { target: "/v2/a/manifests/uploads", expected: byTag("a", "uploads") },
    { target: "/v2/a/tags/list", expected: { kind: "tags", name: "a", query: "" } },
    {
      target: `/v2/a/blobs/${SHA512}`,
      expected: { kind: "blob", name: "a", digest: SHA512, registered: true, query: "" },
    },
    {
      target: "/v2/a/blobs/multihash+base58:QmRZ",
      expected: {
        kind: "blob",
        name: "a",
        digest: "multihash+base58:QmRZ",
        registered: false,
        query: "",
      },
    },
  ]);
});

Deno.test("parseRequest() knows the tags of signatures", () => {
  for (const suffix of ["", ".sig", ".att", ".sbom"]) {
    const tag = `sha256-${HEX}${suffix}`;
    assertEquals(parseRequest("GET", `/v2/a/manifests/${tag}`), {
      kind: "manifest_by_tag",
      name: "a",
      tag,
      signature: true,
      query: "",
    });
  }
  for (const tag of [`sha512-${HEX}`, `sha512-${HEX}${HEX}`]) {
    const asked = { ...byTag("a", tag), signature: true };
    assertEquals(parseRequest("GET", `/v2/a/manifests/${tag}`), asked);
  }
  const other = `sha256-${HEX}.other`;
  check([{ target: `/v2/a/manifests/${other}`, expected: byTag("a", other) }]);
});

Deno.test("parseRequest() reads a path from its end, for names hold end points' words", () => {
  check([
    { target: `/v2/blobs/blobs/${SHA256}`, expected: byDigest("blob", "blobs") },
    { target: `/v2/a/blobs/b/blobs/${SHA256}`, expected: byDigest("blob", "a/blobs/b") },
    {
      target: `/v2/a/manifests/v1/blobs/${SHA256}`,
      expected: byDigest("blob", "a/manifests/v1"),
    },
    { target: "/v2/manifests/manifests/manifests", expected: byTag("manifests", "manifests") },
    { target: "/v2/tags/manifests/list", expected: byTag("tags", "list") },
    {
      target: "/v2/tags/list/tags/list",
      expected: { kind: "tags", name: "tags/list", query: "" },
    },
    { target: "/v2/v2/manifests/v2", expected: byTag("v2", "v2") },
  ]);
});

Deno.test("parseRequest() says which part the grammar does not allow", () => {
  const upper = `sha256:${HEX.toUpperCase()}`;
  const long = "v".repeat(129);
  check([
    { target: `/v2//blobs/${SHA256}`, expected: invalid("name", "") },
    { target: `/v2/A/blobs/${SHA256}`, expected: invalid("name", "A") },
    { target: `/v2/a//b/blobs/${SHA256}`, expected: invalid("name", "a//b") },
    { target: `/v2/a/blobs//blobs/${SHA256}`, expected: invalid("name", "a/blobs/") },
    { target: `/v2/../../x/blobs/${SHA256}`, expected: invalid("name", "../../x") },
    { target: "/v2/a/../b/manifests/v1", expected: invalid("name", "a/../b") },
    { target: "/v2/a/./b/tags/list", expected: invalid("name", "a/./b") },
    { target: "/v2/a;b/tags/list", expected: invalid("name", "a;b") },
    { target: "/v2/a@b/tags/list", expected: invalid("name", "a@b") },
    { target: "/v2/é/tags/list", expected: invalid("name", "é") },
    { target: "/v2/a/manifests/", expected: invalid("tag", "") },
    { target: "/v2/a/manifests/..", expected: invalid("tag", "..") },
    { target: "/v2/a/manifests/-v1", expected: invalid("tag", "-v1") },
    { target: "/v2/a/manifests/v1#x", expected: invalid("tag", "v1#x") },
    { target: `/v2/a/manifests/${long}`, expected: invalid("tag", long) },
    { target: "/v2/a/blobs/", expected: invalid("digest", "") },
    { target: "/v2/a/blobs/uploads", expected: invalid("digest", "uploads") },
    { target: "/v2/a/blobs/..", expected: invalid("digest", "..") },
    { target: "/v2/a/blobs/v1", expected: invalid("digest", "v1") },
    { target: `/v2/a/blobs/${HEX}`, expected: invalid("digest", HEX) },
    { target: `/v2/a/blobs/sha256-${HEX}`, expected: invalid("digest", `sha256-${HEX}`) },
    { target: `/v2/a/blobs/${SHA256}0`, expected: invalid("digest", `${SHA256}0`) },
    { target: `/v2/a/blobs/${upper}`, expected: invalid("digest", upper) },
    { target: `/v2/a/blobs/SHA256:${HEX}`, expected: invalid("digest", `SHA256:${HEX}`) },
    { target: `/v2/a/blobs/sha512:${HEX}`, expected: invalid("digest", `sha512:${HEX}`) },
    { target: "/v2/a/blobs/sha256:", expected: invalid("digest", "sha256:") },
    { target: "/v2/a/blobs/:", expected: invalid("digest", ":") },
    { target: `/v2/a/manifests/${upper}`, expected: invalid("digest", upper) },
    { target: "/v2/a/manifests/v1:x:y", expected: invalid("digest", "v1:x:y") },
    { target: `/v2/a/manifests/v1@${SHA256}`, expected: invalid("digest", `v1@${SHA256}`) },
    { target: "/v2/a/referrers/v1", expected: invalid("digest", "v1") },
    { target: "/v2/a/referrers/", expected: invalid("digest", "") },
  ]);
});

Deno.test("parseRequest() decodes each segment once, and no slash out of one", () => {
  const encoded = SHA256.replace(":", "%3A");
  check([
    { target: `/v2/a/blobs/${encoded}`, expected: byDigest("blob", "a") },
    { target: `/v2/a/blobs/${encoded.toLowerCase()}`, expected: byDigest("blob", "a") },
    { target: `/v2/a/manifests/${encoded}`, expected: byDigest("manifest_by_digest", "a") },
    { target: `/v2/%61/%62lobs/${SHA256}`, expected: byDigest("blob", "a") },
    { target: "/v2/a/manifests/v1%2E0", expected: byTag("a", "v1.0") },
    { target: "/v2/%5fcatalog", expected: { kind: "catalog" } },
    { target: `/v2/a%2fb/blobs/${SHA256}`, expected: invalid("name", "a%2fb") },
    { target: `/v2/a%2Fblobs%2F${SHA256}`, expected: NO_END_POINT },
    { target: `/v2/%2e%2e/x/blobs/${SHA256}`, expected: invalid("name", "../x") },
    { target: "/v2/%252e%252e/tags/list", expected: invalid("name", "%2e%2e") },
    { target: `/v2/..%2fx/blobs/${SHA256}`, expected: invalid("name", "..%2fx") },
    { target: "/v2/a/manifests/%2e%2e", expected: invalid("tag", "..") },
    { target: "/v2/a/manifests/v1%2f..", expected: invalid("tag", "v1%2f..") },
    { target: "/v2/a/manifests/v1%0d%0aX:y", expected: invalid("digest", "v1\r\nX:y") },
    { target: "/v2/a/manifests/v1%0a", expected: invalid("tag", "v1\n") },
    { target: "/v2/a/manifests/v1%3Fx", expected: invalid("tag", "v1?x") },
    { target: "/v2/a/manifests/v1%23", expected: invalid("tag", "v1#") },
    { target: "/v2/a/manifests/v1%00", expected: invalid("tag", "v1\u0000") },
    { target: "/v2/a/manifests/%", expected: invalid("tag", "%") },
    { target: "/v2/a/manifests/%zz", expected: invalid("tag", "%zz") },
    { target: "/v2/a/manifests/%c3%28", expected: invalid("tag", "%c3%28") },
    { target: "/v2/a/manifests/%c0%ae%c0%ae", expected: invalid("tag", "%c0%ae%c0%ae") },
    { target: "/%2fetc/passwd", expected: NOTHING },
  ]);
});

Deno.test("parseRequest() parts the path from the query at the first question mark", () => {
  check([
    { target: "/v2/a/manifests/v1?ns=registry.k8s.io", expected: byTag("a", "v1") },
    { target: "/v2/a/manifests/v1?", expected: byTag("a", "v1") },
    { target: "/v2/a/manifests/v1?x=1?y=2", expected: byTag("a", "v1", "?x=1?y=2") },
    { target: "/v2/a/manifests/v1?x=%2F", expected: byTag("a", "v1", "?x=%2F") },
    { target: "/v2/a/manifests/v1?x=%", expected: byTag("a", "v1", "?x=%25") },
    {
      target: "/v2/a/manifests/v1?x=/v2/b/manifests/v2",
      expected: byTag("a", "v1", "?x=/v2/b/manifests/v2"),
    },
    { target: "/v2/a/manifests/%76%31?x=%41/", expected: byTag("a", "v1", "?x=%41/") },
    { target: `/v2/a/blobs?x=/${SHA256}`, expected: NO_END_POINT },
    {
      target: `/v2/a/blobs/${SHA256}?x=/y`,
      expected: { ...byDigest("blob", "a"), query: "?x=/y" } as Asked,
    },
    {
      target: "/v2/a/tags/list?n=50&last=v1&ns=x",
      expected: { kind: "tags", name: "a", query: "?n=50&last=v1" },
    },
    {
      target: `/v2/a/referrers/${SHA256}?artifactType=application/spdx%2Bjson`,
      expected: {
        ...byDigest("referrers", "a"),
        query: "?artifactType=application/spdx%2Bjson",
      } as Asked,
    },
    { target: "/v2/a/manifests/v1?x=%0d%0aLocation:%20y", expected: byTag("a", "v1") },
    { target: "/v2/a/manifests/v1?x=😀", expected: byTag("a", "v1", "?x=%F0%9F%98%80") },
  ]);
});

Deno.test("parseRequest() passes over scheme and authority", () => {
  check([
    { target: "http://registry.example/v2/", expected: { kind: "version" } },
    { target: "https://registry.example/v2/", expected: { kind: "version" } },
    { target: "HTTP://registry.example/v2/", expected: { kind: "version" } },
    {
      target: "http://registry.example:8080/v2/a/tags/list",
      expected: { kind: "tags", name: "a", query: "" },
    },
    { target: `https://[::1]:8443/v2/a/blobs/${SHA256}`, expected: byDigest("blob", "a") },
    { target: "http://user:v2@host/v2/a/manifests/v1?n=1", expected: byTag("a", "v1", "?n=1") },
    { target: "http://host%2fv2/v2/a/manifests/v1", expected: byTag("a", "v1") },
    { target: "http:///v2/", expected: { kind: "version" } },
    { target: "http:///v2/x", expected: NO_END_POINT },
    { target: "http:///v2/x/manifests/v1", expected: byTag("x", "v1") },
    { target: "http://host/", expected: { kind: "info" } },
    { target: "http://host//v2/", expected: NOTHING },
    { target: "http://host/*", expected: NOTHING },
    // A URL without a path means "/", and a query is no path.
    { target: "http://host", expected: { kind: "info" } },
    { target: "http://", expected: { kind: "info" } },
    { target: "http://host?x=/v2/", expected: { kind: "info" } },
    { target: "/v2/http://host/v2/", expected: NO_END_POINT },
    { target: "/http://host/v2/", expected: NOTHING },
  ]);
});

Deno.test("parseRequest() reads paths of 64 KB", () => {
  const name = "a/".repeat(32_000) + "a";
  const dots = "../".repeat(21_000) + "x";
  const percents = "%2e".repeat(21_000);
  check([
    { target: `/v2/${name}/manifests/v1`, expected: byTag(name, "v1") },
    { target: `/v2/${dots}/manifests/v1`, expected: invalid("name", dots) },
    { target: `/v2/${percents}/manifests/v1`, expected: invalid("name", percents) },
    {
      target: `/v2/a/manifests/${"v".repeat(65_000)}`,
      expected: invalid("tag", "v".repeat(65_000)),
    },
    {
      target: `/v2/a/blobs/x:${"0".repeat(65_000)}`,
      expected: {
        kind: "blob",
        name: "a",
        digest: `x:${"0".repeat(65_000)}`,
        registered: false,
        query: "",
      },
    },
    { target: "/v2/" + "/".repeat(65_000), expected: NO_END_POINT },
    { target: "/".repeat(65_000), expected: NOTHING },
    {
      target: "/v2/" + "-".repeat(65_000) + "/tags/list",
      expected: invalid("name", "-".repeat(65_000)),
    },
  ]);
});

// The specifications' expressions, and RFC 3986's for the query.
const NAME = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
const DIGEST =
  /^(?:sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128}|(?!sha256:|sha512:)[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+)$/;
const QUERY = /^(?:\?(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})+)?$/;

function holdsTheGrammar(asked: Asked): boolean {
  switch (asked.kind) {
    case "blob":
    case "manifest_by_digest":
    case "referrers":
      return NAME.test(asked.name) && DIGEST.test(asked.digest) && QUERY.test(asked.query);
    case "manifest_by_tag":
      return NAME.test(asked.name) && TAG.test(asked.tag) && QUERY.test(asked.query);
    case "tags":
      return NAME.test(asked.name) && QUERY.test(asked.query);
    default:
      return true;
  }
}

const anything = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 60 })
  .map((codes) => String.fromCharCode(...codes));

const nearTarget = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.constantFrom(
        ...[
          "/v2/",
          "/",
          "a",
          "b-c",
          "A",
          "..",
          ".",
          "//",
          "%2e%2e",
          "%2f",
          "%3A",
          "%",
          "?",
          "&",
          "#",
        ],
        ...["blobs", "manifests", "referrers", "tags/list", SHA256, SHA512, `sha256-${HEX}.sig`],
        ...[
          "/blobs/",
          "/manifests/",
          "v1",
          "x:y",
          ":",
          "%0d%0a",
          "ns=x",
          "n=5",
          "http://",
          "é",
          "😀",
        ],
      ),
    },
    { weight: 1, arbitrary: anything },
  ),
  { maxLength: 9 },
).map((parts) => parts.join(""));

Deno.test("parseRequest() never throws, and gives only what the grammar allows", () => {
  const target = fc.oneof(
    anything,
    nearTarget,
    nearTarget.map((rest) => `/v2/a${rest}`),
    nearTarget.map((name) => `/v2/${name}/blobs/${SHA256}`),
    nearTarget.map((tag) => `/v2/a/manifests/${tag}`),
    nearTarget.map((query) => `http://host/v2/a/tags/list?${query}`),
  );
  const method = fc.oneof(fc.constantFrom("GET", "HEAD"), anything);
  fc.assert(
    fc.property(method, target, (method, target) => holdsTheGrammar(parseRequest(method, target))),
    { numRuns: 10_000 },
  );
});

Deno.test("parseRequest() reads back any path that is put together from the grammar", () => {
  const component = fc.stringMatching(/^[a-z0-9]{1,4}(?:(?:\.|_|__|-{1,3})[a-z0-9]{1,4}){0,2}$/);
  const name = fc.array(
    fc.oneof(component, fc.constantFrom("blobs", "manifests", "tags", "list")),
    {
      minLength: 1,
      maxLength: 5,
    },
  ).map((components) => components.join("/"));
  const tag = fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,20}$/);
  const digest = fc.stringMatching(/^sha256:[a-f0-9]{64}$/);
  fc.assert(fc.property(name, tag, digest, (name, tag, digest) => {
    const signature = false;
    const query = "";
    assertEquals(parseRequest("GET", `/v2/${name}/manifests/${tag}`), {
      kind: "manifest_by_tag",
      name,
      tag,
      signature,
      query,
    });
    assertEquals(parseRequest("GET", `http://h/v2/${name}/tags/list`), {
      kind: "tags",
      name,
      query,
    });
    assertEquals(parseRequest("GET", `/v2/${name}/blobs/${digest}`), {
      kind: "blob",
      name,
      digest,
      registered: true,
      query,
    });
    assertEquals(parseRequest("GET", `/v2/${name}/manifests/${digest}`), {
      kind: "manifest_by_digest",
      name,
      digest,
      registered: true,
      query,
    });
    assertEquals(parseRequest("GET", `/v2/${name}/referrers/${digest}`), {
      kind: "referrers",
      name,
      digest,
      registered: true,
      query,
    });
  }));
});

Deno.test("formatPath() gives the path that parseRequest() reads", () => {
  const references = [
    ...[`blobs/${SHA256}`, "blobs/blake3:abc", `manifests/${SHA256}`, `manifests/sha512-${HEX}`],
    ...["manifests/v1", `referrers/${SHA512}`, "tags/list"],
  ];
  const name = fc.constantFrom("a", "a/b-c", "blobs/manifests", "tags/list/tags");
  const query = fc.constantFrom("", "?n=5&last=v1");
  fc.assert(fc.property(name, fc.constantFrom(...references), query, (name, rest, query) => {
    const asked = parseRequest("GET", `/v2/${name}/${rest}${query}`);
    assert("query" in asked);
    assertEquals(formatPath(asked) + asked.query, `${name}/${rest}${query}`);
  }));
});
