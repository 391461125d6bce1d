import { assertEquals } from "@std/assert";
import { findMistakes, type Mistake } from "../../lib/config/mistakes.ts";
import { configOf, LOCATIONS, mistakesOf, UPSTREAM } from "./fixture.ts";

const BASE = { upstreams: { main: { endpoint: "https://registry.example" } } };

function find(config: Record<string, unknown>): Mistake[] {
  return findMistakes({ ...BASE, ...config }, LOCATIONS);
}

Deno.test("a rule for a region of a known cloud is none where the data set is fetched anew", () => {
  const rule = { clients: ["aws/eu-new-9", "sky/eu-new-9"] };
  const config = { upstreams: { main: { endpoint: "https://registry.example" } }, rules: [rule] };
  const embedded = ["aws/eu-west-3", "gcp/europe-west9"];
  const found = (more: object) =>
    findMistakes({ ...config, ...more }, embedded).map(({ found }) => found);
  assertEquals(found({}), ["aws/eu-new-9", "sky/eu-new-9"]);
  assertEquals(found({ ranges: {} }), ["aws/eu-new-9", "sky/eu-new-9"]);
  assertEquals(found({ ranges: { refresh_h: 24 } }), ["sky/eu-new-9"]);
});

Deno.test("a rule for the rest of a cloud is of use where the data set is fetched anew", () => {
  const embedded = ["aws/eu-west-3", "aws/us-east-1"];
  const find = (patterns: string[], more: object) => {
    const rules = patterns.map((pattern) => ({ clients: [pattern] }));
    return findMistakes({ ...BASE, rules, ...more }, embedded).map(({ path }) => path);
  };
  const fetched = { ranges: { refresh_h: 24 } };
  const table = [
    // Regions may come that only the last one matches.
    { asked: ["aws/eu-*", "aws/us-*", "aws/*"], expected: ["rules[2]"], foreseen: [] },
    { asked: ["aws/*", "aws/eu-*"], expected: ["rules[1]"], foreseen: ["rules[1]"] },
    { asked: ["*/*", "aws/new-*"], expected: ["rules[1].clients[0]"], foreseen: [] },
    { asked: ["a*/new-*"], expected: ["rules[0].clients[0]"], foreseen: [] },
    {
      asked: ["sky/new-*"],
      expected: ["rules[0].clients[0]"],
      foreseen: ["rules[0].clients[0]"],
    },
  ];
  for (const { asked, expected, foreseen } of table) {
    assertEquals(find(asked, {}), expected, asked.join());
    assertEquals(find(asked, fetched), foreseen, asked.join());
  }
});

Deno.test("findMistakes() finds a longest wait between checks that is below the usual one", () => {
  const mistake = (found: number, least: number) => [{
    path: "health.max_interval_ms",
    found,
    allowed: `at least health.interval_ms, ${least}`,
  }];
  const table = [
    { asked: {}, expected: [] },
    { asked: { interval_ms: 60_000 }, expected: [] },
    { asked: { max_interval_ms: 5000 }, expected: [] },
    { asked: { interval_ms: 100, max_interval_ms: 100 }, expected: [] },
    { asked: { interval_ms: 101, max_interval_ms: 100 }, expected: mistake(100, 101) },
    // The other one's default counts: what is printed as in effect must read back.
    { asked: { interval_ms: 60_001 }, expected: mistake(60_000, 60_001) },
    { asked: { max_interval_ms: 4999 }, expected: mistake(4999, 5000) },
    // What is no number is the schema's to find.
    { asked: { interval_ms: "100", max_interval_ms: 50 }, expected: [] },
    { asked: { interval_ms: 100_000, max_interval_ms: null }, expected: [] },
  ];
  for (const { asked, expected } of table) {
    assertEquals(find({ health: asked }), expected, JSON.stringify(asked));
  }
});

Deno.test("findMistakes() finds a mirror that a rule lists twice", () => {
  const mirrors = { one: { url: "https://one.example" }, two: { url: "https://two.example" } };
  const found = (path: string, found: string, first: string) => ({
    path,
    found,
    allowed: `each mirror once; this one is at ${first} already`,
  });
  const table = [
    { asked: [["one", "two"], ["two", "one"]], expected: [] },
    { asked: [[5, 5], ["one"]], expected: [] },
    {
      asked: [["one"], ["two", "one", "two", "one", "two"]],
      expected: [
        found("rules[1].mirrors[2]", "two", "rules[1].mirrors[0]"),
        found("rules[1].mirrors[3]", "one", "rules[1].mirrors[1]"),
        found("rules[1].mirrors[4]", "two", "rules[1].mirrors[0]"),
      ],
    },
  ];
  for (const { asked, expected } of table) {
    const clients = [["aws/*"], ["*"]];
    const rules = asked.map((mirrors, at) => ({ clients: clients[at], mirrors }));
    assertEquals(find({ mirrors, rules }), expected, JSON.stringify(asked));
  }
});

Deno.test("findMistakes() finds one port for clients and for operators", () => {
  const place = (host: string, port: number) => ({ host, port });
  const taken = (port: number, host: string) => [{
    path: "admin.port",
    found: port,
    allowed: `another port than that of listen, ${port} on ${host}`,
  }];
  const table = [
    { listen: place("::1", 80), admin: place("::1", 80), expected: taken(80, "::1") },
    { listen: place("::1", 80), admin: place("::1", 81), expected: [] },
    // 0 is for any that is free.
    { listen: place("::1", 0), admin: place("::1", 0), expected: [] },
    { listen: place("127.0.0.1", 80), admin: place("127.0.0.2", 80), expected: [] },
    // Some hosts stand for others, too.
    { listen: place("0.0.0.0", 80), admin: place("127.0.0.1", 80), expected: taken(80, "0.0.0.0") },
    { listen: place("10.0.0.1", 80), admin: place("0.0.0.0", 80), expected: taken(80, "10.0.0.1") },
    { listen: place("::", 80), admin: place("127.0.0.1", 80), expected: taken(80, "::") },
    { listen: place("::1", 80), admin: place("::", 80), expected: taken(80, "::1") },
    { listen: place("0.0.0.0", 80), admin: place("::1", 80), expected: [] },
    { listen: place("0.0.0.0", 80), admin: place("localhost", 80), expected: [] },
    // What is not said counts, too.
    { listen: { port: 9090 }, admin: {}, expected: taken(9090, "::") },
    { listen: undefined, admin: { port: 8080 }, expected: taken(8080, "::") },
    { listen: { host: "::1" }, admin: { host: "::1", port: 8080 }, expected: taken(8080, "::1") },
    { listen: { port: 9090 }, admin: undefined, expected: [] },
    // What has not its form is the schema's to find.
    { listen: { port: "9090" }, admin: {}, expected: [] },
    { listen: { port: 9090 }, admin: { host: 5 }, expected: [] },
    { listen: 9090, admin: { port: 8080 }, expected: [] },
    { listen: { port: 9090 }, admin: 9090, expected: [] },
  ];
  for (const { listen, admin, expected } of table) {
    const config = {
      ...listen === undefined ? {} : { listen },
      ...admin === undefined ? {} : { admin },
    };
    assertEquals(find(config), expected, JSON.stringify(config));
  }
});

Deno.test("readConfig() refuses each of these mistakes, and says where it is", () => {
  const table = [
    {
      asked: "health: { interval_ms: 90000 }",
      expected: "health.max_interval_ms: found 60000; allowed: at least health.interval_ms, 90000",
    },
    {
      asked: 'mirrors: { a: { url: "https://a.example" } }\n' +
        'rules: [{ clients: ["*"], mirrors: [a, a] }]',
      expected: 'rules[0].mirrors[1]: found "a"; allowed: each mirror once; this one is at ' +
        "rules[0].mirrors[0] already",
    },
    {
      asked: "admin: { port: 8080 }",
      expected: "admin.port: found 8080; allowed: another port than that of listen, 8080 on ::",
    },
  ];
  for (const { asked, expected } of table) assertEquals(mistakesOf(UPSTREAM + asked), [expected]);
  const { listen, admin } = configOf(`${UPSTREAM}admin: { port: 8080 }`, { PORT: "80" });
  assertEquals([listen.port, admin?.port], [80, 8080]);
});
