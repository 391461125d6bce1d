import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Outcome, temporaryFile } from "./program.ts";

const PROGRAM = [
  "run",
  "--quiet",
  "-A",
  "--no-prompt",
  new URL("../../main.ts", import.meta.url).pathname,
];

/** A server in a process of its own. */
interface Served extends AsyncDisposable {
  readonly process: Deno.ChildProcess;
  /** What its first log line says. */
  readonly listening: Record<string, unknown>;
  readonly url: string;
  /** Waits for the end, and gives the rest of its log. */
  end(): Promise<{ readonly status: Deno.CommandStatus; readonly log: string }>;
}

function spawn(
  args: readonly string[],
  env: Record<string, string>,
  files?: number,
): Deno.ChildProcess {
  const limit = files === undefined ? "" : `ulimit -n ${files};`;
  return new Deno.Command("sh", {
    args: ["-c", `${limit} exec "$0" "$@"`, Deno.execPath(), ...PROGRAM, ...args],
    env: { HOST: "127.0.0.1", PORT: "0", ...env },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
}

async function serve(
  args: string[] = [],
  env: Record<string, string> = {},
  files?: number,
): Promise<Served> {
  const process = spawn(args, env, files);
  const reader = process.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let log = "";
  while (!log.includes("\n")) {
    const { value, done } = await reader.read();
    assert(!done, log);
    log += value;
  }
  const listening = JSON.parse(log.slice(0, log.indexOf("\n")));
  log = log.slice(log.indexOf("\n") + 1);
  let ended = false;
  async function end() {
    ended = true;
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      log += value;
    }
    return { status: await process.status, log };
  }
  return {
    process,
    listening,
    url: listening.url,
    end,
    async [Symbol.asyncDispose]() {
      if (ended) return;
      process.kill("SIGKILL");
      await end();
    },
  };
}

async function fails(args: string[], env: Record<string, string> = {}): Promise<Outcome> {
  const { code, stderr } = await spawn(args, env).output();
  return { status: code, out: "", err: new TextDecoder().decode(stderr) };
}

Deno.test("serve logs one line at its start: where it listens and with what configuration", async () => {
  await using server = await serve();
  const { level, message, configuration, mirrors, rules } = server.listening;
  assertEquals(
    { level, message, configuration, mirrors, rules },
    { level: "INFO", message: "listening", configuration: "built-in", mirrors: 33, rules: 34 },
  );
  assertMatch(server.url, /^http:\/\/127\.0\.0\.1:\d+\/$/);
  const response = await fetch(`${server.url}v2/`);
  assertEquals(response.status, 200);
  await response.body?.cancel();
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`serve ends well on ${signal}, and says so`, async () => {
    await using server = await serve();
    server.process.kill(signal);
    const { status, log } = await server.end();
    assertEquals(status, { success: true, code: 0, signal: null });
    assertEquals(JSON.parse(log).signal, signal);
  });
}

Deno.test("serve outlives a flood of connections that takes every file descriptor", async () => {
  await using server = await serve([], {}, 64);
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
      const response = await fetch(`${server.url}v2/`);
      assertEquals(response.status, 200);
      await response.body?.cancel();
      break;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  server.process.kill("SIGTERM");
  const { status, log } = await server.end();
  assertEquals(status.code, 0);
  assertStringIncludes(log, "Too many open files");
});

Deno.test("serve is the command when none is named, on IPv6, too", async () => {
  using file = temporaryFile("upstreams: { main: { endpoint: https://registry.example } }");
  await using server = await serve(["--config", file.path], { HOST: "::1" });
  assertMatch(server.url, /^http:\/\/\[::1\]:\d+\/$/);
  assertEquals(server.listening.configuration, file.path);
  const response = await fetch(`${server.url}v2/a/manifests/1`, { redirect: "manual" });
  assertEquals(response.headers.get("location"), "https://registry.example/v2/a/manifests/1");
  await response.body?.cancel();
});

Deno.test("serve tells of a mirror that does not answer, once for many requests", async () => {
  const closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = closed.addr;
  closed.close();
  using file = temporaryFile(`
upstreams: { main: { endpoint: https://registry.example } }
mirrors: { down: { url: "http://127.0.0.1:${port}/blobs" } }
rules: [ { clients: [ "*" ], mirrors: [ down ] } ]
`);
  await using server = await serve(["--config", file.path], { LOG_LEVEL: "debug" });
  for (const digit of "0123") {
    const digest = `sha256:${digit.repeat(64)}`;
    const response = await fetch(`${server.url}v2/a/blobs/${digest}`, { redirect: "manual" });
    assertEquals(response.headers.get("location"), `https://registry.example/v2/a/blobs/${digest}`);
    await response.body?.cancel();
  }
  server.process.kill("SIGTERM");
  const { log } = await server.end();
  const lines = log.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(lines.filter(({ level }) => level === "DEBUG").length, 4);
  const warnings = lines.filter(({ level }) => level === "WARN");
  assertEquals(warnings.length, 1);
  assertEquals(warnings[0].server, `http://127.0.0.1:${port}`);
});

Deno.test("serve says that another program has the port", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  assertEquals(await fails(["serve"], { PORT: String(port) }), {
    status: 1,
    out: "",
    err: `archeio: cannot listen on 127.0.0.1, port ${port}: another program has this port\n`,
  });
});

Deno.test("serve says that this machine has not the address", async () => {
  const { status, err } = await fails(["serve"], { HOST: "192.0.2.1" });
  assertEquals(status, 1);
  assertStringIncludes(err, "cannot listen on 192.0.2.1, port 0: this machine has no such address");
});

Deno.test("serve says that there is no such host", async () => {
  const { status, err } = await fails(["serve"], { HOST: "host.invalid" });
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
  const unread = await fails(["serve", "--config", missing.path]);
  assertEquals(unread.status, 2);
  assertStringIncludes(unread.err, 'cannot read the certificate "/nowhere.pem"');
  using wrong = temporaryFile(config(pem.path));
  const refused = await fails(["serve", "--config", wrong.path]);
  assertEquals(refused.status, 2);
  assertStringIncludes(
    refused.err,
    `cannot use the certificate "${pem.path}" with the private key`,
  );
});
