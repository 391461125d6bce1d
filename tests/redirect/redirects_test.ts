import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { parseMirrorUrl } from "../../lib/mirrors/template.ts";
import { createRedirects } from "../../lib/redirect/redirects.ts";
import type { Mirror } from "../../lib/routing/policy.ts";

const HEX = "0123456789abcdef".repeat(4);
const BLOB = { digest: `sha256:${HEX}`, name: "app" };

function mirrorAt(number: number, url: string): Mirror {
  return { number, name: `mirror-${number}`, ...parseMirrorUrl(url), fallbackLimit: Infinity };
}

const NEAR = mirrorAt(0, "https://near.example");
const FAR = mirrorAt(1, "https://far.example");
const NAMED = mirrorAt(2, "https://named.example/{name}/{hex}");

Deno.test("a redirect that is asked for twice is kept and sent again", () => {
  const redirects = createRedirects();
  const cases = [
    { to: () => redirects.toUrl("https://a.example/1", "GET"), expected: "https://a.example/1" },
    {
      to: () => redirects.toBlob(NEAR, BLOB, "GET"),
      expected: `https://near.example/sha256:${HEX}`,
    },
    {
      to: () => redirects.toBlob(NAMED, BLOB, "GET"),
      expected: `https://named.example/app/${HEX}`,
    },
  ];
  for (const { to, expected } of cases) {
    const response = to();
    assertEquals(response.status, 307);
    assertEquals(response.headers.get("location"), expected);
    const kept = to();
    assert(to() === kept);
    assertEquals(kept.headers.get("location"), expected);
  }
});

Deno.test("redirects are told apart by URL, by mirror, by blob and by repository", () => {
  const redirects = createRedirects();
  const end = "0123456789abcdef";
  const toUrls = ["a", "b", "c"].map((host) => {
    const expected = `https://${host}.example/${end}`;
    return { to: () => redirects.toUrl(expected, "GET"), expected };
  });
  const other = { digest: `sha256:f${HEX.slice(1)}`, name: "other" };
  const toBlobs = [NEAR, FAR, NAMED].flatMap((mirror) =>
    [BLOB, other, { ...BLOB, name: "other" }].map((blob) => ({
      to: () => redirects.toBlob(mirror, blob, "GET"),
      expected: mirror === NAMED
        ? `https://named.example/${blob.name}/${blob.digest.slice("sha256:".length)}`
        : `${mirror.url}/${blob.digest}`,
    }))
  );
  const all = [...toUrls, ...toBlobs];
  for (let round = 0; round < 3 * all.length; round++) {
    const often = all[round % all.length]!;
    for (const { to, expected } of [...all, often, often]) {
      assertEquals(to().headers.get("location"), expected);
    }
  }
});

Deno.test("an answer to HEAD is none that GET gets", () => {
  const redirects = createRedirects("private, no-store");
  for (const method of ["GET", "GET", "GET", "HEAD", "HEAD", "GET"]) {
    for (
      const response of [
        redirects.toUrl("https://a.example/1", method),
        redirects.toBlob(NEAR, BLOB, method),
      ]
    ) {
      assertEquals(response.headers.get("content-length"), method === "HEAD" ? "0" : null);
      assertEquals(response.headers.get("cache-control"), "private, no-store");
    }
  }
});

Deno.test("redirects that are kept are bounded in number and in length", () => {
  const { toUrl } = createRedirects();
  const long = `https://a.example/${"a".repeat(1024)}`;
  for (let asked = 0; asked < 3; asked++) assert(toUrl(long, "GET") !== toUrl(long, "GET"));
  const locations = Array.from({ length: 9000 }, (_, at) => `https://a.example/${at}`);
  for (const location of [...locations, ...locations]) toUrl(location, "GET");
  const kept = locations.filter((url) => toUrl(url, "GET") === toUrl(url, "GET"));
  assertLessOrEqual(kept.length, 2048);
});
