import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { createAsker, describeReason } from "../../lib/mirrors/asker.ts";
import { createFakeServers, REFUSED, type Reply, type Sent } from "./fake_servers.ts";
import { createVirtualClock, settle } from "./virtual_clock.ts";

const URL = "https://mirror.example/blobs/sha256:abc";
const TIMEOUT_MS = 1000;
const ANSWERED = {
  kind: "answered",
  status: 200,
  length: undefined,
  archived: false,
  retryAfterMs: undefined,
} as const;

function createWorld(reply: (sent: Sent) => Reply) {
  const clock = createVirtualClock();
  const servers = createFakeServers(clock, reply);
  const stop = new AbortController();
  const asker = createAsker({ ...servers, later: clock.later, stop: stop.signal });
  return { ...asker, clock, servers, sent: servers.sent, stop };
}

Deno.test("head() sends a HEAD request that follows no redirect", async () => {
  const { head, sent, clock } = createWorld(() => 200);
  assertEquals(await head(URL, TIMEOUT_MS), ANSWERED);
  assertEquals(sent.map(({ url, method, anew }) => ({ url, method, anew })), [
    { url: URL, method: "HEAD", anew: false },
  ]);
  const { init } = sent[0]!;
  assertEquals([init.redirect, init.body], ["manual", undefined]);
  const headers = new Headers(init.headers);
  assertEquals(headers.get("user-agent"), "archeio");
  const accepted = headers.get("accept")!.split(", ");
  for (
    const type of [
      "application/vnd.oci.image.index.v1+json",
      "application/vnd.oci.image.manifest.v1+json",
      "application/vnd.docker.distribution.manifest.list.v2+json",
      "application/vnd.docker.distribution.manifest.v2+json",
      "*/*",
    ]
  ) assert(accepted.includes(type), type);
  assertEquals(clock.waiting, 0, "its time limit is over");
});

Deno.test("firstByte() asks for the first byte by GET on a new connection", async () => {
  const { firstByte, sent, servers, clock } = createWorld(() => 206);
  assertEquals(await firstByte(URL, TIMEOUT_MS), { ...ANSWERED, status: 206 });
  const { method, anew, init } = sent[0]!;
  assertEquals([method, anew, init.redirect], ["GET", true, "manual"]);
  const headers = new Headers(init.headers);
  assertEquals(headers.get("range"), "bytes=0-0");
  assertEquals(headers.get("accept-encoding"), "identity");
  assertEquals([servers.cancelled, clock.waiting], [1, 0], "the rest of the body is not read");
});

Deno.test("an answer is told by its status and headers", async () => {
  const table: { headers: Record<string, string>; expected: Record<string, unknown> }[] = [
    { headers: { "content-length": "0" }, expected: { length: 0 } },
    { headers: { "content-length": "12" }, expected: { length: 12 } },
    { headers: { "retry-after": "7" }, expected: { retryAfterMs: 7000 } },
    { headers: { "retry-after": "Wed, 25 Nov 2026 02:00:00 GMT" }, expected: {} },
    { headers: { "retry-after": "-1" }, expected: {} },
    { headers: { "x-amz-storage-class": "GLACIER" }, expected: { archived: true } },
    { headers: { "x-amz-storage-class": "DEEP_ARCHIVE" }, expected: { archived: true } },
    { headers: { "x-amz-storage-class": "GLACIER_IR" }, expected: {} },
    { headers: { "x-amz-archive-status": "ARCHIVE_ACCESS" }, expected: { archived: true } },
    {
      headers: { "x-amz-storage-class": "GLACIER", "x-amz-restore": 'ongoing-request="true"' },
      expected: { archived: true },
    },
    {
      headers: {
        "x-amz-storage-class": "GLACIER",
        "x-amz-restore": 'ongoing-request="false", expiry-date="Fri, 21 Dec 2012 00:00:00 GMT"',
      },
      expected: { archived: false },
    },
  ];
  for (const { headers, expected } of table) {
    const { head } = createWorld(() => ({ status: 200, headers }));
    assertEquals(await head(URL, TIMEOUT_MS), { ...ANSWERED, ...expected }, String(expected));
  }
});

Deno.test("every status is an answer, and no redirect is followed", async () => {
  for (const status of [204, 301, 307, 401, 403, 404, 429, 500, 503]) {
    const { head, headAnew, firstByte, sent } = createWorld(() => status);
    for (const ask of [head, headAnew, firstByte]) {
      const answer = await ask(URL, TIMEOUT_MS);
      assertEquals(answer.kind === "answered" && answer.status, status);
    }
    assertEquals(sent.length, 3);
  }
});

Deno.test("a body of an error is not read", async () => {
  const { firstByte, servers } = createWorld(() => ({ status: 500, body: "stalls" }));
  assertEquals(await firstByte(URL, TIMEOUT_MS), { ...ANSWERED, status: 500 });
  assertEquals(servers.cancelled, 1);
});

Deno.test("firstByte() tells an answer without any byte as one of length 0", async () => {
  for (const body of ["empty", "none"] as const) {
    for (const status of [200, 206]) {
      const { firstByte } = createWorld(() => ({ status, body }));
      assertEquals(await firstByte(URL, TIMEOUT_MS), { ...ANSWERED, status, length: 0 });
    }
  }
});

Deno.test("firstByte() fails when an answer stalls before its first byte", async () => {
  const { firstByte, clock } = createWorld(() => ({ status: 206, body: "stalls" }));
  const answer = firstByte(URL, TIMEOUT_MS);
  await clock.goTo(TIMEOUT_MS);
  assertEquals(await answer, { kind: "failed", reason: "no answer in 1000 ms" });
});

Deno.test("head() tries once more on a new connection when the first one fails", async () => {
  const closed = { error: new TypeError("connection closed before message completed") };
  const { head, sent, clock } = createWorld(({ anew }) => anew ? 200 : closed);
  assertEquals(await head(URL, TIMEOUT_MS), ANSWERED);
  assertEquals(sent.map(({ method, anew }) => [method, anew]), [["HEAD", false], ["HEAD", true]]);
  assertEquals(clock.waiting, 0);
});

Deno.test("a request that fails says why, and only head() tries again", async () => {
  const table = [
    { ask: "head", tries: 2 },
    { ask: "headAnew", tries: 1 },
    { ask: "firstByte", tries: 1 },
  ] as const;
  for (const { ask, tries } of table) {
    const world = createWorld(() => "refuses");
    assertEquals(await world[ask](URL, TIMEOUT_MS), { kind: "failed", reason: REFUSED });
    assertEquals(world.sent.length, tries, ask);
  }
});

Deno.test("a time limit is of both tries", async () => {
  const { head, sent, clock } = createWorld(({ anew }) => anew ? "hangs" : "refuses");
  const answer = head(URL, TIMEOUT_MS);
  await clock.goTo(TIMEOUT_MS);
  assertEquals(await answer, { kind: "failed", reason: "no answer in 1000 ms" });
  assertEquals(sent.length, 2);
});

Deno.test("a server that hangs has failed once its time is over, and is not asked again", async () => {
  const table = [{ timeoutMs: 5.25, said: 5 }, { timeoutMs: 0.2, said: 1 }];
  for (const { timeoutMs, said } of table) {
    const { head, sent, clock } = createWorld(() => "hangs");
    const answer = head(URL, timeoutMs);
    await clock.goTo(timeoutMs - 0.1);
    assertEquals(clock.waiting, 1);
    await clock.goTo(timeoutMs);
    assertEquals(await answer, { kind: "failed", reason: `no answer in ${said} ms` });
    assertEquals([sent.length, clock.waiting], [1, 0]);
  }
});

Deno.test("what is under way when the program stops counts as not sent", async () => {
  const { head, firstByte, stop, clock } = createWorld(() => "hangs");
  const answers = [head(URL, TIMEOUT_MS), firstByte(URL, TIMEOUT_MS)];
  stop.abort();
  const unsent = { kind: "unsent", reason: "the program is stopping" } as const;
  assertEquals(await Promise.all(answers), [unsent, unsent]);
  assertEquals(clock.waiting, 0);
});

Deno.test("nothing is sent once the program stops", async () => {
  const { head, sent, stop } = createWorld(() => 200);
  stop.abort();
  assertEquals((await head(URL, TIMEOUT_MS)).kind, "unsent");
  assertEquals(sent, []);
});

Deno.test("a request that is answered is left alone", async () => {
  const { head, sent, stop, clock } = createWorld(() => 200);
  await head(URL, TIMEOUT_MS);
  stop.abort();
  await clock.pass(2 * TIMEOUT_MS);
  await settle();
  assertStrictEquals(sent[0]!.init.signal!.aborted, false);
});

Deno.test("a server is not blamed for what this machine lacks", async () => {
  const cause = (message: string) =>
    new TypeError("error sending request", { cause: Error(message) });
  const table: readonly { error: unknown; kind: "failed" | "unsent" }[] = [
    { error: new TypeError("Too many open files (os error 24)"), kind: "unsent" },
    { error: cause("dns error: Temporary failure in name resolution"), kind: "unsent" },
    { error: cause("tcp connect error: (os error 23)"), kind: "unsent" },
    { error: cause("Cannot assign requested address (os error 99)"), kind: "unsent" },
    { error: cause("Network is unreachable (os error 101)"), kind: "unsent" },
    {
      error: new TypeError("error sending request", {
        cause: new Error("dns error", { cause: new Error("too many open files in system") }),
      }),
      kind: "unsent",
    },
    { error: cause("Connection refused (os error 111)"), kind: "failed" },
    { error: cause("Connection reset by peer (os error 104)"), kind: "failed" },
    { error: cause("dns error: Name or service not known"), kind: "failed" },
    { error: cause("invalid peer certificate: Expired"), kind: "failed" },
    { error: "too many open files", kind: "failed" },
  ];
  for (const { error, kind } of table) {
    const { head, sent } = createWorld(() => ({ error }));
    const answer = await head(URL, TIMEOUT_MS);
    assertEquals(answer.kind, kind, describeReason(error));
    assertEquals(sent.length, kind === "failed" ? 2 : 1);
  }
});

Deno.test("describeReason() tells the cause rather than that something failed", () => {
  const table = [
    { reason: new Error("outer", { cause: new Error("inner") }), expected: "inner" },
    { reason: new Error("outer", { cause: "text" }), expected: "outer" },
    { reason: new Error("alone"), expected: "alone" },
    { reason: "text", expected: "text" },
    { reason: undefined, expected: "undefined" },
  ];
  for (const { reason, expected } of table) assertEquals(describeReason(reason), expected);
});

Deno.test("one byte of an object that is stored compressed was delivered, though it cannot be decoded", async () => {
  const table = [
    { status: 206, message: "unexpected end of file", kind: "answered" },
    { status: 206, message: "reached unexpected EOF", kind: "answered" },
    { status: 206, message: "error reading a body from connection", kind: "failed" },
    { status: 200, message: "unexpected end of file", kind: "failed" },
  ] as const;
  for (const { status, message, kind } of table) {
    const { later } = createVirtualClock();
    const fetchAnew = () =>
      Promise.resolve(
        new Response(new ReadableStream({ pull: (c) => c.error(new TypeError(message)) }), {
          status,
        }),
      );
    const { firstByte } = createAsker({
      fetch: fetchAnew,
      fetchAnew,
      later,
      stop: new AbortController().signal,
    });
    assertEquals((await firstByte(URL, TIMEOUT_MS)).kind, kind, message);
  }
});
