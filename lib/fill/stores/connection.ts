/**
 * One HTTP/1.1 request whose body is streamed with its length told in advance, on a connection
 * of its own.
 *
 * `fetch` sends a streamed body in chunks, which stores refuse with 411. `node:http` knows
 * lengths, but the oldest supported Deno gives its second request on a kept connection no
 * back-pressure: 400 MB were buffered. This writer has a flat memory on all of them, is as
 * fast, and a request can be broken off at any byte, which is what keeps wrong objects out of
 * stores.
 *
 * The message format: https://www.rfc-editor.org/rfc/rfc9112.
 *
 * @module
 */

/** An answer. */
export interface ConnectionAnswer {
  /** Its status. */
  readonly status: number;
  /** Its headers. */
  readonly headers: Headers;
  /** The first bytes of its body, as text. */
  readonly text: string;
}

/** A request on its way. */
export interface Connection {
  /**
   * Sends bytes of the body. Resolves once the system has taken them.
   *
   * @throws when the connection breaks
   */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /**
   * Resolves with the answer, which may come before all of the body was sent.
   *
   * @throws when the connection breaks, or the answer is none
   */
  readonly answer: Promise<ConnectionAnswer>;
  /** Closes the connection at once. */
  close(): void;
}

/** A request. */
export interface StreamedRequest {
  /** Its method. */
  readonly method: string;
  /** Its URL, `http:` or `https:`. */
  readonly url: URL;
  /** Its headers, but for the host. */
  readonly headers: Headers;
  /** The length of its body in bytes. */
  readonly length: number;
}

/** Connects, and sends the head of a request. */
export async function openConnection(
  { method, url, headers, length }: StreamedRequest,
): Promise<Connection> {
  const isSecure = url.protocol === "https:";
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  const port = Number(url.port || (isSecure ? 443 : 80));
  const socket = isSecure
    ? await Deno.connectTls({ hostname, port, alpnProtocols: ["http/1.1"] })
    : await Deno.connect({ hostname, port });
  const close = createClose(socket);

  async function write(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await socket.write(rest));
  }

  const lines = [
    `${method} ${url.pathname}${url.search} HTTP/1.1`,
    `host: ${url.host}`,
    ...[...headers].map(([name, value]) => `${name}: ${value}`),
    `content-length: ${length}`,
    "connection: close",
  ];
  const head = new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`);
  await write(head).catch((error) => (close(), Promise.reject(error)));
  const answer = readAnswer(socket);
  // It may break while nobody waits for it yet.
  answer.catch(() => {});
  return { write, answer, close };
}

function createClose(socket: Deno.Conn): () => void {
  let isOpen = true;
  return () => {
    if (isOpen) socket.close();
    isOpen = false;
  };
}

const MOST_BYTES = 64 * 1024;

async function readAnswer(socket: Deno.Conn): Promise<ConnectionAnswer> {
  let text = "";
  const buffer = new Uint8Array(16 * 1024);
  // One character for each byte, so that lengths can be told.
  const decoder = new TextDecoder("latin1");
  for (;;) {
    const answer = tryAnswer(text);
    if (answer?.isWhole) return answer;
    const count = await socket.read(buffer);
    if (count !== null && text.length < MOST_BYTES) {
      text += decoder.decode(buffer.subarray(0, count));
      continue;
    }
    if (answer !== undefined) return answer;
    throw new Error(count === null ? "the connection was closed" : "the answer is no HTTP");
  }
}

const HEAD = /^HTTP\/1\.[01] (\d{3})[^\r\n]*\r?\n((?:[^\r\n]+\r?\n)*)\r?\n/;

function tryAnswer(text: string): ConnectionAnswer & { readonly isWhole: boolean } | undefined {
  const [head, status, fields = ""] = HEAD.exec(text) ?? [];
  if (head === undefined) return undefined;
  const body = text.slice(head.length);
  // Before the answer itself: 100 Continue and the like.
  if (status!.startsWith("1")) return tryAnswer(body);
  const headers = readHeaders(fields);
  const length = headers.get("content-length");
  const isChunked = /chunked/i.test(headers.get("transfer-encoding") ?? "");
  return {
    status: Number(status),
    headers,
    text: isChunked ? joinChunks(body) : body,
    isWhole: isChunked
      ? /(?:^|\r\n)0\r\n/.test(body)
      : length !== null && body.length >= Number(length),
  };
}

function readHeaders(fields: string): Headers {
  const headers = new Headers();
  for (const [, name, value] of fields.matchAll(/^([\w!#$%&'*+.^`|~-]+):[ \t]*([^\r\n]*)\r?$/gm)) {
    // deno-lint-ignore no-control-regex -- which a header may not have
    headers.append(name!, value!.replaceAll(/[\x00-\x08\x0a-\x1f\x7f]/g, "").trim());
  }
  return headers;
}

function joinChunks(body: string): string {
  let text = "";
  for (let at = 0; at < body.length;) {
    const [line, size] = /^([0-9a-f]{1,8})[^\r\n]*\r\n/i.exec(body.slice(at)) ?? [];
    if (line === undefined || Number.parseInt(size!, 16) === 0) break;
    const from = at + line.length;
    const to = from + Number.parseInt(size!, 16);
    text += body.slice(from, to);
    at = to + "\r\n".length;
  }
  return text;
}
