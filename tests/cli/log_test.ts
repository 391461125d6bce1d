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

Deno.test("the log has a line for each event", () => {
  const changes = [
    { provider: "aws", added: ["a", "b"], removed: ["c"], lost: 1, before: 9 },
    { provider: "gcp", added: [], removed: [], lost: 0, before: 5 },
  ];
  const table: { asked: (log: ProgramLog) => void; expected: Record<string, unknown> }[] = [
    {
      asked: (log) => log.listening(ADDRESS, { admin: ADMIN, isolates: 2 }),
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
      asked: (log) => log.stopping("SIGTERM"),
      expected: { level: "INFO", message: "stopping", signal: "SIGTERM" },
    },
    {
      asked: (log) => log.unanswered("https://a.example/1", new Error("refused")),
      expected: {
        level: "WARN",
        message: "HEAD requests without an answer",
        server: "https://a.example",
        count: 1,
        reason: "refused",
      },
    },
    {
      asked: (log) => log.mirrorDown("one", 503),
      expected: { level: "WARN", message: "mirror is down", mirror: "one", answer: 503 },
    },
    {
      asked: (log) => log.mirrorDown("one", "failed"),
      expected: { level: "WARN", message: "mirror is down", mirror: "one", answer: "failed" },
    },
    {
      asked: (log) => log.mirrorUp("one"),
      expected: { level: "INFO", message: "mirror is up", mirror: "one" },
    },
    {
      asked: (log) => log.mirrorLost("one", "sha256:12"),
      expected: {
        level: "WARN",
        message: "mirror has lost a blob, and is asked anew for all",
        mirror: "one",
        digest: "sha256:12",
      },
    },
    {
      asked: (log) => log.reloadRefused("it has a mistake:\n  here"),
      expected: {
        level: "ERROR",
        message: "configuration not reloaded: the old one stays",
        reason: "it has a mistake:\n  here",
      },
    },
    {
      asked: (log) => log.refreshed(changes),
      expected: {
        level: "INFO",
        message: "data set refreshed",
        aws: { added: 2, removed: 1 },
        gcp: { added: 0, removed: 0 },
      },
    },
    {
      asked: (log) => log.refreshFailed(["aws: it answered 404", "gcp: it is no JSON"]),
      expected: {
        level: "ERROR",
        message: "data set not refreshed: the old one stays",
        reasons: ["aws: it answered 404", "gcp: it is no JSON"],
      },
    },
    {
      asked: (log) => log.workerReplaced("out of memory"),
      expected: {
        level: "ERROR",
        message: "a worker died and is replaced",
        reason: "out of memory",
      },
    },
    {
      asked: (log) => log.untraced(),
      expected: {
        level: "WARN",
        message: "OTEL_DENO is set, but the runtime makes no traces",
        hint: "a program makes them that was compiled for it: OTEL_DENO=true deno task compile",
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
  log.listening({ transport: "tcp", hostname: "::", port: 8080 }, so);
  log.listening(ADDRESS, { ...so, admin: { ...ADMIN, hostname: "::1" } });
  assertEquals(lines.map(({ url, admin }) => ({ url, admin })), [
    { url: "http://[::]:8080/", admin: undefined },
    { url: "http://0.0.0.0:80/", admin: "http://[::1]:9090/" },
  ]);
  const { log: secure, lines: told } = createLog("listen: { tls: { cert: c, key: k } }");
  secure.listening(ADDRESS, so);
  assertEquals(told[0]!.url, "https://0.0.0.0:80/");
});

Deno.test("the log takes a reload's level, and says what counts later", () => {
  const { log, lines } = createLog("log: { level: error }");
  const mirrors = "mirrors: { one: { url: https://one.example } }\n";
  log.reloaded(configOf(UPSTREAM), []);
  log.reloaded(configOf(UPSTREAM + mirrors), ["listen", "workers"]);
  log.reloaded(configOf(`${UPSTREAM}log: { level: warning }`), ["admin"]);
  log.reloaded(configOf(`${UPSTREAM}log: { level: error }`), ["admin"]);
  log.mirrorUp("one");
  log.mirrorDown("one", 500);
  const reloaded = (mirrors: number) => ({
    level: "INFO",
    message: "configuration reloaded",
    configuration: "built-in",
    mirrors,
    rules: 0,
  });
  const later = (...keys: string[]) => ({
    level: "WARN",
    message: "a change counts from the next start only",
    keys,
  });
  assertEquals(lines.map(factsOf), [
    reloaded(0),
    reloaded(1),
    later("listen", "workers"),
    later("admin"),
  ]);
});

Deno.test("the log tells of each silent server at most once in ten seconds, and how often", () => {
  const { log, lines, clock } = createLog();
  const silent = (url: string) => log.unanswered(url, new Error("refused"));
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

Deno.test("the log tells of each HEAD request without an answer at the level debug", () => {
  const { log, lines } = createLog("log: { level: debug }");
  for (const number of [1, 2]) log.unanswered(`https://a.example/${number}`, "refused");
  assertEquals(lines.map(({ level, url }) => ({ level, url })), [
    { level: "DEBUG", url: "https://a.example/1" },
    { level: "WARN", url: undefined },
    { level: "DEBUG", url: "https://a.example/2" },
  ]);
});

Deno.test("the log keeps the whole of an internal error", () => {
  const { log, lines } = createLog();
  log.failed(new RangeError("oops"));
  log.failed("a string");
  const stackless = new Error("no stack");
  delete stackless.stack;
  log.failed(stackless);
  assertEquals(lines.map(({ level }) => level), ["ERROR", "ERROR", "ERROR"]);
  assertStringIncludes(String(lines[0]!.reason), "RangeError: oops\n    at ");
  assertEquals(lines.slice(1).map(({ reason }) => reason), ["a string", "no stack"]);
});
