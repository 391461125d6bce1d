import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { didYouMean, tryNearest } from "../../lib/config/nearest.ts";

const NAMES = ["cdn", "s3-paris", "s3-london", "warning", "listen", "aws/eu-west-3"];

Deno.test("tryNearest() gives the name that was probably meant, or none", () => {
  const table: { asked: string; expected: string | undefined }[] = [
    { asked: "cnd", expected: "cdn" },
    { asked: "cd", expected: "cdn" },
    { asked: "cdnn", expected: "cdn" },
    { asked: "can", expected: "cdn" },
    { asked: "CDN", expected: "cdn" },
    { asked: "s3-pariss", expected: "s3-paris" },
    { asked: "s3-prais", expected: "s3-paris" },
    { asked: "lisen", expected: "listen" },
    { asked: "AWS/eu-wst-3", expected: "aws/eu-west-3" },
    // One that it is the beginning of, if there is only one.
    { asked: "warn", expected: "warning" },
    { asked: "s3-", expected: undefined },
    { asked: "wa", expected: undefined },
    // What is far is something else.
    { asked: "xyz", expected: undefined },
    { asked: "mirror", expected: undefined },
    { asked: "", expected: undefined },
    { asked: "c".repeat(1_000_000), expected: undefined },
  ];
  for (const { asked, expected } of table) assertEquals(tryNearest(asked, NAMES), expected, asked);
});

Deno.test("tryNearest() gives the nearest of several", () => {
  assertEquals(tryNearest("mirror-1", ["mirror-22", "mirror-2", "mirror-10"]), "mirror-2");
  assertEquals(tryNearest("abcdef", ["bacdfe", "abcdxx", "abcdxf"]), "abcdxf");
});

Deno.test("didYouMean() is a clause to put behind what is allowed, or nothing", () => {
  assertEquals(didYouMean("cnd", NAMES), "; did you mean cdn?");
  assertEquals(didYouMean("xyz", NAMES), "");
});

/** The distance by its definition: slow, and plain. */
function distance(a: string, b: string): number {
  if (a === "" || b === "") return a.length + b.length;
  const [restA, restB] = [a.slice(1), b.slice(1)];
  let least = Math.min(
    distance(restA, b) + 1,
    distance(a, restB) + 1,
    distance(restA, restB) + (a[0] === b[0] ? 0 : 1),
  );
  if (a.length > 1 && b.length > 1 && a[0] === b[1] && a[1] === b[0]) {
    least = Math.min(least, distance(a.slice(2), b.slice(2)) + 1);
  }
  return least;
}

Deno.test("tryNearest() counts edits as the definition of the distance does", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 5, maxLength: 7 });
  fc.assert(
    fc.property(word, fc.array(word, { maxLength: 4 }), (asked, names) => {
      const least = Math.min(...names.map((name) => distance(asked, name)));
      const expected = least <= 2
        ? names.find((name) => distance(asked, name) === least)
        : undefined;
      assertEquals(tryNearest(asked, names), expected);
    }),
    { numRuns: 60 },
  );
});
