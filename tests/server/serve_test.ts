import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { retry, serve } from "../../lib/server/serve.ts";
import { createCertificate } from "./certificate.ts";
import {
  CONFIG,
  type ConfigFile,
  DATA_SET,
  DIGEST,
  MAIN,
  OTHER_DIGEST,
  readTestConfig,
} from "./fixture.ts";
import type { Orders } from "./serve_child.ts";

const LOCAL: ConfigFile = {
  ...CONFIG,
  listen: { host: "127.0.0.1", port: 0 },
  client_address: { header: null },
};

// What hangs should fail a test, not the run. Nothing here takes half as long.
const PATIENCE_MS = 30_000;

type Event = Readonly<Record<string, unknown>>;

/** A server in a process of its own. */
interface Served extends AsyncDisposable {
  readonly port: number;
  /** The next of what it tells; `undefined` when it has ended. */
  readonly next: () => Promise<Event | undefined>;
  readonly kill: (signal: Deno.Signal) => void;
  /** The exit status of its process, once it has ended. */
  readonly status: () => Promise<number>;
}

async function startServer(orders: Orders): Promise<Served> {
  const script = new URL("serve_child.ts", import.meta.url).pathname;
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", script, JSON.stringify(orders)],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const events = readEvents(process.stdout);
  const patience = setTimeout(() => process.kill("SIGKILL"), PATIENCE_MS);
  async function next(): Promise<Event | undefined> {
    const { value } = await events.next();
    return value;
  }
  const first = await next();
  return {
    port: Number(first?.listening),
    next,
    kill: (signal) => process.kill(signal),
    status: async () => (await process.status).code,
    async [Symbol.asyncDispose]() {
      clearTimeout(patience);
      await events.return(undefined);
      try {
        process.kill("SIGKILL");
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // it has ended
      }
      await process.status;
    },
  };
}

async function* readEvents(
  stdout: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<Event, undefined> {
  let text = "";
  for await (const chunk of stdout.pipeThrough(new TextDecoderStream())) {
    const lines = (text + chunk).split("\n");
    text = lines.pop()!;
    for (const line of lines) yield JSON.parse(line);
  }
}

/** A mirror on this machine, which tells what it is asked for. */
interface Mirror extends AsyncDisposable {
  readonly url: string;
  /** The path of the next request, once there is one. */
  readonly nextAsked: () => Promise<string>;
  /** Answers whatever waits, and all that comes. */
  readonly answer: (response: Response) => void;
}

function startMirror(): Mirror {
  const asked: string[] = [];
  let tell = () => {};
  const { promise: answered, resolve: answer } = Promise.withResolvers<Response>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    asked.push(new URL(request.url).pathname);
    tell();
    return (await answered).clone();
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    async nextAsked() {
      if (asked.length === 0) await new Promise<void>((resolve) => tell = resolve);
      return asked.shift()!;
    },
    answer,
    async [Symbol.asyncDispose]() {
      answer(new Response());
      await server.shutdown();
    },
  };
}

/** A configuration of one mirror that is given as long as it wants. */
function withMirror(url: string): ConfigFile {
  return {
    ...LOCAL,
    mirrors: { only: { url } },
    rules: [{ clients: ["*"], mirrors: ["only"] }],
    probe: { timeout_ms: 60_000 },
  };
}

async function locationAt(port: number, path: string): Promise<string | null> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { redirect: "manual" });
  await response.body?.cancel();
  assertEquals(response.status, 307);
  return response.headers.get("location");
}

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
  await using mirror = startMirror();
  await using server = await startServer({ config: withMirror(mirror.url) });
  const { port } = server;
  const open = await Promise.all(["", "G", "GET / HTTP/1.1\r\nHost: a\r\n"].map(connect));
  try {
    const gone = await connect(`GET /v2/a/blobs/${OTHER_DIGEST} HTTP/1.1\r\nHost: a\r\n\r\n`);
    assertEquals(await mirror.nextAsked(), `/${OTHER_DIGEST}`);
    gone.close();
    const pull = locationAt(port, `/v2/a/blobs/${DIGEST}`);
    assertEquals(await mirror.nextAsked(), `/${DIGEST}`);
    server.kill("SIGTERM");
    assertEquals(await server.next(), { stopping: "SIGTERM" });
    assertEquals(await server.next(), { unanswered: `${mirror.url}/${OTHER_DIGEST}` });
    assertEquals(await server.next(), { unanswered: `${mirror.url}/${DIGEST}` });
    assertEquals(await pull, `${MAIN}a/blobs/${DIGEST}`);
    // Though the other connections are still open.
    assertEquals(await server.next(), { ended: true });
  } finally {
    for (const connection of open) connection.close();
    mirror.answer(new Response());
  }
  assertEquals(await server.status(), 0);

  async function connect(part: string): Promise<Deno.Conn> {
    const connection = await Deno.connect({ port });
    await connection.write(new TextEncoder().encode(part));
    return connection;
  }
});

Deno.test("serve() cuts off no pull when a second signal comes", async () => {
  await using mirror = startMirror();
  await using server = await startServer({ config: withMirror(mirror.url) });
  const pull = locationAt(server.port, `/v2/a/blobs/${DIGEST}`);
  assertEquals(await mirror.nextAsked(), `/${DIGEST}`);
  server.kill("SIGTERM");
  assertEquals(await server.next(), { stopping: "SIGTERM" });
  server.kill("SIGINT");
  // Nothing tells that it has come; once the server has ended, it would end the process.
  await new Promise((resolve) => setTimeout(resolve, 500));
  mirror.answer(new Response());
  assertEquals(await pull, `${mirror.url}/${DIGEST}`);
  assertEquals(await server.next(), { ended: true });
  assertEquals(await server.status(), 0);
});

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
  server.kill("SIGTERM");
  assertEquals(await server.status(), 0);
});

const INTERNAL_ERROR = '{"errors":[{"code":"UNKNOWN","message":"internal error"}]}';

Deno.test("serve() answers 500 when it fails itself, says nothing of why, and serves on", async () => {
  await using mirror = startMirror();
  mirror.answer(new Response(null, { status: 404 }));
  await using server = await startServer({ config: withMirror(mirror.url), broken: true });
  // At first it fails when the mirror has answered, then before the mirror is asked.
  for (const method of ["GET", "GET", "HEAD"]) {
    const url = `http://127.0.0.1:${server.port}/v2/a/blobs/${DIGEST}`;
    const response = await fetch(url, { method, redirect: "manual" });
    assertEquals(response.status, 500);
    assertEquals(await response.text(), method === "HEAD" ? "" : INTERNAL_ERROR);
    assertEquals(await server.next(), { failed: "Error: the clock is broken" });
  }
  assertEquals(await mirror.nextAsked(), `/${DIGEST}`);
  assertEquals(await locationAt(server.port, "/v2/a/tags/list"), `${MAIN}a/tags/list`);
  server.kill("SIGTERM");
  assertEquals(await server.next(), { stopping: "SIGTERM" });
  assertEquals(await server.next(), { ended: true });
  assertEquals(await server.status(), 0);
});

Deno.test("serve() throws when it cannot listen", () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const config = readTestConfig({ ...LOCAL, listen: { host: "127.0.0.1", port } });
  const unexpected = () => assert(false, "nothing should happen");
  const options = {
    dataSet: DATA_SET,
    log: {
      listening: unexpected,
      stopping: unexpected,
      unanswered: unexpected,
      failed: unexpected,
    },
    fetch,
    now: () => 0,
    defer: (work: () => void) => work(),
  };
  const error = assertThrows(() => serve(config, options), Deno.errors.AddrInUse);
  assertStringIncludes(error.message.toLowerCase(), "in use");
});

Deno.test("retry() tries until it succeeds", async () => {
  let left = 3;
  const attempt = () => {
    if (--left > 0) throw new Error("not yet");
    return "done";
  };
  assertEquals(await retry(attempt, 0), "done");
  assertEquals(left, 0);
});
