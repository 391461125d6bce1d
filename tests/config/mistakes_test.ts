import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { findMistakes, type Mistake } from "../../lib/config/mistakes.ts";
import { LOCATIONS } from "./fixture.ts";

const upstreams = { main: { endpoint: "https://registry.example" } };

interface Case {
  readonly asked: Record<string, unknown>;
  readonly expected: readonly Mistake[];
}

function check(table: readonly Case[]): void {
  for (const { asked, expected } of table) {
    assertEquals(
      findMistakes({ upstreams, ...asked }, LOCATIONS),
      [...expected],
      JSON.stringify(asked),
    );
  }
}

Deno.test("findMistakes() finds none where there are none", () => {
  check([
    { asked: {}, expected: [] },
    {
      asked: {
        listen: { port: 443, tls: { cert: "cert.pem", key: "key.pem" } },
        admin: { port: 444 },
        health: { interval_ms: 60_000, max_interval_ms: 60_000 },
        pages: { info: "https://info.example" },
        upstreams: { ...upstreams, other: { endpoint: "https://other.example" } },
        signature_upstream: "other",
        mirrors: { one: { url: "https://one.example" }, spare: { url: "https://two.example" } },
        locations: { "office/berlin": ["198.51.100.0/24", "198.51.100.0/25"] },
        rules: [
          { clients: ["office/berlin", "aws/eu-west-3"], mirrors: ["one"] },
          { clients: ["aws/*"], mirrors: ["one"], upstream: "other" },
          { clients: ["*"], mirrors: ["spare"] },
        ],
      },
      expected: [],
    },
  ]);
});

Deno.test("findMistakes() finds names that nothing has", () => {
  const mirrors = { one: { url: "https://one.example" }, two: { url: "https://two.example" } };
  const clients = ["*"];
  check([
    {
      asked: { mirrors, rules: [{ clients, mirrors: ["one", "three", "two"] }] },
      expected: [{
        path: "rules[0].mirrors[1]",
        found: "three",
        allowed: "the name of a configured mirror: one, two",
      }],
    },
    {
      asked: { rules: [{ clients, mirrors: ["one"] }] },
      expected: [{
        path: "rules[0].mirrors[0]",
        found: "one",
        allowed: "none: no mirror is configured",
      }],
    },
    {
      asked: {
        mirrors,
        rules: [{ clients, mirrors: ["toString", "one", "two"], upstream: "constructor" }],
      },
      expected: [
        {
          path: "rules[0].mirrors[0]",
          found: "toString",
          allowed: "the name of a configured mirror: one, two",
        },
        {
          path: "rules[0].upstream",
          found: "constructor",
          allowed: "the name of a configured upstream: main",
        },
      ],
    },
    {
      asked: { signature_upstream: "signatures" },
      expected: [{
        path: "signature_upstream",
        found: "signatures",
        allowed: "the name of a configured upstream: main",
      }],
    },
    {
      asked: { upstreams: {}, signature_upstream: "signatures" },
      expected: [{
        path: "signature_upstream",
        found: "signatures",
        allowed: "none: no upstream is configured",
      }],
    },
  ]);
});

Deno.test("findMistakes() finds that several upstreams have no main one", () => {
  const endpoint = "https://registry.example";
  const found = ["first", "second"];
  check([
    { asked: { upstreams: { first: { endpoint } } }, expected: [] },
    {
      asked: {
        upstreams: { first: { endpoint }, main: { endpoint } },
        rules: [{ clients: ["*"], upstream: "first" }],
      },
      expected: [],
    },
    {
      asked: { upstreams: { first: { endpoint }, second: { endpoint } } },
      expected: [{
        path: "upstreams",
        found,
        allowed: "one of them named main, which serves what no rule gives to another",
      }],
    },
  ]);
});

Deno.test("findMistakes() finds prefixes that are none, and that stand twice", () => {
  const twice = (path: string) => `each prefix once; this one is at ${path} already`;
  const form = "it must be an address, a slash and a length in bits, such as 192.0.2.0/24 or " +
    "2001:db8::/32";
  check([
    {
      asked: { locations: { "a/b": ["10.0.0.1/8", "2001:db8::1/32"] } },
      expected: [
        {
          path: "locations.a/b[0]",
          found: "10.0.0.1/8",
          allowed:
            "a prefix (bits past its length are set; the prefix that holds it is 10.0.0.0/8)",
        },
        {
          path: "locations.a/b[1]",
          found: "2001:db8::1/32",
          allowed:
            "a prefix (bits past its length are set; the prefix that holds it is 2001:db8::/32)",
        },
      ],
    },
    {
      asked: { locations: { "a/b": ["10.0.0.0/33", '": ', ""] } },
      expected: [
        {
          path: "locations.a/b[0]",
          found: "10.0.0.0/33",
          allowed: "a prefix (length must be 0 to 32)",
        },
        { path: "locations.a/b[1]", found: '": ', allowed: `a prefix (${form})` },
        { path: "locations.a/b[2]", found: "", allowed: `a prefix (${form})` },
      ],
    },
    {
      asked: {
        locations: {
          "a/b": ["10.0.0.0/8", "2001:db8::/32", "10.0.0.0/8"],
          "c/d": ["2001:0DB8::/32", "::ffff:10.0.0.0/104", "10.0.0.0/9"],
        },
      },
      expected: [
        { path: "locations.a/b[2]", found: "10.0.0.0/8", allowed: twice("locations.a/b[0]") },
        { path: "locations.c/d[0]", found: "2001:0DB8::/32", allowed: twice("locations.a/b[1]") },
        {
          path: "locations.c/d[1]",
          found: "::ffff:10.0.0.0/104",
          allowed: twice("locations.a/b[0]"),
        },
      ],
    },
  ]);
});

Deno.test("findMistakes() finds patterns that no location matches", () => {
  const allowed = "a pattern that a location matches: one of `locations`, or of those that " +
    "`archeio ranges --locations` prints";
  const locations = { "office/berlin": ["198.51.100.0/24"] };
  check([
    { asked: { locations, rules: [{ clients: ["office/*", "gcp/*"] }] }, expected: [] },
    {
      asked: {
        locations,
        rules: [{ clients: ["aws/mars-1", "aws/*", "azure/*", "office/bonn", "AWS/eu-west-3"] }],
      },
      expected: [
        { path: "rules[0].clients[0]", found: "aws/mars-1", allowed },
        { path: "rules[0].clients[2]", found: "azure/*", allowed },
        { path: "rules[0].clients[3]", found: "office/bonn", allowed },
        {
          path: "rules[0].clients[4]",
          found: "AWS/eu-west-3",
          allowed: `${allowed}; did you mean aws/eu-west-3?`,
        },
      ],
    },
    {
      // The patterns say enough: that the rule is for nobody follows.
      asked: { rules: [{ clients: ["aws/mars-1"] }, { clients: ["azure/*", "office/*"] }] },
      expected: [
        { path: "rules[0].clients[0]", found: "aws/mars-1", allowed },
        { path: "rules[1].clients[0]", found: "azure/*", allowed },
        { path: "rules[1].clients[1]", found: "office/*", allowed },
      ],
    },
  ]);
});

Deno.test("findMistakes() finds rules that can never match", () => {
  const allowed = (by: string) =>
    `clients that no earlier rule serves (these are all served by ${by})`;
  const rules = (...clients: string[][]) => ({ rules: clients.map((clients) => ({ clients })) });
  check([
    { asked: rules(["aws/eu-west-3"], ["aws/*"], ["gcp/*"], ["*"]), expected: [] },
    { asked: rules(["aws/eu-west-3"], ["aws/eu-west-3", "aws/us-east-1"]), expected: [] },
    // Clients without a location are left for it.
    { asked: rules(["aws/*"], ["gcp/*"], ["*"]), expected: [] },
    // Twice in one rule is no harm.
    { asked: rules(["aws/*", "aws/eu-west-3"]), expected: [] },
    {
      asked: rules(["aws/*"], ["aws/eu-west-3"]),
      expected: [{ path: "rules[1]", found: ["aws/eu-west-3"], allowed: allowed("rules[0]") }],
    },
    {
      asked: rules(["*"], ["*"], ["gcp/*"]),
      expected: [
        { path: "rules[1]", found: ["*"], allowed: allowed("rules[0]") },
        { path: "rules[2]", found: ["gcp/*"], allowed: allowed("rules[0]") },
      ],
    },
    {
      asked: rules(["aws/us-east-1"], ["gcp/*"], ["aws/eu-west-3"], ["aws/*"]),
      expected: [
        { path: "rules[3]", found: ["aws/*"], allowed: allowed("rules[2], rules[0]") },
      ],
    },
    { asked: rules(["aws/eu-*"], ["aws/us-*"], ["gcp/europe-*"], ["*/*", "*"]), expected: [] },
    {
      asked: rules(["*/eu*"], ["*/us-*"], ["aws/*", "gcp/*"]),
      expected: [
        {
          path: "rules[2]",
          found: ["aws/*", "gcp/*"],
          allowed: allowed("rules[0], rules[1]"),
        },
      ],
    },
    {
      asked: rules(["aws/*"], ["aws/us-east-1", "aws/mars-1"]),
      expected: [
        {
          path: "rules[1].clients[1]",
          found: "aws/mars-1",
          allowed: "a pattern that a location matches: one of `locations`, or of those that " +
            "`archeio ranges --locations` prints",
        },
        {
          path: "rules[1]",
          found: ["aws/us-east-1", "aws/mars-1"],
          allowed: allowed("rules[0]"),
        },
      ],
    },
  ]);
});

Deno.test("findMistakes() finds redirects from an https: listener to http:", () => {
  const allowed = "an https: URL, as listen.tls is set: no redirect may lead from https: to http:";
  const asked = {
    pages: { info: "http://info.example", privacy: "http://privacy.example" },
    upstreams: {
      main: { endpoint: "http://main.example" },
      "s 1": { endpoint: "http://one.example" },
      safe: { endpoint: "https://safe.example" },
    },
    mirrors: { one: { url: "http://one.example" }, two: { url: "https://two.example" } },
    rules: [
      { clients: ["aws/*"], mirrors: ["one", "two"], upstream: "s 1" },
      { clients: ["*"], upstream: "safe" },
    ],
  };
  const expected = [
    { path: "pages.info", found: "http://info.example", allowed },
    { path: "pages.privacy", found: "http://privacy.example", allowed },
    { path: "upstreams.main.endpoint", found: "http://main.example", allowed },
    { path: 'upstreams["s 1"].endpoint', found: "http://one.example", allowed },
    { path: "mirrors.one.url", found: "http://one.example", allowed },
  ];
  check([
    { asked, expected: [] },
    { asked: { ...asked, listen: { port: 443 } }, expected: [] },
    { asked: { ...asked, listen: { tls: { cert: "cert.pem", key: "key.pem" } } }, expected },
    // What is no pair of files is a mistake already; there may be no listener at all.
    { asked: { ...asked, listen: { tls: null } }, expected: [] },
    { asked: { ...asked, listen: { tls: true } }, expected: [] },
  ]);
});

Deno.test("findMistakes() leaves what has not its form to the schema, and goes on", () => {
  const found = {
    path: "signature_upstream",
    found: "x",
    allowed: "the name of a configured upstream: main",
  };
  const wrong = [null, 5, "x", true, [], [5], ["main"], {}, { main: 5 }, { "a/b": 5 }];
  const keys = "listen admin log pages mirrors locations rules probe health ranges".split(" ");
  for (const key of keys) {
    for (const value of wrong) {
      check([{ asked: { signature_upstream: "x", [key]: value }, expected: [found] }]);
    }
  }
  // Names in a mapping that is none, and locations of one, cannot be said to be wrong.
  check([
    { asked: { mirrors: ["one"], rules: [{ clients: ["*"], mirrors: ["one"] }] }, expected: [] },
    { asked: { upstreams: 5, signature_upstream: "main" }, expected: [] },
    { asked: { locations: ["a/b"], rules: [{ clients: ["office/*"] }] }, expected: [] },
    {
      asked: { rules: [5, { clients: 5, mirrors: 5, upstream: 5 }, { clients: [5] }] },
      expected: [],
    },
    { asked: { locations: { "a/b": [5, "10.0.0.0/8"] } }, expected: [] },
  ]);
  for (const value of [null, undefined, 5, "x", true]) {
    assertEquals(findMistakes(value, LOCATIONS), []);
  }
});

Deno.test("findMistakes() says a rule is useless just when no client gets it", () => {
  const pattern = fc.constantFrom("*", "*/*", "aws/*", "gcp/*", "*/eu*", "aws/*-*", ...LOCATIONS);
  const rules = fc.array(
    fc.record({ clients: fc.uniqueArray(pattern, { minLength: 1 }) }),
    { minLength: 1, maxLength: 6 },
  );
  const holds = (clients: readonly string[], location: string | undefined) =>
    clients.some((pattern) =>
      pattern === "*" || pattern === location ||
      (location !== undefined && new RegExp(`^${pattern.replaceAll("*", ".*")}$`).test(location))
    );
  fc.assert(fc.property(rules, (rules) => {
    const served = new Set(
      [...LOCATIONS, undefined].map((location) =>
        rules.findIndex(({ clients }) => holds(clients, location))
      ),
    );
    const useless = rules.keys().filter((at) => !served.has(at)).map((at) => `rules[${at}]`);
    const mistakes = findMistakes({ upstreams, rules }, LOCATIONS);
    assertEquals(mistakes.map(({ path }) => path), useless.toArray());
    for (const { path, allowed } of mistakes) {
      const at = Number(/\d+/.exec(path)![0]);
      for (const [, earlier] of allowed.matchAll(/rules\[(\d+)\]/g)) assert(Number(earlier) < at);
    }
  }));
});
