import { assert, assertEquals, assertMatch } from "@std/assert";
import { stringify } from "@std/yaml";
import fc from "fast-check";
import { VARIABLES } from "../../lib/config/environment.ts";
import { readConfig } from "../../lib/config/read.ts";
import { PROVIDERS } from "../../lib/locations/providers.ts";
import { configOf, LOCATIONS, mistakesOf, UPSTREAM, type Variables } from "./fixture.ts";

const FULL = `
listen: { host: "::1", port: 8443, tls: { cert: /etc/tls/cert.pem, key: /etc/tls/key.pem } }
workers: 3
admin: { host: "::", port: 9443 }
log: { level: debug, pulls: true }
client_address: { header: null, from_end: 1 }
pages: { info: https://info.example/, privacy: "https://privacy.example/?a=b#c" }
upstreams:
  main: { endpoint: https://registry.example, path: project/images }
  second: { endpoint: https://second.example, pull: relay, tags: relay, token_hosts: [auth.example], redirect_hosts: ["10.0.0.1:80"] }
signature_upstream: second
repositories:
  app: { upstream: second, as: acme/app, public: true }
  "*": {}
mirrors:
  one: { url: https://one.example/blobs, fallback_limit: 100 }
  two: { url: "https://two.example/{name}/{digest}" }
locations:
  office/berlin: [198.51.100.0/24, "2001:db8:7::/48"]
rules:
  - { clients: [gcp/*], mirrors: [] }
  - { clients: [aws/eu-west-3, office/berlin], mirrors: [one, two], upstream: second }
  - { clients: ["*"], mirrors: [two] }
relay: { memory_mib: 1, tag_ttl_s: 2, stale_s: 3, timeout_ms: 400, stream: false, max_streams: 5 }
trace:
  { request_id: true, session: true, redirect_parameter: rid, client_asn_header: x-asn }
probe:
  { timeout_ms: 1, found_ttl_s: 2, recheck_s: 7, missing_ttl_s: 3, max_entries: 4, max_in_flight: 5, max_per_s: 6 }
health: { interval_ms: 50, down_after: 7, up_after: 8, max_interval_ms: 90 }
ranges: { refresh_h: 0.5, sources: { gcp: "https://ranges.example/gcp.json?v=1" } }
`;

const FULL_CONFIG = {
  listen: {
    host: "::1",
    port: 8443,
    tls: { cert: "/etc/tls/cert.pem", key: "/etc/tls/key.pem" },
  },
  workers: 3,
  admin: { host: "::", port: 9443 },
  log: { level: "debug", pulls: true },
  client_address: { header: null, from_end: 1 },
  pages: { info: "https://info.example/", privacy: "https://privacy.example/?a=b#c" },
  upstreams: {
    main: { endpoint: "https://registry.example", path: "project/images" },
    second: {
      endpoint: "https://second.example",
      path: "",
      pull: "relay",
      tags: "relay",
      token_hosts: ["auth.example"],
      redirect_hosts: ["10.0.0.1:80"],
    },
  },
  signature_upstream: "second",
  repositories: { app: { upstream: "second", as: "acme/app", public: true }, "*": {} },
  mirrors: {
    one: { url: "https://one.example/blobs", fallback_limit: 100 },
    two: { url: "https://two.example/{name}/{digest}" },
  },
  locations: { "office/berlin": ["198.51.100.0/24", "2001:db8:7::/48"] },
  rules: [
    { clients: ["gcp/*"], mirrors: [] },
    { clients: ["aws/eu-west-3", "office/berlin"], mirrors: ["one", "two"], upstream: "second" },
    { clients: ["*"], mirrors: ["two"] },
  ],
  relay: {
    memory_mib: 1,
    tag_ttl_s: 2,
    stale_s: 3,
    timeout_ms: 400,
    stream: false,
    max_streams: 5,
  },
  trace: {
    request_id: true,
    session: true,
    redirect_parameter: "rid",
    client_asn_header: "x-asn",
  },
  probe: {
    timeout_ms: 1,
    found_ttl_s: 2,
    recheck_s: 7,
    missing_ttl_s: 3,
    max_entries: 4,
    max_in_flight: 5,
    max_per_s: 6,
  },
  health: { interval_ms: 50, down_after: 7, up_after: 8, max_interval_ms: 90 },
  ranges: { refresh_h: 0.5, sources: { gcp: "https://ranges.example/gcp.json?v=1" } },
} as const;

const KEYS = "a mapping with the keys listen, workers, admin, log, client_address, trace, pages, " +
  "upstreams, repositories, signature_upstream, mirrors, locations, rules, fill, relay, probe, health, ranges";
const ALLOWED_TEXT = 'YAML or JSON, each key once, "*" and "{…}" in quotes';

Deno.test("readConfig() repeats no password", () => {
  const read = readConfig(
    "upstreams: { main: { endpoint: https://user:secret@registry.example } }",
    { environment: () => undefined, embedded: [] },
  );
  assertEquals(read, {
    kind: "mistakes",
    mistakes: [
      'line 1, column 22: upstreams.main.endpoint: found "https://…@registry.example"; allowed: ' +
      "an http: or https: URL without user, path, query and fragment, such as " +
      "https://registry.example",
    ],
  });
});

Deno.test("readConfig() names the line of a key that is there twice", () => {
  const read = readConfig("a: 1\na: 2\n", { environment: () => undefined, embedded: [] });
  assertEquals(
    read.kind === "mistakes" && /^line \d+(?:, column \d+)?: /.test(read.mistakes[0]!),
    true,
  );
});

Deno.test("SIGNATURE_UPSTREAM_ENDPOINT works beside an only upstream of any name", () => {
  const read = readConfig("upstreams: { foo: { endpoint: https://foo.example, path: a } }", {
    environment: (variable) =>
      variable === "SIGNATURE_UPSTREAM_ENDPOINT" ? "https://sig.example" : undefined,
    embedded: [],
  });
  assertEquals(read.kind === "config" && read.config.upstreams, {
    foo: { endpoint: "https://foo.example", path: "a" },
    signatures: { endpoint: "https://sig.example", path: "a" },
  });
});

Deno.test("readConfig() reads every key", () => {
  assertEquals(configOf(FULL), FULL_CONFIG);
});

Deno.test("readConfig() puts the default where nothing is said", () => {
  assertEquals(configOf(UPSTREAM), {
    listen: { host: "::", port: 8080 },
    workers: 1,
    log: { level: "info", pulls: false },
    client_address: { header: "x-forwarded-for", from_end: 2 },
    trace: {
      request_id: false,
      session: false,
      redirect_parameter: null,
      client_asn_header: null,
    },
    pages: {},
    upstreams: { main: { endpoint: "https://registry.example", path: "" } },
    mirrors: {},
    locations: {},
    rules: [],
    relay: {
      memory_mib: 64,
      tag_ttl_s: 60,
      stale_s: 3600,
      timeout_ms: 10_000,
      stream: true,
      max_streams: 64,
    },
    probe: {
      timeout_ms: 5000,
      found_ttl_s: 86400,
      recheck_s: 600,
      missing_ttl_s: 30,
      max_entries: 200000,
      max_in_flight: 256,
      max_per_s: 500,
    },
    health: { interval_ms: 5000, down_after: 3, up_after: 2, max_interval_ms: 60000 },
    ranges: { sources: {} },
  });
  assertEquals(configOf(`${UPSTREAM}admin: {}`).admin, { host: "127.0.0.1", port: 9090 });
  assertEquals(configOf(`${UPSTREAM}rules: [{ clients: [aws/*] }]`).rules, [
    { clients: ["aws/*"], mirrors: [] },
  ]);
});

Deno.test("readConfig() reads JSON, however it is laid out", () => {
  for (const space of [undefined, 2, "\t"]) {
    assertEquals(configOf(JSON.stringify(FULL_CONFIG, null, space)), FULL_CONFIG);
  }
  assertEquals(configOf(`\r\n${JSON.stringify(FULL_CONFIG, null, 2)}\r\n`), FULL_CONFIG);
  assertEquals(configOf(`\ufeff${JSON.stringify(FULL_CONFIG)}`), FULL_CONFIG);
  const escaped = JSON.stringify(FULL_CONFIG).replaceAll("/", "\\/").replace("::1", "\\u003a:1");
  assertEquals(configOf(escaped), FULL_CONFIG);
});

Deno.test("readConfig() takes the built-in configuration when there is no text", () => {
  const read = readConfig(undefined, {
    environment: () => undefined,
    embedded: [...LOCATIONS, "aws/eu-west-2"],
  });
  // With so few locations, most of its rules are for nobody.
  assert(read.kind === "mistakes");
  assert(read.mistakes.every((line) => /^rules\[\d+\]\.clients\[\d+\]: found "aws/.test(line)));
  assert(!read.mistakes.some((line) => line.includes('found "aws/eu-west-2"')));
});

Deno.test("readConfig() refuses a file without a mapping", () => {
  const table = [
    { text: "", found: "nothing" },
    { text: " \n", found: "nothing" },
    { text: "# nothing yet\n", found: "nothing" },
    { text: "---\n", found: "nothing" },
    { text: "null", found: "nothing" },
    { text: "8080", found: "8080" },
    { text: "true", found: "true" },
    { text: "registry.example", found: '"registry.example"' },
    { text: "[]", found: "[]" },
    { text: "- upstreams: {}", found: '[{"upstreams":{}}]' },
    { text: "2026-07-29", found: '"2026-07-29T00:00:00.000Z"' },
    { text: "x".repeat(200), found: `"${"x".repeat(79)}…` },
  ];
  for (const { text, found } of table) {
    assertEquals(mistakesOf(text), [`the whole file: found ${found}; allowed: ${KEYS}`], text);
    // No variable can make one of it.
    assertEquals(mistakesOf(text, { PORT: "80" }).length, 1, text);
  }
});

Deno.test("readConfig() says where text is no YAML, and shows the line", () => {
  const table = [
    { text: "listen: { port: 80\n", where: "line 2", what: "unexpected end" },
    { text: "listen:\n  port: 80\n host: x", where: "line 3", what: "Cannot read" },
    { text: "a: b: c", where: "line 1", what: "Cannot read" },
    { text: "listen: {}\nlisten: {}\n", where: "line 2", what: "duplicated key" },
    { text: '{"listen": {}, "listen": {}}', where: "line 1", what: "duplicated key" },
    { text: "listen: { port: 80, port: 81 }", where: "line 1", what: "duplicated key" },
    { text: `${UPSTREAM}rules:\n  - { clients: [ * ] }`, where: "line 3", what: "alias" },
    { text: "a: *b", where: "line 1", what: "alias" },
    { text: "---\na: b\n---\nc: d\n", where: "line 3", what: "single document" },
    { text: "<<: 5", where: "line 1", what: "merge" },
    { text: "a: !unknown b", where: "line 1", what: "tag" },
    { text: '"\\q": 5', where: "line 1", what: "escape" },
    { text: "a: '\u0001'", where: "line 1", what: "character" },
  ];
  for (const { text, where, what } of table) {
    const [mistake, ...others] = mistakesOf(text);
    assertEquals(others, []);
    assert(mistake !== undefined, text);
    const [head, ...shown] = mistake.split("\n");
    assertMatch(head!, /^line \d+, column \d+: found no valid YAML or JSON \(.+\); allowed: .+$/);
    assert(head!.startsWith(`${where},`), mistake);
    assert(head!.toLowerCase().includes(what.toLowerCase()), mistake);
    assert(head!.endsWith(ALLOWED_TEXT), mistake);
    assertMatch(shown.join("\n"), /\n *\^$/);
  }
});

Deno.test("readConfig() refuses text that nests past its stack", () => {
  const deep = [
    "[".repeat(100_000),
    `a: ${"[".repeat(100_000)}${"]".repeat(100_000)}`,
    '{"a":'.repeat(100_000),
    "- ".repeat(100_000),
  ];
  for (const text of deep) {
    assertEquals(mistakesOf(text), [
      "the whole file: found no valid YAML or JSON (too many levels of nesting); " +
      `allowed: ${ALLOWED_TEXT}`,
    ]);
  }
  // Whatever the stack lets be read can be reported, too.
  for (let levels = 1; levels < 50_000; levels *= 2) {
    const text = `deep: ${"[".repeat(levels)}${"]".repeat(levels)}`;
    assert(mistakesOf(text).some((line) => /^(deep|the whole file): found /.test(line)));
  }
});

Deno.test("readConfig() reports values that hold themselves, or are very large", () => {
  const levels = Array.from({ length: 30 }, (_, level) => {
    const inner = level === 0 ? "x" : `*l${level - 1}`;
    return `l${level}: &l${level} [${Array(9).fill(inner).join(", ")}]\n`;
  });
  assertEquals(mistakesOf(UPSTREAM + levels.join("")).length, 30);
  const [own] = mistakesOf(`${UPSTREAM}rules: &a [*a]`);
  assert(own!.startsWith('rules[0]: found ["…"]; allowed: a mapping with the keys clients'), own);
  const [mapping] = mistakesOf(`${UPSTREAM}own: &a { b: *a }`);
  assert(mapping!.startsWith('own: found {"b":"…"}; allowed: only the keys listen'), mapping);
});

Deno.test("readConfig() shows what was found as JSON, cut short", () => {
  const table = [
    { text: "yes", found: '"yes"' },
    { text: "null", found: "null" },
    { text: '"a\\nb"', found: '"a\\nb"' },
    { text: "[1, 2]", found: "[1,2]" },
    { text: ".inf", found: '"Infinity"' },
    { text: ".nan", found: '"NaN"' },
    { text: "1e400", found: '"Infinity"' },
    { text: "0x10", found: "16" },
    { text: '"' + "y".repeat(78) + '"', found: `"${"y".repeat(78)}"` },
    { text: '"' + "y".repeat(79) + '"', found: `"${"y".repeat(79)}…` },
  ];
  for (const { text, found } of table) {
    const [mistake] = mistakesOf(`${UPSTREAM}unknown: ${text}`);
    assert(mistake?.startsWith(`unknown: found ${found}; allowed: only the keys listen,`), mistake);
  }
});

Deno.test("readConfig() reports every mistake of a file at once", () => {
  const text = `
listen: { host: "a b", port: 65536, tls: { cert: "" }, prot: 80, hots: x }
workers: 0
admin: { host: "", prot: 9090 }
log: { level: loud, pulls: sometimes }
client_address: { from_end: 0 }
pages: { info: http://info.example }
upstreams:
  first: { endpoint: http://first.example, path: /images/ }
  second: { endpoint: "https://second.example/?a=b" }
signature_upstream: third
mirrors:
  one: { url: "https://one.example/blobs?x" }
  two: { url: http://two.example }
  three: { uri: https://three.example, fallback_limit: -1 }
locations:
  office/berlin: [198.51.100.1/24, 203.0.113.0/24, 203.0.113.0/24, here, 5]
  nowhere: []
rules:
  - { clients: [aws/eu-west-3], mirrors: [four] }
  - { clients: [aws/eu-west-3], mirrors: [one, two, one] }
  - { clients: [mars/north-1, earth], upstream: fourth }
  - { client: ["*"] }
  - none
probe: { timeout_ms: 0.5, found_ttl_s: "1", max_in_flight: 10001, max_per_s: 0 }
health: { interval_ms: 200, down_after: 1, max_interval_ms: 100 }
ranges: { refresh_h: 0, sources: { ibm: https://ibm.example/, aws: ip-ranges.json } }
port: 80
`;
  const expected = [
    ["listen.host", '"a b"', "an IP address or a host name"],
    ["listen.port", "65536", "an integer from 0 to 65535"],
    ["listen.tls.cert", '""', "the path of a PEM file"],
    ["listen.tls.key", "nothing", "the path of a PEM file"],
    ["listen.prot", "80", "only the keys host, port, tls"],
    ["listen.hots", '"x"', "only the keys host, port, tls"],
    ["workers", "0", 'an integer from 1 to 256, or "auto"'],
    ["admin.host", '""', "an IP address or a host name"],
    ["admin.prot", "9090", "only the keys host, port"],
    ["log.level", '"loud"', "one of debug, info, warning, error"],
    ["log.pulls", '"sometimes"', "true or false"],
    ["client_address.from_end", "0", "an integer from 1 to 100"],
    ["pages.info", '"http://info.example"', "an https: URL"],
    ["upstreams.first.endpoint", '"http://first.example"', "an https: URL"],
    ["upstreams.first.path", '"/images/"', "a repository name's first components"],
    ["upstreams.second.endpoint", '"https://second.example/?a=b"', "an http: or https: URL"],
    ["upstreams", '["first","second"]', "one of them named main"],
    ["signature_upstream", '"third"', "the name of a configured upstream: first, second"],
    ["mirrors.one.url", '"https://one.example/blobs?x"', "an http: or https: URL"],
    ["mirrors.two.url", '"http://two.example"', "an https: URL"],
    ["mirrors.three.url", "nothing", "an http: or https: URL"],
    ["mirrors.three.uri", '"https://three.example"', "only the keys url, fallback_limit"],
    ["mirrors.three.fallback_limit", "-1", "an integer from 0 to 1000000"],
    ["locations.office/berlin[0]", '"198.51.100.1/24"', "a prefix (bits past its length are set"],
    ["locations.office/berlin[2]", '"203.0.113.0/24"', "each prefix once"],
    ["locations.office/berlin[3]", '"here"', "a prefix (it must be an address"],
    ["locations.office/berlin[4]", "5", "a prefix"],
    ["locations.nowhere", '"nowhere"', "a location's name, <cloud>/<region>"],
    ["locations.nowhere", "[]", "at least one prefix"],
    ["rules[0].mirrors[0]", '"four"', "the name of a configured mirror: one, two, three"],
    ["rules[1].mirrors[2]", '"one"', "each mirror once; this one is at rules[1].mirrors[0]"],
    ["rules[1]", '["aws/eu-west-3"]', "clients that no earlier rule serves"],
    ["rules[2].clients[0]", '"mars/north-1"', "a pattern that a location matches"],
    ["rules[2].clients[1]", '"earth"', '"*", or <cloud>/<region> in which a * stands for any text'],
    ["rules[2].upstream", '"fourth"', "the name of a configured upstream: first, second"],
    ["rules[3].clients", "nothing", "a list of location patterns"],
    ["rules[3].client", '["*"]', "only the keys clients, mirrors, upstream"],
    ["rules[4]", '"none"', "a mapping with the keys clients, mirrors, upstream"],
    ["probe.timeout_ms", "0.5", "an integer from 1 to 60000"],
    ["probe.found_ttl_s", '"1"', "an integer from 1 to 31536000"],
    ["probe.max_in_flight", "10001", "an integer from 1 to 10000"],
    ["probe.max_per_s", "0", "an integer from 1 to 1000000"],
    ["health.down_after", "1", "an integer from 2 to 100"],
    ["health.max_interval_ms", "100", "at least health.interval_ms, 200"],
    ["ranges.refresh_h", "0", "a number of hours, from 0.001 to 8760"],
    [
      "ranges.sources.ibm",
      '"https://ibm.example/"',
      `only the keys ${PROVIDERS.map(({ name }) => name).join(", ")}`,
    ],
    ["ranges.sources.aws", '"ip-ranges.json"', "an http: or https: URL without user and fragment"],
    ["port", "80", "only the keys listen, workers, admin, log"],
  ].map(([path, found, allowed]) => `${path}: found ${found}; allowed: ${allowed}`);
  const mistakes = mistakesOf(text);
  for (const start of expected) {
    assertEquals(mistakes.filter((line) => line.startsWith(start)).length, 1, start);
  }
  assertEquals(mistakes.length, expected.length, mistakes.join("\n"));
});

Deno.test("readConfig() says a mistake once, however many ways the value is wrong", () => {
  const table = [
    `${UPSTREAM}listen: { port: 70000.5 }`,
    `${UPSTREAM}listen: { port: .nan }`,
    "upstreams: { main: { endpoint: registry } }",
    `${UPSTREAM}mirrors: { one: { url: "" } }\nrules: [{ clients: ["*"], mirrors: [one] }]`,
  ];
  for (const text of table) assertEquals(mistakesOf(text).length, 1, text);
});

Deno.test("readConfig() reports each unknown key, whatever it means in JavaScript", () => {
  const odd = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "0", ""];
  const key = fc.oneof(fc.constantFrom(...odd), fc.string())
    .filter((key) => !/^(listen|log|pages|upstreams?|mirrors|locations|rules|probe)$/.test(key));
  fc.assert(fc.property(fc.uniqueArray(key, { minLength: 1, maxLength: 4 }), (keys) => {
    const entries = keys.map((key) => `${JSON.stringify(key)}: 5`).join(", ");
    const rule = mistakesOf(`${UPSTREAM}rules: [{ clients: ["*"], ${entries} }]`);
    const top = mistakesOf(`{ upstreams: { main: { endpoint: https://a.example } }, ${entries} }`);
    for (const key of keys) {
      const plain = /^[\w./-]+$/.test(key);
      const inRule = `rules[0]${plain ? `.${key}` : `[${JSON.stringify(key)}]`}`;
      assert(rule.some((line) => line.startsWith(`${inRule}: found 5; allowed: only the keys`)));
      const atTop = plain ? key : `[${JSON.stringify(key)}]`;
      assert(top.some((line) => line.startsWith(`${atTop}: found 5; allowed: only the keys`)));
    }
    assertEquals([rule.length, top.length], [keys.length, keys.length]);
  }));
});

const MISTAKE = /^.+: found .+; allowed: .+$/s;

function checkRead(text: string, variables: Variables): void {
  const read = readConfig(text, { environment: (name) => variables[name], embedded: LOCATIONS });
  if (read.kind === "config") return;
  assert(read.mistakes.length > 0);
  for (const mistake of read.mistakes) {
    assertMatch(mistake, MISTAKE);
    assert(!mistake.endsWith("allowed: undefined"), mistake);
  }
}

const variables: fc.Arbitrary<Variables> = fc.record(
  Object.fromEntries(VARIABLES.map((name) => [name, fc.string()])),
  { requiredKeys: [] },
);

/** Values that look like a configuration the more, the luckier the draw. */
const configLike = fc.letrec<{ value: unknown }>((tie) => {
  const leaf = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom("*", "aws/*", "aws/eu-west-3", "main", "one", "__proto__", "constructor"),
    fc.constantFrom("https://a.example", "http://b.example/c", "10.0.0.0/8", "10.0.0.1/8", 8080),
  );
  const keys = fc.constantFrom(
    ..."listen host port tls log level client_address header pages info upstreams main".split(" "),
    ..."endpoint path signature_upstream mirrors one url locations a/b rules clients".split(" "),
    ..."upstream probe timeout_ms __proto__ constructor toString".split(" "),
  );
  return {
    value: fc.oneof(
      { depthSize: "small" },
      leaf,
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(keys, tie("value"), { maxKeys: 6 }),
    ),
  };
}).value;

Deno.test("readConfig() never throws, whatever value the text has", () => {
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), configLike), variables, (value, variables) => {
      checkRead(JSON.stringify(value), variables);
    }),
    { numRuns: 500 },
  );
});

Deno.test("readConfig() never throws, whatever the text", () => {
  const pieces = fc.array(
    fc.constantFrom(
      ..."upstreams: rules: main: endpoint: clients: <<: ? - [ ] { } , | > ' # & * !!".split(" "),
      ..."&a *a !!binary !!set !!omap !!pairs !!timestamp !!float !!int !!null --- ... %".split(
        " ",
      ),
      ..."~ 5 0x 1_0 .inf 2001-01-01 https://a.example aws/* %YAML @ ` \\".split(" "),
      " ",
      "  ",
      "\n",
      "\n  ",
      "\t",
      '"',
      "\ufeff",
      "\u2028",
    ),
    { maxLength: 30 },
  ).map((parts) => parts.join(""));
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit: "binary" }), pieces, pieces.map((text) => UPSTREAM + text)),
      variables,
      checkRead,
    ),
    { numRuns: 1500 },
  );
});

/** Names and texts that YAML could take for something else. */
const name = fc.oneof(
  fc.constantFrom(
    ..."null true false yes no on off y n 0 1 007 0x1F 0o17 1e3 1_000 12.5 2001-01-01".split(" "),
    ..."2001-01-01T00.00 NaN toString A.B-c_d".split(" "),
  ),
  fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,9}$/),
).filter((name) => name !== "constructor" && name !== "prototype");
const anyPath = fc.string({ unit: "binary", minLength: 1 }).filter((path) => /^.+$/.test(path));

function url(rest: RegExp): fc.Arbitrary<string> {
  return fc.tuple(fc.domain(), fc.stringMatching(rest)).map(([host, end]) =>
    `https://${host}${end}`
  );
}

const endpoint = url(/^(?::80)?\/?$/);
const baseUrl = url(/^(?::80)?(?:\/[A-Za-z0-9._~!$&'()*+,;=:@%/-]{0,20})?$/);

function toNormal({ url }: { readonly url: string }): string {
  return new URL(url).href.replace(/\/+$/, "");
}

function sizeOf(mapping: object): number {
  return Object.keys(mapping).length;
}

/** Configurations without a mistake. */
const valid = fc.record({
  listen: fc.record({
    host: fc.stringMatching(/^[A-Za-z0-9.:_-]{1,20}$/),
    port: fc.integer({ min: 0, max: 65535 }),
    tls: fc.record({ cert: anyPath, key: anyPath }),
  }, { requiredKeys: [] }),
  log: fc.record({ level: fc.constantFrom("debug", "info", "warning", "error") }),
  client_address: fc.record({
    header: fc.option(fc.stringMatching(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,20}$/)),
    from_end: fc.integer({ min: 1, max: 100 }),
  }),
  pages: fc.record({
    info: url(/^(?:[/?#][A-Za-z0-9._~!$&'()*+,;=:@%/?#-]{0,20})?$/),
  }, { requiredKeys: [] }),
  upstreams: fc.dictionary(
    name,
    fc.record({ endpoint, path: fc.stringMatching(/^[a-z0-9]+(?:[._-][a-z0-9]+)?$/) }),
    { minKeys: 1, maxKeys: 1 },
  ),
  mirrors: fc.dictionary(name, fc.record({ url: baseUrl }), { minKeys: 1, maxKeys: 4 })
    .filter((mirrors) => new Set(Object.values(mirrors).map(toNormal)).size === sizeOf(mirrors)),
  locations: fc.tuple(name, name).map(([cloud, region]) => ({
    [`${cloud}/${region}`]: ["2001:db8::/32", "198.51.100.0/24", "::/0", "0.0.0.0/0"],
  })),
}, { requiredKeys: ["upstreams", "mirrors", "locations"] }).map((config) => {
  const mirrors = Object.keys(config.mirrors);
  const [location] = Object.keys(config.locations);
  const [upstream] = Object.keys(config.upstreams);
  const rules = [{ clients: [location!], mirrors, upstream }, { clients: ["*"], mirrors }];
  return { ...config, rules, signature_upstream: upstream };
});

Deno.test("readConfig() reads the configuration in effect, printed, as the same", () => {
  const print = (config: unknown) => stringify(config, { skipInvalid: true, lineWidth: 100 });
  assertEquals(configOf(print(configOf(FULL))), configOf(FULL));
  fc.assert(fc.property(valid, (written) => {
    const config = configOf(JSON.stringify(written).replaceAll(/[\u007f-\uffff]/g, escape));
    assertEquals(configOf(print(config)), config);
  }));
});

// YAML has characters that must be escaped, which JSON leaves as they are.
function escape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
