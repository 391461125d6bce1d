import { assert, assertEquals } from "@std/assert";
import { createAcceptReader, normalizeAccept } from "../../lib/registry/accept.ts";

const USUAL = "application/vnd.docker.distribution.manifest.list.v2+json, " +
  "application/vnd.docker.distribution.manifest.v2+json, " +
  "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json";

Deno.test("normalizeAccept() gives clients that mean the same the same", () => {
  const table = [
    { asked: null, expected: USUAL },
    { asked: "", expected: USUAL },
    { asked: "*/*", expected: USUAL },
    { asked: "application/vnd.oci.image.index.v1+json, */*;q=0.1", expected: USUAL },
    { asked: "APPLICATION/VND.OCI.IMAGE.INDEX.V1+JSON", expected: USUAL },
    { asked: "text/html, a/b", expected: `a/b, ${USUAL}, text/html` },
    { asked: "a/b;q=0.2,text/html;level=1 ,, a/b", expected: `a/b, ${USUAL}, text/html` },
    { asked: "text/*, no, a/b/c, a/, /b, a b/c, a/b\u0000, \u00e4/b", expected: USUAL },
  ];
  for (const { asked, expected } of table) assertEquals(normalizeAccept(asked), expected);
});

Deno.test("normalizeAccept() takes eight others at most, and none of a huge header", () => {
  const many = Array.from({ length: 100 }, (_, at) => `a/${String(at).padStart(3, "0")}`);
  const normal = normalizeAccept(many.join(","));
  assertEquals(normal.split(", ").length, 12);
  assertEquals(normalizeAccept(many.toReversed().join(",")), normal);
  assertEquals(normalizeAccept(`a/b,${" ".repeat(1_000_000)}`), USUAL);
  assertEquals(normalizeAccept(`a/${"b".repeat(5000)}`), USUAL);
});

Deno.test("createAcceptReader() says the same, however much it has read", () => {
  const read = createAcceptReader();
  for (let round = 0; round < 2; round++) {
    for (let at = 0; at < 1500; at++) {
      const asked = `a/${at}`;
      assert(read(asked) === normalizeAccept(asked), asked);
    }
  }
  assert(read("a/b") === read("a/b"));
  const long = `a/b, ${"c/d, ".repeat(500)}`;
  assertEquals([read(long), read(null)], [normalizeAccept(long), USUAL]);
});
