import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createServerLog, type ProgramLog } from "../../lib/cli/log.ts";
import type { Config } from "../../lib/config/config.ts";
import { readConfig } from "../../lib/config/read.ts";
import { createContext } from "./program.ts";

const UPSTREAM = "upstreams: { main: { endpoint: https://registry.example } }\n";

function configOf(text: string): Config {
  const read = readConfig(text, { environment: () => undefined, embedded: [] });
  if (read.kind !== "config") throw new Error(read.mistakes.join("\n"));
  return read.config;
}

function createLog(text = "") {
  const lines: Record<string, unknown>[] = [];
  const clock = { now: 0 };
  const context = createContext({
    err: (text) => void lines.push(JSON.parse(text)),
    now: () => clock.now,
  });
  const log = createServerLog(configOf(UPSTREAM + text), "built-in", context);
  return { log, lines, clock };
}

/** A line without its time and its logger, which every line has. */
function factsOf({ "@timestamp": time, logger, ...facts }: Record<string, unknown>) {
  assertMatch(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assertEquals(logger, "archeio");
  return facts;
}

const ADDRESS: Deno.NetAddr = { transport: "tcp", hostname: "0.0.0.0", port: 80 };
const ADMIN: Deno.NetAddr = { transport: "tcp", hostname: "127.0.0.1", port: 9090 };
const MIRROR = { name: "one", number: 0, url: "https://one.example", fallbackLimit: Infinity };
const EXTENT = { prefixes: 9, ipv4: 2304, ipv6: 0 };

Deno.test("the log has a line for each event", () => {
  const changes = [
    { provider: "aws", added: ["a", "b"], removed: ["c"], lost: 1, before: EXTENT, after: EXTENT },
    { provider: "gcp", added: [], removed: [], lost: 0, before: EXTENT, after: EXTENT },
  ];
  const table: { asked: (log: ProgramLog) => void; expected: Record<string, unknown> }[] = [
    {
      asked: (log) => log.onListening(ADDRESS, { admin: ADMIN, isolates: 2 }),
      expected: {
        level: "INFO",
        message: "listening",
        url: "http://0.0.0.0:80/",
        admin: "http://127.0.0.1:9090/",
        configuration: "built-in",
        upstreams: 1,
        mirrors: 0,
        rules: 0,
        workers: 2,
      },
    },
    {
      asked: (log) => log.onStopping("SIGTERM"),
      expected: { level: "INFO", message: "stopping", signal: "SIGTERM" },
    },
    {
      asked: (log) => log.onUnanswered("https://a.example/1", "refused"),
      expected: {
        level: "WARN",
        message: "requests to a mirror or upstream without an answer",
        server: "https://a.example",
        count: 1,
        reason: "refused",
      },
    },
    {
      asked: (log) => log.onNoAddress("X-Forwarded-For has 1 entry"),
      expected: {
        level: "WARN",
        message: "requests are refused because their client address cannot be read",
        count: 1,
        reason: "X-Forwarded-For has 1 entry",
      },
    },
    {
      asked: (log) => log.onDown(MIRROR, "status 503"),
      expected: { level: "WARN", message: "mirror is down", mirror: "one", reason: "status 503" },
    },
    {
      asked: (log) => log.onUp(MIRROR, 61_234),
      expected: { level: "INFO", message: "mirror is up", mirror: "one", down_s: 61.2 },
    },
    {
      asked: (log) => log.onLost(MIRROR, "sha256:12"),
      expected: {
        level: "WARN",
        message: "mirror has lost a blob",
        mirror: "one",
        digest: "sha256:12",
      },
    },
    {
      asked: (log) => log.onForgotten(MIRROR, ["sha256:12", "sha256:34"]),
      expected: {
        level: "WARN",
        message: "mirror has lost blobs: everything cached for it is invalidated",
        mirror: "one",
        lost: 2,
        digest: "sha256:12",
      },
    },
    {
      asked: (log) => log.onNothingFound("one", 100, "status 403"),
      expected: {
        level: "WARN",
        message: "mirror has none of the blobs that it is asked for",
        mirror: "one",
        blobs: 100,
        answer: "status 403",
        hint: "is its URL right, and is it filled?",
      },
    },
    {
      asked: (log) => log.onCertified(),
      expected: { level: "INFO", message: "certificate renewed" },
    },
    {
      asked: (log) => log.onCertificateRefused(new Deno.errors.InvalidData("no PEM")),
      expected: {
        level: "ERROR",
        message: "certificate not renewed: the old one stays",
        reason: "no PEM",
      },
    },
    {
      asked: (log) => log.onReloadRefused("it has a mistake:\n  here"),
      expected: {
        level: "ERROR",
        message: "configuration not reloaded: the old one stays",
        reason: "it has a mistake:\n  here",
      },
    },
    {
      asked: (log) => log.onRefreshed(changes),
      expected: {
        level: "INFO",
        message: "data set refreshed",
        aws: { added: 2, removed: 1 },
        gcp: { added: 0, removed: 0 },
      },
    },
    {
      asked: (log) => log.onRefreshFailed(["aws: it answered 404", "gcp: it is not JSON"]),
      expected: {
        level: "ERROR",
        message: "providers not refreshed: their old data stays",
        reasons: ["aws: it answered 404", "gcp: it is not JSON"],
      },
    },
    {
      asked: (log) => log.onIsolateReplaced("out of memory"),
      expected: {
        level: "ERROR",
        message: "an isolate died and is replaced",
        reason: "out of memory",
      },
    },
    {
      asked: (log) => log.builtIn(),
      expected: {
        level: "WARN",
        message: "no configuration is given: the images of registry.k8s.io are served",
        hint: "name a file with --config or ARCHEIO_CONFIG, or an upstream with " +
          "UPSTREAM_REGISTRY_ENDPOINT",
      },
    },
    {
      asked: (log) => log.openAdmin({ host: "0.0.0.0", port: 9090 }),
      expected: {
        level: "WARN",
        message: "anyone who reaches the admin listener can ask it",
        host: "0.0.0.0",
        hint: "set admin.token_file, or listen on 127.0.0.1",
      },
    },
    {
      asked: (log) => log.untraced(),
      expected: {
        level: "WARN",
        message: "OTEL_DENO is set, but the runtime makes no traces",
        hint: "compile the program with it: OTEL_DENO=true deno task compile",
      },
    },
  ];
  const { log, lines } = createLog();
  for (const { asked } of table) asked(log);
  assertEquals(lines.map(factsOf), table.map(({ expected }) => expected));
});

Deno.test("the log says where the server listens, in brackets on IPv6", () => {
  const { log, lines } = createLog();
  const so = { admin: undefined, isolates: 1 };
  log.onListening({ transport: "tcp", hostname: "::", port: 8080 }, so);
  log.onListening(ADDRESS, { ...so, admin: { ...ADMIN, hostname: "::1" } });
  assertEquals(lines.map(({ url, admin }) => ({ url, admin })), [
    { url: "http://[::]:8080/", admin: undefined },
    { url: "http://0.0.0.0:80/", admin: "http://[::1]:9090/" },
  ]);
  const { log: secure, lines: told } = createLog("listen: { tls: { cert: c, key: k } }");
  secure.onListening(ADDRESS, so);
  assertEquals(told[0]!.url, "https://0.0.0.0:80/");
});

Deno.test("the log takes a reload's level, and says what counts later", () => {
  const { log, lines } = createLog("log: { level: error }");
  const mirrors = "mirrors: { one: { url: https://one.example } }\n" +
    'rules: [{ clients: ["*"], mirrors: [one] }]\n';
  log.onReloaded(configOf(UPSTREAM), []);
  log.onReloaded(configOf(UPSTREAM + mirrors), ["listen", "workers"]);
  log.onReloaded(configOf(`${UPSTREAM}log: { level: warning }`), ["admin"]);
  log.onReloaded(configOf(`${UPSTREAM}log: { level: error }`), ["admin"]);
  log.onUp(MIRROR, 1000);
  log.onDown(MIRROR, "status 500");
  const reloaded = (mirrors: number, rules: number) => ({
    level: "INFO",
    message: "configuration reloaded",
    configuration: "built-in",
    mirrors,
    rules,
  });
  const later = (...keys: string[]) => ({
    level: "WARN",
    message: "a change needs a restart",
    keys,
  });
  assertEquals(lines.map(factsOf), [
    reloaded(0, 0),
    reloaded(1, 1),
    later("listen", "workers"),
    later("admin"),
  ]);
});

Deno.test("the log tells of each silent server at most once in ten seconds, and how often", () => {
  const { log, lines, clock } = createLog();
  const silent = (url: string) => log.onUnanswered(url, "refused");
  silent("https://a.example/blobs/1");
  silent("https://a.example/blobs/2");
  silent("https://b.example/blobs/1");
  clock.now = 9_999;
  silent("https://a.example/blobs/3");
  clock.now = 10_000;
  silent("https://a.example/blobs/4");
  assertEquals(lines.map(({ server, count, reason }) => ({ server, count, reason })), [
    { server: "https://a.example", count: 1, reason: "refused" },
    { server: "https://b.example", count: 1, reason: "refused" },
    { server: "https://a.example", count: 3, reason: "refused" },
  ]);
});

Deno.test("the log tells at most once in ten seconds that client addresses cannot be read, and how often", () => {
  const { log, lines, clock } = createLog();
  for (const now of [0, 1, 9_999, 10_000, 10_001, 30_000]) {
    clock.now = now;
    log.onNoAddress(`at ${now}`);
  }
  assertEquals(lines.map(({ level, count, reason }) => ({ level, count, reason })), [
    { level: "WARN", count: 1, reason: "at 0" },
    { level: "WARN", count: 3, reason: "at 10000" },
    { level: "WARN", count: 2, reason: "at 30000" },
  ]);
});

Deno.test("the log keeps count of so many silent servers as a configuration has, and of no more", () => {
  const { log, lines } = createLog();
  for (let server = 0; server <= 1000; server++) {
    for (const _ of [1, 2]) log.onUnanswered(`https://s${server}.example/`, "refused");
  }
  // Each is told of once; past the bound the count begins anew.
  assertEquals(lines.length, 1001);
  log.onUnanswered("https://s0.example/", "refused");
  assertEquals([lines.length, lines.at(-1)!.count], [1002, 1]);
});

Deno.test("the log tells of each request without an answer at the level debug", () => {
  const { log, lines } = createLog("log: { level: debug }");
  for (const number of [1, 2]) log.onUnanswered(`https://a.example/${number}`, "refused");
  assertEquals(lines.map(({ level, url }) => ({ level, url })), [
    { level: "DEBUG", url: "https://a.example/1" },
    { level: "WARN", url: undefined },
    { level: "DEBUG", url: "https://a.example/2" },
  ]);
});

Deno.test("the log keeps the whole of an internal error", () => {
  const { log, lines } = createLog();
  log.onFailed(new RangeError("oops"));
  log.onFailed("a string");
  const stackless = new Error("no stack");
  delete stackless.stack;
  log.onFailed(stackless);
  assertEquals(lines.map(({ level }) => level), ["ERROR", "ERROR", "ERROR"]);
  assertStringIncludes(String(lines[0]!.reason), "RangeError: oops\n    at ");
  assertEquals(lines.slice(1).map(({ reason }) => reason), ["a string", "no stack"]);
});
