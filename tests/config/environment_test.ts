import { assert, assertEquals } from "@std/assert";
import { parse as parseYaml } from "@std/yaml";
import fc from "fast-check";
import { BUILTIN_CONFIG } from "../../lib/config/builtin.ts";
import type { Config } from "../../lib/config/config.ts";
import { overrideConfig, tryMainUpstream, VARIABLES } from "../../lib/config/environment.ts";
import { readConfig } from "../../lib/config/read.ts";
import { listLocations } from "../../lib/locations/data_set.ts";
import { EMBEDDED } from "../../lib/locations/embedded.ts";
import { configOf, mistakesOf, UPSTREAM, type Variables } from "./fixture.ts";

const LOCATIONS = listLocations(EMBEDDED);
const ALL = { clients: ["*"] };

function builtin(variables: Variables = {}) {
  const read = readConfig(undefined, {
    environment: (name) => variables[name],
    embedded: LOCATIONS,
  });
  assert(read.kind === "config", JSON.stringify(read));
  return read.config;
}

Deno.test("tryMainUpstream() names the main upstream, or the only one", () => {
  const table = [
    { asked: {}, expected: undefined },
    { asked: { main: 1 }, expected: "main" },
    { asked: { other: 1 }, expected: "other" },
    { asked: { other: 1, main: 2 }, expected: "main" },
    { asked: { other: 1, another: 2 }, expected: undefined },
    { asked: JSON.parse(`{ "toString": 1 }`), expected: "toString" },
  ];
  for (const { asked, expected } of table) assertEquals(tryMainUpstream(asked), expected);
});

Deno.test("tryMainUpstream() names the only one beside the signature upstream", () => {
  const table = [
    { asked: { other: 1, signed: 2 }, expected: "other" },
    { asked: { signed: 1 }, expected: "signed" },
    { asked: { other: 1, another: 2, signed: 3 }, expected: undefined },
  ];
  for (const { asked, expected } of table) {
    assertEquals(tryMainUpstream(asked, "signed"), expected);
  }
});

Deno.test("overrideConfig() puts each variable over the built-in configuration", () => {
  const plain = builtin();
  const { main } = plain.upstreams;
  const table: { asked: Variables; expected: Partial<typeof plain> }[] = [
    { asked: {}, expected: {} },
    { asked: { HOST: "127.0.0.1" }, expected: { listen: { host: "127.0.0.1", port: 8080 } } },
    { asked: { PORT: "9000" }, expected: { listen: { host: "::", port: 9000 } } },
    // Either of them opens the listener.
    {
      asked: { ADMIN_HOST: "::1" },
      expected: { admin: { host: "::1", port: 9090 } },
    },
    {
      asked: { ADMIN_PORT: "9999" },
      expected: { admin: { host: "127.0.0.1", port: 9999 } },
    },
    {
      asked: { ADMIN_HOST: "0.0.0.0", ADMIN_PORT: "0" },
      expected: { admin: { host: "0.0.0.0", port: 0 } },
    },
    { asked: { LOG_LEVEL: "debug" }, expected: { log: { level: "debug", pulls: false } } },
    { asked: { LOG_LEVEL: "WARNING" }, expected: { log: { level: "warning", pulls: false } } },
    {
      asked: { UPSTREAM_REGISTRY_ENDPOINT: "https://registry.example" },
      expected: { upstreams: { main: { ...main!, endpoint: "https://registry.example" } } },
    },
    {
      asked: { UPSTREAM_REGISTRY_PATH: "project/images" },
      expected: { upstreams: { main: { ...main!, path: "project/images" } } },
    },
    {
      asked: { UPSTREAM_REGISTRY_PATH: "//project/images/" },
      expected: { upstreams: { main: { ...main!, path: "project/images" } } },
    },
    {
      asked: { UPSTREAM_REGISTRY_PATH: "" },
      expected: { upstreams: { main: { ...main!, path: "" } } },
    },
    {
      asked: { UPSTREAM_REGISTRY_PATH: "/" },
      expected: { upstreams: { main: { ...main!, path: "" } } },
    },
    {
      asked: { SIGNATURE_UPSTREAM_ENDPOINT: "https://signatures.example" },
      expected: {
        upstreams: {
          main: main!,
          signatures: { ...main!, endpoint: "https://signatures.example" },
        },
        signature_upstream: "signatures",
      },
    },
    {
      asked: { DEFAULT_AWS_BASE_URL: "https://cdn.example" },
      expected: {
        mirrors: {
          ...plain.mirrors,
          cloudfront: { url: "https://cdn.example/containers/images" },
        },
      },
    },
    {
      asked: { DEFAULT_AWS_BASE_URL: "https://cdn.example/base//" },
      expected: {
        mirrors: {
          ...plain.mirrors,
          cloudfront: { url: "https://cdn.example/base/containers/images" },
        },
      },
    },
  ];
  for (const { asked, expected } of table) {
    assertEquals(builtin(asked), { ...plain, ...expected }, JSON.stringify(asked));
  }
});

Deno.test("overrideConfig() takes an empty variable as none, but for an empty path", () => {
  for (const name of VARIABLES) {
    if (name === "UPSTREAM_REGISTRY_PATH") continue;
    assertEquals(builtin({ [name]: "" }), builtin(), name);
  }
});

Deno.test("overrideConfig() passes over the service links of Kubernetes", () => {
  for (const name of ["HOST", "PORT", "ADMIN_HOST", "ADMIN_PORT"]) {
    for (const link of ["tcp://10.0.0.7:80", "udp://[fd00::7]:53", "sctp://10.0.0.7:132"]) {
      assertEquals(builtin({ [name]: link }), builtin(), `${name}=${link}`);
    }
  }
});

Deno.test("overrideConfig() puts each variable over a file's value", () => {
  const file = `
listen: { host: "::", port: 80 }
admin: { host: localhost, port: 90 }
log: { level: error, pulls: true }
upstreams:
  registry: { endpoint: https://file.example, path: file }
`;
  const table: { asked: Variables; expected: object }[] = [
    { asked: { HOST: "::1" }, expected: { listen: { host: "::1", port: 80 } } },
    { asked: { PORT: "81" }, expected: { listen: { host: "::", port: 81 } } },
    { asked: { ADMIN_HOST: "::1" }, expected: { admin: { host: "::1", port: 90 } } },
    { asked: { ADMIN_PORT: "91" }, expected: { admin: { host: "localhost", port: 91 } } },
    { asked: { LOG_LEVEL: "info" }, expected: { log: { level: "info", pulls: true } } },
    // The only upstream is the main one, whatever its name.
    {
      asked: { UPSTREAM_REGISTRY_ENDPOINT: "https://new.example", UPSTREAM_REGISTRY_PATH: "new" },
      expected: { upstreams: { registry: { endpoint: "https://new.example", path: "new" } } },
    },
    {
      asked: { UPSTREAM_REGISTRY_PATH: "" },
      expected: { upstreams: { registry: { endpoint: "https://file.example", path: "" } } },
    },
  ];
  for (const { asked, expected } of table) {
    assertEquals(configOf(file, asked), { ...configOf(file), ...expected }, JSON.stringify(asked));
  }
});

Deno.test("overrideConfig() makes up for what a file does not say", () => {
  const asked = { UPSTREAM_REGISTRY_ENDPOINT: "https://new.example", PORT: "81" };
  for (const text of ["{}", "listen:\nupstreams:\n", "upstreams: {}"]) {
    const { upstreams, listen } = configOf(text, asked);
    assertEquals(upstreams, { main: { endpoint: "https://new.example", path: "" } }, text);
    assertEquals(listen.port, 81, text);
  }
  // Of several, none of which is the main one, none is meant.
  const several = `upstreams:
  a: { endpoint: https://a.example }
  b: { endpoint: https://b.example }
rules: [{ clients: [aws/*], upstream: a }, { clients: ["*"], upstream: b }]`;
  assertEquals(Object.keys(configOf(several, asked).upstreams), ["a", "b", "main"]);
});

Deno.test("SIGNATURE_UPSTREAM_ENDPOINT sets the file's signature upstream, or makes one", () => {
  const endpoint = "https://new.example";
  const main = { endpoint: "https://main.example", path: "images" };
  const upstreams = (others: string) =>
    `upstreams: { main: { endpoint: https://main.example, path: images }${others} }\n`;
  const table = [
    {
      text: upstreams(""),
      expected: { main, signatures: { endpoint, path: "images" } },
      name: "signatures",
    },
    {
      text: upstreams(", signed: { endpoint: https://old.example, path: signed }") +
        "signature_upstream: signed",
      expected: { main, signed: { endpoint, path: "signed" } },
      name: "signed",
    },
    {
      text: upstreams(", signed: { endpoint: https://old.example }") + "signature_upstream: signed",
      expected: { main, signed: { endpoint, path: "" } },
      name: "signed",
    },
    // The main upstream keeps its own endpoint.
    {
      text: upstreams("") + "signature_upstream: main",
      expected: { main, signatures: { endpoint, path: "images" } },
      name: "signatures",
    },
    // What the file names and does not have, it now has.
    {
      text: upstreams("") + "signature_upstream: signed",
      expected: { main, signed: { endpoint, path: "images" } },
      name: "signed",
    },
  ];
  for (const { text, expected, name } of table) {
    const config = configOf(text, { SIGNATURE_UPSTREAM_ENDPOINT: endpoint });
    assertEquals(config.upstreams, expected, text);
    assertEquals(config.signature_upstream, name, text);
  }
});

Deno.test("SIGNATURE_UPSTREAM_ENDPOINT has the path that UPSTREAM_REGISTRY_PATH says", () => {
  const { upstreams } = builtin({
    UPSTREAM_REGISTRY_PATH: "project",
    SIGNATURE_UPSTREAM_ENDPOINT: "https://signatures.example",
  });
  assertEquals(upstreams.signatures, { endpoint: "https://signatures.example", path: "project" });
});

Deno.test("DEFAULT_AWS_BASE_URL sets the mirror of everyone else, or makes one", () => {
  const url = "https://new.example/containers/images";
  const old = "https://old.example";
  const table = [
    // In a rule for all: its last mirror.
    {
      text: "mirrors: { s3: { url: https://old.example }, cdn: { url: https://old.example } }\n" +
        'rules: [{ clients: [aws/*], mirrors: [s3, cdn] }, { clients: ["*"], mirrors: [s3, cdn] }]',
      mirrors: { s3: { url: old }, cdn: { url } },
      rules: [{ clients: ["aws/*"], mirrors: ["s3", "cdn"] }, { ...ALL, mirrors: ["s3", "cdn"] }],
    },
    {
      text: 'rules: [{ clients: ["*"], mirrors: [cdn] }]',
      mirrors: { cdn: { url } },
      rules: [{ ...ALL, mirrors: ["cdn"] }],
    },
    // In a rule for all that has no mirror: the only one.
    {
      text: 'rules: [{ clients: ["*"], mirrors: [] }]',
      mirrors: { default: { url } },
      rules: [{ ...ALL, mirrors: ["default"] }],
    },
    {
      text: 'rules: [{ clients: [aws/*, "*"] }]',
      mirrors: { default: { url } },
      rules: [{ clients: ["aws/*", "*"], mirrors: ["default"] }],
    },
    // Without a rule for all: in one more.
    {
      text: "rules: [{ clients: [gcp/*], mirrors: [] }]",
      mirrors: { default: { url } },
      rules: [{ clients: ["gcp/*"], mirrors: [] }, { ...ALL, mirrors: ["default"] }],
    },
    { text: "", mirrors: { default: { url } }, rules: [{ ...ALL, mirrors: ["default"] }] },
    { text: "rules:", mirrors: { default: { url } }, rules: [{ ...ALL, mirrors: ["default"] }] },
    { text: "rules: []", mirrors: { default: { url } }, rules: [{ ...ALL, mirrors: ["default"] }] },
  ];
  for (const { text, mirrors, rules } of table) {
    const config = configOf(UPSTREAM + text, { DEFAULT_AWS_BASE_URL: "https://new.example" });
    assertEquals(config.mirrors, mirrors, text);
    assertEquals(config.rules, rules, text);
  }
});

Deno.test("overrideConfig() hides no mistake of the file but those it puts right", () => {
  const variables: Variables = {
    HOST: "::1",
    LOG_LEVEL: "info",
    UPSTREAM_REGISTRY_ENDPOINT: "https://a.example",
    SIGNATURE_UPSTREAM_ENDPOINT: "https://b.example",
    DEFAULT_AWS_BASE_URL: "https://c.example",
  };
  const wrong = ["5", "x", "[5]", "true", "2001-01-01"];
  for (const value of wrong) {
    for (const key of ["listen", "log", "upstreams", "mirrors"]) {
      const [mistake] = mistakesOf(`${key}: ${value}`, variables);
      assert(mistake?.startsWith(`${key}: found `), `${key}: ${value}: ${mistake}`);
    }
    for (const rules of [value, `[${value}]`, `[{ clients: ["*"], mirrors: ${value} }]`]) {
      const mistakes = mistakesOf(`rules: ${rules}`, variables);
      assert(mistakes.some((line) => /^rules(\[0\])?/.test(line)), `${rules}: ${mistakes}`);
    }
  }
  const [endpoint, ...others] = mistakesOf("upstreams: { main: 5 }", variables);
  assert(endpoint?.startsWith("upstreams.main: found 5; allowed: a mapping"), endpoint);
  assertEquals(others, []);
});

Deno.test("a bad value names the variable that it came from", () => {
  const table: { asked: Variables; expected: string }[] = [
    {
      asked: { HOST: "a b" },
      expected: 'HOST (listen.host): found "a b"; allowed: an IP address or a host name',
    },
    { asked: { PORT: "65536" }, expected: "PORT (listen.port): found 65536; allowed: an integer" },
    { asked: { PORT: "-1" }, expected: 'PORT (listen.port): found "-1"; allowed: an integer' },
    { asked: { PORT: "80.5" }, expected: 'PORT (listen.port): found "80.5"; allowed: an integer' },
    { asked: { PORT: "http" }, expected: 'PORT (listen.port): found "http"; allowed: an integer' },
    { asked: { PORT: " 80" }, expected: 'PORT (listen.port): found " 80"; allowed: an integer' },
    { asked: { PORT: "0x50" }, expected: 'PORT (listen.port): found "0x50"; allowed: an integer' },
    { asked: { PORT: "9".repeat(400) }, expected: 'PORT (listen.port): found "Infinity"; allowed' },
    {
      asked: { ADMIN_HOST: "127.0.0.1", ADMIN_PORT: "8080" },
      expected: "ADMIN_PORT (admin.port): found 8080; allowed: another port than that of listen",
    },
    {
      asked: { ADMIN_HOST: "http://admin" },
      expected: 'ADMIN_HOST (admin.host): found "http://admin"; allowed: an IP address or a host',
    },
    {
      asked: { ADMIN_PORT: "65536" },
      expected: "ADMIN_PORT (admin.port): found 65536; allowed: a",
    },
    { asked: { ADMIN_PORT: "off" }, expected: 'ADMIN_PORT (admin.port): found "off"; allowed: an' },
    {
      asked: { LOG_LEVEL: "LOUD" },
      expected: 'LOG_LEVEL (log.level): found "loud"; allowed: one of debug, info, warning, error',
    },
    {
      asked: { UPSTREAM_REGISTRY_ENDPOINT: "registry.example" },
      expected: "UPSTREAM_REGISTRY_ENDPOINT (upstreams.main.endpoint): found " +
        '"registry.example"; allowed: an http: or https: URL',
    },
    {
      asked: { UPSTREAM_REGISTRY_PATH: "/Project/" },
      expected: 'UPSTREAM_REGISTRY_PATH (upstreams.main.path): found "Project"; allowed: a repo',
    },
    {
      asked: { SIGNATURE_UPSTREAM_ENDPOINT: "https://a.example?b" },
      expected: "SIGNATURE_UPSTREAM_ENDPOINT (upstreams.signatures.endpoint): found " +
        '"https://a.example?b"; allowed: an http: or https: URL',
    },
    {
      asked: { DEFAULT_AWS_BASE_URL: "cdn" },
      expected: "DEFAULT_AWS_BASE_URL (mirrors.cloudfront.url): found " +
        '"cdn/containers/images"; allowed: an http: or https: URL',
    },
  ];
  for (const { asked, expected } of table) {
    const read = readConfig(undefined, {
      environment: (name) => asked[name],
      embedded: LOCATIONS,
    });
    assert(read.kind === "mistakes", expected);
    assertEquals(read.mistakes.length, 1, read.mistakes.join("\n"));
    assert(read.mistakes[0]!.startsWith(expected), read.mistakes[0]);
  }
  const all = Object.assign({}, ...table.map(({ asked }) => asked));
  const named = mistakesOf(UPSTREAM, all).map((line) => line.split(" ")[0]!);
  assertEquals(new Set(named), new Set<string>(VARIABLES));
});

Deno.test("a name that means something in JavaScript reaches nothing but the check", () => {
  const variables = {
    SIGNATURE_UPSTREAM_ENDPOINT: "https://signatures.example",
    DEFAULT_AWS_BASE_URL: "https://cdn.example",
  };
  for (const name of ["__proto__", "constructor", "toString"]) {
    const text = `signature_upstream: ${name}\nrules: [{ clients: ["*"], mirrors: [${name}] }]`;
    for (const start of ["", UPSTREAM]) mistakesOf(start + text, variables);
    const shared: Record<string, unknown> = {};
    assertEquals([shared.endpoint, shared.path, shared.url], [undefined, undefined, undefined]);
  }
  const mistakes = mistakesOf(`${UPSTREAM}signature_upstream: __proto__`, variables);
  assertEquals(mistakes, [
    'SIGNATURE_UPSTREAM_ENDPOINT (signature_upstream): found "__proto__"; ' +
    "allowed: the name of a configured upstream: main",
  ]);
});

Deno.test("overrideConfig() changes a value in one place, though aliases put it into two", () => {
  const text = `
upstreams:
  main: &registry { endpoint: https://main.example }
  other: *registry
mirrors:
  one: &mirror { url: https://one.example }
  two: *mirror
rules:
  - { clients: [aws/*], mirrors: &mirrors [] }
  - { clients: ["*"], mirrors: *mirrors }
`;
  const variables = {
    UPSTREAM_REGISTRY_ENDPOINT: "https://new.example",
    DEFAULT_AWS_BASE_URL: "https://cdn.example",
  };
  const { value } = overrideConfig(
    parseYaml(text),
    (name) => (variables as Variables)[name],
  );
  const { upstreams, mirrors, rules } = value as Config;
  assertEquals(upstreams.main!.endpoint, "https://new.example");
  assertEquals(upstreams.other!.endpoint, "https://main.example");
  assertEquals(Object.keys(mirrors), ["one", "two", "default"]);
  assertEquals(rules.map(({ mirrors }) => mirrors), [[], ["default"]]);
});

Deno.test("overrideConfig() leaves what it is given as it was", () => {
  const before = JSON.stringify(BUILTIN_CONFIG);
  const variables = fc.record(
    Object.fromEntries(VARIABLES.map((name) => [name, fc.string({ minLength: 1 })])),
  );
  fc.assert(fc.property(variables, fc.jsonValue(), (variables, value) => {
    const written = JSON.stringify(value);
    overrideConfig(value, (name) => variables[name]);
    overrideConfig(BUILTIN_CONFIG, (name) => variables[name]);
    assertEquals(JSON.stringify(value), written);
  }));
  assertEquals(JSON.stringify(BUILTIN_CONFIG), before);
});
