/**
 * Traces and metrics by OpenTelemetry: the program from its sources, as the task `start`
 * runs it, for a compiled one has them or not from when it is compiled.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import metadata from "../../deno.json" with { type: "json" };
import { startArcheio } from "./archeio.ts";
import { ask } from "./ask.ts";
import { type Collector, type Span, startCollector } from "./collector.ts";
import { createTempFolder } from "./temp_folder.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const DIGEST = `sha256:${"5".repeat(64)}`;

/** The command of the task `start`, with the permissions that it gives. */
function startCommand(): [string, ...string[]] {
  const { command } = metadata.tasks.start;
  const [deno, ...args] = command.split(" ");
  assertEquals([deno, args.at(-1)], ["deno", "main.ts"]);
  return [Deno.execPath(), ...args.slice(0, -1), `--config=${ROOT}deno.json`, `${ROOT}main.ts`];
}

/** The tests' own environment, without what might turn telemetry on or send it elsewhere. */
function plainEnvironment(): Record<string, string> {
  const variables = Object.entries(Deno.env.toObject());
  return Object.fromEntries(variables.filter(([name]) => !name.startsWith("OTEL_")));
}

interface Asked {
  readonly target: string;
  readonly method?: string;
  readonly status: number;
  /** Its span, without the address. */
  readonly span: string;
  readonly route?: string;
}

const ASKED: readonly Asked[] = [
  {
    target: `/v2/some/image/blobs/${DIGEST}`,
    status: 307,
    span: "GET /v2/<name>/blobs/<digest>",
    route: "/v2/<name>/blobs/<digest>",
  },
  {
    target: "/v2/some/image/manifests/v1.2.3",
    method: "HEAD",
    status: 307,
    span: "HEAD /v2/<name>/manifests/<reference>",
    route: "/v2/<name>/manifests/<reference>",
  },
  {
    target: `/v2/some/image/manifests/${DIGEST}`,
    status: 307,
    span: "GET /v2/<name>/manifests/<reference>",
    route: "/v2/<name>/manifests/<reference>",
  },
  {
    target: "/v2/some/image/tags/list",
    status: 307,
    span: "GET /v2/<name>/tags/list",
    route: "/v2/<name>/tags/list",
  },
  { target: "/v2/", status: 200, span: "GET /v2/", route: "/v2/" },
  { target: "/v2/some/IMAGE/tags/list", status: 400, span: "GET" },
];

/** Starts the program, asks it, ends it. It sends what it has left when it ends. */
async function askAll(
  collector: Collector,
  workers: number,
  env: Readonly<Record<string, string>>,
): Promise<void> {
  await using folder = await createTempFolder();
  await using mirror = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    ({ url }) => new Response(null, { status: url.endsWith(DIGEST) ? 200 : 404 }),
  );
  const config = `
listen: { host: 127.0.0.1, port: 0 }
workers: ${workers}
upstreams: { main: { endpoint: https://registry.example } }
mirrors: { near: { url: "http://127.0.0.1:${mirror.addr.port}/blobs" } }
rules: [ { clients: [ "*" ], mirrors: [ near ] } ]
health: { interval_ms: 3600000, max_interval_ms: 3600000 }
`;
  await using archeio = await startArcheio(folder.path, config, {
    ...plainEnvironment(),
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_BSP_SCHEDULE_DELAY: "100",
    // Metrics come at the end alone: a Deno that ends while it collects them for one of its
    // regular exports waits for itself, for ever.
    OTEL_METRIC_EXPORT_INTERVAL: "3600000",
    ...env,
  }, startCommand());
  for (const { target, method = "GET", status } of ASKED) {
    assertEquals(await ask(archeio.url, target, { method }), status, target);
  }
}

/** Whether a span is of archeio's own: a check of the mirror, or a look at the upstream. */
function isOwn({ name, attributes }: Span): boolean {
  const path = attributes["url.path"]!;
  // Those that are answered have another name.
  if (name === "GET" && path === "/v2/") return true;
  return path.startsWith("/blobs/") && !(name === "HEAD" && path === `/blobs/${DIGEST}`);
}

// Of several workers, the system picks one for each connection.
for (const workers of [1, 2]) {
  Deno.test(`telemetry: spans and metrics name the routes (workers: ${workers})`, async () => {
    await using collector = startCollector();
    await askAll(collector, workers, { OTEL_DENO: "true" });

    const spans = collector.spans().filter((span) => !isOwn(span));
    const answered = spans.filter(({ parent }) => parent === undefined);
    for (const { target, method = "GET", status, span: name, route } of ASKED) {
      const found = answered.filter(({ attributes }) => attributes["url.path"] === target);
      assertEquals(found.map(({ name }) => name), [name]);
      const { attributes } = found[0]!;
      assertEquals(attributes["http.route"], route);
      assertEquals(attributes["http.request.method"], method);
      assertEquals(attributes["http.response.status_code"], String(status));
    }
    assertEquals(answered.length, ASKED.length);

    // The HEAD request to the mirror is a part of what the client waited for.
    const blob = answered.find(({ name }) => name === "GET /v2/<name>/blobs/<digest>")!;
    const [probe, ...others] = spans.filter(({ parent }) => parent !== undefined);
    assertEquals(others, []);
    assertEquals([probe!.trace, probe!.parent], [blob.trace, blob.id]);
    assertEquals(probe!.attributes["url.path"], `/blobs/${DIGEST}`);

    const points = collector.histogram("http.server.request.duration");
    assertEquals(points.reduce((sum, { count }) => sum + count, 0), ASKED.length);
    const routes = new Set(ASKED.map(({ route }) => route));
    const told = new Set(points.map(({ attributes }) => attributes["http.route"]));
    assertEquals(told, routes);
  });
}

Deno.test("telemetry: without OTEL_DENO nothing is sent", async () => {
  await using collector = startCollector();
  await askAll(collector, 1, {});
  await askAll(collector, 1, { OTEL_DENO: "false" });
  assertEquals(collector.requests(), 0);
});
