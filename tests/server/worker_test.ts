import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  createWorker,
  describeFailure,
  describeReason,
  type Report,
} from "../../lib/server/worker.ts";
import { type Child, type Event, startChild } from "./child.ts";
import {
  CONFIG,
  type ConfigFile,
  createSetup,
  DATA_SET,
  DIGEST,
  MAIN,
  OTHER_DIGEST,
} from "./fixture.ts";
import { locationAt, startTestMirror } from "./mirror.ts";
import type { ChildOrder, ChildWorker } from "./worker_child.ts";

/** A port that was free a moment ago. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Stops a worker, and gives what it told before it said that it has stopped. */
async function stop(worker: Started, giveUpMs = 60_000): Promise<Event[]> {
  await worker.order({ kind: "stop", giveUpMs });
  const told: Event[] = [];
  for (;;) {
    const event = await worker.next();
    assert(event !== undefined, "it has ended, and did not stop");
    if (event.kind === "stopped") break;
    told.push(event);
  }
  assertEquals(await worker.next(), { ended: true });
  assertEquals(await worker.status(), 0);
  return told;
}

interface Started extends Child {
  readonly port: number;
  readonly order: (order: ChildOrder) => Promise<void>;
}

async function startWorker(config: ConfigFile, so: ChildWorker = {}): Promise<Started> {
  const child = startChild("worker_child.ts", so, { sharing: true });
  const port = freePort();
  const order = (order: ChildOrder) => child.tell(order);
  await order({ kind: "start", config, port });
  assertEquals(await child.next(), { kind: "ready" });
  return { ...child, [Symbol.asyncDispose]: child[Symbol.asyncDispose], port, order };
}

const blob = (digest: string) => `/v2/a/blobs/${digest}`;
const upstreamBlob = (digest: string) => `${MAIN}a/blobs/${digest}`;

Deno.test("a worker serves by the setup that it was given last, until it is stopped", async () => {
  await using worker = await startWorker(CONFIG);
  assertEquals(await locationAt(worker.port, "/v2/a/tags/list"), `${MAIN}a/tags/list`);
  const upstreams = { main: { endpoint: "https://new.example" } };
  await worker.order({ kind: "change", config: { ...CONFIG, upstreams } });
  assertEquals(await worker.next(), { kind: "changed" });
  assertEquals(
    await locationAt(worker.port, "/v2/a/tags/list"),
    "https://new.example/v2/a/tags/list",
  );
  assertEquals(await stop(worker), []);
});

/** A configuration of one mirror for all. */
function withMirror(url: string, more: ConfigFile = {}): ConfigFile {
  const rules = [{ clients: ["*"], mirrors: ["only"] }];
  const probe = { timeout_ms: 60_000 };
  return {
    ...CONFIG,
    client_address: { header: null },
    mirrors: { only: { url } },
    rules,
    probe,
    ...more,
  };
}

Deno.test("a worker tells of blobs that a mirror has, of failures, and counts in its memory", async () => {
  await using mirror = startTestMirror();
  mirror.answer(200);
  const health = { down_after: 2 };
  await using worker = await startWorker(withMirror(mirror.url, { health }));
  const { port, next, order } = worker;
  assertEquals(await locationAt(port, blob(DIGEST)), `${mirror.url}/${DIGEST}`);
  const sample = { digest: DIGEST, found: true };
  assertEquals(await next(), { kind: "sample", mirror: 0, sample });
  // Another is as good, and told of when a second has passed; one that failed, never.
  await order({ kind: "pass", ms: 999 });
  assertEquals(await next(), { passed: 999 });
  const second = `sha256:${"2".repeat(64)}`;
  assertEquals(await locationAt(port, blob(second)), `${mirror.url}/${second}`);
  await order({ kind: "pass", ms: 1 });
  assertEquals(await next(), { passed: 1 });
  assertEquals(await locationAt(port, blob(OTHER_DIGEST)), `${mirror.url}/${OTHER_DIGEST}`);
  const other = { digest: OTHER_DIGEST, found: true };
  assertEquals(await next(), { kind: "sample", mirror: 0, sample: other });
  mirror.answer(503);
  for (const digit of ["3", "4"]) {
    const digest = `sha256:${digit.repeat(64)}`;
    assertEquals(await locationAt(port, blob(digest)), upstreamBlob(digest));
  }
  assertEquals(await next(), { kind: "mirror_down", mirror: "only", answer: 503 });
  await order({ kind: "count" });
  assertEquals(await next(), { blobs: 5 });
  assertEquals(await stop(worker), []);
});

Deno.test("a worker hands on the lines of the pull log, the last when it is stopped", async () => {
  await using worker = await startWorker({ ...CONFIG, log: { pulls: true } });
  const { port, next } = worker;
  await locationAt(port, "/v2/a/tags/list");
  const first = await next();
  assertEquals(first!.kind, "pulls");
  assertEquals(JSON.parse(String(first!.lines)).repository, "a");
  await locationAt(port, "/v2/b/tags/list");
  const told = await stop(worker);
  assertEquals(told.map(({ lines }) => JSON.parse(String(lines)).repository), ["b"]);
});

Deno.test("a worker that is stopped ends what is waited for, and answers it", async () => {
  await using mirror = startTestMirror();
  await using worker = await startWorker(withMirror(mirror.url));
  const { port } = worker;
  const pull = locationAt(port, blob(DIGEST));
  assertEquals(await mirror.nextAsked(), `/${DIGEST}`);
  const told = await stop(worker, 1);
  assertEquals(told, [
    { kind: "unanswered", url: `${mirror.url}/${DIGEST}`, reason: "stopping" },
  ]);
  assertEquals(await pull, upstreamBlob(DIGEST));
});

Deno.test("a worker tells what went wrong that should not, and answers 500", async () => {
  await using worker = await startWorker(CONFIG, { broken: true });
  const response = await fetch(`http://127.0.0.1:${worker.port}/v2/`);
  assertEquals(response.status, 500);
  await response.body?.cancel();
  const report = await worker.next();
  assertEquals(report!.kind, "failed");
  assertMatch(String(report!.reason), /^Error: the routes are broken\n +at /);
  assertEquals(await stop(worker), []);
});

Deno.test("a worker that has not begun has nothing to change or to stop, and says so", async () => {
  const reports: Report[] = [];
  const take = createWorker({
    dataSet: DATA_SET,
    report: (report) => void reports.push(report),
    fetch,
    now: () => 1,
    timeOfDay: () => 0,
    random: () => 0,
  });
  await take({ kind: "change", setup: createSetup(CONFIG) });
  await take({ kind: "stop", giveUpMs: 60_000 });
  assertEquals(reports, [{ kind: "changed" }, { kind: "stopped" }]);
});

Deno.test("a failure is told in words, with what it was caused by, or where it was", () => {
  const cause = new Error("connection refused");
  const reasons = [
    { reason: new TypeError("fetch failed", { cause }), told: "connection refused" },
    { reason: new TypeError("fetch failed", { cause: "none" }), told: "fetch failed" },
    { reason: new DOMException("no answer in 5 ms", "TimeoutError"), told: "no answer in 5 ms" },
    { reason: "no error at all", told: "no error at all" },
  ];
  for (const { reason, told } of reasons) assertEquals(describeReason(reason), told);
  assert(describeFailure(cause).startsWith("Error: connection refused\n    at "));
  assertEquals(
    describeFailure(Object.assign(new Error("nowhere"), { stack: undefined })),
    "nowhere",
  );
  assertEquals(describeFailure(undefined), "undefined");
});
