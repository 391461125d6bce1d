import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { temporaryFile } from "./program.ts";
import { failToServe, get, serve } from "./served.ts";

const UPSTREAM = "upstreams: { main: { endpoint: https://registry.example } }\n";

Deno.test("serve logs one line at its start: where it listens and with what configuration", async () => {
  await using server = await serve();
  const { "@timestamp": _time, logger: _logger, url: _url, ...facts } = server.listening;
  assertEquals(facts, {
    level: "INFO",
    message: "listening",
    configuration: "built-in",
    upstreams: 1,
    mirrors: 33,
    rules: 34,
    workers: 1,
  });
  assertMatch(server.url, /^http:\/\/127\.0\.0\.1:\d+\/$/);
  assertEquals((await get(`${server.url}v2/`)).status, 200);
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`serve ends well on ${signal}, and says so`, async () => {
    await using server = await serve();
    server.process.kill(signal);
    const { status, log } = await server.end();
    assertEquals(status, { success: true, code: 0, signal: null });
    assertEquals(log.map(({ message, signal }) => ({ message, signal })), [
      { message: "stopping", signal },
    ]);
  });
}

Deno.test("serve outlives a flood of connections that takes every file descriptor", async () => {
  await using server = await serve({ files: 64 });
  const { hostname, port } = new URL(server.url);
  const flood: Deno.TcpConn[] = [];
  try {
    for (let number = 0; number < 100; number++) {
      try {
        const connection = await Deno.connect({ hostname, port: Number(port) });
        flood.push(connection);
        await connection.write(new TextEncoder().encode("GET /v2/ HT"));
      } catch (error) {
        // The server's end is closed while it listens anew.
        if (!(error instanceof Error && "code" in error)) throw error;
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
  } finally {
    for (const connection of flood) connection.close();
  }
  for (;;) {
    try {
      assertEquals((await get(`${server.url}v2/`)).status, 200);
      break;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  const log = await server.stop();
  assert(log.some(({ reason }) => String(reason).includes("Too many open files")));
});

Deno.test("serve listens on IPv6, too, and takes a file", async () => {
  using file = temporaryFile(UPSTREAM);
  await using server = await serve({ config: file.path, env: { HOST: "::1" } });
  assertMatch(server.url, /^http:\/\/\[::1\]:\d+\/$/);
  assertEquals(server.listening.configuration, file.path);
  const { location } = await get(`${server.url}v2/a/manifests/1`);
  assertEquals(location, "https://registry.example/v2/a/manifests/1");
});

Deno.test("serve is the command when none is named", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const main = new URL("../../main.ts", import.meta.url).pathname;
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", "--no-prompt", main],
    env: { HOST: "127.0.0.1", PORT: String(taken.addr.port) },
  }).output();
  assertEquals(code, 1);
  assertStringIncludes(new TextDecoder().decode(stderr), "archeio: cannot listen on 127.0.0.1");
});

Deno.test("serve takes a mirror down that does not answer, and tells of it once", async () => {
  using closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = closed.addr;
  closed.close();
  using file = temporaryFile(`${UPSTREAM}
mirrors: { down: { url: "http://127.0.0.1:${port}/blobs" } }
rules: [ { clients: [ "*" ], mirrors: [ down ] } ]
health: { interval_ms: 3600000, max_interval_ms: 3600000, down_after: 3 }
`);
  await using server = await serve({ config: file.path, env: { LOG_LEVEL: "debug" } });
  for (const digit of "01234") {
    const digest = `sha256:${digit.repeat(64)}`;
    const { location } = await get(`${server.url}v2/a/blobs/${digest}`);
    assertEquals(location, `https://registry.example/v2/a/blobs/${digest}`);
  }
  const log = await server.stop();
  // Once it is down, it is not asked any more.
  assertEquals(log.filter(({ level }) => level === "DEBUG").length, 3);
  const warnings = log.filter(({ level }) => level === "WARN");
  assertEquals(warnings.map(({ message }) => message), [
    "HEAD requests without an answer",
    "mirror is down",
  ]);
  assertEquals(warnings[0]!.server, `http://127.0.0.1:${port}`);
  assertEquals([warnings[1]!.mirror, warnings[1]!.answer], ["down", "failed"]);
});

Deno.test("serve says that another program has the port", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  assertEquals(await failToServe({ env: { PORT: String(port) } }), {
    status: 1,
    out: "",
    err: `archeio: cannot listen on 127.0.0.1, port ${port}: another program has this port\n`,
  });
});

Deno.test("serve says that this machine has not the address", async () => {
  const { status, err } = await failToServe({ env: { HOST: "192.0.2.1" } });
  assertEquals(status, 1);
  assertStringIncludes(err, "cannot listen on 192.0.2.1, port 0: this machine has no such address");
});

Deno.test("serve says that there is no such host", async () => {
  const { status, err } = await failToServe({ env: { HOST: "host.invalid" } });
  assertEquals(status, 1);
  assertEquals(err, "archeio: cannot listen on host.invalid, port 0: there is no such host\n");
});

Deno.test("serve says which of the TLS files it cannot read, and which is none", async () => {
  using pem = temporaryFile("no certificate");
  const config = (cert: string) => `
listen: { tls: { cert: "${cert}", key: "${pem.path}" } }
upstreams: { main: { endpoint: https://registry.example } }
`;
  using missing = temporaryFile(config("/nowhere.pem"));
  const unread = await failToServe({ config: missing.path });
  assertEquals(unread.status, 2);
  assertStringIncludes(unread.err, 'cannot read the certificate "/nowhere.pem"');
  using wrong = temporaryFile(config(pem.path));
  const refused = await failToServe({ config: wrong.path });
  assertEquals(refused.status, 2);
  assertStringIncludes(
    refused.err,
    `cannot use the certificate "${pem.path}" with the private key`,
  );
});
