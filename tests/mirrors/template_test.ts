import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  blobKey,
  blobUrl,
  mayHave,
  parseBlobKey,
  parseMirrorUrl,
} from "../../lib/mirrors/template.ts";
import { isName } from "../../lib/oci/grammar.ts";
import type { Mirror } from "../../lib/routing/policy.ts";

const HEX = "0123456789abcdef".repeat(4);
const DIGEST = `sha256:${HEX}`;
const LONG = `sha512:${HEX}${HEX}`;

function createMirror(url: string): Mirror {
  return { number: 0, name: "one", fallbackLimit: Infinity, ...parseMirrorUrl(url) };
}

Deno.test("blobUrl() puts the parts of a digest and the name into a template", () => {
  const table = [
    { asked: "https://a.example", expected: `https://a.example/${DIGEST}` },
    { asked: "https://a.example/", expected: `https://a.example/${DIGEST}` },
    { asked: "https://a.example/b", expected: `https://a.example/b/${DIGEST}` },
    { asked: "https://a.example/b/{digest}", expected: `https://a.example/b/${DIGEST}` },
    { asked: "https://a.example/b/{digest}/", expected: `https://a.example/b/${DIGEST}/` },
    { asked: "https://a.example/b//{digest}", expected: `https://a.example/b//${DIGEST}` },
    { asked: "https://A.EXAMPLE:443/./b/{hex}", expected: `https://a.example/b/${HEX}` },
    // The layouts of a distribution registry's bucket, of an OCI layout, and of a registry.
    {
      asked: "https://a.example/docker/registry/v2/blobs/{algorithm}/{hex:2}/{hex}/data",
      expected: `https://a.example/docker/registry/v2/blobs/sha256/01/${HEX}/data`,
    },
    {
      asked: "https://a.example/blobs/{algorithm}/{hex}",
      expected: `https://a.example/blobs/sha256/${HEX}`,
    },
    {
      asked: "https://a.example/v2/{name}/blobs/{digest}",
      expected: `https://a.example/v2/library/app/blobs/${DIGEST}`,
    },
    { asked: "https://a.example/{hex:1}{hex:64}", expected: undefined },
    {
      asked: "https://a.example/{algorithm}-{hex:3}.{hex}",
      expected: `https://a.example/sha256-012.${HEX}`,
    },
  ];
  for (const { asked, expected } of table) {
    const url = blobUrl(createMirror(asked), { digest: DIGEST, name: "library/app" });
    assertEquals(url, expected ?? `https://a.example/0${HEX}`, asked);
  }
  const long = createMirror("https://a.example/{algorithm}/{hex:2}/{hex}");
  assertEquals(
    blobUrl(long, { digest: LONG, name: "a" }),
    `https://a.example/sha512/01/${HEX}${HEX}`,
  );
});

Deno.test("parseMirrorUrl() gives two URLs of the same blobs the same text", () => {
  const same = [
    "https://a.example/b",
    "https://a.example/b/",
    "https://a.example:443/b//",
    "https://a.example/b/{digest}",
    "https://a.example/b/{algorithm}:{hex}",
  ];
  for (const url of same) {
    assertEquals(parseMirrorUrl(url), { url: "https://a.example/b", template: undefined }, url);
  }
  const others = [
    "https://a.example/b//{digest}",
    "https://a.example/b/{hex}",
    "https://a.example/b/{name}/{digest}",
    "https://a.example/b/{digest}/{digest}",
    "https://a.example/b/{digest}/data",
  ];
  const texts = new Set([...same, ...others].map((url) => parseMirrorUrl(url).url));
  assertEquals(texts.size, others.length + 1);
});

Deno.test("a mirror's parts can be sent to another isolate", () => {
  const mirror = createMirror("https://a.example/v2/{name}/blobs/{digest}");
  assertEquals(structuredClone(mirror), mirror);
});

Deno.test("blobKey() has the repository's name only where the URL has it", () => {
  const blob = { digest: DIGEST, name: "library/app" };
  const table = [
    { asked: "https://a.example/b", expected: DIGEST },
    { asked: "https://a.example/{hex:2}/{hex}", expected: DIGEST },
    { asked: "https://a.example/v2/{name}/blobs/{digest}", expected: `library/app@${DIGEST}` },
  ];
  for (const { asked, expected } of table) {
    assertEquals(blobKey(createMirror(asked), blob), expected);
  }
  assertEquals(parseBlobKey(`library/app@${DIGEST}`), blob);
  assertEquals(parseBlobKey(DIGEST), { digest: DIGEST, name: "" });
});

Deno.test("mayHave() is false for a name that no registry has, where the URL has it", () => {
  const plain = createMirror("https://a.example/{hex}");
  const named = createMirror("https://a.example/v2/{name}/blobs/{digest}");
  for (const [length, expected] of [[255, true], [256, false]] as const) {
    const blob = { digest: DIGEST, name: "a".repeat(length) };
    assertEquals(mayHave(named, blob), expected);
    assertEquals(mayHave(plain, blob), true);
  }
});

const literal = fc.constantFrom("", "/", "a", "b-", "/c/", ".d", "~", "@", "%41", ":");
const placeholder = fc.constantFrom("{digest}", "{algorithm}", "{hex}", "{hex:2}", "{name}");
const anyUrl = fc.tuple(fc.array(fc.tuple(literal, placeholder), { maxLength: 5 }), literal)
  .map(([parts, end]) => `https://a.example/b/x${parts.flat().join("")}${end}`);
const anyName = fc.array(fc.constantFrom("a", "b", "/", "..", "-", "_", ".", "%2e", "@", "//"))
  .map((parts) => parts.join("")).filter((name) => isName(name));

/** The same, slowly: each placeholder is replaced in the whole text. */
function urlSlowly(template: string, { digest, name }: { digest: string; name: string }): string {
  if (!template.includes("{")) return `${template.replace(/\/+$/, "")}/${digest}`;
  const [algorithm = "", hex = ""] = digest.split(":");
  return template.replaceAll("{digest}", digest).replaceAll("{algorithm}", algorithm)
    .replaceAll("{hex}", hex).replaceAll("{hex:2}", hex.slice(0, 2)).replaceAll("{name}", name);
}

Deno.test("blobUrl() agrees with replacing each placeholder, and leads nowhere else", () => {
  const property = fc.property(
    anyUrl,
    anyName,
    fc.constantFrom(DIGEST, LONG),
    (written, name, digest) => {
      const mirror = createMirror(written);
      const url = blobUrl(mirror, { digest, name });
      assertEquals(url, urlSlowly(written, { digest, name }));
      // A client that resolves it comes to the same path.
      assertEquals(new URL(url).href, url);
      assert(url.startsWith("https://a.example/b/x"), url);
    },
  );
  fc.assert(property, { numRuns: 3000 });
});
