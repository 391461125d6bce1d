import { assert, assertEquals, assertThrows } from "@std/assert";
import { readRetryAfter } from "../../lib/fill/failure.ts";
import { formatBytes, formatCount, formatSeconds } from "../../lib/fill/format.ts";
import { defaultKey, isKeyTemplate, parseKeyTemplate } from "../../lib/fill/key.ts";
import { formatLeaving, readLeaving } from "../../lib/fill/leaving.ts";
import { readManifest } from "../../lib/fill/manifest.ts";
import { parseMisses } from "../../lib/fill/misses.ts";
import { chooseTags, isVersionRange } from "../../lib/fill/selection.ts";
import { tryState } from "../../lib/fill/state.ts";
import { partSizeOf } from "../../lib/fill/stores/s3_multipart.ts";
import { createTrust } from "../../lib/fill/trust.ts";
import { failed, failedForGood, wrongBlob } from "../../lib/fill/failure.ts";
import { bytesOf, digestOf } from "./fixture.ts";

const HEX = "0123456789abcdef".repeat(4);
const DIGEST = `sha256:${HEX}`;
const OTHER = digestOf(bytesOf("other"));

Deno.test("chooseTags() takes patterns, the newest versions, and ranges of versions", () => {
  const tags = ["latest", "v1.2.3", "v1.10.0", "1.9", "v2", "v2.1.0-rc.1", "main-abc", "v1.10.1"];
  const table = [
    { choices: ["*"], expected: tags },
    { choices: ["v1.*"], expected: ["v1.2.3", "v1.10.0", "v1.10.1"] },
    { choices: ["v1.10.0", "lat*"], expected: ["latest", "v1.10.0"] },
    { choices: [{ newest: 2 }], expected: ["v2", "v1.10.1"] },
    { choices: [{ newest: 100 }], expected: ["v1.2.3", "v1.10.0", "1.9", "v2", "v1.10.1"] },
    { choices: [{ semver: ">=1.9 <2" }], expected: ["v1.10.0", "1.9", "v1.10.1"] },
    { choices: [{ semver: "~1.10" }, "latest"], expected: ["latest", "v1.10.0", "v1.10.1"] },
    { choices: [{ semver: "no range" }], expected: [] },
    { choices: ["(.*)"], expected: [] },
  ];
  for (const { choices, expected } of table) {
    assertEquals(
      chooseTags(tags, choices).toSorted(),
      expected.toSorted(),
      JSON.stringify(choices),
    );
  }
  assertEquals(chooseTags(["v1.0.0-rc.1", "v1.0.0-rc.2", "x"], [{ newest: 1 }]), ["v1.0.0-rc.2"]);
  assertEquals([isVersionRange(">=1.28 <2"), isVersionRange("x.y.z.k")], [true, false]);
});

Deno.test("a key's template gives keys, and knows its own again, no others", () => {
  const table = [
    { template: "{digest}", key: DIGEST, prefix: "" },
    { template: "images/{digest}", key: `images/${DIGEST}`, prefix: "images/" },
    { template: "{algorithm}/{hex:2}/{hex}/data", key: `sha256/01/${HEX}/data`, prefix: "" },
    { template: "a.b/{hex}", key: `a.b/${HEX}`, prefix: "a.b/" },
    { template: "{hex}-{hex}", key: `${HEX}-${HEX}`, prefix: "" },
    { template: "{digest}/{digest}", key: `${DIGEST}/${DIGEST}`, prefix: "" },
  ];
  for (const { template, key, prefix } of table) {
    assert(isKeyTemplate(template));
    const parsed = parseKeyTemplate(template);
    assertEquals([parsed.format(DIGEST), parsed.prefix], [key, prefix]);
    assertEquals(parsed.tryDigest(key), DIGEST);
    for (
      const wrong of [`${key}x`, `x${key}`, key.replace("0123", "9123"), key.toUpperCase(), ""]
    ) {
      if (
        wrong.replaceAll("9123", "0123") === key && !key.includes("01/") && !/(.{64}).*\1/.test(key)
      ) continue;
      assertEquals(parsed.tryDigest(wrong), undefined, `${template} ${wrong}`);
    }
  }
  const sha512 = `sha512:${HEX}${HEX}`;
  assertEquals(parseKeyTemplate("x/{hex}").tryDigest(`x/${HEX}${HEX}`), sha512);
});

Deno.test("without a key, that of a store is the path of the mirror's URL", () => {
  const bucket = { endpoint: "https://s3.example/", bucket: "blobs" };
  const table = [
    { url: "https://a.example", expected: "{digest}" },
    { url: "https://a.example/", expected: "{digest}" },
    { url: "https://a.example/images/", expected: "images/{digest}" },
    { url: "https://a.example/x/{hex:2}/{hex}", expected: "x/{hex:2}/{hex}" },
    { url: "https://a.example/a%20b", expected: "a b/{digest}" },
    { url: "https://a.example/a%", expected: "a%/{digest}" },
    { url: "https://s3.example/blobs/images", bucket, expected: "images/{digest}" },
    { url: "https://s3.example/blobs", bucket, expected: "{digest}" },
    { url: "https://s3.example/blobs2/images", bucket, expected: "blobs2/images/{digest}" },
    { url: "https://cdn.example/images", bucket, expected: "images/{digest}" },
  ];
  for (const { url, bucket, expected } of table) {
    assertEquals(defaultKey(url, bucket), expected, url);
  }
});

function read(content: unknown) {
  return readManifest(bytesOf(typeof content === "string" ? content : JSON.stringify(content)));
}

Deno.test("readManifest() reads every kind by its fields, and leaves out what is wrong", () => {
  const config = { digest: DIGEST, size: 5, mediaType: "c" };
  const foreign = {
    digest: OTHER,
    mediaType: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    urls: ["https://elsewhere.example"],
  };
  const none = { blobs: [], manifests: [], foreign: 0, wrong: [], isSigned: false };
  const table = [
    { content: { config, layers: [] }, expected: { ...none, blobs: [config] } },
    { content: { manifests: null }, expected: none },
    { content: { blobs: [config] }, expected: { ...none, blobs: [config] } },
    { content: { layers: [foreign] }, expected: { ...none, foreign: 1 } },
    {
      content: { layers: [{ ...foreign, urls: [] }] },
      expected: {
        ...none,
        blobs: [{ digest: OTHER, size: undefined, mediaType: foreign.mediaType }],
      },
    },
    {
      content: { fsLayers: [{ blobSum: DIGEST }, 5], signatures: [] },
      expected: {
        ...none,
        blobs: [{ digest: DIGEST, size: undefined, mediaType: "" }],
        wrong: ["a descriptor's digest must be sha256 or sha512, not none"],
        isSigned: true,
      },
    },
    {
      content: { layers: "many", manifests: [{ digest: "md5:00\n" }, { digest: OTHER, size: -1 }] },
      expected: {
        ...none,
        manifests: [{ digest: OTHER, size: undefined, mediaType: "" }],
        wrong: [
          '"layers" is no list',
          'a descriptor\'s digest must be sha256 or sha512, not "md5:00?"',
          `the size of ${OTHER} is no number of bytes`,
        ],
      },
    },
    { content: "[]", expected: "it is no JSON object" },
    { content: "{", expected: "it is no JSON object" },
    { content: "[".repeat(100_000), expected: "it is no JSON object" },
    { content: {}, expected: "it is of an unknown type" },
    {
      content: { mediaType: "x/y", schemaVersion: 7 },
      expected: 'it is of an unknown type "x/y", schema version 7',
    },
  ];
  for (const { content, expected } of table) assertEquals(read(content), expected as never);
  assertEquals(readManifest(new Uint8Array([0xff, 0xfe])), "it is no JSON object");
});

Deno.test("parseMisses() reads the server's list and lines, each blob once", () => {
  const miss = { name: "a/b", digest: DIGEST };
  const table = [
    { text: "", expected: [] },
    {
      text: `# c\n\na/b ${DIGEST}\na/b@${DIGEST}\n  x@${DIGEST}`,
      expected: [miss, { name: "x", digest: DIGEST }],
    },
    { text: JSON.stringify({ misses: [{ ...miss, count: 3 }] }), expected: [miss] },
  ];
  for (const { text, expected } of table) assertEquals(parseMisses(text), expected);
  const wrong = [
    `a ${DIGEST} x`,
    "a",
    `A ${DIGEST}`,
    "a sha256:0",
    '{"misses":5}',
    '{"misses":[null]}',
  ];
  for (const text of wrong) assertThrows(() => parseMisses(text), SyntaxError);
  assertThrows(() => parseMisses("#".padEnd(10) + `\na ${DIGEST}`.repeat(1_000_001)), RangeError);
});

Deno.test("numbers are told in three digits, times in two units", () => {
  const bytes = {
    "0 B": 0,
    "999 B": 999,
    "1.00 kB": 1000,
    "12.3 MB": 12_345_678,
    "1000 PB": 1e18,
    "100 kB": 99_999,
  };
  for (const [expected, number] of Object.entries(bytes)) {
    assertEquals(formatBytes(number), expected);
  }
  assertEquals(formatBytes(-5), "0 B");
  assertEquals([formatCount(1, "blob"), formatCount(0, "blob")], ["1 blob", "0 blobs"]);
  const times = {
    "0 s": 0,
    "59 s": 58.2,
    "1:00 min": 60,
    "59:59 min": 3599,
    "1:00 h": 3600,
    "30:05 h": 108_300,
    "-": Infinity,
  };
  for (const [expected, number] of Object.entries(times)) {
    assertEquals(formatSeconds(number), expected);
  }
});

Deno.test("Retry-After is read in both forms, five minutes at most", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  const table = [
    { value: null, expected: undefined },
    { value: "7", expected: 7000 },
    { value: "99999", expected: 300_000 },
    { value: "Thu, 01 Jan 2026 00:00:09 GMT", expected: 9000 },
    { value: "Thu, 01 Jan 2025 00:00:09 GMT", expected: 0 },
    { value: "soon", expected: undefined },
  ];
  for (const { value, expected } of table) assertEquals(readRetryAfter(value, now), expected);
});

Deno.test("what is leaving is read as it was written, and nothing else of a file", () => {
  const text = formatLeaving([["near", [DIGEST, OTHER]], ["far", []]]);
  assertEquals(readLeaving(text), new Map([["near", new Set([DIGEST, OTHER])]]));
  for (const wrong of ["", "{", "5", "null", "[]", '{"near":5}', '{"near":["x",5]}']) {
    assertEquals(readLeaving(wrong), new Map(), wrong);
  }
});

Deno.test("a state file that is none is passed over", () => {
  const mirror = { blobs: 1, missing: 0, missingSinceS: 0, copied: 0, copiedBytes: 0, failed: 0 };
  const state = {
    version: 1,
    beganS: 1,
    endedS: 2,
    completeS: 2,
    blobs: 1,
    bytes: 1,
    readBytes: 0,
    failures: 0,
    mirrors: { near: mirror },
  };
  assertEquals(tryState(JSON.stringify(state)) as unknown, state);
  const wrong = [
    "no JSON",
    "[]",
    { ...state, version: 2 },
    { ...state, blobs: "many" },
    { ...state, mirrors: [] },
    { ...state, mirrors: { 'x"} 1\n': mirror } },
    { ...state, mirrors: { near: { ...mirror, failed: null } } },
    {
      ...state,
      mirrors: Object.fromEntries(Array.from({ length: 10_001 }, (_, at) => [`m${at}`, mirror])),
    },
  ];
  for (const one of wrong) {
    assertEquals(tryState(typeof one === "string" ? one : JSON.stringify(one)), undefined);
  }
});

Deno.test("parts are as large as ten thousand of them need", () => {
  const MB = 1024 ** 2;
  assertEquals(partSizeOf(6 * 1024 * MB, 64 * MB), 64 * MB);
  const size = 5 * 1024 ** 4;
  const part = partSizeOf(size, 64 * MB);
  assert(part % MB === 0 && Math.ceil(size / part) <= 10_000);
});

Deno.test("a host is given up after a few lasting failures, or many in a row, told once", () => {
  const trust = createTrust();
  for (let count = 1; count <= 4; count++) {
    assertEquals(trust.bad("a", failedForGood("403")), count === 3);
    assertEquals(trust.bad("blobs", wrongBlob("wrong")), false);
  }
  for (let count = 1; count <= 13; count++) {
    assertEquals(trust.bad("b", failed("500")), count === 12);
  }
  for (let count = 1; count <= 30; count++) {
    trust.good("c");
    assertEquals(trust.bad("c", failed("500")), false);
  }
  assertEquals(["a", "b", "c", "blobs"].map(trust.whyGivenUp), [
    "403",
    "500",
    undefined,
    undefined,
  ]);
});
