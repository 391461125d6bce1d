import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { createLocationMatcher, isPatternWithin } from "../../lib/routing/location_pattern.ts";

Deno.test("createLocationMatcher() knows every client, a cloud, a location, and any text", () => {
  const table = [
    { pattern: "*", location: "aws/eu-west-3", expected: true },
    { pattern: "*", location: undefined, expected: true },
    { pattern: "aws/*", location: "aws/eu-west-3", expected: true },
    { pattern: "aws/*", location: "gcp/europe-west9", expected: false },
    { pattern: "aws/*", location: "aws-cn/north-1", expected: false },
    { pattern: "aws/*", location: "my/aws/x", expected: false },
    { pattern: "aws/*", location: "aws", expected: false },
    { pattern: "aws/*", location: undefined, expected: false },
    { pattern: "aws/eu-west-3", location: "aws/eu-west-3", expected: true },
    { pattern: "aws/eu-west-3", location: "aws/eu-west-30", expected: false },
    { pattern: "aws/eu-west-3", location: "aws/eu-west", expected: false },
    { pattern: "aws/eu-west-3", location: "AWS/eu-west-3", expected: false },
    { pattern: "aws/eu-west-3", location: undefined, expected: false },
    { pattern: "aws/eu-*", location: "aws/eu-west-3", expected: true },
    { pattern: "aws/eu-*", location: "aws/eu-", expected: true },
    { pattern: "aws/eu-*", location: "aws/eu", expected: false },
    { pattern: "gcp/europe-*", location: "gcp/europe-west9", expected: true },
    { pattern: "gcp/europe-*", location: "gcp/us-europe-1", expected: false },
    { pattern: "*/eu-*", location: "aws/eu-west-3", expected: true },
    { pattern: "*/eu-*", location: "aws/us-eu-3", expected: false },
    { pattern: "*/*", location: "aws/eu-west-3", expected: true },
    { pattern: "*/*", location: undefined, expected: false },
    { pattern: "aws/*-west-*", location: "aws/eu-west-3", expected: true },
    { pattern: "aws/*-west-*", location: "aws/eu-east-3", expected: false },
    { pattern: "aws/*-3", location: "aws/eu-west-3", expected: true },
    { pattern: "aws/*-3", location: "aws/eu-west-30", expected: false },
    // The two ends do not overlap, and no part is in them.
    { pattern: "a/ab*ba", location: "a/aba", expected: false },
    { pattern: "a/ab*ba", location: "a/abba", expected: true },
    { pattern: "a/a*b*ab", location: "a/aab", expected: false },
    { pattern: "a/a*b*ab", location: "a/abab", expected: true },
    { pattern: "a/x.y*", location: "a/x-y1", expected: false },
  ];
  for (const { pattern, location, expected } of table) {
    assertEquals(createLocationMatcher(pattern)(location), expected, `${pattern} ${location}`);
  }
});

// Few letters, so that patterns and locations meet.
const part = (letters: string) =>
  fc.array(fc.constantFrom(...letters), { minLength: 1, maxLength: 6 })
    .map((letters) => letters.join("").replaceAll(/\*+/g, "*"));
const anyLocation = fc.tuple(part("ab-."), part("ab-.")).map((parts) => parts.join("/"));
const anyPattern = fc.oneof(
  fc.constant("*"),
  fc.tuple(part("ab-.*"), part("ab-.*")).map((parts) => parts.join("/")),
);

/** The same, slowly: a regular expression. */
function matchesSlowly(pattern: string, location: string | undefined): boolean {
  if (location === undefined) return pattern === "*";
  const escaped = pattern.replaceAll(/[.*-]/g, (sign) => sign === "*" ? ".*" : `\\${sign}`);
  return new RegExp(`^${escaped}$`, "s").test(location);
}

Deno.test("createLocationMatcher() agrees with a regular expression", () => {
  const locations = fc.array(fc.option(anyLocation, { nil: undefined }), { maxLength: 20 });
  fc.assert(
    fc.property(anyPattern, locations, (pattern, locations) => {
      const matches = createLocationMatcher(pattern);
      for (const location of locations) {
        assertEquals(matches(location), matchesSlowly(pattern, location), `${pattern} ${location}`);
      }
    }),
    { numRuns: 5000 },
  );
});

Deno.test("createLocationMatcher() takes no time to speak of for the worst pattern", () => {
  const pattern = `a/${"*a".repeat(200)}*b`;
  assertEquals(createLocationMatcher(pattern)(`a/${"a".repeat(100_000)}`), false);
});

Deno.test("isPatternWithin() says that a pattern matches nothing that another does not", () => {
  const table = [
    { pattern: "aws/eu-west-3", other: "aws/*", expected: true },
    { pattern: "aws/eu-*", other: "aws/*", expected: true },
    { pattern: "aws/*", other: "aws/eu-*", expected: false },
    { pattern: "*/eu-*", other: "*", expected: true },
    { pattern: "*", other: "*/*", expected: false },
    { pattern: "*", other: "*", expected: true },
  ];
  for (const { pattern, other, expected } of table) {
    assertEquals(isPatternWithin(pattern, other), expected, `${pattern} ${other}`);
  }
  fc.assert(
    fc.property(anyPattern, anyPattern, anyLocation, (pattern, other, location) => {
      fc.pre(isPatternWithin(pattern, other) && createLocationMatcher(pattern)(location));
      assert(createLocationMatcher(other)(location), `${pattern} ${other} ${location}`);
    }),
    { numRuns: 1000 },
  );
});
