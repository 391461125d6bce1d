import { assertEquals } from "@std/assert";
import { configOf, mistakesOf, placedMistakesOf, UPSTREAM } from "./fixture.ts";

/** Where the mistakes in a text are, and their paths. */
function placesOf(text: string, variables = {}): string[] {
  return placedMistakesOf(text, variables).map((mistake) => mistake.split(": found ")[0]!);
}

Deno.test("readConfig() tells each mistake with its line, in the order of the text", () => {
  const text = `
# Comments count as lines.
rules:
- clients: ["*"]
  mirrors: [cnd]
mirrors:
  cdn: { url: "https://cdn.example",
    limit: 5 }
upstreams:
  main:
    path: a
listen: { tls: { cert: a.pem } }
log: { level: warn }
`;
  assertEquals(placesOf(text), [
    "line 5, column 13: rules[0].mirrors[0]",
    "line 8, column 5: mirrors.cdn.limit",
    // What is missing is missing here.
    "line 10, column 3: upstreams.main.endpoint",
    "line 12, column 11: listen.tls.key",
    "line 13, column 8: log.level",
  ]);
});

Deno.test("readConfig() tells lines of JSON, whatever ends them", () => {
  const config = { upstreams: { main: { endpoint: "a" } }, workers: 0 };
  for (const end of ["\n", "\r\n", "\r"]) {
    const text = JSON.stringify(config, null, "\t").replaceAll("\n", end);
    const expected = ["line 4, column 4: upstreams.main.endpoint", "line 7, column 2: workers"];
    assertEquals(placesOf(text), expected);
  }
});

Deno.test("readConfig() tells no line of what is in no text", () => {
  assertEquals(placesOf("{}"), ["upstreams"]);
  assertEquals(placesOf(""), ["the whole file"]);
  assertEquals(placesOf(`workers: 0\n${UPSTREAM}`, { PORT: "x", HOST: "a b" }), [
    "HOST (listen.host)",
    "PORT (listen.port)",
    "line 1, column 1: workers",
  ]);
});

Deno.test("readConfig() passes over a byte order mark", () => {
  assertEquals(configOf(`\ufeff${UPSTREAM}`), configOf(UPSTREAM));
  assertEquals(placesOf(`\ufeffworkers: 0\n${UPSTREAM}`), ["line 1, column 1: workers"]);
});

Deno.test("readConfig() says that a tab is no indentation, and nothing that follows from it", () => {
  const table = [
    {
      asked: "upstreams:\n\tmain: { endpoint: https://a.example }\n",
      expected: "line 2, column 1: found a tab as indentation; allowed: spaces",
    },
    {
      asked: "upstreams:\n  main:\n  \tendpoint: https://a.example\n\tx: 1\n",
      expected:
        "line 3, column 3: found a tab as indentation (1 more line has one); allowed: spaces",
    },
    {
      asked: "rules:\n\t- a: 1\n\t  b: 2\n\t- c: {\n",
      expected:
        "line 2, column 1: found a tab as indentation (2 more lines have one); allowed: spaces",
    },
  ];
  for (const { asked, expected } of table) assertEquals(mistakesOf(asked), [expected]);
  assertEquals(mistakesOf('{\n\t"upstreams": {\n\t').length, 1);
  assertEquals(configOf(`\t# a comment\n${UPSTREAM}`), configOf(UPSTREAM));
});

Deno.test("readConfig() says what was probably meant", () => {
  const table = [
    { asked: "prob: {}", expected: "probe" },
    { asked: "listen: { prot: 80 }", expected: "port" },
    { asked: "log: { level: INFO }", expected: "info" },
    { asked: "log: { level: warn }", expected: "warning" },
    { asked: "signature_upstream: mian", expected: "main" },
    { asked: "rules: [{ clients: [aws/eu-wst-3] }]", expected: "aws/eu-west-3" },
    { asked: "rules: [{ clients: [asw/*] }]", expected: "aws/*" },
    { asked: "rules: [{ clients: [gcp/eruope-*] }]", expected: "gcp/europe-*" },
    { asked: "frobnicate: 1", expected: undefined },
    { asked: "log: { level: 5 }", expected: undefined },
  ];
  for (const { asked, expected } of table) {
    const [mistake] = mistakesOf(UPSTREAM + asked);
    assertEquals(/; did you mean (.*)\?$/.exec(mistake!)?.[1], expected, mistake);
  }
});
