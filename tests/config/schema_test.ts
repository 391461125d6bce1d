import { assert, assertEquals } from "@std/assert";
import { toJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import { ConfigSchema } from "../../lib/config/schema.ts";
import { PROVIDERS } from "../../lib/locations/providers.ts";
import { isAllowed, merge, mistakesOf, withValue } from "./fixture.ts";

const PROVIDER_NAMES = PROVIDERS.map(({ name }) => name).join(", ");

const BASE_URL =
  "an http: or https: URL without user, query and fragment, such as https://registry.example";
const ENDPOINT = "an http: or https: URL without user, path, query and fragment, such as " +
  "https://registry.example";
const PAGE_URL = "an http: or https: URL without user, such as https://example.com/about";
const PATH = "a repository name's first components, such as project/images, or nothing: " +
  "lower-case, and with no slash at either end";
const SOURCE_URL = "an http: or https: URL without user and fragment, such as " +
  "https://example.com/ip-ranges.json";
const KEYS =
  "listen, workers, admin, log, client_address, trace, pages, upstreams, repositories, signature_upstream, " +
  "mirrors, locations, rules, fill, relay, probe, health, ranges";
const UPSTREAM_KEYS = "endpoint, path, pull, tags, credentials, token_hosts, redirect_hosts";
const RELAY_KEYS = "memory_mib, tag_ttl_s, stale_s, timeout_ms, stream, max_streams";
const HOURS = "a number of hours, from 0.001 to 8760";
const HEADER = "a header's name, or null to take the peer's address";
const PATTERN = '"*", or <cloud>/<region> in which a * stands for any text, such as "aws/eu-*"';

Deno.test("ConfigSchema says of each value of a wrong type what is allowed", () => {
  const numbers = [null, "8080", true, [], {}, 1.5, -1, 1e9];
  const texts = [null, 5, true, [], {}];
  const mappings = [null, 5, "x", true, [], ["x"]];
  const lists = [null, 5, "x", true, {}, { 0: "x" }];
  const table = [
    { path: "listen", values: mappings, allowed: "a mapping with the keys host, port, tls" },
    { path: "listen.host", values: texts, allowed: "an IP address or a host name" },
    { path: "listen.port", values: numbers, allowed: "an integer from 0 to 65535" },
    { path: "listen.tls", values: mappings, allowed: "a mapping with the keys cert, key" },
    {
      path: "workers",
      values: [...numbers, "Auto", 0, 257],
      allowed: 'an integer from 1 to 256, or "auto"',
    },
    {
      path: "admin",
      values: mappings,
      allowed: "a mapping with the keys host, port, token_file, hosts",
    },
    { path: "admin.host", values: [...texts, "", "a b"], allowed: "an IP address or a host name" },
    { path: "admin.port", values: [...numbers, 65536], allowed: "an integer from 0 to 65535" },
    { path: "admin.token_file", values: [5, true, [], {}, ""], allowed: "the path of a file" },
    { path: "admin.hosts", values: [5, "x", true, {}], allowed: "a list of host names" },
    {
      path: "admin.hosts[0]",
      values: [null, 5, "", "a b", "a:80", "<a>"],
      allowed: "a host name, as a browser sends it",
    },
    {
      path: "pages.backends",
      values: [5, "true", []],
      allowed: "true, false, or a mapping with the key also",
    },
    { path: "pages.backends.also", values: [5, "x", true, {}], allowed: "a list of host names" },
    {
      path: "pages.backends.also[0]",
      values: ["", "a b", "https://a.example", "*.*.example", "a.*", "a/b", "<a>"],
      allowed: "a host name, such as objects.example, or *.objects.example for those below",
    },
    { path: "log", values: mappings, allowed: "a mapping with the keys level, pulls" },
    { path: "log.pulls", values: [null, "true", "yes", 1, [], {}], allowed: "true or false" },
    {
      path: "log.level",
      values: [...texts, "loud", ""],
      allowed: "one of debug, info, warning, error",
    },
    {
      path: "client_address",
      values: mappings,
      allowed: "a mapping with the keys header, from_end",
    },
    { path: "client_address.header", values: [5, true, [], {}, "", "a b"], allowed: HEADER },
    {
      path: "trace",
      values: mappings,
      allowed: "a mapping with the keys request_id, session, redirect_parameter, client_asn_header",
    },
    { path: "trace.request_id", values: [null, "true", 1, [], {}], allowed: "true or false" },
    { path: "trace.session", values: [null, "true", 1, [], {}], allowed: "true or false" },
    {
      path: "trace.redirect_parameter",
      values: [5, true, [], {}, "", "a b", "a=b", "a&b", "é", "x".repeat(65), "n", "artifactType"],
      allowed:
        "a query parameter's name of A-Z, a-z, 0-9, ., _, ~ and -, at most 64 of them, that " +
        "means nothing to registries, or null for none",
    },
    {
      path: "trace.client_asn_header",
      values: [5, true, [], {}, "", "a b"],
      allowed: "a header's name, or null for none",
    },
    {
      path: "client_address.from_end",
      values: [...numbers, 0, 101],
      allowed: "an integer from 1 to 100",
    },
    { path: "pages", values: mappings, allowed: "a mapping with the keys info, privacy, backends" },
    { path: "pages.info", values: texts, allowed: PAGE_URL },
    { path: "pages.privacy", values: texts, allowed: PAGE_URL },
    { path: "upstreams", values: mappings, allowed: "a mapping from names to upstreams" },
    {
      path: "upstreams.main",
      values: mappings,
      allowed: `a mapping with the keys ${UPSTREAM_KEYS}`,
    },
    { path: "upstreams.main.endpoint", values: texts, allowed: ENDPOINT },
    { path: "upstreams.main.path", values: texts, allowed: PATH },
    ...["pull", "tags"].map((key) => ({
      path: `upstreams.main.${key}`,
      values: [...texts, "", "pull"],
      allowed: "one of redirect, relay",
    })),
    { path: "relay.stream", values: [null, "true", 1, [], {}], allowed: "true or false" },
    {
      path: "relay",
      values: mappings,
      allowed: `a mapping with the keys ${RELAY_KEYS}`,
    },
    ...[
      ["memory_mib", 1, 65_536] as const,
      ["tag_ttl_s", 1, 86_400] as const,
      ["stale_s", 0, 31_536_000] as const,
      ["timeout_ms", 100, 300_000] as const,
      ["max_streams", 1, 100_000] as const,
    ].map(([key, least, most]) => ({
      path: `relay.${key}`,
      values: [...numbers, least - 1, most + 1],
      allowed: `an integer from ${least} to ${most}`,
    })),
    { path: "signature_upstream", values: texts, allowed: "an upstream's name, as text" },
    { path: "mirrors", values: mappings, allowed: "a mapping from names to mirrors" },
    {
      path: "mirrors.one",
      values: mappings,
      allowed: "a mapping with the keys url, fallback_limit, store",
    },
    { path: "mirrors.one.url", values: texts, allowed: BASE_URL },
    {
      path: "locations",
      values: mappings,
      allowed: "a mapping from locations to lists of prefixes, or to files of them",
    },
    {
      path: "locations.a/b",
      values: [null, 5, "x", true],
      allowed: "a list of prefixes, or { file: … }",
    },
    {
      path: "locations.a/b.file",
      values: [...texts, ""],
      allowed: "the path of a file of prefixes",
    },
    { path: "locations.a/b", values: [[]], allowed: "at least one prefix" },
    { path: "locations.a/b[0]", values: texts, allowed: "a prefix" },
    { path: "rules", values: lists, allowed: "a list of rules" },
    {
      path: "rules[0]",
      values: mappings,
      allowed: "a mapping with the keys clients, mirrors, upstream",
    },
    { path: "rules[0].clients", values: lists, allowed: "a list of location patterns" },
    { path: "rules[0].clients", values: [[]], allowed: "at least one location pattern" },
    { path: "rules[0].clients[0]", values: texts, allowed: PATTERN },
    {
      path: "probe",
      values: mappings,
      allowed: "a mapping with the keys timeout_ms, found_ttl_s, recheck_s, missing_ttl_s, " +
        "max_entries, max_in_flight, max_per_s",
    },
    { path: "probe.timeout_ms", values: [...numbers, 0], allowed: "an integer from 1 to 60000" },
    {
      path: "probe.found_ttl_s",
      values: [...numbers, 0],
      allowed: "an integer from 1 to 31536000",
    },
    {
      path: "probe.recheck_s",
      values: [...numbers, 0],
      allowed: "an integer from 1 to 31536000",
    },
    { path: "probe.missing_ttl_s", values: [...numbers, 0], allowed: "an integer from 1 to 86400" },
    {
      path: "probe.max_entries",
      values: [...numbers, 0],
      allowed: "an integer from 1 to 10000000",
    },
    { path: "probe.max_in_flight", values: [...numbers, 0], allowed: "an integer from 1 to 10000" },
    { path: "probe.max_per_s", values: [...numbers, 0], allowed: "an integer from 1 to 1000000" },
    {
      path: "health",
      values: mappings,
      allowed: "a mapping with the keys interval_ms, down_after, up_after, max_interval_ms",
    },
    {
      path: "health.interval_ms",
      values: [...numbers, 49],
      allowed: "an integer from 50 to 3600000",
    },
    { path: "health.down_after", values: [...numbers, 1], allowed: "an integer from 2 to 100" },
    { path: "health.up_after", values: [...numbers, 0], allowed: "an integer from 1 to 100" },
    {
      path: "health.max_interval_ms",
      values: [...numbers, 49],
      allowed: "an integer from 50 to 86400000",
    },
    { path: "ranges", values: mappings, allowed: "a mapping with the keys refresh_h, sources" },
    {
      path: "ranges.refresh_h",
      values: [null, "24", true, [], {}, 0, -1, 0.0009],
      allowed: HOURS,
    },
    {
      path: "ranges.sources",
      values: mappings,
      allowed: `a mapping with the keys ${PROVIDER_NAMES}`,
    },
    { path: "ranges.sources.aws", values: texts, allowed: SOURCE_URL },
    { path: "ranges.sources.gcp", values: [...texts, ""], allowed: SOURCE_URL },
    { path: "ranges.sources.azure", values: [...texts, "a.example"], allowed: SOURCE_URL },
  ];
  for (const { path, values, allowed } of table) {
    for (const value of values) {
      const expected = `${path}: found ${JSON.stringify(value)}; allowed: ${allowed}`;
      assertEquals(mistakesOf(withValue(path, value)), [expected]);
    }
  }
});

Deno.test("ConfigSchema says what a value is that must be given and is not", () => {
  const table = [
    {
      text: "{}",
      expected: "upstreams: found nothing; allowed: a mapping from names to upstreams",
    },
    {
      text: "upstreams: {}",
      expected: "upstreams: found {}; allowed: at least one upstream",
    },
    {
      text: "upstreams: { main: { path: images } }",
      expected: `upstreams.main.endpoint: found nothing; allowed: ${ENDPOINT}`,
    },
    {
      text: withValue("mirrors.one", {}),
      expected: `mirrors.one.url: found nothing; allowed: ${BASE_URL}`,
    },
    {
      text: withValue("listen.tls.key", "key.pem"),
      expected: "listen.tls.cert: found nothing; allowed: the path of a PEM file",
    },
    {
      text: withValue("listen.tls.cert", "cert.pem"),
      expected: "listen.tls.key: found nothing; allowed: the path of a PEM file",
    },
    {
      text: withValue("rules", [{}]),
      expected: "rules[0].clients: found nothing; allowed: a list of location patterns",
    },
  ];
  for (const { text, expected } of table) assertEquals(mistakesOf(text), [expected], text);
});

Deno.test("ConfigSchema names every key that it does not know", () => {
  const table = [
    { path: "", keys: KEYS },
    { path: "listen.", keys: "host, port, tls" },
    { path: "admin.", keys: "host, port, token_file, hosts" },
    { path: "log.", keys: "level, pulls" },
    { path: "client_address.", keys: "header, from_end" },
    { path: "trace.", keys: "request_id, session, redirect_parameter, client_asn_header" },
    { path: "pages.", keys: "info, privacy, backends" },
    { path: "pages.backends.", keys: "also" },
    { path: "upstreams.main.", keys: UPSTREAM_KEYS },
    { path: "relay.", keys: RELAY_KEYS },
    { path: "repositories.app.", keys: "upstream, as, public" },
    {
      path: "probe.",
      keys: "timeout_ms, found_ttl_s, recheck_s, missing_ttl_s, max_entries, max_in_flight, " +
        "max_per_s",
    },
    { path: "health.", keys: "interval_ms, down_after, up_after, max_interval_ms" },
    { path: "ranges.", keys: "refresh_h, sources" },
    { path: "ranges.sources.", keys: PROVIDER_NAMES },
  ];
  for (const { path, keys } of table) {
    const unknown = ["first", "Second", "third_", "constructor"];
    const text = JSON.stringify(
      unknown.reduce<unknown>(
        (config, key) => merge(config, JSON.parse(withValue(path + key, 5))),
        {},
      ),
    );
    const mistakes = mistakesOf(text);
    assertEquals(mistakes.length, unknown.length, mistakes.join("\n"));
    for (const [at, key] of unknown.entries()) {
      const expected = `${path}${key}: found 5; allowed: only the keys ${keys}`;
      assertEquals(mistakes[at], expected);
    }
  }
});

Deno.test("ConfigSchema takes numbers up to their bounds", () => {
  const table = [
    { path: "listen.port", values: [0, 1, 65535] },
    { path: "client_address.from_end", values: [1, 100] },
    { path: "probe.timeout_ms", values: [1, 60_000] },
    { path: "probe.found_ttl_s", values: [1, 31_536_000] },
    { path: "probe.recheck_s", values: [1, 31_536_000] },
    { path: "probe.missing_ttl_s", values: [1, 86_400] },
    { path: "probe.max_entries", values: [1, 10_000_000] },
    { path: "probe.max_in_flight", values: [1, 10_000] },
    { path: "probe.max_per_s", values: [1, 1_000_000] },
    { path: "workers", values: [1, 2, 256] },
    { path: "health.interval_ms", values: [50, 60_000] },
    { path: "health.down_after", values: [2, 100] },
    { path: "health.up_after", values: [1, 100] },
    { path: "health.max_interval_ms", values: [5000, 86_400_000] },
    { path: "ranges.refresh_h", values: [0.001, 0.5, 24, 8760] },
  ];
  for (const { path, values } of table) {
    for (const value of values) assert(isAllowed(path, value), `${path} ${value}`);
    assert(!isAllowed(path, values.at(-1)! + 1), path);
  }
  assert(isAllowed("workers", "auto"));
  assert(!isAllowed("health.interval_ms", 3_600_001));
});

Deno.test("ConfigSchema takes a mirror's bound of redirects in place of others, none, too", () => {
  const allowed = "an integer from 0 to 1000000";
  const mistakes = (limit: unknown) =>
    mistakesOf(withValue("mirrors.one", { url: "https://one.example", fallback_limit: limit }));
  for (const limit of [0, 1, 1_000_000]) assertEquals(mistakes(limit), []);
  for (const limit of [null, -1, 0.5, 1_000_001, "100", true]) {
    const found = JSON.stringify(limit);
    assertEquals(mistakes(limit), [
      `mirrors.one.fallback_limit: found ${found}; allowed: ${allowed}`,
    ]);
  }
});

Deno.test("ConfigSchema takes mappings only, where YAML has dates and bytes, too", () => {
  for (const value of ["2001-01-01", "!!binary aGVsbG8=", "!!omap [a: b]", "!!pairs [a: b]"]) {
    for (const key of ["listen", "admin", "mirrors", "locations", "probe", "ranges"]) {
      const text = `upstreams: { main: { endpoint: https://a.example } }\n${key}: ${value}`;
      const [mistake, ...others] = mistakesOf(text);
      assertEquals(others, []);
      assert(/^\w+: found .+; allowed: a mapping /.test(mistake!), mistake);
    }
  }
  assert(v.is(ConfigSchema, { upstreams: { main: { endpoint: "https://a.example" } } }));
  const bare = Object.assign(Object.create(null), { endpoint: "https://a.example" });
  assert(v.is(ConfigSchema, { upstreams: { main: bare } }));
});

Deno.test("ConfigSchema describes every key, with its default", () => {
  const schema = toJsonSchema(ConfigSchema, { typeMode: "input", errorMode: "ignore" });
  assertEquals(schema.title, "archeio configuration");
  let count = 0;
  const walk = (value: unknown, path: string) => {
    if (typeof value !== "object" || value === null) return;
    if ("properties" in value) {
      for (const [key, inner] of Object.entries(value.properties as Record<string, never>)) {
        const { description, default: usual } = inner as Record<string, unknown>;
        assert(/^[A-Z].*\.$/.test(String(description)), `${path}.${key}: ${description}`);
        if (usual !== undefined && typeof usual !== "object" && usual !== "") {
          assert(String(description).endsWith(` Default: ${usual}.`), `${path}.${key}`);
        }
        count++;
      }
    }
    for (const [key, inner] of Object.entries(value)) walk(inner, `${path}/${key}`);
  };
  walk(schema, "");
  assert(count > 40, String(count));
});

Deno.test("ConfigSchema makes a JSON Schema that knows every key and no other", () => {
  const schema = toJsonSchema(ConfigSchema, { typeMode: "input", errorMode: "ignore" });
  assertEquals(
    Object.keys(schema.properties ?? {}).sort(),
    ("admin client_address fill health listen locations log mirrors pages probe ranges " +
      "relay repositories rules signature_upstream trace upstreams workers").split(" "),
  );
  assertEquals(schema.required, ["upstreams"]);
  const objects: string[] = [];
  const walk = (value: unknown, path: string) => {
    if (typeof value !== "object" || value === null) return;
    if ("properties" in value && !("additionalProperties" in value)) objects.push(path);
    for (const [key, inner] of Object.entries(value)) walk(inner, `${path}/${key}`);
  };
  walk(schema, "");
  assertEquals(objects, []);
});
