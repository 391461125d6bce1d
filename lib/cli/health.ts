/**
 * `archeio health`: whether the server answers.
 *
 * It speaks HTTP on its own connection: `fetch` would use the proxy that the environment
 * names, which cannot reach this machine's loopback interface.
 *
 * @module
 */

import {
  type Command,
  type Context,
  EXIT,
  FailedError,
  parseOptions,
  UsageError,
} from "./command.ts";
import { CONFIG_HELP, loadConfig, reasonOf } from "./load_config.ts";

const LIMIT_MS = 5000;

/** The command. */
export const healthCommand: Command = {
  summary: "check whether the server answers, for a container's health check",
  help: `Usage: archeio health [--config FILE] [URL]

Requests /v2/ from the server on this machine, or URL. The exit status is 0 if a status
below 500 arrives within 5 s, else 1. With https, an untrusted certificate, or one for
another name, counts as an answer.

  archeio health
  archeio health http://localhost:9090/readyz

Options:
${CONFIG_HELP};
                 it says where the server listens
`,
  async run(args, context) {
    const { text, operands } = parseOptions(args, { text: ["config"] });
    const [given, ...more] = operands;
    if (more.length > 0) {
      throw new UsageError(`unexpected argument "${more[0]}": health takes a URL`);
    }
    const question = given === undefined ? ownQuestion(text.config, context) : parseQuestion(given);
    const reason = await findFailure(question, context.timeout(LIMIT_MS));
    if (reason !== undefined) throw new FailedError(`${question.url} is not healthy: ${reason}`);
    return EXIT.well;
  },
};

/** The question to the server. */
interface Question {
  readonly url: URL;
  /** Whether to ask again by TLS if the server does not speak plain HTTP. */
  readonly mayBeTls: boolean;
}

function parseQuestion(text: string): Question {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "http:" && url?.protocol !== "https:") {
    throw new UsageError(`Cannot parse URL "${text}": it must be an http: or https: URL`);
  }
  return { url, mayBeTls: false };
}

function ownQuestion(file: string | undefined, context: Context): Question {
  const { listen: { host, port, tls } } = loadConfig(file, context).config;
  if (port === 0) {
    throw new UsageError(
      "Cannot tell where the server listens, as listen.port is 0: give its URL",
    );
  }
  // These include the IPv4 loopback address; a name might resolve to something else.
  const isLocal = ["::", "0.0.0.0", "localhost"].includes(host);
  const name = isLocal ? "127.0.0.1" : host.includes(":") ? `[${host}]` : host;
  const url = new URL(`${tls === undefined ? "http" : "https"}://${name}:${port}/v2/`);
  // The server may use a file given by --config, which is unknown here.
  return { url, mayBeTls: true };
}

/** Why the server is not healthy, or `undefined` when it is. */
async function findFailure(
  { url, mayBeTls }: Question,
  limit: AbortSignal,
): Promise<string | undefined> {
  try {
    const first = await readFirst(url, limit);
    const [, status] = /^HTTP\/1\.[01] (\d{3})/.exec(first) ?? [];
    if (status !== undefined) return Number(status) < 500 ? undefined : `it answered ${status}`;
    if (limit.aborted) return TOO_LATE;
    if (mayBeTls && first.startsWith(TLS_ALERT)) {
      const secure = new URL(url.href.replace(/^http:/, "https:"));
      return await findFailure({ url: secure, mayBeTls: false }, limit);
    }
    return first === "" ? "it closed the connection" : "its answer is not HTTP";
  } catch (error) {
    if (isOwnCertificate(error)) return undefined;
    return limit.aborted ? TOO_LATE : reasonOf(error);
  }
}

const TOO_LATE = `no answer came within ${LIMIT_MS / 1000} s`;

// RFC 8446, section 5.1: what a TLS server sends to a client without TLS.
const TLS_ALERT = "\x15\x03";

// A server with a certificate that is not trusted does answer.
function isOwnCertificate(error: unknown): boolean {
  return error instanceof Deno.errors.InvalidData &&
    error.message.startsWith("invalid peer certificate");
}

/** Reads the first characters of an answer, as many as arrive. */
async function readFirst(url: URL, limit: AbortSignal): Promise<string> {
  const secure = url.protocol === "https:";
  const hostname = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const port = Number(url.port || (secure ? 443 : 80));
  const { promise: late, resolve } = Promise.withResolvers<string>();
  const connection = await Deno.connect({ hostname, port, signal: limit });
  limit.addEventListener("abort", () => resolve(""), { once: true });
  const stream = secure ? await Deno.startTls(connection, { hostname }) : connection;
  try {
    return await Promise.race([exchange(stream, url), late]);
  } finally {
    stream.close();
  }
}

const FIRST_LENGTH = "HTTP/1.1 200".length;

async function exchange(stream: Deno.Conn, { host, pathname, search }: URL): Promise<string> {
  const lines = [`GET ${pathname}${search} HTTP/1.1`, `Host: ${host}`, "Connection: close", "", ""];
  await stream.write(new TextEncoder().encode(lines.join("\r\n")));
  const buffer = new Uint8Array(FIRST_LENGTH);
  let first = "";
  while (first.length < FIRST_LENGTH) {
    const length = await stream.read(buffer);
    if (length === null) break;
    first += String.fromCharCode(...buffer.subarray(0, length));
  }
  return first;
}
