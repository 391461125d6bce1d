/**
 * Asks as no well-behaved client would: a target as it is written, in any method, each time
 * over a new connection, which another worker may get.
 *
 * @module
 */

/** What is asked, beside the target. */
export interface AskOptions {
  readonly method?: string;
  /** Headers, such as `user-agent: curl`. */
  readonly headers?: readonly string[];
}

/** Asks, and gives the status of the answer. */
export async function ask(
  url: string,
  target: string,
  { method = "GET", headers = [] }: AskOptions = {},
): Promise<number> {
  const { hostname, port, host } = new URL(url);
  const connection = await Deno.connect({ hostname, port: Number(port) });
  const lines = [`${method} ${target} HTTP/1.1`, `host: ${host}`, "connection: close", ...headers];
  const writer = connection.writable.getWriter();
  await writer.write(new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`));
  const answer = await new Response(connection.readable).text();
  await writer.close();
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1];
  if (status === undefined) throw new Error(`${method} ${target} got "${answer}"`);
  return Number(status);
}
