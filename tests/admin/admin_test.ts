import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { parseMisses } from "../../lib/fill/misses.ts";
import { CDN, CLIENTS, DIGEST, MAIN, PARIS, patiently, SIGNATURES } from "../redirect/fixture.ts";
import { createProgram } from "./fixture.ts";
import { readMetrics, valueOf } from "../observe/prometheus.ts";

const createAdmin = () =>
  createProgram({ answers: { [PARIS + DIGEST]: 404, [CDN + DIGEST]: 404 } });

const TEXT = "text/plain; charset=utf-8";

Deno.test("the admin listener says that the program lives, and whether it is to get requests", async () => {
  const { ask, reasons } = await createAdmin();
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
  const { ask, events } = await createAdmin();
  events.reloads = 3;
  const { status, headers, body } = await ask("/metrics");
  assertEquals(status, 200);
  assertEquals(headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  const families = readMetrics(body);
  assertEquals(valueOf(families, "archeio_reloads_total", { result: "taken" }), 3);
  assertEquals(valueOf(families, "process_start_time_seconds"), 1);
  assertEquals(valueOf(families, "process_resident_memory_bytes"), 123_456_789);
});

Deno.test("the admin listener explains what a request would get", async () => {
  const { ask, world } = await createAdmin();
  world.board.takeDown(0);
  const path = `/v2/a/blobs/${DIGEST}`;
  const explain = () => ask(`/explain?address=${CLIENTS.paris}&path=${encodeURIComponent(path)}`);
  const { status, headers, body } = await explain();
  assertEquals(status, 200);
  assertEquals(headers.get("content-type"), "application/json");
  assertEquals(JSON.parse(body), {
    address: CLIENTS.paris,
    path,
    asked: "blob",
    location: "aws/eu-west-3",
    prefix: "35.180.0.0/16",
    repository: null,
    rule: { number: 2, clients: ["aws/eu-west-3"] },
    mirrors: [
      { name: "paris", location: PARIS + DIGEST, state: "down", blob: "unknown" },
      { name: "cdn", location: CDN + DIGEST, state: "up", blob: "unknown" },
    ],
    blobs: [],
    upstream: `${MAIN}a/blobs/${DIGEST}`,
    signatures: `${SIGNATURES}a/blobs/${DIGEST}`,
    asks: ["cdn", "main"],
    status: 307,
    redirect: CDN + DIGEST,
    error: null,
  });
  const tags = await ask("/explain?address=2001:db8::1&path=/v2/a/tags/list%3fn=1");
  assertEquals(JSON.parse(tags.body).redirect, `${MAIN}a/tags/list?n=1`);
  const image = await ask(`/explain?address=${CLIENTS.paris}&image=registry.example/a:1.0`);
  const { path: ofImage, redirect, blobs } = JSON.parse(image.body);
  assertEquals([ofImage, redirect], ["/v2/a/manifests/1.0", `${MAIN}a/manifests/1.0`]);
  assertEquals(blobs, ["paris", "cdn"]);
});

Deno.test("the admin listener explains exactly what a client gets, whatever happened before", async () => {
  const blob = `/v2/a/blobs/${DIGEST}`;
  const atMain = `${MAIN}a/blobs/${DIGEST}`;
  const urls = [PARIS + DIGEST, CDN + DIGEST, atMain];
  const anyStep = fc.oneof(
    fc.record({ url: fc.constantFrom(...urls), reply: fc.constantFrom(200, 404, 500, 429) }),
    fc.record({ mirror: fc.constantFrom(0, 1), isDown: fc.boolean() }),
    fc.record({ forget: fc.constantFrom(0, 1) }),
    fc.record({ passMs: fc.constantFrom(100, 1000, 10_000, 60_000, 700_000) }),
    // A busy moment: others ask for as many blobs as are asked for at a time.
    fc.record({ others: fc.constantFrom(3, 30, 300) }),
  );
  const property = fc.asyncProperty(fc.array(anyStep, { maxLength: 12 }), async (steps) => {
    const { ask, world } = await createAdmin();
    const incoming = { client: CLIENTS.paris, method: "HEAD" };
    let count = 0;
    for (const step of steps) {
      if ("url" in step) world.answers.set(step.url, step.reply);
      else if ("forget" in step) world.board.forget(step.forget);
      else if ("passMs" in step) await world.clock.pass(step.passMs);
      else if ("others" in step) {
        for (let at = 0; at < step.others; at++) {
          const digest = `sha256:${String(count++).padStart(64, "0")}`;
          void world.handle(`/v2/a/blobs/${digest}`, incoming);
        }
      } else if (step.isDown) world.board.takeDown(step.mirror);
      else world.board.bringUp(step.mirror, Math.ceil(world.clock.now() / 1000));
      const { body } = await ask(`/explain?address=${CLIENTS.paris}&path=${blob}`);
      const { asks, redirect } = JSON.parse(body);
      const before = world.asked.length;
      const beganMs = world.clock.now();
      const response = world.handle(blob, incoming);
      const shown = JSON.stringify([steps, step, asks]);
      // Some wait during a flood, but for nobody's answer.
      const { headers } = await patiently(world.clock, response);
      const location = headers.get("location");
      if (asks.length === 0) {
        assertEquals(location, redirect, shown);
        continue;
      }
      const first = asks[0] === "main" ? atMain : (asks[0] === "paris" ? PARIS : CDN) + DIGEST;
      // Whom a flood leaves room for changes while a request is held back.
      const isHeld = world.clock.now() > beganMs;
      assert(isHeld || world.asked.slice(before).includes(first), shown);
      if (!isHeld && world.answers.get(first) === 200) assertEquals(location, redirect, shown);
    }
    world.stop();
  });
  await fc.assert(property, { numRuns: 200 });
});

Deno.test("the admin listener explains exactly what a client gets once all is known", async () => {
  const { ask, world } = await createAdmin();
  const { answer, answers, board, clock } = world;
  const atMain = `${MAIN}a/blobs/${DIGEST}`;
  const atSignatures = `${SIGNATURES}a/blobs/${DIGEST}`;
  const steps: readonly { change: () => void; expected: string }[] = [
    { change() {}, expected: atSignatures },
    { change: () => answers.set(CDN + DIGEST, 200), expected: CDN + DIGEST },
    { change: () => answers.set(PARIS + DIGEST, 200), expected: PARIS + DIGEST },
    { change: () => board.takeDown(0), expected: CDN + DIGEST },
    { change: () => board.takeDown(1), expected: atMain },
  ];
  for (const { change, expected } of steps) {
    change();
    answers.set(atMain, expected === atMain ? 200 : 404);
    // What was missing is asked for again.
    await clock.pass(60_000);
    const incoming = { client: CLIENTS.paris, method: "HEAD" };
    await answer(`/v2/a/blobs/${DIGEST}`, incoming);
    const { headers } = await answer(`/v2/a/blobs/${DIGEST}`, incoming);
    const { body } = await ask(`/explain?address=${CLIENTS.paris}&path=/v2/a/blobs/${DIGEST}`);
    assertEquals(headers.get("location"), expected);
    assertEquals(JSON.parse(body).redirect, expected);
  }
});

Deno.test("the admin listener says what is missing for it to explain", async () => {
  const { ask } = await createAdmin();
  const incomplete = [
    ...["", "?", "?address=192.0.2.1", "?path=/v2/", "?address=192.0.2.1&path=v2/"],
    ...["?image=app", "?address=192.0.2.1&image="],
  ];
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
  const { ask } = await createAdmin();
  for (const path of ["/page", "/healthz/", "/v2/", "/Metrics", "/healthz/../metrics/x"]) {
    const { status, body } = await ask(path);
    assertEquals(status, 404, path);
    for (const there of ["/, /status", "/lookup", "/healthz", "/readyz", "/metrics", "/explain"]) {
      assertStringIncludes(body, there);
    }
  }
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
    const { status, headers } = await ask("/metrics", method);
    assertEquals(status, 405, method);
    assertEquals(headers.get("allow"), "GET, HEAD");
  }
});

/** Sends lines of a request to a server, and gives its whole answer. */
async function exchange(port: number, lines: readonly string[]): Promise<string> {
  using connection = await Deno.connect({ port });
  const request = [...lines, "Connection: close", "", ""].join("\r\n");
  await connection.write(new TextEncoder().encode(request));
  return await new Response(connection.readable).text();
}

Deno.test("the admin listener answers over a socket, whatever the Host", async () => {
  const { handler } = await createAdmin();
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handler);
  for (const host of ["archeio:9090", "", "a b c", "a:99999", "[::1"]) {
    const answer = await exchange(server.addr.port, ["GET /healthz HTTP/1.1", `Host: ${host}`]);
    assert(answer.startsWith("HTTP/1.1 200 ") && answer.endsWith("\r\n\r\nok\n"), host);
  }
});

Deno.test("the admin listener gives HEAD the headers of GET and no body, whatever is accepted", async () => {
  const { handler, reasons } = await createAdmin();
  reasons.push("stopping");
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handler);
  const explain = `/explain?address=192.0.2.1&path=/v2/a/blobs/${DIGEST}`;
  const paths = ["/readyz", "/nope", "/explain", "/explain?address=x&path=/", "/healthz", explain];
  async function ask(method: string, path: string, encodings: string) {
    const answer = await exchange(server.addr.port, [
      `${method} ${path} HTTP/1.1`,
      "Host: localhost",
      `Accept-Encoding: ${encodings}`,
    ]);
    const [head, ...body] = answer.split("\r\n\r\n");
    const lines = head!.split("\r\n").filter((line) => !line.startsWith("date:"));
    return { head: lines.sort(), body: body.join() };
  }
  for (const path of [...paths, "/metrics", "/page.css", "/page.js", "/lookup"]) {
    for (const encodings of ["", "gzip", "gzip, deflate, br", "zstd", "identity;q=0"]) {
      const got = await ask("GET", path, encodings);
      const head = await ask("HEAD", path, encodings);
      assertEquals(head, { head: got.head, body: "" }, `${path} ${encodings}`);
    }
  }
});

Deno.test("the admin listener says where an address is", async () => {
  const { ask } = await createAdmin();
  const table = [
    { asked: CLIENTS.paris, location: "aws/eu-west-3", prefix: "35.180.0.0/16" },
    { asked: "::ffff:34.155.1.1", location: "gcp/europe-west9", prefix: "34.155.0.0/16" },
    { asked: CLIENTS.elsewhere, location: null, prefix: null },
  ];
  for (const { asked, ...expected } of table) {
    const { status, headers, body } = await ask(`/lookup?address=${asked}`);
    assertEquals([status, headers.get("content-type")], [200, "application/json"]);
    assertEquals(JSON.parse(body), { address: asked, ...expected });
  }
  for (const query of ["", "?address=", "?address=nowhere"]) {
    assertEquals((await ask(`/lookup${query}`)).status, 400, query);
  }
});

Deno.test("the admin listener refuses who has no token, in words that a browser and a person understand", async () => {
  const { ask } = await createProgram({ token: "s3cret" });
  const { status, headers, body } = await ask("/status");
  assertEquals(status, 401);
  assertStringIncludes(headers.get("www-authenticate")!, "Basic realm=");
  assertStringIncludes(body, "admin.token_file");
  assertEquals((await ask("/status", "GET", { authorization: "Bearer s3cret" })).status, 200);
  const named = await ask("/status", "GET", { host: "evil.example" });
  assertEquals([named.status, named.body.includes("admin.hosts")], [421, true]);
});

Deno.test("no request to the admin listener changes what it says", async () => {
  const { ask, tell } = await createAdmin();
  const before = await tell();
  const paths = ["/", "/?address=192.0.2.1&path=/v2/a/tags/list&lookup=192.0.2.1", "/status"];
  for (const path of [...paths, "/page.js", "/metrics", "/explain?address=::1&path=/", "/none"]) {
    for (const method of ["GET", "HEAD", "POST"]) await ask(path, method);
  }
  assertEquals(await tell(), before);
});

Deno.test("the admin listener gives what mirrors lacked, as fill --from takes it", async () => {
  const { ask, misses } = await createAdmin();
  assertEquals(JSON.parse((await ask("/misses")).body), { misses: [] });
  misses.push({ name: "app", digest: DIGEST, count: 3 });
  const { status, headers, body } = await ask("/misses");
  assertEquals(status, 200);
  assertEquals(headers.get("content-type"), "application/json");
  assertEquals(JSON.parse(body), { misses: [{ name: "app", digest: DIGEST, count: 3 }] });
  assertEquals(parseMisses(body), [{ name: "app", digest: DIGEST }]);
});

Deno.test("the admin listener gives metrics of the last fill, once there was one", async () => {
  const { ask, fillStates } = await createAdmin();
  assert(!(await ask("/metrics")).body.includes("archeio_fill_"));
  fillStates.push({
    version: 1,
    beganS: 10,
    endedS: 25,
    completeS: 0,
    blobs: 7,
    bytes: 700,
    readBytes: 300,
    failures: 0,
    mirrors: {
      cdn: { blobs: 5, missing: 2, missingSinceS: 9, copied: 1, copiedBytes: 300, failed: 2 },
    },
  });
  const { body } = await ask("/metrics");
  const metrics = readMetrics(body);
  assertEquals(valueOf(metrics, "archeio_fill_duration_seconds"), 15);
  assertEquals(valueOf(metrics, "archeio_fill_mirror_missing_blobs", { mirror: "cdn" }), 2);
});
