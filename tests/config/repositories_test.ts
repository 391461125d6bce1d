import { assertEquals } from "@std/assert";
import { configOf, isAllowed, mistakesOf } from "./fixture.ts";

const UPSTREAMS = `upstreams:
  main: { endpoint: https://main.example }
  ghcr: { endpoint: https://ghcr.example }
`;

Deno.test("readConfig() reads repositories as the documentation has them", () => {
  const text = `${UPSTREAMS}repositories:
  app: { upstream: ghcr, as: acme/app }
  charts/*: { upstream: ghcr, as: acme-charts/*, public: true }
  "*": { upstream: main }
`;
  assertEquals(configOf(text).repositories, {
    app: { upstream: "ghcr", as: "acme/app" },
    "charts/*": { upstream: "ghcr", as: "acme-charts/*", public: true },
    "*": { upstream: "main" },
  });
  assertEquals(configOf(UPSTREAMS.replace(/ +ghcr.*\n/, "")).repositories, undefined);
});

Deno.test("repositories have names, and patterns that begin as names do", () => {
  const allowed = [
    "*",
    "app",
    "a/b-c/d_e.f",
    "a*",
    "a/*",
    "a-*",
    "a--*",
    "a_*",
    "a__*",
    "a.*",
    "0/*",
  ];
  const refused = [
    ...["", "/", "/*", "App", "a/", "a//*", "a..*", "a___*", "a.-*", "-*", ".*", "a**", "**"],
    ...["*/a", "a/*/b", "*a", "a b", "a:b", "https://a.example/*", "a?", "é", "constructor"],
  ];
  for (const pattern of allowed) {
    const text = JSON.stringify({
      upstreams: { main: { endpoint: "https://main.example" } },
      repositories: { [pattern]: {} },
    });
    assertEquals(mistakesOf(text), [], pattern);
  }
  for (const pattern of refused) {
    const text = JSON.stringify({
      upstreams: { main: { endpoint: "https://main.example" } },
      repositories: { [pattern]: {} },
    });
    assertEquals(mistakesOf(text).length, 1, pattern);
  }
});

Deno.test("readConfig() lists the mistakes in repositories", () => {
  const NAME = "a repository's name, such as acme/app, with one * for that of the pattern";
  const PATTERN =
    "a repository's name, such as app, or a beginning of names and a *, such as charts/*";
  const table = [
    {
      asked: "{}",
      expected: [
        "repositories: found {}; allowed: at least one repository's name or pattern, such as *",
      ],
    },
    {
      asked: "{ app: { upstream: gchr } }",
      expected: [
        'repositories.app.upstream: found "gchr"; allowed: the name of a configured upstream: ' +
        "main, ghcr; did you mean ghcr?",
      ],
    },
    {
      asked: "{ app: { upstraem: ghcr } }",
      expected: [
        'repositories.app.upstraem: found "ghcr"; allowed: only the keys upstream, as, public; ' +
        "did you mean upstream?",
      ],
    },
    {
      asked: "{ 'charts/*': { upstream: ghcr, as: charts } }",
      expected: [
        'repositories["charts/*"].as: found "charts"; allowed: a name with a *, which stands for ' +
        "what that of charts/* stands for: many repositories cannot be one",
      ],
    },
    {
      asked: "{ app: { upstream: ghcr, as: acme/* } }",
      expected: [
        'repositories.app.as: found "acme/*"; allowed: a name without *, as the pattern has none',
      ],
    },
    {
      asked: "{ '*': { upstream: ghcr, as: '*/*' } }",
      expected: [`repositories["*"].as: found "*/*"; allowed: ${NAME}`],
    },
    {
      asked: "{ '*': { upstream: ghcr, as: '../*' } }",
      expected: [`repositories["*"].as: found "../*"; allowed: ${NAME}`],
    },
    {
      asked: "{ app: { upstream: ghcr, as: '' } }",
      expected: [`repositories.app.as: found ""; allowed: ${NAME}`],
    },
    {
      asked: "{ app: { upstream: ghcr, public: 1 } }",
      expected: ["repositories.app.public: found 1; allowed: true or false"],
    },
    {
      asked: "{ Charts/*: { upstream: ghcr } }",
      expected: [`repositories["Charts/*"]: found "Charts/*"; allowed: ${PATTERN}`],
    },
    {
      asked: "{ app: }",
      expected: [
        "repositories.app: found null; allowed: a mapping with the keys upstream, as, public",
        "upstreams.ghcr: ",
      ],
    },
    {
      asked: "[app]",
      expected: [
        'repositories: found ["app"]; allowed: a mapping from repositories\' names or patterns to ' +
        "where they are",
      ],
    },
  ];
  for (const { asked, expected } of table) {
    const mistakes = mistakesOf(`${UPSTREAMS}repositories: ${asked}\n`);
    assertEquals(
      mistakes.filter((mistake) => !mistake.startsWith("upstreams.ghcr: ")),
      expected.filter((mistake) => mistake !== "upstreams.ghcr: "),
      asked,
    );
  }
});

Deno.test("readConfig() refuses two patterns that are equal", () => {
  for (const [one, other] of [["app", "app"], ["'a/*'", '"a/*"'], ["1", '"1"']]) {
    const mistakes = mistakesOf(`${UPSTREAMS}repositories:
  ${one}: { upstream: ghcr }
  ${other}: {}
`);
    assertEquals(mistakes.length, 1, one);
    assertEquals(/duplicate/i.test(mistakes[0]!), true, mistakes[0]);
  }
});

Deno.test("readConfig() needs no main upstream where every repository names its own", () => {
  const upstreams = `upstreams:
  quay: { endpoint: https://quay.example }
  ghcr: { endpoint: https://ghcr.example }
`;
  const table = [
    { asked: "{ a: { upstream: quay }, 'b/*': { upstream: ghcr } }", expected: [] },
    { asked: "{ a: { upstream: quay }, 'b/*': {} }", expected: ["upstreams"] },
    { asked: "{ a: { upstream: quay } }", expected: ["upstreams.ghcr"] },
  ];
  for (const { asked, expected } of table) {
    const mistakes = mistakesOf(`${upstreams}repositories: ${asked}\n`);
    assertEquals(mistakes.map((mistake) => mistake.split(":")[0]), expected, asked);
  }
});

Deno.test("an upstream that only repositories name is used", () => {
  assertEquals(mistakesOf(`${UPSTREAMS}repositories: { app: { upstream: ghcr } }\n`), []);
  assertEquals(isAllowed("repositories.app.public", false), true);
});
