import { assertEquals } from "@std/assert";
import { startChild } from "./child.ts";
import { DIGEST, MAIN } from "./fixture.ts";
import { locationAt, startTestMirror } from "./mirror.ts";
import { valueOf } from "./prometheus.ts";
import { end, LOCAL, metricsOf, startServer, withMirror, withUpstream } from "./served.ts";

const BLOB = `/v2/a/blobs/${DIGEST}`;
const TAGS = "/v2/a/tags/list";
const NO_CHECKS = { interval_ms: 3_600_000, max_interval_ms: 3_600_000 };

/** Asks for something on several new connections, which the isolates share out. */
async function locationsAt(port: number, path: string): Promise<Set<string | null>> {
  const locations = new Set<string | null>();
  for (let time = 0; time < 30; time++) {
    using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
    const url = `http://127.0.0.1:${port}${path}`;
    const response = await fetch(url, { redirect: "manual", client });
    await response.body?.cancel();
    locations.add(response.headers.get("location"));
  }
  return locations;
}

Deno.test("serve() has several isolates serve, count, change and stop as one", async () => {
  await using mirror = startTestMirror();
  mirror.answer(200);
  const more = { workers: "auto", admin: { port: 0 }, log: { pulls: true }, health: NO_CHECKS };
  await using server = await startServer({
    config: { ...withMirror(mirror.url), ...more },
    rereads: [withUpstream("https://second.example", more)],
  });
  assertEquals(server.isolates, 2);
  const { port } = server;
  assertEquals(await locationsAt(port, BLOB), new Set([`${mirror.url}/${DIGEST}`]));
  // Each isolate asks for itself: both did, for 30 connections do not all go to one.
  assertEquals(await mirror.nextAsked(), `/${DIGEST}`);
  assertEquals(await mirror.nextAsked(), `/${DIGEST}`);
  const metrics = await metricsOf(server);
  assertEquals(valueOf(metrics, "archeio_requests_total", { route: "blob", code: "307" }), 30);
  assertEquals(valueOf(metrics, "archeio_workers"), 2);
  let pulls = 0;
  while (pulls < 30) {
    const { pulls: lines } = await server.nextOf("pulls");
    pulls += String(lines).split("\n").length - 1;
  }
  assertEquals(pulls, 30);
  server.kill("SIGHUP");
  assertEquals((await server.nextOf("reloaded")).reloaded, []);
  const moved = new Set<string | null>(["https://second.example/v2/a/tags/list"]);
  assertEquals(await locationsAt(port, TAGS), moved);
  await end(server);
});

Deno.test("serve() replaces a worker that dies, by one that serves as it did", async () => {
  const more = { workers: 2, admin: { port: 0 } };
  await using server = await startServer({
    config: { ...LOCAL, ...more },
    rereads: [withUpstream("https://second.example", more)],
  });
  const { port } = server;
  server.kill("SIGHUP");
  await server.nextOf("reloaded");
  await server.tell("a worker is to die");
  const { workerReplaced } = await server.nextOf("workerReplaced");
  assertEquals(workerReplaced, "Uncaught Error: it was told to die");
  // What the dead one had accepted is lost with it. All else is answered, and as it was before.
  const moved = new Set<string | null>(["https://second.example/v2/a/tags/list"]);
  for (;;) {
    const locations = await locationsAt(port, TAGS).catch(() => undefined);
    if (locations === undefined) continue;
    assertEquals(locations, moved);
    break;
  }
  const metrics = await metricsOf(server);
  assertEquals(valueOf(metrics, "archeio_worker_replacements_total"), 1);
  await end(server);
});

Deno.test("serve() passes on all that its workers tell", async () => {
  await using mirror = startTestMirror();
  mirror.answer(200);
  const health = { interval_ms: 600 };
  await using server = await startServer({
    config: { ...withMirror(mirror.url), workers: 2, admin: { port: 0 }, health },
    puppets: "talking",
  });
  assertEquals(await server.next(), { failed: "a worker's fault" });
  assertEquals(await server.next(), { unanswered: "https://worker.example/" });
  assertEquals(await server.next(), { pulls: "a worker's\n" });
  assertEquals(await server.next(), { mirrorDown: "only", answer: 500 });
  // The mirror is checked by the blob that a worker has told of.
  assertEquals(await mirror.nextAsked(), "/a:worker");
  const down = valueOf(await metricsOf(server), "archeio_mirror_transitions_total", { to: "down" });
  assertEquals(down, 1);
  await end(server);
});

Deno.test("serve() serves before its workers do, is not ready then, and ends though they never are", async () => {
  const [port, adminPort] = freePorts();
  const config = { ...LOCAL, listen: { host: "127.0.0.1", port }, admin: { port: adminPort } };
  const orders = { config: { ...config, workers: 2 }, puppets: "deaf" };
  await using child = startChild("serve_child.ts", orders, { sharing: true });
  let location: string | null | undefined;
  while (location === undefined) {
    location = await locationAt(port, TAGS).catch(() => undefined);
    if (location === undefined) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assertEquals(location, `${MAIN}a/tags/list`);
  const response = await fetch(`http://127.0.0.1:${adminPort}/readyz`);
  assertEquals(response.status, 503);
  assertEquals(await response.text(), "not ready: starting\n");
  child.kill("SIGTERM");
  assertEquals(await child.next(), { stopping: "SIGTERM" });
  assertEquals(await child.next(), { ended: true });
  assertEquals(await child.status(), 0);
});

/** Two ports that were free a moment ago. */
function freePorts(): [number, number] {
  using one = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return [one.addr.port, other.addr.port];
}
