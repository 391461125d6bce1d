/**
 * A mirror on this machine, which tells what it is asked for.
 *
 * @module
 */

/** A mirror. */
export interface TestMirror extends AsyncDisposable {
  readonly url: string;
  /** The path of the next request, once there is one. */
  readonly nextAsked: () => Promise<string>;
  /** Answers whatever waits, and all that comes. */
  readonly answer: (status: number) => void;
}

/** Starts a mirror, of which every request waits at first. */
export function startTestMirror(): TestMirror {
  const asked: string[] = [];
  let tell = () => {};
  const first = Promise.withResolvers<void>();
  let status = 200;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    asked.push(new URL(request.url).pathname);
    tell();
    await first.promise;
    return new Response(null, { status });
  });
  function answer(next: number): void {
    status = next;
    first.resolve();
  }
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    async nextAsked() {
      while (asked.length === 0) await new Promise<void>((resolve) => tell = resolve);
      return asked.shift()!;
    },
    answer,
    async [Symbol.asyncDispose]() {
      first.resolve();
      await server.shutdown();
    },
  };
}

/** Where a client on this machine is sent. */
export async function locationAt(port: number, path: string): Promise<string | null> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { redirect: "manual" });
  await response.body?.cancel();
  if (response.status !== 307) throw new Error(`${path} is answered with ${response.status}`);
  return response.headers.get("location");
}
