import { assertEquals } from "@std/assert";
import { formatPublished } from "../cli/published_files.ts";
import { DIGEST, MAIN } from "./fixture.ts";
import { locationAt, startTestMirror } from "./mirror.ts";
import { valueOf } from "./prometheus.ts";
import { end, LOCAL, metricsOf, startServer, withMirror, withUpstream } from "./served.ts";

const BLOB = `/v2/a/blobs/${DIGEST}`;
const IN_UPSTREAM = `${MAIN}a/blobs/${DIGEST}`;
const TAGS = "/v2/a/tags/list";

Deno.test("serve() reads its configuration again at SIGHUP, and takes a good one for the next request", async () => {
  const admin = { port: 0 };
  await using server = await startServer({
    config: { ...LOCAL, admin },
    rereads: [
      withUpstream("https://second.example", { admin }),
      "it has a mistake",
      withUpstream("https://third.example", { listen: { port: 1 }, workers: 2 }),
    ],
  });
  const { port } = server;
  server.kill("SIGHUP");
  assertEquals(await server.next(), { reloaded: [] });
  assertEquals(await locationAt(port, TAGS), "https://second.example/v2/a/tags/list");
  server.kill("SIGHUP");
  assertEquals(await server.next(), { reloadRefused: "it has a mistake" });
  assertEquals(await locationAt(port, TAGS), "https://second.example/v2/a/tags/list");
  server.kill("SIGHUP");
  assertEquals(await server.next(), { reloaded: ["listen", "admin", "workers"] });
  assertEquals(await locationAt(port, TAGS), "https://third.example/v2/a/tags/list");
  const metrics = await metricsOf(server);
  assertEquals(valueOf(metrics, "archeio_reloads_total", { result: "taken" }), 2);
  assertEquals(valueOf(metrics, "archeio_reloads_total", { result: "refused" }), 1);
  await end(server);
});

Deno.test("serve() takes a mirror down that fails, by probes and by checks, and brings it up again", async () => {
  await using mirror = startTestMirror();
  mirror.answer(200);
  const health = { interval_ms: 600, max_interval_ms: 600, down_after: 2 };
  const config = { ...withMirror(mirror.url), health, admin: { port: 0 } };
  await using server = await startServer({ config, rereads: [config] });
  const { port } = server;
  const isUp = async () =>
    valueOf(await metricsOf(server), "archeio_mirror_up", { mirror: "only" });
  assertEquals(await locationAt(port, BLOB), `${mirror.url}/${DIGEST}`);
  mirror.answer(500);
  assertEquals(await server.nextOf("mirrorDown"), { mirrorDown: "only", answer: 500 });
  assertEquals(await isUp(), 0);
  // Though it is remembered that the blob is there.
  assertEquals(await locationAt(port, BLOB), IN_UPSTREAM);
  mirror.answer(200);
  await server.nextOf("mirrorUp");
  assertEquals(await locationAt(port, BLOB), `${mirror.url}/${DIGEST}`);
  // The checks go on after a reload.
  server.kill("SIGHUP");
  await server.nextOf("reloaded");
  mirror.answer(404);
  assertEquals(await server.nextOf("mirrorLost"), { mirrorLost: "only", digest: DIGEST });
  assertEquals(await locationAt(port, BLOB), IN_UPSTREAM);
  const metrics = await metricsOf(server);
  assertEquals(valueOf(metrics, "archeio_mirror_transitions_total", { to: "down" }), 1);
  assertEquals(valueOf(metrics, "archeio_mirror_transitions_total", { to: "up" }), 1);
  const reasons = ["down", "missing"].map((reason) =>
    valueOf(metrics, "archeio_upstream_redirects_total", { upstream: "main", reason })
  );
  assertEquals(reasons, [1, 1]);
  await end(server);
});

Deno.test("serve() fetches its data set anew, and clients are where it says", async () => {
  const files: Readonly<Record<string, string>> = {
    "/aws": formatPublished("aws", [
      ["eu-west-3", "35.180.0.0/16"],
      ["eu-west-3", "2001:db8:a::/48"],
      ["us-east-1", "35.180.7.0/24"],
    ]),
    "/gcp": formatPublished("gcp", [["europe-west9", "34.155.0.0/16"], ["here", "127.0.0.0/8"]]),
    "/azure": formatPublished("azure", [["norwayeast", "198.51.100.0/24"]]),
  };
  let broken = true;
  await using mirror = startTestMirror();
  mirror.answer(200);
  const publisher = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    ({ url }) =>
      broken ? new Response("", { status: 503 }) : new Response(files[new URL(url).pathname]),
  );
  const base = `http://127.0.0.1:${publisher.addr.port}`;
  const sources = { aws: `${base}/aws`, gcp: `${base}/gcp`, azure: `${base}/azure` };
  const config = {
    ...withMirror(mirror.url),
    rules: [{ clients: ["gcp/*"], mirrors: [] }, { clients: ["*"], mirrors: ["only"] }],
    ranges: { sources },
  };
  try {
    await using server = await startServer({ config, refreshH: 50 / 3_600_000 });
    const { refreshFailed } = await server.nextOf("refreshFailed");
    assertEquals((refreshFailed as string[]).length, 3);
    assertEquals(await locationAt(server.port, BLOB), `${mirror.url}/${DIGEST}`);
    broken = false;
    assertEquals((await server.nextOf("refreshed")).refreshed, ["aws", "gcp", "azure"]);
    assertEquals(await locationAt(server.port, BLOB), IN_UPSTREAM);
    await end(server);
  } finally {
    await publisher.shutdown();
  }
});
