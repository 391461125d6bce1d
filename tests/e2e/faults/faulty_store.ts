/**
 * A blob store that fails in whatever way it is told to.
 *
 * @module
 */

/** How a store behaves. */
export type Behaviour = "well" | "refuses" | "hangs" | 500 | 429 | 403;

/** A store that has every blob. A blob's content is its own digest. */
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
  /** Whether it has a blob; by default it has all. */
  readonly has?: (digest: string) => boolean;
  /** How long it takes for an answer, in milliseconds. */
  readonly delayMs?: number;
}

/** Starts a store that behaves well. */
export function startFaultyStore(
  { has = () => true, delayMs = 0 }: FaultyStoreOptions = {},
): FaultyStore {
  let behaviour: Behaviour = "well";
  let heads = 0;
  let atOnce = 0;
  let mostAtOnce = 0;
  const hanging = new Set<() => void>();

  async function answer(request: Request): Promise<Response> {
    if (request.method === "HEAD") heads++;
    mostAtOnce = Math.max(mostAtOnce, ++atOnce);
    try {
      if (behaviour === "hangs") await new Promise<void>((go) => hanging.add(go));
      else if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
    } finally {
      atOnce--;
    }
    if (typeof behaviour === "number") return new Response(null, { status: behaviour });
    const digest = new URL(request.url).pathname.split("/").at(-1)!;
    if (!has(digest)) return new Response(null, { status: 404 });
    return new Response(request.method === "HEAD" ? null : digest, {
      headers: { "content-length": String(digest.length) },
    });
  }

  let connections = new AbortController();
  const open = (port: number) => {
    connections = new AbortController();
    const { signal } = connections;
    return Deno.serve({ hostname: "127.0.0.1", port, signal, onListen() {} }, answer);
  };
  let server: ReturnType<typeof open> | undefined = open(0);
  const { port } = server.addr;

  // Connections are cut, too, as when a machine is gone.
  async function close(): Promise<void> {
    if (server === undefined) return;
    connections.abort();
    await server.finished;
    server = undefined;
  }

  return {
    url: `http://127.0.0.1:${port}`,
    get mostAtOnce() {
      return mostAtOnce;
    },
    get heads() {
      return heads;
    },
    async behave(next) {
      behaviour = next;
      for (const go of hanging) go();
      hanging.clear();
      if (next === "refuses") await close();
      else server ??= open(port);
    },
    async [Symbol.asyncDispose]() {
      for (const go of hanging) go();
      await close();
    },
  };
}
