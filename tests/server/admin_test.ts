import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createAdminHandler } from "../../lib/server/admin.ts";
import { listen } from "../../lib/server/listener.ts";
import { createShared } from "../../lib/server/shared.ts";
import { createStanding } from "../../lib/server/standing.ts";
import { createRouting } from "../../lib/config/create_routing.ts";
import {
  CDN,
  CLIENTS,
  createRequest,
  DATA_SET,
  DIGEST,
  MAIN,
  PARIS,
  readTestConfig,
  SIGNATURES,
  SIGNED_CONFIG,
} from "./fixture.ts";
import { readMetrics, valueOf } from "./prometheus.ts";

/** An admin handler of a program that is ready, until it has a reason not to be. */
function createAdmin() {
  const config = readTestConfig(SIGNED_CONFIG);
  const shared = createShared(config, 1);
  const routing = createRouting(config, DATA_SET);
  const reasons: string[] = [];
  const versions = { version: "1" };
  const handler = createAdminHandler({
    unready: () => reasons[0],
    standing: createStanding(shared, { dataSet: DATA_SET, versions, startedS: 1 }),
    routing: () => routing,
    isDown: shared.isDown,
  });
  async function ask(path: string, method = "GET") {
    const { request, info } = createRequest(path, { method });
    const response = await handler(request, info);
    return { status: response.status, headers: response.headers, body: await response.text() };
  }
  return { handler, ask, reasons, shared };
}

const TEXT = "text/plain; charset=utf-8";

Deno.test("the admin listener says that the program lives, and whether it is to get requests", async () => {
  const { ask, reasons } = createAdmin();
  const cases: readonly { path: string; reason?: string; status: number; body: string }[] = [
    { path: "/healthz", status: 200, body: "ok\n" },
    { path: "/healthz?verbose=1", status: 200, body: "ok\n" },
    { path: "/readyz", status: 200, body: "ready\n" },
    { path: "/readyz", reason: "stopping", status: 503, body: "not ready: stopping\n" },
    // One that drains still lives, and is not to be killed for it.
    { path: "/healthz", reason: "stopping", status: 200, body: "ok\n" },
  ];
  for (const { path, reason, status, body } of cases) {
    reasons.splice(0, 1, ...reason === undefined ? [] : [reason]);
    const answer = await ask(path);
    assertEquals(answer.status, status, path);
    assertEquals(answer.body, body);
    assertEquals(answer.headers.get("content-type"), TEXT);
  }
});

Deno.test("the admin listener gives metrics in Prometheus' format", async () => {
  const { ask, shared } = createAdmin();
  shared.events.reloads = 3;
  const { status, headers, body } = await ask("/metrics");
  assertEquals(status, 200);
  assertEquals(headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  const families = readMetrics(body);
  assertEquals(valueOf(families, "archeio_reloads_total", { result: "taken" }), 3);
  assertEquals(valueOf(families, "process_start_time_seconds"), 1);
  assert(valueOf(families, "process_resident_memory_bytes")! > 1_000_000);
});

Deno.test("the admin listener explains what a request would get", async () => {
  const { ask, shared } = createAdmin();
  for (let failure = 0; failure < 3; failure++) shared.board().failed(shared.setup.mirrors[0]!);
  const path = `/v2/a/blobs/${DIGEST}`;
  const { status, headers, body } = await ask(
    `/explain?address=${CLIENTS.paris}&path=${encodeURIComponent(path)}`,
  );
  assertEquals(status, 200);
  assertEquals(headers.get("content-type"), "application/json");
  const { mirrors, ...rest } = JSON.parse(body);
  assertEquals(mirrors, [
    { name: "paris", location: PARIS + DIGEST, state: "down" },
    { name: "cdn", location: CDN + DIGEST, state: "up" },
  ]);
  assertEquals(rest, {
    address: CLIENTS.paris,
    path,
    asked: "blob",
    location: "aws/eu-west-3",
    prefix: "35.180.0.0/16",
    rule: { number: 2, clients: ["aws/eu-west-3"] },
    upstream: `${MAIN}a/blobs/${DIGEST}`,
    signatures: `${SIGNATURES}a/blobs/${DIGEST}`,
    status: 307,
    redirect: CDN + DIGEST,
    error: null,
  });
  for (let failure = 0; failure < 3; failure++) shared.board().failed(shared.setup.mirrors[1]!);
  const none = await ask(`/explain?address=${CLIENTS.paris}&path=${encodeURIComponent(path)}`);
  assertEquals(JSON.parse(none.body).redirect, `${MAIN}a/blobs/${DIGEST}`);
  const tags = await ask("/explain?address=2001:db8::1&path=/v2/a/tags/list%3fn=1");
  assertEquals(JSON.parse(tags.body).redirect, `${MAIN}a/tags/list?n=1`);
});

Deno.test("the admin listener says what is missing for it to explain", async () => {
  const { ask } = createAdmin();
  const incomplete = ["", "?", "?address=192.0.2.1", "?path=/v2/", "?address=192.0.2.1&path=v2/"];
  for (const query of incomplete) {
    const { status, body } = await ask(`/explain${query}`);
    assertEquals(status, 400, query);
    assertStringIncludes(body, "/explain?address=192.0.2.1&path=/v2/pause/manifests/3.9");
  }
  for (const address of ["", "nowhere", "010.1.1.1", "192.0.2.0/24", "%00"]) {
    const { status, headers, body } = await ask(`/explain?address=${address}&path=/v2/`);
    assertEquals(status, 400, address);
    assertEquals(headers.get("content-type"), TEXT);
    assert(/^[^\n]+\n$/.test(body), body);
  }
});

Deno.test("the admin listener has nothing else, and names what it has", async () => {
  const { ask } = createAdmin();
  for (const path of ["/", "/healthz/", "/v2/", "/Metrics", "/healthz/../metrics/x"]) {
    const { status, body } = await ask(path);
    assertEquals(status, 404, path);
    for (const there of ["/healthz", "/readyz", "/metrics", "/explain"]) {
      assertStringIncludes(body, there);
    }
  }
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
    const { status, headers } = await ask("/metrics", method);
    assertEquals(status, 405, method);
    assertEquals(headers.get("allow"), "GET, HEAD");
  }
});

Deno.test("the admin listener answers over a socket, HEAD without a body, whatever the Host", async () => {
  const { handler } = createAdmin();
  const failures: unknown[] = [];
  const listener = listen(handler, {
    host: "127.0.0.1",
    port: 0,
    failed: (error) => void failures.push(error),
  });
  const { port } = listener.address;
  try {
    const response = await fetch(`http://127.0.0.1:${port}/metrics`, { method: "HEAD" });
    assertEquals(response.status, 200);
    assertEquals(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assertEquals(await response.text(), "");
    for (const host of ["archeio:9090", "", "a b c", "a:99999", "[::1"]) {
      using connection = await Deno.connect({ port });
      const request = `GET /healthz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
      await connection.write(new TextEncoder().encode(request));
      let answer = "";
      for await (const text of connection.readable.pipeThrough(new TextDecoderStream())) {
        answer += text;
      }
      assert(answer.startsWith("HTTP/1.1 200 ") && answer.endsWith("\r\n\r\nok\n"), host);
    }
    assertEquals(failures, []);
  } finally {
    listener.stopAtOnce();
    await listener.finished;
  }
});
