import { assertEquals } from "@std/assert";
import { createDigestReader } from "../../lib/oci/digest_reader.ts";

const HEX = "0123456789abcdef".repeat(4);

const TEXTS = [
  { text: `sha256:${HEX}`, isDigest: true },
  { text: `sha256:${"0".repeat(64)}`, isDigest: true },
  { text: "", isDigest: false },
  { text: `sha256:${HEX}0`, isDigest: false },
  { text: `sha256:${HEX.slice(1)}`, isDigest: false },
  { text: `sha512:${HEX}`, isDigest: false },
  { text: `sha512:${HEX}${HEX}`, isDigest: false },
  { text: `sha256:${HEX.slice(1)}F`, isDigest: false },
  { text: `sha256:${HEX.slice(1)}g`, isDigest: false },
  { text: `sha256:${HEX.slice(1)}/`, isDigest: false },
  { text: `sha256:${HEX.slice(1)}\u0131`, isDigest: false },
  { text: `sha256:${HEX.slice(1)}\u{10030}`.slice(0, 71), isDigest: false },
];

Deno.test("a digest reader reads sha256 digests, and nothing else", () => {
  const reader = createDigestReader();
  for (const { text, isDigest } of [...TEXTS, ...TEXTS.toReversed()]) {
    assertEquals(reader.read(text), isDigest, text);
    if (!isDigest) continue;
    const words = [...reader.words].map((word) => (word >>> 0).toString(16).padStart(8, "0"));
    assertEquals(`sha256:${words.join("")}`, text);
  }
});

Deno.test("a digest that does not read leaves no trace in the next one", () => {
  const reader = createDigestReader();
  const [one, other] = [`sha256:${HEX}`, `sha256:${HEX.slice(1)}x`];
  assertEquals([reader.read(one), reader.read(other), reader.read(one)], [true, false, true]);
  assertEquals(reader.words[0], 0x01234567);
});

Deno.test("a digest reader reads a digest where it stands in a text", () => {
  for (const { text, isDigest } of TEXTS) {
    const reader = createDigestReader();
    const whole = `https://registry.example/v2/app/blobs/${text}?ns=docker.io`;
    const start = whole.indexOf("/blobs/") + "/blobs/".length;
    assertEquals(reader.read(text, whole, start), isDigest, text);
    const plain = createDigestReader();
    assertEquals(plain.read(text), isDigest, text);
    if (isDigest) assertEquals(reader.words, plain.words, text);
    assertEquals(reader.read(text), isDigest, text);
  }
});
