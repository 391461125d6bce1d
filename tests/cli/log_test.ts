import { assertEquals, assertStringIncludes } from "@std/assert";
import { readConfig } from "../../lib/config/read.ts";
import { reasonOf } from "../../lib/cli/load_config.ts";
import { createServerLog } from "../../lib/cli/log.ts";

function createLog() {
  const read = readConfig("upstreams: { main: { endpoint: https://registry.example } }", {
    environment: () => undefined,
    embedded: [],
  });
  if (read.kind !== "config") throw new Error(read.mistakes.join("\n"));
  const lines: Record<string, unknown>[] = [];
  const clock = { now: 0 };
  const log = createServerLog(read.config, "built-in", {
    environment: () => undefined,
    fetch,
    stdin: ReadableStream.from([]),
    out() {},
    err: (text) => void lines.push(JSON.parse(text)),
    now: () => clock.now,
  });
  return { log, lines, clock };
}

Deno.test("the log says where the server listens, in brackets on IPv6", () => {
  const { log, lines } = createLog();
  log.listening({ transport: "tcp", hostname: "::", port: 8080 });
  log.listening({ transport: "tcp", hostname: "0.0.0.0", port: 80 });
  assertEquals(lines.map(({ url }) => url), ["http://[::]:8080/", "http://0.0.0.0:80/"]);
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

Deno.test("reasonOf() says in a few words why something failed", () => {
  const table: { asked: unknown; expected: string }[] = [
    { asked: new Deno.errors.NotFound("os error 2"), expected: "there is no such file" },
    { asked: new Deno.errors.PermissionDenied("os error 13"), expected: "permission denied" },
    { asked: new Deno.errors.NotCapable("read"), expected: "Deno lets no program use it" },
    { asked: new Deno.errors.IsADirectory("os error 21"), expected: "it is a folder" },
    { asked: new TypeError("fetch failed", { cause: new Error("dns") }), expected: "dns" },
    { asked: new Error("else"), expected: "else" },
    { asked: "text", expected: "text" },
  ];
  for (const { asked, expected } of table) assertEquals(reasonOf(asked), expected);
});
