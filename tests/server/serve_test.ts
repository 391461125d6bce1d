import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { ListenError } from "../../lib/server/claim.ts";
import { valueOf } from "../observe/prometheus.ts";
import { temporaryFolder } from "../cli/program.ts";
import { createFakeListen } from "./fixture.ts";
import { type ConfigFile, DIGEST, MAIN, readTestConfig } from "../redirect/fixture.ts";
import { type Puppet, setupOf } from "./puppets.ts";
import { ONE_MIRROR, sendSignal, startStage } from "./serve_stage.ts";
import { settle } from "../mirrors/virtual_clock.ts";

const TAGS = "/v2/a/tags/list";
const BLOB = `/v2/a/blobs/${DIGEST}`;
const FOUND = `https://only.example/${DIGEST}`;
const IN_UPSTREAM = `${MAIN}a/blobs/${DIGEST}`;

const kindsOf = ({ orders }: Puppet) => orders.map(({ kind }) => kind);

async function locationOf(response: Promise<Response>): Promise<string | null> {
  return (await response).headers.get("location");
}

/** A reload of a configuration. */
const reread = (file: ConfigFile, tls?: { cert: string; key: string }) =>
  ({ kind: "config", config: readTestConfig(file), tls }) as const;

Deno.test("serve() says once where clients and operators ask, and is ready then", async () => {
  const { told, ask, askAdmin, listeners, end } = await startStage({ file: ONE_MIRROR });
  const [[kind, address, so] = [], ...more] = told();
  const at = (hostname: string) => ({ transport: "tcp", hostname, port: 1234 });
  assertEquals([kind, more], ["onListening", []]);
  assertEquals(address, at("127.0.0.1"));
  assertEquals(so, { admin: at("127.0.0.1"), isolates: 1 });
  assertEquals(listeners.map(({ options: { shared } }) => shared ?? false), [false, false]);
  assertEquals((await askAdmin("/readyz")).status, 200);
  assertEquals(await locationOf(ask(TAGS)), `${MAIN}a/tags/list`);
  await end();
});

Deno.test("serve() has no admin listener when the configuration has none", async () => {
  const { admin: _, ...file } = ONE_MIRROR;
  const { toldOf, listeners, end } = await startStage({ file });
  assertEquals(listeners.length, 1);
  assertEquals(toldOf("onListening")[0]![2], { admin: undefined, isolates: 1 });
  await end();
});

Deno.test("an isolate that is never ready keeps the server from nothing: it is ready, checks mirrors and fetches data", async () => {
  const file = { ...ONE_MIRROR, workers: 3, ranges: { refresh_h: 1 } };
  const { puppets, askAdmin, asked, timers, toldOf, end } = await startStage({ file });
  assertEquals(puppets.map(kindsOf), [["start"], ["start"]]);
  assertEquals(toldOf("onListening").length, 1);
  assertEquals((await askAdmin("/readyz")).status, 200);
  await timers.pass(60_000);
  const urls = asked();
  assert(urls.some((url) => url.startsWith("HEAD https://only.example/")));
  assert(urls.some((url) => url.startsWith("GET ") && !url.includes("only.example")));
  assertEquals(toldOf("onRefreshFailed").length, 1);
  await end();
});

Deno.test("serve() starts an isolate for each core, or as many as it is told to, on the port of the main one", async () => {
  for (
    const { workers, isolates } of [{ workers: "auto", isolates: 4 }, { workers: 2, isolates: 2 }]
  ) {
    const { puppets, toldOf, metrics, end } = await startStage({
      file: { ...ONE_MIRROR, workers },
    });
    const starts = puppets.flatMap(({ orders: [start] }) => start?.kind === "start" ? [start] : []);
    assertEquals(
      starts.map(({ memory: { slot } }) => slot),
      Array.from({ length: isolates - 1 }, (_, at) => at + 1),
    );
    for (const { listener } of starts) {
      assertEquals(listener, { host: "127.0.0.1", port: 1234, tls: undefined, shared: true });
    }
    assertEquals(toldOf("onListening")[0]![2], {
      admin: { transport: "tcp", hostname: "127.0.0.1", port: 1234 },
      isolates,
    });
    assertEquals(valueOf(await metrics(), "archeio_workers"), isolates);
    await end();
  }
});

Deno.test("serve() passes on all that isolates report", async () => {
  const stage = await startStage({ file: { ...ONE_MIRROR, workers: 2 } });
  const { puppets: [puppet], told, pulls, timers, asked, end } = stage;
  puppet!.ready();
  await timers.pass(2000);
  told();
  asked();
  puppet!.report({ kind: "failed", reason: "a fault" });
  puppet!.report({ kind: "unanswered", url: "https://other.example/", reason: "refused" });
  puppet!.report({ kind: "no_address", reason: "X-Forwarded-For has 1 entry" });
  puppet!.report({ kind: "nothing_found", mirror: "only", blobs: 100, answer: "status 403" });
  puppet!.report({ kind: "pulls", lines: new TextEncoder().encode("a pull\n") });
  puppet!.report({ kind: "sample", mirror: 0, digest: DIGEST });
  puppet!.report({ kind: "suspect", mirror: 0 });
  assertEquals(told(), [
    ["onFailed", "a fault"],
    ["onUnanswered", "https://other.example/", "refused"],
    ["onNoAddress", "X-Forwarded-For has 1 entry"],
    ["onNothingFound", "only", 100, "status 403"],
  ]);
  await timers.pass(0);
  assertEquals(pulls, ["a pull\n"]);
  // A mirror that is suspect is checked at once, by a blob that it had.
  assertEquals(asked()[0], `GET ${FOUND}`);
  await end();
});

Deno.test("serve() tells every isolate once where relaying upstreams send clients, and later ones as they start", async () => {
  const stage = await startStage({ file: { ...ONE_MIRROR, workers: 2 } });
  const { puppets, askAdmin, timers, end } = stage;
  puppets[0]!.ready();
  const seen = { upstream: "main", authority: "cdn.example:443" };
  for (let time = 0; time < 2; time++) puppets[0]!.report({ kind: "redirect_host", seen });
  await timers.pass(0);
  assertEquals(puppets[0]!.orders.filter(({ kind }) => kind === "see"), [{ kind: "see", seen }]);
  const { backends } = await (await askAdmin("/status")).json();
  const hosts = backends.map(({ host }: { host: string }) => host);
  assertEquals(hosts, ["cdn.example", "only.example", "upstream.example"]);
  puppets[0]!.die();
  while (puppets.length < 2) await timers.toNext();
  await timers.pass(0);
  const start = puppets[1]!.orders.find((order) => order.kind === "start");
  assertEquals(start?.kind === "start" && start.seen, [seen]);
  puppets[1]!.ready();
  await end();
});

Deno.test("serve() tells every isolate what is about to be deleted from mirrors", async () => {
  using folder = temporaryFolder({ "leaving.json": JSON.stringify({ only: [DIGEST] }) });
  const fill = { repositories: ["a"], state: folder.path };
  const stage = await startStage({ file: { ...ONE_MIRROR, workers: 2, fill } });
  const { blobs, ask, puppets: [puppet], timers, end } = stage;
  puppet!.ready();
  blobs.add(DIGEST);
  assertEquals(await locationOf(ask(BLOB)), FOUND);
  await timers.pass(60_000);
  // The file is read meanwhile.
  while (kindsOf(puppet!).at(-1) !== "leave") await new Promise((go) => setTimeout(go, 1));
  assertEquals(await locationOf(ask(BLOB)), IN_UPSTREAM);
  await end();
});

Deno.test("serve() has every isolate take a blob that a mirror has lost for missing", async () => {
  const stage = await startStage({ file: { ...ONE_MIRROR, workers: 2 } });
  const { blobs, ask, puppets: [puppet], toldOf, passUntil, asked, end } = stage;
  puppet!.ready();
  blobs.add(DIGEST);
  assertEquals(await locationOf(ask(BLOB)), FOUND);
  blobs.delete(DIGEST);
  await passUntil("onLost");
  assertEquals(toldOf("onLost"), [["onLost", "only", DIGEST]]);
  assertEquals(puppet!.orders.at(-1), { kind: "forget", mirror: 0, digest: DIGEST });
  asked();
  assertEquals(await locationOf(ask(BLOB)), IN_UPSTREAM);
  assertEquals(asked().includes(`HEAD ${FOUND}`), false);
  await end();
});

Deno.test("serve() tells once that a mirror is down and why, and once that it is up and for how long it was not", async () => {
  const { blobs, broken, ask, askAdmin, told, passUntil, timers, metrics, end } = await startStage({
    file: ONE_MIRROR,
  });
  const isUp = async () => valueOf(await metrics(), "archeio_mirror_up", { mirror: "only" });
  const explained = async () => {
    const response = await askAdmin(`/explain?address=192.0.2.1&path=${encodeURIComponent(BLOB)}`);
    const { mirrors, redirect } = await response.json();
    return [mirrors[0].state, redirect];
  };
  blobs.add(DIGEST);
  assertEquals(await locationOf(ask(BLOB)), FOUND);
  assertEquals(await explained(), ["up", FOUND]);
  broken.add("only.example");
  await passUntil("onDown");
  const downAt = timers.now();
  await timers.pass(300_000);
  assertEquals(told().filter(([kind]) => kind !== "onListening"), [
    ["onDown", "only", "status 500"],
  ]);
  assertEquals(await isUp(), 0);
  assertEquals(await explained(), ["down", IN_UPSTREAM]);
  // Though it is remembered that the blob is there.
  assertEquals(await locationOf(ask(BLOB)), IN_UPSTREAM);
  broken.clear();
  await passUntil("onUp");
  const [[kind, name, downMs] = []] = told();
  assertEquals([kind, name], ["onUp", "only"]);
  assert(Math.abs(Number(downMs) - (timers.now() - downAt)) <= 2000);
  assertEquals(await locationOf(ask(BLOB)), FOUND);
  const after = await metrics();
  for (const to of ["down", "up"]) {
    assertEquals(valueOf(after, "archeio_mirror_transitions_total", { to }), 1);
  }
  await end();
});

Deno.test("serve() reads its configuration at SIGHUP, has all isolates serve by it, and watches its mirrors", async () => {
  const stage = await startStage({ file: { ...ONE_MIRROR, workers: 2 } });
  const { rereads, signal, ask, puppets: [puppet], told, toldOf, timers, asked, metrics, end } =
    stage;
  puppet!.ready();
  const next = {
    ...ONE_MIRROR,
    upstreams: { main: { endpoint: "https://second.example" } },
    mirrors: { other: { url: "https://other.example" } },
    rules: [{ clients: ["*"], mirrors: ["other"] }],
    workers: 2,
  };
  rereads.push(reread(next), { kind: "refused", reason: "it has a mistake" });
  await sendSignal("SIGHUP");
  while (kindsOf(puppet!).length < 2) {
    await new Promise((resolve) => setTimeout(resolve, 0));
    await timers.pass(100);
  }
  // The main isolate serves by it already; that it is taken is told when all do.
  assertEquals(await locationOf(ask(TAGS)), "https://second.example/v2/a/tags/list");
  assertEquals(toldOf("onReloaded"), []);
  assertEquals(setupOf(puppet!)!.config, readTestConfig(next));
  puppet!.report({ kind: "changed" });
  await settle();
  assertEquals(toldOf("onReloaded").map(([, , later]) => later), [[]]);
  asked();
  await timers.pass(60_000);
  assert(asked().every((url) => url.includes("other.example")));
  told();
  await signal("SIGHUP", "onReloadRefused");
  assertEquals(told(), [["onReloadRefused", "it has a mistake"]]);
  assertEquals(await locationOf(ask(TAGS)), "https://second.example/v2/a/tags/list");
  const families = await metrics();
  assertEquals(valueOf(families, "archeio_reloads_total", { result: "taken" }), 1);
  assertEquals(valueOf(families, "archeio_reloads_total", { result: "refused" }), 1);
  await end();
});

Deno.test("serve() replaces an isolate that dies by one that begins with the newest setup and certificate", async () => {
  const first = { cert: "first", key: "k" };
  const stage = await startStage({ file: { ...ONE_MIRROR, workers: 2 }, tls: first });
  const { puppets, listeners, rereads, signal, told, toldOf, timers, metrics, end } = stage;
  const [puppet] = puppets;
  assertEquals(listeners[0]!.options.tls, first);
  const bad = { cert: "bad", key: "k" };
  rereads.push(reread(ONE_MIRROR, bad));
  puppet!.ready();
  // It obeys at once, for this test waits for what comes after.
  const obeying = setInterval(() => puppet!.report({ kind: "changed" }), 0);
  await signal("SIGHUP", "onCertificateRefused");
  assertEquals(listeners[0]!.done, []);
  assertEquals(kindsOf(puppet!), ["start", "change"]);
  const next = { cert: "next", key: "k" };
  rereads.push(reread(ONE_MIRROR, next));
  await signal("SIGHUP", "onCertified");
  clearInterval(obeying);
  // The main isolate first: what it cannot use, the others are not given.
  assertEquals(listeners[0]!.done, ["next"]);
  assertEquals(puppet!.orders.at(-1), { kind: "certify", tls: next });
  told();
  puppet!.die("out of memory");
  assertEquals(toldOf("onIsolateReplaced"), [["onIsolateReplaced", "out of memory"]]);
  await timers.pass(100);
  const [start] = puppets[1]!.orders;
  assert(start?.kind === "start");
  assertEquals(start.listener.tls, next);
  assertEquals(start.setup.config, readTestConfig(ONE_MIRROR));
  assertEquals(valueOf(await metrics(), "archeio_worker_replacements_total"), 1);
  await end();
});

Deno.test("serve() shares its port for a certificate, too, so that another listener can take over", async () => {
  const { listeners, end } = await startStage({ file: ONE_MIRROR, tls: { cert: "c", key: "k" } });
  assertEquals(listeners[0]!.options.shared, true);
  await end();
});

Deno.test("serve() says that it is not ready while it drains, and ends when every request is answered", async () => {
  const stage = await startStage({ file: { ...ONE_MIRROR, workers: 2 } });
  const { signal, askAdmin, listeners, puppets: [puppet], serving, told, timers } = stage;
  puppet!.ready();
  told();
  let ended = false;
  serving.then(() => ended = true);
  await signal("SIGTERM", "onStopping");
  assertEquals(told(), [["onStopping", "SIGTERM"]]);
  assertEquals((await askAdmin("/readyz")).status, 503);
  assertEquals((await askAdmin("/healthz")).status, 200);
  assertEquals(puppet!.orders.at(-1), { kind: "stop", giveUpMs: 3000 });
  assertEquals(listeners.map(({ done }) => done), [["stop"], []]);
  // Nothing is begun any more, and nothing said of a second signal.
  await sendSignal("SIGTERM");
  await sendSignal("SIGHUP");
  for (const finish of [listeners[0]!.finish, () => puppet!.report({ kind: "stopped" })]) {
    await settle();
    assertEquals([ended, listeners[1]!.done], [false, []]);
    finish();
  }
  await settle();
  // Operators are answered to the last.
  assertEquals([ended, listeners[1]!.done], [false, ["stop at once"]]);
  await sendSignal("SIGTERM");
  listeners[1]!.finish();
  await serving;
  assertEquals(told(), []);
  await timers.pass(1000);
  assertEquals(timers.waiting, 0);
});

Deno.test("serve() ends within 4.5 s whatever clients, isolates, operators and readers of the pull log do", async () => {
  const file = { ...ONE_MIRROR, workers: 3, log: { pulls: true } };
  const { signal, ask, serving, timers } = await startStage({ file, reader: "stands still" });
  await ask(TAGS);
  await timers.pass(200);
  await ask(TAGS);
  await signal("SIGTERM", "onStopping");
  let ended = false;
  serving.then(() => ended = true);
  await timers.pass(3700);
  assertEquals(ended, false);
  // The last lines of the event log have half a second after this.
  await timers.pass(800);
  assertEquals(ended, true);
});

Deno.test("serve() counts lines of the pull log that nobody reads", async () => {
  const file = { ...ONE_MIRROR, log: { pulls: true } };
  const { ask, timers, metrics, end } = await startStage({ file, reader: "is gone" });
  for (let time = 0; time < 3; time++) await ask(TAGS);
  await timers.pass(200);
  assertEquals(valueOf(await metrics(), "archeio_pull_log_lost_lines_total"), 3);
  await end();
});

Deno.test("serve() writes pulls where they are to go, the last ones when it ends", async () => {
  const { ask, timers, pulls, end } = await startStage({
    file: { ...ONE_MIRROR, log: { pulls: true } },
  });
  await ask(TAGS);
  await timers.pass(200);
  assertEquals(pulls.length, 1);
  await ask("/v2/b/tags/list");
  await end();
  assertEquals(pulls.map((line) => JSON.parse(line).repository), ["a", "b"]);
});

Deno.test("serve() rejects when it cannot listen, and tells which key says where", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  const listen = { host: "127.0.0.1", port };
  const refuse = () => {
    throw new Deno.errors.AddrInUse("taken");
  };
  const cases = [
    { file: ONE_MIRROR, listen: refuse, key: "listen" },
    // Others may share a port that several isolates share, but not one that is taken.
    { file: { ...ONE_MIRROR, listen, workers: 2 }, key: "listen" },
    { file: { ...ONE_MIRROR, listen }, tls: { cert: "c", key: "k" }, key: "listen" },
  ];
  for (const { key, ...options } of cases) {
    const { serving, timers } = await startStage(options);
    const error = await assertRejects(() => serving, ListenError);
    assertEquals([error.name, error.key], ["ListenError", key]);
    assert(error.cause instanceof Deno.errors.AddrInUse);
    assertMatch(error.message, /^cannot listen at the address of listen$/);
    await timers.pass(1000);
    assertEquals(timers.waiting, 0);
  }
});

Deno.test("serve() rejects when it cannot listen for operators", async () => {
  const { listeners, listen } = createFakeListen();
  const { serving } = await startStage({
    file: ONE_MIRROR,
    listen(handler, options) {
      if (listeners.length === 1) throw new Deno.errors.AddrInUse("taken");
      return listen(handler, options);
    },
  });
  const error = await assertRejects(() => serving, ListenError);
  assertEquals(error.key, "admin");
});
