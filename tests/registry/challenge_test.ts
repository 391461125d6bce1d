import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { parseChallenges } from "../../lib/registry/challenge.ts";

function parsed(value: string): [string, Record<string, string>][] {
  return parseChallenges(value).map((
    { scheme, parameters },
  ) => [scheme, Object.fromEntries(parameters)]);
}

Deno.test("parseChallenges() reads one challenge and several, as RFC 9110 has them", () => {
  const table: { asked: string; expected: [string, Record<string, string>][] }[] = [
    {
      asked: 'Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:a/b:pull"',
      expected: [["bearer", {
        realm: "https://ghcr.io/token",
        service: "ghcr.io",
        scope: "repository:a/b:pull",
      }]],
    },
    {
      asked: 'Basic realm="simple"',
      expected: [["basic", { realm: "simple" }]],
    },
    // The example of RFC 9110, section 11.6.1.
    {
      asked: 'Basic realm="simple", Newauth realm="apps", type=1,title="Login to \\"apps\\""',
      expected: [
        ["basic", { realm: "simple" }],
        ["newauth", { realm: "apps", type: "1", title: 'Login to "apps"' }],
      ],
    },
    { asked: "Negotiate", expected: [["negotiate", {}]] },
    {
      asked: 'Negotiate, Basic realm="r"',
      expected: [["negotiate", {}], ["basic", { realm: "r" }]],
    },
    {
      asked: 'Negotiate YWJjZA==, Bearer realm="r"',
      expected: [["negotiate", {}], ["bearer", { realm: "r" }]],
    },
    { asked: "Negotiate YWJj", expected: [["negotiate", {}]] },
    { asked: "Bearer realm=", expected: [["bearer", {}]] },
    {
      asked: 'Bearer realm="a, Basic realm=b"',
      expected: [["bearer", { realm: "a, Basic realm=b" }]],
    },
    {
      asked: ' , ,bEARER  REALM = "r" , , Scope=s ,',
      expected: [["bearer", { realm: "r", scope: "s" }]],
    },
    { asked: 'Bearer\trealm="r"', expected: [["bearer", { realm: "r" }]] },
    { asked: 'Bearer realm="first",realm="second"', expected: [["bearer", { realm: "first" }]] },
    { asked: 'Bearer realm=""', expected: [["bearer", { realm: "" }]] },
    { asked: "", expected: [] },
    { asked: " , ", expected: [] },
    // What does not parse is none.
    { asked: 'Bearer realm="unfinished', expected: [] },
    { asked: "Bearer realm=,a=b c", expected: [] },
    { asked: 'Bearer realm="r" scope="s"', expected: [] },
    { asked: '"quoted"', expected: [] },
    { asked: "Bearer realm=\u0000", expected: [] },
    { asked: 'Basic realm="r", =', expected: [] },
  ];
  for (const { asked, expected } of table) assertEquals(parsed(asked), expected, asked);
});

Deno.test("parseChallenges() passes over a value of a megabyte", () => {
  assertEquals(parseChallenges(`Bearer realm="${"a".repeat(1_000_000)}"`), []);
  assertEquals(parseChallenges(", ".repeat(500_000)), []);
});

Deno.test("parseChallenges() is done soon with whatever it gets", () => {
  for (const part of [",", " ", "a=", 'a="', "\\", "a ", "a=b,", "a a=b,", "=", '"', "\t,"]) {
    parseChallenges(part.repeat(16_384 / part.length));
  }
  fc.assert(fc.property(
    fc.array(fc.constantFrom(...'aB=, \t"\\~'), { maxLength: 60 }),
    (characters) => void parseChallenges(characters.join("")),
  ));
});

Deno.test("parseChallenges() gives back what was written", () => {
  const token = fc.stringMatching(/^[a-z][a-z0-9!#$.-]{0,8}$/);
  const parameters = fc.uniqueArray(fc.tuple(token, fc.string({ maxLength: 12 })), {
    selector: ([name]) => name,
    minLength: 1,
    maxLength: 4,
  });
  const challenges = fc.array(fc.tuple(token, parameters), { maxLength: 4 });
  const quote = (text: string) => `"${text.replace(/["\\]/g, "\\$&")}"`;
  fc.assert(fc.property(challenges, (written) => {
    const text = written.map(([scheme, list]) =>
      `${scheme} ${list.map(([name, value]) => `${name}=${quote(value)}`).join(",")}`
    ).join(", ");
    assertEquals(
      parsed(text),
      written.map(([scheme, list]) => [scheme, Object.fromEntries(list)]),
    );
  }));
});
