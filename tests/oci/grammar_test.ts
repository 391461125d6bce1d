import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  isName,
  isOtherDigest,
  isRegisteredDigest,
  isSignatureTag,
  isTag,
} from "../../lib/oci/grammar.ts";

// The expressions as the specifications write them, anchored at both ends.
const NAME = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
const DIGEST = /^[a-z0-9]+([+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/;
const SHA256 = /^sha256:[a-f0-9]{64}$/;
const SHA512 = /^sha512:[a-f0-9]{128}$/;

const HEX = "0123456789abcdef".repeat(8);

/** Strings of any UTF-16 code units, halves of surrogate pairs among them. */
const anything = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 })
  .map((codes) => String.fromCharCode(...codes));

/** Strings of a few pieces that belong to the grammar or nearly do. */
function near(...pieces: string[]): fc.Arbitrary<string> {
  return fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((parts) => parts.join(""));
}

const nearName = near(
  "a",
  "z9",
  "0",
  "`",
  "{",
  ".",
  "_",
  "__",
  "-",
  "--",
  "/",
  "A",
  "é",
  "\n",
  "%",
  ":",
);
const nearTag = near("a", "Z", "09", ".", "_", "-", "x".repeat(126), "/", ":", " ", "\n", "é");
const nearDigest = fc.oneof(
  near("a", "sha256", "sha512", "sha256:", ":", "+", ".", "_", "-", "=", "F", "9", "/", "\n"),
  // One character of a good digest replaced, and up to one more or fewer.
  fc.record({
    algorithm: fc.constantFrom("sha256:", "sha512:", "sha384:", "blake3:", "SHA256:", "sha256"),
    length: fc.constantFrom(63, 64, 65, 127, 128, 129),
    at: fc.nat(128),
    put: fc.oneof(
      fc.constantFrom("", "0", "f", "g", "F", "/", ":", "`", "{", "\n"),
      fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)),
    ),
  }).map(({ algorithm, length, at, put }) => {
    const hex = (HEX + "0").slice(0, length);
    return algorithm + hex.slice(0, at) + put + hex.slice(at + put.length);
  }),
);

function holds(
  arbitrary: fc.Arbitrary<string>,
  is: (text: string) => boolean,
  expected: (text: string) => boolean,
): void {
  fc.assert(fc.property(arbitrary, (text) => assertEquals(is(text), expected(text))), {
    numRuns: 2000,
  });
}

/** Holds that a part of a text is read as it is when cut out. */
function holdsForParts(
  arbitrary: fc.Arbitrary<string>,
  is: (text: string, start?: number, end?: number) => boolean,
): void {
  const property = fc.property(arbitrary, arbitrary, arbitrary, (before, text, after) => {
    const end = before.length + text.length;
    assertEquals(is(before + text + after, before.length, end), is(text));
  });
  fc.assert(property, { numRuns: 2000 });
}

Deno.test("isName() is the distribution specification's expression", () => {
  holds(anything, isName, (text) => NAME.test(text));
  holds(nearName, isName, (text) => NAME.test(text));
});

Deno.test("isName() reads a part of a text as it would read the part alone", () => {
  holdsForParts(nearName, isName);
});

Deno.test("isName() knows names from what is none", () => {
  const names = ["a", "0", "a/b", "a.b/c_d/e__f/g---h", "blobs/manifests/tags/list", "v2"];
  const others = [
    ...[
      "",
      "/",
      "a/",
      "/a",
      "a//b",
      ".",
      "..",
      "a/../b",
      "a..b",
      "a._b",
      "a___b",
      "-a",
      "a-",
      "a.",
    ],
    ...["A", "a b", "a\n", "\na", "a%2fb", "a:b", "a@b", "ä", "a\u0000", "_", "a_", "a__"],
  ];
  for (const name of names) assertEquals(isName(name), true, name);
  for (const other of others) assertEquals(isName(other), false, other);
});

Deno.test("isTag() is the distribution specification's expression", () => {
  holds(anything, isTag, (text) => TAG.test(text));
  holds(nearTag, isTag, (text) => TAG.test(text));
});

Deno.test("isTag() allows 128 characters and no more", () => {
  assertEquals(isTag("v".repeat(128)), true);
  assertEquals(isTag("v".repeat(129)), false);
  assertEquals(isTag(""), false);
  assertEquals(isTag("v1\n"), false);
});

Deno.test("isTag() allows the whole hash of a sha512 subject, and nothing else that is as long", () => {
  const table = [
    { tag: `sha512-${HEX}`, expected: true },
    { tag: `sha512-${HEX.slice(1)}A`, expected: false },
    { tag: `sha512-${HEX.slice(1)}g`, expected: false },
    { tag: `sha512-${HEX.slice(1)}`, expected: false },
    { tag: `sha512-${HEX}0`, expected: false },
    { tag: `sha512-${HEX}.sig`, expected: false },
    { tag: `sha512-${HEX}\n`, expected: false },
    { tag: `sha512:${HEX}`, expected: false },
    { tag: `sha384-${HEX}`, expected: false },
    { tag: `sha256-${HEX}`, expected: false },
    { tag: `x-sha512-${HEX}`, expected: false },
    // Short enough to be tags like any other.
    { tag: `sha512-${HEX.slice(0, 64)}`, expected: true },
    { tag: `sha512-${HEX.slice(0, 64)}.sig`, expected: true },
    { tag: `sha512-${HEX.slice(0, 121)}`, expected: true },
  ];
  for (const { tag, expected } of table) assertEquals(isTag(tag), expected, tag);
});

Deno.test("isRegisteredDigest() is the image specification's sha256 and sha512", () => {
  const expected = (text: string) => SHA256.test(text) || SHA512.test(text);
  holds(anything, isRegisteredDigest, expected);
  holds(nearDigest, isRegisteredDigest, expected);
});

Deno.test("isRegisteredDigest() reads a part of a text as it would read the part alone", () => {
  holdsForParts(nearDigest, isRegisteredDigest);
});

Deno.test("isRegisteredDigest() takes each algorithm with its own length only", () => {
  const [short, long] = [HEX.slice(0, 64), HEX];
  assertEquals(isRegisteredDigest(`sha256:${short}`), true);
  assertEquals(isRegisteredDigest(`sha512:${long}`), true);
  assertEquals(isRegisteredDigest(`sha256:${long}`), false);
  assertEquals(isRegisteredDigest(`sha512:${short}`), false);
  assertEquals(isRegisteredDigest(`sha256:${short.toUpperCase()}`), false);
  assertEquals(isRegisteredDigest(`sha384:${short}`), false);
  assertEquals(isRegisteredDigest(`sha256:${short.slice(1)}\u0130`), false);
});

Deno.test("isOtherDigest() is the image specification's grammar without the registered", () => {
  const registered = /^sha(256|512):/;
  const expected = (text: string) => DIGEST.test(text) && !registered.test(text);
  holds(anything, isOtherDigest, expected);
  holds(nearDigest, isOtherDigest, expected);
});

Deno.test("isOtherDigest() lets the specification's own examples pass", () => {
  assertEquals(
    isOtherDigest("multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8"),
    true,
  );
  assertEquals(isOtherDigest("sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564"), true);
  assertEquals(isOtherDigest("sha256:0"), false);
  assertEquals(isOtherDigest("sha2560:0"), true);
});

Deno.test("no digest is both registered and not", () => {
  fc.assert(fc.property(nearDigest, (text) => !(isRegisteredDigest(text) && isOtherDigest(text))));
});

Deno.test("isSignatureTag() knows the tags that signatures are kept under", () => {
  const hex = HEX.slice(0, 64);
  const table = [
    { tag: `sha256-${hex}`, expected: true },
    { tag: `sha256-${hex}.sig`, expected: true },
    { tag: `sha256-${hex}.att`, expected: true },
    { tag: `sha256-${hex}.sbom`, expected: true },
    { tag: `sha256-${hex}.`, expected: false },
    { tag: `sha256-${hex}.SIG`, expected: false },
    { tag: `sha256-${hex}.sig.sig`, expected: false },
    { tag: `sha256-${hex}.other`, expected: false },
    { tag: `sha256-${hex}sig`, expected: false },
    { tag: `sha256-${hex}0.sig`, expected: false },
    { tag: `sha256-${hex.slice(1)}.sig`, expected: false },
    { tag: `sha256-${hex.toUpperCase()}.sig`, expected: false },
    { tag: `sha256:${hex}.sig`, expected: false },
    { tag: `sha512-${HEX}`, expected: true },
    { tag: `sha512-${hex}`, expected: true },
    { tag: `sha512-${HEX}.sig`, expected: false },
    { tag: `sha512-${hex}.sig`, expected: false },
    { tag: `sha512-${HEX.slice(1)}`, expected: false },
    { tag: `sha512-${HEX.slice(0, 96)}`, expected: false },
    { tag: `sha512-${HEX}0`, expected: false },
    { tag: `sha512-${HEX.toUpperCase()}`, expected: false },
    { tag: `sha512:${HEX}`, expected: false },
    { tag: `sha384-${hex}`, expected: false },
    { tag: `x-sha256-${hex}.sig`, expected: false },
    { tag: `sha256-${hex}.sig\n`, expected: false },
    { tag: "v1.30.0", expected: false },
    { tag: "", expected: false },
  ];
  for (const { tag, expected } of table) assertEquals(isSignatureTag(tag), expected, tag);
});

Deno.test("isSignatureTag() takes nothing that is no tag", () => {
  const suffix = fc.constantFrom("", ".sig", ".att", ".sbom", ".", "/", "\n", ".sig/..");
  const hex = fc.string({ unit: fc.constantFrom(..."0123456789abcdefAg"), maxLength: 2 });
  const length = fc.constantFrom(64, 96, 128);
  const algorithm = fc.constantFrom("sha256", "sha512");
  fc.assert(fc.property(algorithm, hex, length, suffix, (algorithm, head, length, tail) => {
    const text = `${algorithm}-${head}${HEX.slice(2, length)}${tail}`;
    return !isSignatureTag(text) || isTag(text);
  }));
});
