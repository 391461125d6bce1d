import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { createHead } from "../../lib/server/head.ts";
import { untilAborted } from "./fixture.ts";

const URL = "https://mirror.example/blobs/sha256:abc";
// So long that a timer that is left behind would be found.
const LONG_MS = 3_600_000;

interface Sent {
  readonly url: string;
  readonly init: RequestInit;
}

function createWorld(
  answer: (init: RequestInit) => Promise<Response>,
  { timeoutMs = LONG_MS } = {},
) {
  const sent: Sent[] = [];
  const failures: { url: string; reason: unknown }[] = [];
  const stop = new AbortController();
  const send = createHead({
    fetch(input, init) {
      sent.push({ url: String(input), init: init! });
      return answer(init!);
    },
    stop: stop.signal,
    onFailure: (url, reason) => failures.push({ url, reason }),
  });
  const head = (url: string) => send(url, timeoutMs);
  return { head, sent, failures, stop };
}

Deno.test("head() sends a HEAD request that follows no redirect", async () => {
  const { head, sent, failures } = createWorld(() => Promise.resolve(new Response()));
  assertEquals(await head(URL), 200);
  assertEquals(sent.length, 1);
  const { url, init } = sent[0]!;
  assertEquals(url, URL);
  assertEquals(init.method, "HEAD");
  assertEquals(init.redirect, "manual");
  assertEquals(init.body, undefined);
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
  assertEquals(failures, []);
});

Deno.test("head() gives the status, whatever it is", async () => {
  for (const status of [200, 204, 301, 307, 401, 403, 404, 429, 500, 503]) {
    const { head, failures } = createWorld(() => Promise.resolve(new Response(null, { status })));
    assertEquals(await head(URL), status);
    assertEquals(failures, []);
  }
});

Deno.test("head() cancels a body that comes all the same", async () => {
  let cancelled = 0;
  const { head } = createWorld(() =>
    Promise.resolve(new Response(new ReadableStream({ cancel: () => void cancelled++ })))
  );
  assertEquals(await head(URL), 200);
  assertEquals(cancelled, 1);
});

Deno.test("head() counts a request without an answer as failed, and tells why", async () => {
  const reason = new TypeError("cannot connect");
  const failing: (() => Promise<Response>)[] = [
    () => Promise.reject(reason),
    () => {
      throw reason;
    },
  ];
  for (const fail of failing) {
    const { head, failures } = createWorld(fail);
    assertEquals(await head(URL), "failed");
    assertEquals(failures, [{ url: URL, reason }]);
  }
});

Deno.test("head() gives up when no answer comes in time", async () => {
  const { head, failures } = createWorld(({ signal }) => untilAborted(signal!), {
    timeoutMs: 5.25,
  });
  assertEquals(await head(URL), "failed");
  assertEquals(failures.map(({ url }) => url), [URL]);
  const { reason } = failures[0]!;
  assert(reason instanceof DOMException);
  assertEquals(reason.name, "TimeoutError");
  assertEquals(reason.message, "no answer in 5 ms");
});

Deno.test("head() gives up when it is stopped while it waits", async () => {
  const { head, failures, stop } = createWorld(({ signal }) => untilAborted(signal!));
  const answers = [head(URL), head(`${URL}d`)];
  stop.abort();
  assertEquals(await Promise.all(answers), ["unsent", "unsent"]);
  assertEquals(failures.map(({ url }) => url), [URL, `${URL}d`]);
  for (const { reason } of failures) {
    assert(reason instanceof DOMException);
    assertEquals(reason.name, "AbortError");
  }
});

Deno.test("head() waits for nothing when it was stopped before", async () => {
  const { head, failures, stop } = createWorld(({ signal }) => untilAborted(signal!));
  stop.abort();
  assertEquals(await head(URL), "unsent");
  assertEquals(failures.length, 1);
});

Deno.test("head() leaves a request alone once it is answered", async () => {
  const { head, sent, stop, failures } = createWorld(() => Promise.resolve(new Response()));
  await head(URL);
  stop.abort();
  assertStrictEquals(sent[0]!.init.signal!.aborted, false);
  assertEquals(failures, []);
});

Deno.test("head() does not blame a server for what this machine has no file left for", async () => {
  const cases = [
    { reason: new TypeError("Too many open files (os error 24)"), answer: "unsent" },
    {
      reason: new TypeError("error sending request", {
        cause: new Error("dns error", { cause: new Error("too many open files in system") }),
      }),
      answer: "unsent",
    },
    { reason: new TypeError("tcp connect error: (os error 23)"), answer: "unsent" },
    {
      reason: new TypeError("error sending request", {
        cause: new Error("Connection refused (os error 111)"),
      }),
      answer: "failed",
    },
    { reason: "too many open files", answer: "failed" },
  ] as const;
  for (const { reason, answer } of cases) {
    const { head, failures } = createWorld(() => Promise.reject(reason));
    assertEquals(await head(URL), answer, String(reason));
    assertEquals(failures.length, 1);
  }
});
