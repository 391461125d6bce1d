/**
 * The program as a server, in a process of its own: signals go to a whole process.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { Outcome } from "./program.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

/** The flags that Deno wants for a port that isolates share. */
export const SHARED_PORT = ["--unstable-net"];

/** A line of a log. */
export type Line = Readonly<Record<string, unknown>>;

/** How a server is started. */
export interface Start {
  /** The path of its configuration; without one, the built-in one. */
  readonly config?: string;
  /** Variables, beside a host and a port of its own. */
  readonly env?: Readonly<Record<string, string>>;
  /** Flags of the runtime. */
  readonly flags?: readonly string[];
  /** Whether the test reads its standard output. */
  readonly stdout?: "piped" | undefined;
}

/** A server that can be asked. */
export interface Served extends AsyncDisposable {
  readonly process: Deno.ChildProcess;
  /** What its first log line says beside warnings: where it listens, when all is well. */
  readonly listening: Line;
  /** The lines before that. */
  readonly warnings: readonly Line[];
  /** Where clients ask, with a slash at the end. */
  readonly url: string;
  /** Where operators ask, with a slash at the end. */
  readonly admin: string;
  /** The next line of its log with this message; those before it are passed over. */
  told(message: string): Promise<Line>;
  /** Has it end, which must go well, and gives the same lines. */
  stop(): Promise<readonly Line[]>;
  /** Reads no more of its log. */
  leaveLog(): Promise<void>;
  /** Waits for the end, and gives the lines of its log that were not asked for. */
  end(): Promise<{ readonly status: Deno.CommandStatus; readonly log: readonly Line[] }>;
}

/** Starts the program, and does not wait. */
export function spawnServer({ config, env, flags = [], stdout }: Start): Deno.ChildProcess {
  const usual = ["--quiet", "-A", "--no-prompt", "--unstable-no-legacy-abort"];
  const program = ["run", ...usual, ...flags, MAIN, "serve"];
  const options = config === undefined ? [] : ["--config", config];
  return new Deno.Command(Deno.execPath(), {
    args: [...program, ...options],
    env: { HOST: "127.0.0.1", PORT: "0", ...env },
    stdin: "null",
    stdout: stdout ?? "null",
    stderr: "piped",
  }).spawn();
}

/** Starts the program, and waits until it serves. */
export async function serve(start: Start = {}): Promise<Served> {
  const process = spawnServer(start);
  const lines = readLines(process.stderr);
  const log: Line[] = [];
  let ended = false;

  async function next(): Promise<Line | undefined> {
    const { value } = await lines.next();
    if (value === undefined) return undefined;
    const line: Line = JSON.parse(value);
    log.push(line);
    return line;
  }

  async function end() {
    ended = true;
    while (await next() !== undefined);
    return { status: await process.status, log };
  }

  let listening = await next();
  while (listening?.level === "WARN") listening = await next();
  assert(listening !== undefined, "the server ended before it served");
  const warnings = log.slice(0, -1);
  log.length = 0;
  return {
    process,
    listening,
    warnings,
    url: String(listening.url),
    admin: String(listening.admin),
    end,
    async stop() {
      process.kill("SIGTERM");
      const { status, log } = await end();
      assertEquals(status, { success: true, code: 0, signal: null });
      return log;
    },
    async leaveLog() {
      ended = true;
      await lines.return(undefined);
    },
    async told(message) {
      for (;;) {
        const line = await next();
        assert(line !== undefined, `the server ended before it told "${message}"`);
        log.pop();
        if (line.message === message) return line;
      }
    },
    async [Symbol.asyncDispose]() {
      if (!ended) {
        try {
          process.kill("SIGKILL");
        } catch (error) {
          if (!(error instanceof TypeError)) throw error; // it has ended
        }
        await end();
      }
      if (start.stdout !== undefined && !process.stdout.locked) await process.stdout.cancel();
    },
  };
}

/** What came of a server that cannot serve, without the warnings of its log. */
export async function failToServe(start: Start): Promise<Outcome> {
  const { code, stderr } = await spawnServer(start).output();
  const err = new TextDecoder().decode(stderr).replace(/^\{.*"level":"WARN".*\n/gm, "");
  return { status: code, out: "", err };
}

/** Reads the lines of a process. */
export async function* readLines(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<string, undefined> {
  let text = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (text + chunk).split("\n");
    text = lines.pop()!;
    yield* lines;
  }
  // What ends without a line's end is a sentence, of a server that cannot serve.
  assert(text === "", text);
}

/** Asks, and gives the answer with its body. */
export async function get(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly location: string | null; readonly body: string }> {
  const response = await fetch(url, { redirect: "manual", headers });
  const body = await response.text();
  return { status: response.status, location: response.headers.get("location"), body };
}

/** Asks on a connection of its own, which the kernel gives to any isolate, as some client. */
export async function getAlone(
  { url }: Served,
  path: string,
  client = "203.0.113.1",
): Promise<string> {
  const { hostname, port } = new URL(url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  const request = [
    `GET /${path} HTTP/1.1`,
    `host: ${hostname}`,
    `x-forwarded-for: ${client}, 10.0.0.1`,
    "connection: close\r\n\r\n",
  ].join("\r\n");
  await connection.write(new TextEncoder().encode(request));
  let answer = "";
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(4096);
  for (;;) {
    const length = await connection.read(buffer);
    if (length === null) return answer;
    answer += decoder.decode(buffer.subarray(0, length), { stream: true });
  }
}

/** A mirror on loopback. */
export interface TestMirror extends AsyncDisposable {
  readonly url: string;
  /** The paths of the HEAD requests that it got. */
  readonly heads: string[];
  /** Waits until it is asked for a path. */
  asked(path: string): Promise<void>;
}

/** The digest of the blob that test mirrors have. */
export const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

/** Starts a mirror that has one blob, and answers once `answer` resolves. */
export function startMirror(answer: Promise<void> = Promise.resolve()): TestMirror {
  const heads: string[] = [];
  let wake = () => {};
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async ({ url, method }) => {
      if (method === "HEAD") heads.push(new URL(url).pathname);
      wake();
      await answer;
      return url.endsWith(DIGEST) ? new Response("a blob") : new Response(null, { status: 404 });
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    heads,
    async asked(path) {
      while (!heads.includes(path)) await new Promise<void>((resolve) => wake = resolve);
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
