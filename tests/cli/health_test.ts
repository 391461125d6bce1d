import { assertEquals, assertMatch } from "@std/assert";
import { createCertificate } from "../server/certificate.ts";
import { runProgram, temporaryFile, type World } from "./program.ts";

const UPSTREAM = "upstreams: { main: { endpoint: https://registry.example } }\n";

/** A server that gives a status for each path, and the paths that it was asked for. */
function startServer(options: { readonly cert?: string; readonly key?: string } = {}) {
  const asked: string[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {}, ...options },
    (request) => {
      const { pathname, search } = new URL(request.url);
      asked.push(pathname + search);
      return new Response(null, { status: Number(pathname.slice(1, 4)) || 200 });
    },
  );
  return {
    asked,
    port: server.addr.port,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** A server that does as told with a connection, and then closes it. */
function startSocket(use: (connection: Deno.TcpConn) => Promise<unknown>) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const ended = (async () => {
    for await (const connection of listener) {
      await use(connection).catch(() => {});
      connection.close();
    }
  })();
  return {
    url: `http://127.0.0.1:${listener.addr.port}/`,
    async [Symbol.asyncDispose]() {
      listener.close();
      await ended;
    },
  };
}

function health(url: string, world?: World) {
  return runProgram(["health", url], world);
}

Deno.test("health ends with 0 for an answer below 500, and with 1 and a sentence for others", async () => {
  await using server = startServer();
  const base = `http://127.0.0.1:${server.port}`;
  const table = [
    { asked: "/v2/", expected: "" },
    { asked: "/a?b=c", expected: "" },
    { asked: "/307", expected: "" },
    { asked: "/401", expected: "" },
    { asked: "/503", expected: `archeio: ${base}/503 is not healthy: it answered 503\n` },
  ];
  for (const { asked, expected } of table) {
    const { status, out, err } = await health(base + asked);
    assertEquals({ status, out, err }, { status: expected === "" ? 0 : 1, out: "", err: expected });
  }
  assertEquals(server.asked, table.map(({ asked }) => asked));
  assertEquals((await health(`http://localhost:${server.port}/`)).status, 0);
});

Deno.test("health ends with 1 when there is no answer, or none in HTTP", async () => {
  const closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = closed.addr;
  closed.close();
  const refused = await health(`http://127.0.0.1:${port}/`);
  assertEquals(refused.status, 1);
  assertMatch(
    refused.err,
    /^archeio: http:\/\/127\.0\.0\.1:\d+\/ is not healthy: Connection refused/,
  );
  const buffer = new Uint8Array(1000);
  await using silent = startSocket((connection) => connection.read(buffer));
  assertMatch((await health(silent.url)).err, /is not healthy: it closed the connection\n$/);
  await using other = startSocket(async (connection) => {
    await connection.read(buffer);
    await connection.write(new TextEncoder().encode("SSH-2.0-OpenSSH\r\n"));
  });
  assertMatch((await health(other.url)).err, /is not healthy: its answer is not HTTP\n$/);
});

Deno.test("health waits for 5 s at most", async () => {
  const limit = new AbortController();
  const waits: number[] = [];
  const timeout = (ms: number) => {
    waits.push(ms);
    return limit.signal;
  };
  await using silent = startSocket(async (connection) => {
    const buffer = new Uint8Array(1000);
    await connection.read(buffer);
    limit.abort();
    await connection.read(buffer); // until the other end closes
  });
  const expected = /is not healthy: no answer came within 5 s\n$/;
  assertMatch((await health(silent.url, { timeout })).err, expected);
  // Before there is a connection, too.
  assertMatch((await health(silent.url, { timeout })).err, expected);
  assertEquals(waits, [5000, 5000]);
});

Deno.test("health asks the server that the configuration says", async () => {
  await using server = startServer();
  const { port } = server;
  using file = temporaryFile(`${UPSTREAM}listen: { host: localhost, port: ${port} }\n`);
  const environment = { ARCHEIO_CONFIG: file.path };
  const worlds: [string[], World][] = [
    [["--config", file.path], {}],
    [[], { environment }],
    [[], { environment: { PORT: String(port) } }],
    [[], { environment: { PORT: String(port), HOST: "127.0.0.1" } }],
    [[], { environment: { PORT: String(port), HOST: "::ffff:127.0.0.1" } }],
  ];
  for (const [options, world] of worlds) {
    const { status, err } = await runProgram(["health", ...options], world);
    assertEquals({ status, err }, { status: 0, err: "" });
  }
  assertEquals(server.asked, worlds.map(() => "/v2/"));
  const any = await runProgram(["health"], { environment: { PORT: "0" } });
  assertEquals(any.status, 2);
  assertMatch(any.err, /listen\.port is 0/);
});

Deno.test("health takes a certificate of the server's own for an answer", async () => {
  const pem = await createCertificate();
  await using server = startServer(pem);
  const { port } = server;
  using cert = temporaryFile(pem.cert);
  using key = temporaryFile(pem.key);
  using file = temporaryFile(
    `${UPSTREAM}listen: { port: ${port}, tls: { cert: ${cert.path}, key: ${key.path} } }\n`,
  );
  assertEquals((await runProgram(["health", "--config", file.path])).status, 0);
  assertEquals((await health(`https://localhost:${port}/v2/`)).status, 0);
  // Where it is not known that the server speaks TLS.
  assertEquals((await runProgram(["health"], { environment: { PORT: String(port) } })).status, 0);
  // What is asked for is asked for.
  assertEquals((await health(`http://127.0.0.1:${port}/v2/`)).status, 1);
  await using plain = startServer();
  assertEquals((await health(`https://127.0.0.1:${plain.port}/v2/`)).status, 1);
});
