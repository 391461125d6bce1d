/**
 * A blob store that fails in whatever way it is told to.
 *
 * @module
 */

/**
 * How a store behaves: well, or not at all as a server, or with an answer of its own to each
 * request. A number is the status of all answers.
 */
export type Behaviour = "well" | "refuses" | "hangs" | "breaks TLS" | number | FaultyAnswer;

/** Answers a request in the place of a store that is well. */
export type FaultyAnswer = (asked: Asked) => Response | Promise<Response>;

/** A request to a store that fails. */
export interface Asked {
  readonly request: Request;
  /** What the store answers when it is well. */
  readonly well: () => Response;
  /** Resolves when the store is to behave otherwise. */
  readonly over: Promise<void>;
}

/** A store. */
export interface FaultyStore extends AsyncDisposable {
  /** Its base URL, without a slash at its end. */
  readonly url: string;
  /** Has it behave otherwise from now on. */
  behave(behaviour: Behaviour): Promise<void>;
  /** The most requests that it had at the same time. */
  readonly mostAtOnce: number;
  /** How many HEAD requests it was sent. */
  readonly heads: number;
}

/** What a store may be. */
export interface FaultyStoreOptions {
  /** What it has at a path. By default {@linkcode numberedBlob}. */
  readonly find?: (path: string) => Bytes | undefined;
  /** How long it takes for an answer, in milliseconds. */
  readonly delayMs?: number;
  /** Its certificate and key, when it serves over TLS. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

type Bytes = Uint8Array<ArrayBuffer>;

/** The content of a blob whose digest is a number that a test made up: the digest itself. */
export function numberedBlob(path: string): Bytes | undefined {
  const digest = lastPartOf(path);
  return digest.includes("0".repeat(16))
    ? new Uint8Array(new TextEncoder().encode(digest))
    : undefined;
}

/** Starts a store that behaves well. */
export function startFaultyStore(
  { find = numberedBlob, delayMs = 0, tls }: FaultyStoreOptions = {},
): FaultyStore {
  let behaviour: Behaviour = "well";
  let over = Promise.withResolvers<void>();
  let heads = 0;
  let atOnce = 0;
  let mostAtOnce = 0;

  async function answer(request: Request): Promise<Response> {
    if (request.method === "HEAD") heads++;
    mostAtOnce = Math.max(mostAtOnce, ++atOnce);
    try {
      if (behaviour === "hangs") await over.promise;
      else if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
    } finally {
      atOnce--;
    }
    if (typeof behaviour === "number") return new Response(null, { status: behaviour });
    const well = () => answerWell(request, find);
    return typeof behaviour === "function"
      ? await behaviour({ request, well, over: over.promise })
      : well();
  }

  let connections = new AbortController();
  const open = (port: number) => {
    connections = new AbortController();
    const { signal } = connections;
    const options = { hostname: "127.0.0.1", port, signal, onListen() {}, ...tls };
    return Deno.serve(options, answer);
  };
  let server: ReturnType<typeof open> | undefined = open(0);
  const { port } = server.addr;
  let broken: AsyncDisposable | undefined;

  // Connections are cut, too, as when a machine is gone.
  async function close(): Promise<void> {
    await broken?.[Symbol.asyncDispose]();
    broken = undefined;
    if (server === undefined) return;
    connections.abort();
    await server.finished;
    server = undefined;
  }

  return {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    get mostAtOnce() {
      return mostAtOnce;
    },
    get heads() {
      return heads;
    },
    async behave(next) {
      behaviour = next;
      over.resolve();
      over = Promise.withResolvers();
      const isGone = next === "refuses" || next === "breaks TLS";
      if (isGone || broken !== undefined) await close();
      if (next === "breaks TLS") broken = listenWithoutTls(port);
      else if (!isGone) server ??= open(port);
    },
    async [Symbol.asyncDispose]() {
      over.resolve();
      await close();
    },
  };
}

/** What stands behind the last slash of a path. */
export function lastPartOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function answerWell(request: Request, find: (path: string) => Bytes | undefined): Response {
  const blob = find(new URL(request.url).pathname);
  if (blob === undefined) return new Response(null, { status: 404 });
  const isFirstByte = request.headers.get("range") === "bytes=0-0";
  const bytes = isFirstByte ? blob.subarray(0, 1) : blob;
  const headers = new Headers({
    "content-length": String(bytes.length),
    "content-type": typeOf(blob),
  });
  if (isFirstByte) headers.set("content-range", `bytes 0-0/${blob.length}`);
  const body = request.method === "HEAD" ? null : bytes;
  return new Response(body, { status: isFirstByte ? 206 : 200, headers });
}

// A registry says what a manifest is; of a blob it says nothing.
function typeOf(bytes: Bytes): string {
  const text = new TextDecoder().decode(bytes.subarray(0, 200));
  return /^{"schemaVersion":2,"mediaType":"([^"]+)"/.exec(text)?.[1] ?? "application/octet-stream";
}

/** Answers the first message of a TLS handshake with something else. */
function listenWithoutTls(port: number): AsyncDisposable {
  const listener = Deno.listen({ hostname: "127.0.0.1", port });
  const text = new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
  const accepting = (async () => {
    for await (const connection of listener) {
      try {
        await connection.read(new Uint8Array(1024));
        await connection.write(text);
      } catch {
        // Whoever has gone needs no answer.
      } finally {
        connection.close();
      }
    }
  })();
  return {
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
    },
  };
}
