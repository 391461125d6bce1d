/**
 * What all stores have in common, registries and mirrors: two URLs, and a log that is
 * the witness of where a client got what.
 *
 * @module
 */

import type { CertificateFiles } from "./certificate_files.ts";

/** A request, as a store wrote it down. */
export interface LogEntry {
  readonly method: string;
  readonly path: string;
  /** From the question mark on, or `""`. */
  readonly query: string;
  /** The `User-Agent`. */
  readonly agent: string;
  /** The `Range`, or `""`. */
  readonly range: string;
  /** The scheme of the `Authorization`, such as `Bearer`, or `""`. */
  readonly scheme?: string;
}

/** A store. */
export interface Store extends AsyncDisposable {
  /** Its base URLs, for the archeio that serves over HTTP and the one that serves over TLS. */
  readonly http: string;
  readonly https: string;
  /** What it was asked so far, in order. */
  log(): Promise<readonly LogEntry[]>;
}

/** Serves with a handler over HTTP and over TLS, at an address of the machine's own. */
export function serveBoth(
  handler: (request: Request) => Response | Promise<Response>,
  { cert, key }: CertificateFiles,
  hostname = "127.0.0.1",
): Store {
  const entries: LogEntry[] = [];
  const options = { hostname, port: 0, onListen() {} };
  const answer = (request: Request) => {
    const { method, url, headers } = request;
    entries.push({
      method,
      path: new URL(url).pathname,
      query: new URL(url).search,
      agent: headers.get("user-agent") ?? "",
      range: headers.get("range") ?? "",
      scheme: headers.get("authorization")?.split(" ", 1)[0] ?? "",
    });
    return handler(request);
  };
  const plain = Deno.serve(options, answer);
  const secure = Deno.serve({ ...options, cert, key }, answer);
  return {
    http: `http://${hostname}:${plain.addr.port}`,
    https: `https://${hostname}:${secure.addr.port}`,
    log: () => Promise.resolve([...entries]),
    async [Symbol.asyncDispose]() {
      await Promise.all([plain.shutdown(), secure.shutdown()]);
    },
  };
}
