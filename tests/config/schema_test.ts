import { assert, assertEquals } from "@std/assert";
import { toJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import { isMapping } from "../../lib/config/mapping.ts";
import { ConfigSchema } from "../../lib/config/schema.ts";
import { mistakesOf } from "./fixture.ts";

const NAME = "a name of A-Z, a-z, 0-9, _, . and -, beginning with a letter or a digit";
const LOCATION = "a location's name, <cloud>/<region>";
const BASE_URL =
  "an http: or https: URL without user, query and fragment, such as https://registry.example";
const PAGE_URL = "an http: or https: URL without user, such as https://example.com/about";
const PATH = "a repository name's first components, such as project/images, or nothing: " +
  "lower-case, and with no slash at either end";
const HEADER = "a header's name, or null to take the peer's address";
const PATTERN = '"*", "<cloud>/*" or "<cloud>/<region>"';

/** A configuration with one value put into it, where its path leads. */
function withValue(path: string, value: unknown): string {
  const keys = path.replaceAll("[", ".[").split(".");
  const inner = keys.reduceRight<unknown>(
    (inner, key) => key.startsWith("[") ? [inner] : { [key]: inner },
    value,
  );
  const main = { endpoint: "https://registry.example" };
  return JSON.stringify(merge({ upstreams: { main } }, inner));
}

function merge(base: unknown, over: unknown): unknown {
  if (!isMapping(base) || !isMapping(over)) return over;
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) merged[key] = merge(merged[key], value);
  return merged;
}

function isAllowed(path: string, value: unknown): boolean {
  return mistakesOf(withValue(path, value)).length === 0;
}

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
    { path: "log", values: mappings, allowed: "a mapping with the keys level" },
    {
      path: "log.level",
      values: [...texts, "loud", "INFO", ""],
      allowed: "one of debug, info, warning, error",
    },
    {
      path: "client_address",
      values: mappings,
      allowed: "a mapping with the keys header, from_end",
    },
    { path: "client_address.header", values: [5, true, [], {}, "", "a b"], allowed: HEADER },
    {
      path: "client_address.from_end",
      values: [...numbers, 0, 101],
      allowed: "an integer from 1 to 100",
    },
    { path: "pages", values: mappings, allowed: "a mapping with the keys info, privacy" },
    { path: "pages.info", values: texts, allowed: PAGE_URL },
    { path: "pages.privacy", values: texts, allowed: PAGE_URL },
    { path: "upstreams", values: mappings, allowed: "a mapping from names to upstreams" },
    {
      path: "upstreams.main",
      values: mappings,
      allowed: "a mapping with the keys endpoint, path",
    },
    { path: "upstreams.main.endpoint", values: texts, allowed: BASE_URL },
    { path: "upstreams.main.path", values: texts, allowed: PATH },
    { path: "signature_upstream", values: texts, allowed: "an upstream's name, as text" },
    { path: "mirrors", values: mappings, allowed: "a mapping from names to mirrors" },
    { path: "mirrors.one", values: mappings, allowed: "a mapping with the keys url" },
    { path: "mirrors.one.url", values: texts, allowed: BASE_URL },
    {
      path: "locations",
      values: mappings,
      allowed: "a mapping from locations to lists of prefixes",
    },
    { path: "locations.a/b", values: lists, allowed: "a list of prefixes" },
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
      allowed: "a mapping with the keys timeout_ms, found_ttl_s, missing_ttl_s, max_entries, " +
        "max_in_flight",
    },
    { path: "probe.timeout_ms", values: [...numbers, 0], allowed: "an integer from 1 to 60000" },
    {
      path: "probe.found_ttl_s",
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
      expected: `upstreams.main.endpoint: found nothing; allowed: ${BASE_URL}`,
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
    { path: "", keys: "listen, log, client_address, pages, upstreams, signature_upstream, " },
    { path: "listen.", keys: "host, port, tls" },
    { path: "log.", keys: "level" },
    { path: "client_address.", keys: "header, from_end" },
    { path: "pages.", keys: "info, privacy" },
    { path: "upstreams.main.", keys: "endpoint, path" },
    { path: "probe.", keys: "timeout_ms, found_ttl_s, missing_ttl_s, max_entries, max_in_flight" },
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
      assert(mistakes[at]!.startsWith(expected), mistakes[at]);
    }
  }
});

Deno.test("ConfigSchema takes names and locations only that patterns can be written for", () => {
  const table = [
    { path: "mirrors", names: ["one", "S3.eu-west_3", "1", "toString"], expected: [] },
    { path: "mirrors", names: ["", "a b", "_a", "-a", ".a", "é", "a/b", "*"], expected: [NAME] },
    {
      path: "mirrors",
      names: ["constructor", "prototype", "__proto__"],
      expected: ["a name that means nothing in JavaScript"],
    },
    { path: "locations", names: ["a/b", "A.1/b-c_d"], expected: [] },
    {
      path: "locations",
      names: ["a", "a/", "/b", "a/b/c", "a/*", "*", "a b/c", "", "constructor", "__proto__"],
      expected: [LOCATION],
    },
  ];
  for (const { path, names, expected } of table) {
    for (const name of names) {
      const value = path === "mirrors" ? { url: "https://one.example" } : ["10.0.0.0/8"];
      const named = `{ ${JSON.stringify(name)}: ${JSON.stringify(value)} }`;
      const text = `upstreams: { main: { endpoint: https://a.example } }\n${path}: ${named}`;
      const allowed = mistakesOf(text).map((line) => line.split("; allowed: ")[1]);
      assertEquals(allowed, expected, name);
    }
  }
});

Deno.test("ConfigSchema takes base URLs that a digest can be put behind", () => {
  const allowed = [
    "https://mirror.example",
    "https://mirror.example/",
    "http://mirror.example:8080/a/b",
    "http://192.0.2.1",
    "http://[2001:db8::1]:5000/a",
    "http://my_mirror:5000",
    "https://mirror.example/a%20b/(c)/~d",
    "https://MIRROR.example/",
  ];
  const refused = [
    "",
    "mirror.example",
    "//mirror.example",
    "/a",
    "ftp://mirror.example",
    "https:",
    "https://",
    "https:mirror.example",
    "https://mirror.example?",
    "https://mirror.example/a?b=c",
    "https://mirror.example/a#b",
    "https://user@mirror.example",
    "https://user:secret@mirror.example",
    "https://mirror.example:65536",
    "https://mirror.example:a",
    "https://mirror.example/a b",
    "https://mirror.example/a\\b",
    "https://mirror.example\\a",
    "https://mirror.example/a\n",
    " https://mirror.example",
    "https://mirror.example/é",
    "https://mirror.example/<>",
    "https://[2001:db8::1",
    "https://[mirror]",
    "https://256.256.256.256",
    "https://mirror%2eexample",
    "javascript:alert(1)",
  ];
  for (const path of ["mirrors.one.url", "upstreams.main.endpoint"]) {
    for (const url of allowed) assert(isAllowed(path, url), url);
    for (const url of refused) assert(!isAllowed(path, url), url);
  }
});

Deno.test("ConfigSchema takes pages with a query and a fragment", () => {
  const allowed = [
    "https://info.example",
    "https://info.example/a/b",
    "https://info.example?a=b",
    "https://info.example/?a=b#c",
    "https://info.example#c",
  ];
  const refused = ["", "/about", "https://user@info.example", "https://info.example/a b", "x:y"];
  for (const url of allowed) assert(isAllowed("pages.info", url), url);
  for (const url of refused) assert(!isAllowed("pages.info", url), url);
});

Deno.test("ConfigSchema takes what may stand before a repository's name", () => {
  const allowed = ["", "images", "k8s-artifacts-prod/images", "a/b/c", "a.b/c__d/e--f", "0"];
  const refused = [
    "/images",
    "images/",
    "a//b",
    "Images",
    "a/../b",
    "..",
    ".a",
    "a-",
    "-a",
    "a b",
    "a\n",
    "a?b",
    "%2e",
    "é",
  ];
  for (const path of allowed) assert(isAllowed("upstreams.main.path", path), path);
  for (const path of refused) assert(!isAllowed("upstreams.main.path", path), path);
});

Deno.test("ConfigSchema takes numbers up to their bounds", () => {
  const table = [
    { path: "listen.port", values: [0, 1, 65535] },
    { path: "client_address.from_end", values: [1, 100] },
    { path: "probe.timeout_ms", values: [1, 60_000] },
    { path: "probe.found_ttl_s", values: [1, 31_536_000] },
    { path: "probe.missing_ttl_s", values: [1, 86_400] },
    { path: "probe.max_entries", values: [1, 10_000_000] },
    { path: "probe.max_in_flight", values: [1, 10_000] },
  ];
  for (const { path, values } of table) {
    for (const value of values) assert(isAllowed(path, value), `${path} ${value}`);
    assert(!isAllowed(path, values.at(-1)! + 1), path);
  }
});

Deno.test("ConfigSchema takes the hosts that can be listened on", () => {
  for (const host of ["0.0.0.0", "::", "::1", "localhost", "a-b.example", "my_host"]) {
    assert(isAllowed("listen.host", host), host);
  }
  for (const host of ["", "a b", "a/b", "http://a", "[::1]", "a\n"]) {
    assert(!isAllowed("listen.host", host), host);
  }
});

Deno.test("ConfigSchema takes mappings only, where YAML has dates and bytes, too", () => {
  for (const value of ["2001-01-01", "!!binary aGVsbG8=", "!!omap [a: b]", "!!pairs [a: b]"]) {
    for (const key of ["listen", "mirrors", "locations", "probe"]) {
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

Deno.test("ConfigSchema makes a JSON Schema that knows every key and no other", () => {
  const schema = toJsonSchema(ConfigSchema, { typeMode: "input", errorMode: "ignore" });
  assertEquals(
    Object.keys(schema.properties ?? {}).sort(),
    ("client_address listen locations log mirrors pages probe rules signature_upstream upstreams")
      .split(" "),
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
