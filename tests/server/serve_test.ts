import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ListenError, serve, type ServerLog } from "../../lib/server/serve.ts";
import { createCertificate } from "./certificate.ts";
import { startChild } from "./child.ts";
import {
  type ConfigFile,
  DATA_SET,
  DIGEST,
  MAIN,
  OTHER_DIGEST,
  readLines,
  readTestConfig,
} from "./fixture.ts";
import { locationAt, startTestMirror } from "./mirror.ts";
import { end, LOCAL, startServer, withMirror } from "./served.ts";

const BLOB = `/v2/a/blobs/${DIGEST}`;
const IN_UPSTREAM = `${MAIN}a/blobs/${DIGEST}`;

Deno.test("serve() serves until a signal comes, and then ends well", async () => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    await using server = await startServer({ config: LOCAL });
    const { port } = server;
    for (const method of ["GET", "HEAD"]) {
      const response = await fetch(`http://127.0.0.1:${port}/v2/`, { method });
      assertEquals(response.status, 200);
      await response.body?.cancel();
    }
    assertEquals(await locationAt(port, "/v2/a/manifests/b"), `${MAIN}a/manifests/b`);
    server.kill(signal);
    assertEquals(await server.next(), { stopping: signal });
    assertEquals(await server.next(), { ended: true });
    assertEquals(await server.status(), 0);
    await assertRejects(() => Deno.connect({ port }), Deno.errors.ConnectionRefused);
  }
});

Deno.test("serve() lets pulls finish when it is stopped, and waits for nothing else", async () => {
  await using mirror = startTestMirror();
  await using server = await startServer({ config: withMirror(mirror.url) });
  const { port } = server;
  const open = await Promise.all(["", "G", "GET / HTTP/1.1\r\nHost: a\r\n"].map(connect));
  try {
    const gone = await connect(`GET /v2/a/blobs/${OTHER_DIGEST} HTTP/1.1\r\nHost: a\r\n\r\n`);
    assertEquals(await mirror.nextAsked(), `/${OTHER_DIGEST}`);
    gone.close();
    const pull = locationAt(port, BLOB);
    assertEquals(await mirror.nextAsked(), `/${DIGEST}`);
    server.kill("SIGTERM");
    assertEquals(await server.next(), { stopping: "SIGTERM" });
    assertEquals(await server.next(), { unanswered: `${mirror.url}/${OTHER_DIGEST}` });
    assertEquals(await server.next(), { unanswered: `${mirror.url}/${DIGEST}` });
    assertEquals(await pull, IN_UPSTREAM);
    // Though the other connections are still open.
    assertEquals(await server.next(), { ended: true });
  } finally {
    for (const connection of open) connection.close();
    mirror.answer(200);
  }
  assertEquals(await server.status(), 0);

  async function connect(part: string): Promise<Deno.Conn> {
    const connection = await Deno.connect({ port });
    await connection.write(new TextEncoder().encode(part));
    return connection;
  }
});

Deno.test("serve() says that it is not ready while it drains, and cuts off no pull when a second signal comes", async () => {
  await using mirror = startTestMirror();
  const config = { ...withMirror(mirror.url), admin: { port: 0 } };
  await using server = await startServer({ config, rereads: ["it is not read again"] });
  const admin = `http://127.0.0.1:${server.admin}`;
  assertEquals(await statusOf(`${admin}/readyz`), 200);
  const pull = locationAt(server.port, BLOB);
  assertEquals(await mirror.nextAsked(), `/${DIGEST}`);
  server.kill("SIGTERM");
  assertEquals(await server.next(), { stopping: "SIGTERM" });
  assertEquals(await statusOf(`${admin}/readyz`), 503);
  assertEquals(await statusOf(`${admin}/healthz`), 200);
  server.kill("SIGINT");
  server.kill("SIGHUP");
  // Nothing tells that they have come; once the server has ended, they would end the process.
  await new Promise((resolve) => setTimeout(resolve, 500));
  mirror.answer(200);
  assertEquals(await pull, `${mirror.url}/${DIGEST}`);
  assertEquals(await server.next(), { ended: true });
  assertEquals(await server.status(), 0);
});

Deno.test("serve() ends though an operator does not read what it asked for", async () => {
  await using server = await startServer({ config: { ...LOCAL, admin: { port: 0 } } });
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.admin! });
  const request = new TextEncoder().encode("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
  let asked = 0;
  // Until the answers fill what lies between, and no more is taken.
  const asking = (async () => {
    for (;;) asked += await connection.write(request);
  })().catch(() => {});
  for (let before = -1; before < asked;) {
    before = asked;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  server.kill("SIGTERM");
  assertEquals(await server.next(), { stopping: "SIGTERM" });
  assertEquals(await server.next(), { ended: true });
  connection.close();
  await asking;
});

async function statusOf(url: string): Promise<number> {
  const response = await fetch(url);
  await response.body?.cancel();
  return response.status;
}

Deno.test("serve() serves over TLS, too", async () => {
  const files = await createCertificate();
  await using server = await startServer({ config: LOCAL, files });
  for (const http2 of [true, false]) {
    using client = Deno.createHttpClient({ caCerts: [files.cert], http1: !http2, http2 });
    for (const path of ["/v2/a/manifests/b", "/v2/a/%6danifests/b"]) {
      const url = `https://127.0.0.1:${server.port}${path}`;
      const response = await fetch(url, { client, redirect: "manual" });
      assertEquals(response.status, 307);
      assertEquals(response.headers.get("location"), `${MAIN}a/manifests/b`);
      await response.body?.cancel();
    }
  }
  await end(server);
});

Deno.test("serve() answers 500 when it fails itself, and serves on", async () => {
  await using mirror = startTestMirror();
  mirror.answer(404);
  const config = withMirror(mirror.url);
  await using server = await startServer({ config, brokenClock: true });
  for (const method of ["GET", "HEAD"]) {
    const url = `http://127.0.0.1:${server.port}${BLOB}`;
    const response = await fetch(url, { method, redirect: "manual" });
    assertEquals(response.status, 500);
    await response.body?.cancel();
    assertEquals(await server.next(), { failed: "Error: the clock is broken" });
  }
  assertEquals(await locationAt(server.port, "/v2/a/tags/list"), `${MAIN}a/tags/list`);
  await end(server);
});

Deno.test("serve() serves again when a flood has taken every file it may open", async () => {
  await using server = await startServer({ config: LOCAL }, { files: 40 });
  const { port } = server;
  const flood: Deno.Conn[] = [];
  const failed = server.nextOf("failed");
  let told = false;
  failed.then(() => told = true);
  try {
    while (!told) {
      if (flood.length < 200) flood.push(await Deno.connect({ port }).catch(() => flood.pop()!));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  } finally {
    for (const connection of flood) connection?.close();
  }
  for (;;) {
    const location = await locationAt(port, "/v2/a/tags/list").catch(() => undefined);
    if (location === `${MAIN}a/tags/list`) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await end(server);
});

Deno.test("serve() writes pulls where they are to go, and those that nobody reads it counts", async () => {
  const config = { ...LOCAL, log: { pulls: true }, admin: { port: 0 } };
  for (const unread of [false, true]) {
    await using server = await startServer({ config, unread });
    await locationAt(server.port, "/v2/a/tags/list");
    if (!unread) {
      const { pulls } = await server.nextOf("pulls");
      assertEquals(readLines(String(pulls)).map(({ repository }) => repository), ["a"]);
      await locationAt(server.port, "/v2/b/tags/list");
      server.kill("SIGTERM");
      // What has been gathered is written at the end.
      const last = await server.nextOf("pulls");
      assertEquals(readLines(String(last.pulls)).map(({ repository }) => repository), ["b"]);
    } else {
      const metrics = () => fetch(`http://127.0.0.1:${server.admin}/metrics`);
      while (!(await (await metrics()).text()).includes("\narcheio_pull_log_lost_lines_total 1\n"));
      server.kill("SIGTERM");
    }
    await server.nextOf("ended");
    assertEquals(await server.status(), 0);
  }
});

/** Serves in the tests' own process, which works only when it cannot listen. */
function serveHere(file: ConfigFile, tls?: { cert: string; key: string }): Promise<void> {
  const unexpected = () => assert(false, "nothing should happen");
  const log = new Proxy({} as ServerLog, { get: () => unexpected });
  return serve(readTestConfig(file), {
    dataSet: DATA_SET,
    tls,
    versions: {},
    cores: 1,
    log,
    spawn: unexpected as never,
    reread: unexpected as never,
    writePulls: unexpected as never,
    fetch,
    now: () => 1,
    timeOfDay: () => 0,
    random: () => 0,
  });
}

Deno.test("serve() throws when it cannot listen, and tells which key says where", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  const listen = { host: "127.0.0.1", port };
  const cases = [
    { file: { ...LOCAL, listen }, cause: Deno.errors.AddrInUse },
    // Others may share a port that several isolates share, but not one that is taken.
    { file: { ...LOCAL, listen, workers: 2 }, cause: Deno.errors.AddrInUse },
    { file: LOCAL, tls: { cert: "none", key: "none" }, cause: Deno.errors.InvalidData },
  ];
  for (const { file, tls, cause } of cases) {
    const error = await assertRejects(() => serveHere(file, tls), ListenError);
    assertEquals([error.name, error.key], ["ListenError", "listen"]);
    assert(error.cause instanceof cause);
  }
  await using child = startChild("serve_child.ts", { config: { ...LOCAL, admin: { port } } });
  const { cannotListen, cause } = await child.nextOf("cannotListen");
  assertEquals(cannotListen, "admin");
  assertStringIncludes(String(cause), "AddrInUse");
  assertEquals(await child.status(), 0);
});
