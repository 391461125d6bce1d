import { assertEquals } from "@std/assert";
import { MAX_MIRRORS } from "../../lib/mirrors/board.ts";
import { MAX_UPSTREAMS } from "../../lib/mirrors/upstream_check.ts";
import { findMistakes, type FindOptions } from "../../lib/config/mistakes.ts";
import { configOf, LOCATIONS, mistakesOf, UPSTREAM } from "./fixture.ts";

const MAIN = { endpoint: "https://registry.example" };

/** The paths of the mistakes in a configuration. */
function pathsOf(config: Record<string, unknown>, options?: FindOptions): string[] {
  const mistakes = findMistakes({ upstreams: { main: MAIN }, ...config }, LOCATIONS, options);
  return mistakes.map(({ path }) => path);
}

Deno.test("findMistakes() finds mirrors and upstreams that nothing uses", () => {
  const one = { url: "https://one.example" };
  const two = { url: "https://two.example" };
  const other = { endpoint: "https://other.example" };
  const all = (...mirrors: unknown[]) => [{ clients: ["*"], mirrors }];
  const table = [
    { asked: { mirrors: { one } }, expected: ["mirrors.one"] },
    { asked: { mirrors: { one, two }, rules: all("two") }, expected: ["mirrors.one"] },
    { asked: { mirrors: { one, two }, rules: all("two", "one") }, expected: [] },
    { asked: { upstreams: { only: other } }, expected: [] },
    { asked: { upstreams: { main: MAIN, other } }, expected: ["upstreams.other"] },
    { asked: { upstreams: { main: MAIN, other }, signature_upstream: "other" }, expected: [] },
    {
      asked: { upstreams: { main: MAIN, other }, rules: [{ clients: ["*"], upstream: "other" }] },
      expected: [],
    },
    // A misspelt name is one mistake.
    { asked: { mirrors: { one }, rules: all("onne") }, expected: ["rules[0].mirrors[0]"] },
    {
      asked: { upstreams: { main: MAIN, other }, signature_upstream: "ohter" },
      expected: ["signature_upstream"],
    },
    // What is written wrongly may mean any of them.
    { asked: { mirrors: { one }, rules: [{ clients: ["*"], mirror: ["one"] }] }, expected: [] },
    { asked: { mirrors: { one }, rules: "one" }, expected: [] },
    { asked: { mirrors: { one: { uri: "https://one.example" } } }, expected: [] },
    { asked: { upstreams: { a: MAIN, b: other } }, expected: ["upstreams"] },
  ];
  for (const { asked, expected } of table) {
    assertEquals(pathsOf(asked), expected, JSON.stringify(asked));
  }
});

Deno.test("readConfig() says of what nothing uses what would use it", () => {
  assertEquals(
    mistakesOf(`${UPSTREAM}mirrors: { one: { url: https://one.example } }`),
    [
      'mirrors.one: found {"url":"https://one.example"}; allowed: mirrors that rules name; no rule ' +
      "names this one",
    ],
  );
  const endpoint = "https://registry.example";
  assertEquals(
    mistakesOf(`upstreams: { main: { endpoint: ${endpoint} }, b: { endpoint: ${endpoint} } }`),
    [
      `upstreams.b: found {"endpoint":"${endpoint}"}; allowed: the main upstream, ` +
      "signature_upstream, and those that rules or repositories name; this one is none",
    ],
  );
});

Deno.test("what variables add is used", () => {
  const SIGNATURE_UPSTREAM_ENDPOINT = "https://signatures.example";
  const DEFAULT_AWS_BASE_URL = "https://cdn.example";
  const { mirrors, upstreams } = configOf(UPSTREAM, {
    SIGNATURE_UPSTREAM_ENDPOINT,
    DEFAULT_AWS_BASE_URL,
  });
  assertEquals([Object.keys(mirrors), Object.keys(upstreams)], [["default"], [
    "main",
    "signatures",
  ]]);
});

Deno.test("findMistakes() finds two mirrors with one URL, however it is written", () => {
  const mirrors = (...urls: unknown[]) => {
    const named = urls.map((url, at) => [`m${at}`, { url }] as const);
    const rules = [{ clients: ["*"], mirrors: named.map(([name]) => name) }];
    return { mirrors: Object.fromEntries(named), rules };
  };
  const table = [
    { asked: ["https://a.example/b", "https://a.example/B"], expected: [] },
    { asked: ["https://a.example/b", "http://a.example/b"], expected: [] },
    { asked: ["https://a.example/b", "https://a.example/b"], expected: ["mirrors.m1.url"] },
    { asked: ["https://a.example", "https://A.example:443/"], expected: ["mirrors.m1.url"] },
    {
      asked: ["http://a.example/b/", "http://a.example:80/b", "http://a.example/b"],
      expected: ["mirrors.m1.url", "mirrors.m2.url"],
    },
    { asked: ["", "", 5, 5], expected: [] },
  ];
  for (const { asked, expected } of table) assertEquals(pathsOf(mirrors(...asked)), expected);
  assertEquals(
    mistakesOf(
      JSON.stringify({
        upstreams: { main: MAIN },
        ...mirrors("https://a.example", "https://a.example/"),
      }),
    ),
    ['mirrors.m1.url: found "https://a.example/"; allowed: a URL of its own; mirrors.m0.url is the same'],
  );
});

Deno.test("a variable may name the URL of another mirror", () => {
  const url = "https://one.example/containers/images";
  const text = `${UPSTREAM}mirrors: { one: { url: ${url} } }\n` +
    "rules: [{ clients: [aws/*], mirrors: [one] }]";
  const { mirrors } = configOf(text, { DEFAULT_AWS_BASE_URL: "https://one.example" });
  assertEquals(mirrors, { one: { url }, default: { url } });
});

Deno.test("findMistakes() finds files that cannot be read, where they are looked at", () => {
  const listen = { tls: { cert: "cert.pem", key: "key.pem" } };
  const whyUnreadable = (path: string) => path === "key.pem" ? "permission denied" : undefined;
  assertEquals(pathsOf({ listen }), []);
  assertEquals(
    pathsOf({ listen: { tls: { cert: "", key: 5 } } }, { whyUnreadable: () => "no" }),
    [],
  );
  assertEquals(findMistakes({ upstreams: { main: MAIN }, listen }, LOCATIONS, { whyUnreadable }), [{
    path: "listen.tls.key",
    found: "key.pem",
    allowed: "the path of a PEM file that can be read (permission denied)",
  }]);
});

Deno.test("readConfig() refuses more mirrors and upstreams than can be kept apart", () => {
  const names = (count: number) => Array.from({ length: count }, (_, at) => `m${at}`);
  const withMirrors = (count: number) =>
    JSON.stringify({
      upstreams: { main: MAIN },
      mirrors: Object.fromEntries(
        names(count).map((name) => [name, { url: `https://${name}.example` }]),
      ),
      rules: [{ clients: ["*"], mirrors: names(count) }],
    });
  const withUpstreams = (count: number) => {
    const others = names(count - 1).map((name) => [name, MAIN] as const);
    const rules = LOCATIONS.map((location) => ({ clients: [location] as string[] }));
    return JSON.stringify({
      upstreams: { main: MAIN, ...Object.fromEntries(others) },
      // A rule for each of them, of a location of its own.
      locations: Object.fromEntries(
        names(count - 1).map((name, at) => [`own/${name}`, [`10.${at}.0.0/16`]]),
      ),
      rules: [
        ...rules,
        ...names(count - 1).map((name) => ({ clients: [`own/${name}`], upstream: name })),
      ],
    });
  };
  const allowedOf = (text: string) => mistakesOf(text).map((line) => line.split("; allowed: ")[1]);
  assertEquals(allowedOf(withMirrors(MAX_MIRRORS)), []);
  assertEquals(allowedOf(withMirrors(MAX_MIRRORS + 1)), ["at most 1024 mirrors"]);
  assertEquals(allowedOf(withUpstreams(MAX_UPSTREAMS)), []);
  assertEquals(allowedOf(withUpstreams(MAX_UPSTREAMS + 1)), ["at most 64 upstreams"]);
});

Deno.test("findMistakes() finds a token that cannot be read", () => {
  const whyUnreadable = (path: string) => path === "token" ? "permission denied" : undefined;
  const mistakesOf = (admin: unknown) =>
    findMistakes({ upstreams: { main: MAIN }, admin }, LOCATIONS, { whyUnreadable });
  assertEquals(mistakesOf({ token_file: "token" }), [{
    path: "admin.token_file",
    found: "token",
    allowed: "the path of a file with a token that can be read (permission denied)",
  }]);
  for (const admin of [{ token_file: "other" }, { token_file: "" }, { token_file: 5 }, {}]) {
    assertEquals(mistakesOf(admin), []);
  }
  assertEquals(findMistakes({ upstreams: { main: MAIN }, admin: { token_file: "token" } }, []), []);
});
