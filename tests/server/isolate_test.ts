import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { addNumbers } from "../../lib/observe/numbers.ts";
import { createNumbering } from "../../lib/redirect/setup.ts";
import {
  createIsolate,
  describeFailure,
  type Isolate,
  type IsolateOptions,
  type Report,
} from "../../lib/server/isolate.ts";
import { createProgramMemory, type ProgramMemory } from "../../lib/server/memory.ts";
import { createFakeListen, type FakeListener, withUpstream } from "./fixture.ts";
import {
  CONFIG,
  type ConfigFile,
  createSetup,
  DATA_SET,
  DIGEST,
  MAIN,
  OTHER_DIGEST,
} from "../redirect/fixture.ts";
import { createVirtualClock, settle, type VirtualClock } from "../mirrors/virtual_clock.ts";
import { BEGUN } from "../redirect/fixture.ts";

/** An isolate without a thread and a socket. */
interface Stage {
  readonly isolate: Isolate;
  readonly timers: VirtualClock;
  readonly memory: ProgramMemory;
  /** What it has told, since it was last looked at. */
  readonly told: () => Report[];
  /** Where it is asked, once it has started. */
  readonly listener: () => FakeListener;
  readonly start: (file: ConfigFile) => Promise<void>;
  readonly change: (file: ConfigFile) => Promise<void>;
}

function createStage(options: Partial<IsolateOptions> = {}): Stage {
  const timers = createVirtualClock(BEGUN);
  const memory = createProgramMemory(2);
  const numbering = createNumbering();
  const { listen, listeners } = createFakeListen({
    bad: new Deno.errors.InvalidData("no certificate"),
  });
  const reports: Report[] = [];
  const unreachable = () => Promise.reject(new TypeError("no network"));
  const isolate = createIsolate({
    dataSet: DATA_SET,
    listen,
    report: (report) => void reports.push(report),
    fetch: unreachable,
    fetchAnew: options.fetch ?? unreachable,
    now: timers.now,
    timeOfDay: timers.now,
    later: timers.later,
    random: () => 0.5,
    ...options,
  });
  return {
    isolate,
    timers,
    memory,
    told: () => reports.splice(0),
    listener: () => listeners[0]!,
    start: (file) =>
      isolate.take({
        kind: "start",
        setup: createSetup(file, { numbering }),
        listener: { host: "127.0.0.1", port: 8080, shared: true, tls: undefined },
        memory: memory.of(1),
      }),
    async change(file) {
      const changing = isolate.take({ kind: "change", setup: createSetup(file, { numbering }) });
      await timers.pass(1000);
      await changing;
    },
  };
}

/** A `fetch` that answers every request as it is told to. */
function answering(status: () => number): typeof fetch {
  return () => Promise.resolve(new Response(null, { status: status() }));
}

const blob = (digest: string) => `/v2/a/blobs/${digest}`;

async function locationOf(response: Promise<Response>): Promise<string | null> {
  return (await response).headers.get("location");
}

/** A configuration of one mirror for all. */
const ONE_MIRROR: ConfigFile = {
  ...CONFIG,
  client_address: { header: null },
  mirrors: { only: { url: "https://only.example" } },
  rules: [{ clients: ["*"], mirrors: ["only"] }],
};

Deno.test("an isolate listens where it is told to, and says where that is", async () => {
  const { start, told, listener, isolate } = createStage();
  assertEquals(isolate.redirector(), undefined);
  await start(CONFIG);
  const { host, port, shared, tls } = listener().options;
  assertEquals({ host, port, shared, tls }, {
    host: "127.0.0.1",
    port: 8080,
    shared: true,
    tls: undefined,
  });
  assertEquals(told(), [
    { kind: "ready", address: { transport: "tcp", hostname: "127.0.0.1", port: 8080 } },
  ]);
  assert(isolate.redirector() !== undefined);
});

Deno.test("an isolate that cannot listen rejects its order", async () => {
  const { start, told } = createStage({
    listen() {
      throw new Deno.errors.AddrInUse("taken");
    },
  });
  await assertRejects(() => start(CONFIG), Deno.errors.AddrInUse);
  assertEquals(told(), []);
});

Deno.test("an isolate serves by the setup that it was given last", async () => {
  const { start, change, told, listener } = createStage();
  await start(CONFIG);
  const { ask } = listener();
  assertEquals(await locationOf(ask("/v2/a/tags/list")), `${MAIN}a/tags/list`);
  told();
  await change(withUpstream("https://second.example"));
  assertEquals(told(), [{ kind: "changed" }]);
  assertEquals(await locationOf(ask("/v2/a/tags/list")), "https://second.example/v2/a/tags/list");
});

Deno.test("an isolate keeps what it knows of blobs when its setup changes, and forgets a blob that is lost", async () => {
  let heads = 0;
  const { start, change, listener, isolate, timers } = createStage({
    fetch: answering(() => (heads++, 200)),
  });
  await start(ONE_MIRROR);
  const { ask } = listener();
  const found = `https://only.example/${DIGEST}`;
  assertEquals(await locationOf(ask(blob(DIGEST))), found);
  await change({ ...ONE_MIRROR, probe: { max_in_flight: 9 } });
  // So late that nobody takes it for a second try.
  await timers.pass(60_000);
  assertEquals(await locationOf(ask(blob(DIGEST))), found);
  assertEquals(heads, 1);
  await isolate.take({ kind: "forget", mirror: 0, digest: DIGEST });
  await timers.pass(60_000);
  assertEquals(await locationOf(ask(blob(DIGEST))), found);
  assertEquals(heads, 2);
});

Deno.test("an isolate tells of blobs that a mirror has, of answers that it did not get, and counts in its memory", async () => {
  let fails = false;
  const { start, told, listener, memory } = createStage({
    fetch: () =>
      fails
        ? Promise.reject(new TypeError("fetch failed", { cause: new Error("refused") }))
        : Promise.resolve(new Response()),
  });
  await start(ONE_MIRROR);
  told();
  const { ask } = listener();
  assertEquals(await locationOf(ask(blob(DIGEST))), `https://only.example/${DIGEST}`);
  assertEquals(told()[0], { kind: "sample", mirror: 0, digest: DIGEST });
  fails = true;
  assertEquals(await locationOf(ask(blob(OTHER_DIGEST))), `${MAIN}a/blobs/${OTHER_DIGEST}`);
  const reports = told();
  assertEquals(reports.filter(({ kind }) => kind !== "unanswered"), [{
    kind: "suspect",
    mirror: 0,
  }]);
  assertEquals(reports.find(({ kind }) => kind === "unanswered"), {
    kind: "unanswered",
    url: `https://only.example/${OTHER_DIGEST}`,
    reason: "refused",
  });
  assertEquals(addNumbers(memory.numbers).requests("blob", 307), 2);
  assertEquals(addNumbers([memory.of(0).numbers]).requests("blob", 307), 0);
});

Deno.test("an isolate tells once that a mirror had none of a hundred blobs, with its answer", async () => {
  const { start, told, listener, timers } = createStage({ fetch: answering(() => 404) });
  await start(ONE_MIRROR);
  for (let count = 0; count < 120; count++) {
    await listener().ask(blob(`sha256:${count.toString(16).padStart(64, "0")}`));
    await timers.pass(100);
  }
  const [nothing, ...more] = told().filter(({ kind }) => kind === "nothing_found");
  assert(nothing?.kind === "nothing_found");
  assertEquals([nothing.mirror, nothing.blobs, more], ["only", 100, []]);
  assertMatch(nothing.answer, /404/);
});

Deno.test("an isolate tells of a request whose client address cannot be read", async () => {
  const { start, told, listener } = createStage();
  await start(CONFIG);
  told();
  const { status } = await listener().ask(blob(DIGEST), { "x-forwarded-for": "nobody, 10.0.0.1" });
  assertEquals(status, 400);
  const [report, ...more] = told();
  assert(report?.kind === "no_address" && more.length === 0);
  assertMatch(report.reason, /x-forwarded-for/i);
});

Deno.test("an isolate lists hosts that others have seen, and those that it starts with", async () => {
  const { isolate, start, listener } = createStage();
  await start({ ...CONFIG, pages: { backends: true } });
  await isolate.take({ kind: "see", seen: { upstream: "main", authority: "seen.example:443" } });
  const text = await (await listener().ask("/backends")).text();
  assertMatch(text, /^seen\.example:443\tblobs of main that no mirror has$/m);
});

Deno.test("an isolate tells where a relaying upstream sends a client for the first time", async () => {
  const { start, told, listener } = createStage({
    fetch: () =>
      Promise.resolve(
        new Response(null, { status: 307, headers: { location: "https://cdn.example/x?s=1" } }),
      ),
  });
  await start({ upstreams: { main: { endpoint: "https://upstream.example", pull: "relay" } } });
  for (let time = 0; time < 2; time++) {
    const { status } = await listener().ask(blob(DIGEST), { host: "registry.example" });
    assertEquals(status, 307);
  }
  const seen = { upstream: "main", authority: "cdn.example:443" };
  assertEquals(told().filter(({ kind }) => kind === "redirect_host"), [
    { kind: "redirect_host", seen },
  ]);
});

Deno.test("an isolate hands on the lines of the pull log, the last when it is stopped", async () => {
  const { start, told, listener, isolate, timers } = createStage();
  await start({ ...CONFIG, log: { pulls: true } });
  told();
  const linesOf = (reports: Report[]) =>
    reports.flatMap((report) =>
      report.kind === "pulls" ? [JSON.parse(new TextDecoder().decode(report.lines)).repository] : []
    );
  await listener().ask("/v2/a/tags/list");
  await timers.pass(100);
  assertEquals(linesOf(told()), ["a"]);
  await listener().ask("/v2/b/tags/list");
  const stopping = isolate.take({ kind: "stop", giveUpMs: 60_000 });
  listener().finish();
  await stopping;
  const reports = told();
  assertEquals(linesOf(reports), ["b"]);
  assertEquals(reports.at(-1), { kind: "stopped" });
});

Deno.test("an isolate that is stopped drains, and ends what is waited for when there is no more time", async () => {
  const { start, told, listener, isolate, timers } = createStage({
    fetch: (_: unknown, init?: RequestInit) => untilAborted(init!.signal!),
  });
  await start({ ...ONE_MIRROR, probe: { timeout_ms: 60_000 } });
  const pull = listener().ask(blob(DIGEST));
  await settle();
  told();
  let stopped = false;
  const stopping = isolate.take({ kind: "stop", giveUpMs: 3000 }).then(() => stopped = true);
  assertEquals(listener().done, ["stop"]);
  await timers.pass(3000);
  assertEquals(await locationOf(pull), `${MAIN}a/blobs/${DIGEST}`);
  assertEquals(stopped, false);
  listener().finish();
  await stopping;
  assertEquals(told().at(-1), { kind: "stopped" });
  assertEquals(timers.waiting, 0);
});

/** A promise that is rejected when a signal is aborted. */
function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

Deno.test("an isolate serves with another certificate, or keeps its own and says why", async () => {
  const { start, listener, isolate } = createStage();
  await start(CONFIG);
  await isolate.take({ kind: "certify", tls: { cert: "next", key: "k" } });
  const bad = { kind: "certify", tls: { cert: "bad", key: "k" } } as const;
  await assertRejects(() => isolate.take(bad), Deno.errors.InvalidData);
  assertEquals(listener().done, ["next"]);
});

Deno.test("an isolate tells what went wrong that should not, and counts the 500", async () => {
  const { start, told, listener, memory } = createStage({
    tellRoute() {
      throw new Error("the routes are broken");
    },
  });
  await start(CONFIG);
  told();
  assertEquals((await listener().ask("/v2/")).status, 500);
  const [report] = told();
  assert(report?.kind === "failed");
  assertMatch(report.reason, /^Error: the routes are broken\n +at /);
  assertEquals(addNumbers(memory.numbers).requests("nothing", 500), 1);
});

Deno.test("an isolate that has not begun has nothing to change or to stop, and says so", async () => {
  const { isolate, told } = createStage();
  await isolate.take({ kind: "change", setup: createSetup(CONFIG) });
  await isolate.take({ kind: "certify", tls: { cert: "next", key: "k" } });
  await isolate.take({ kind: "forget", mirror: 0, digest: DIGEST });
  await isolate.take({ kind: "stop", giveUpMs: 60_000 });
  assertEquals(told(), [{ kind: "changed" }, { kind: "stopped" }]);
});

Deno.test("describeFailure() tells where it was, if that is known", () => {
  assert(describeFailure(new Error("broken")).startsWith("Error: broken\n    at "));
  const stackless = Object.assign(new Error("nowhere"), { stack: undefined });
  const table = [
    { asked: stackless, expected: "nowhere" },
    { asked: "no error at all", expected: "no error at all" },
    { asked: undefined, expected: "undefined" },
  ];
  for (const { asked, expected } of table) assertEquals(describeFailure(asked), expected);
});

const FILLED: ConfigFile = { ...ONE_MIRROR, fill: { repositories: ["a"] } };

Deno.test("an isolate tells what its mirrors lacked, where the configuration fills them", async () => {
  for (const [config, expected] of [[FILLED, true], [ONE_MIRROR, false]] as const) {
    const { start, told, listener, isolate, timers } = createStage({ fetch: answering(() => 404) });
    await start(config);
    told();
    await listener().ask(blob(DIGEST));
    await listener().ask(blob(DIGEST));
    isolate.redirector()!.flushMisses();
    const counted = { name: "a", digest: DIGEST, count: 2 };
    const misses = [{ kind: "misses", misses: [counted] } as const];
    assertEquals(told().filter(({ kind }) => kind === "misses"), expected ? misses : []);
    await listener().ask(blob(DIGEST));
    await timers.pass(1000);
    assertEquals(told().filter(({ kind }) => kind === "misses").length, expected ? 1 : 0);
  }
});

Deno.test("an isolate sends nobody to a mirror for what is about to be deleted there", async () => {
  let heads = 0;
  const { start, change, listener, isolate, timers } = createStage({
    fetch: answering(() => (heads++, 200)),
  });
  await start(ONE_MIRROR);
  const { ask } = listener();
  const found = `https://only.example/${DIGEST}`;
  const upstream = `${MAIN}a/blobs/${DIGEST}`;
  assertEquals(await locationOf(ask(blob(DIGEST))), found);
  const leaving = new Map([["only", new Set([DIGEST])], ["another", new Set([DIGEST])]]);
  await isolate.take({ kind: "leave", leaving });
  assertEquals(await locationOf(ask(blob(DIGEST))), upstream);
  await change({ ...ONE_MIRROR, probe: { max_in_flight: 9 } });
  await timers.pass(60_000);
  // It is asked again, and still has it.
  assertEquals(await locationOf(ask(blob(DIGEST))), upstream);
  assertEquals(heads, 2);
  assertEquals(await locationOf(ask(blob(OTHER_DIGEST))), `https://only.example/${OTHER_DIGEST}`);
  await isolate.take({ kind: "leave", leaving: new Map() });
  await timers.pass(60_000);
  assertEquals(await locationOf(ask(blob(DIGEST))), found);
});
