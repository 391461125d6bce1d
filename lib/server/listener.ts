/**
 * A listener that serves until it is told to stop, whatever becomes of its socket.
 *
 * @module
 */

import type { Handler } from "./handler.ts";
import { failureResponse } from "./responses.ts";

/** Where to listen, and how. */
export interface ListenerOptions {
  /** An IP address or a host name. */
  readonly host: string;
  /** The port; 0 for any that is free. */
  readonly port: number;
  /** Whether other isolates listen on the same port. */
  readonly shared?: boolean;
  /** The PEM texts of a certificate and its key. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** Told what went wrong: with a request, or with the socket. */
  readonly failed: (error: unknown) => void;
  /** Told of each request that got 500, for the handler threw. */
  readonly threw?: () => void;
}

/** A listener. */
export interface Listener {
  /** Where it listens. */
  readonly address: Deno.NetAddr;
  /** Kept when it has stopped and every request is answered. */
  readonly finished: Promise<void>;
  /** Bids clients farewell, and then accepts nothing more. */
  stop(): void;
  /** Accepts nothing more, at once. */
  stopAtOnce(): void;
}

// How long to wait before trying again to listen, and before looking whether it still does.
const RETRY_MS = 50;
const LOOK_MS = 1000;

/**
 * Listens.
 *
 * @throws {Deno.errors.AddrInUse} and other errors of listening
 * @throws {Deno.errors.InvalidData} when the texts of `tls` are no certificate and its key
 */
export function listen(handler: Handler, options: ListenerOptions): Listener {
  const { tls, failed, shared = false } = options;
  const { answer, bid } = createFarewell(handler);
  const finished = Promise.withResolvers<void>();
  const servers = new Set<Deno.HttpServer<Deno.NetAddr>>();
  let stopped = false;

  function open(hostname: string, port: number): Deno.HttpServer<Deno.NetAddr> {
    const server = Deno.serve({
      hostname,
      port,
      ...tls,
      // Named only where it is needed, for older Denos want a flag with it.
      ...shared ? { reusePort: true } : {},
      onListen() {}, // told by whoever calls, when a signal can be taken
      onError(error) {
        failed(error);
        options.threw?.();
        return failureResponse();
      },
    }, answer);
    servers.add(server);
    server.finished.then(() => ended(server), (error) => {
      failed(error);
      ended(server);
      // Another one may have taken its place, when it is told late.
      if (servers.size === 0) reopen();
    });
    return server;
  }

  function ended(server: Deno.HttpServer<Deno.NetAddr>): void {
    servers.delete(server);
    if (stopped && servers.size === 0) finished.resolve();
  }

  // From here on by the address: to look a name up again and again would keep requests
  // waiting, and might give another address.
  const { addr } = open(options.host, options.port);
  const watch = setInterval(look, LOOK_MS);
  let wasFull = false;

  // Deno ends a server that cannot accept a connection, as when a flood has taken every
  // file descriptor. That passes; until then this tries again.
  let retry: ReturnType<typeof setTimeout> | undefined;
  function reopen(): void {
    clearTimeout(retry);
    if (stopped) return;
    try {
      open(addr.hostname, addr.port);
    } catch {
      retry = setTimeout(reopen, RETRY_MS);
    }
  }

  // Older Denos do not tell that a server has ended while it has connections left. So it
  // is tried whether others may listen there, which says that nobody does.
  function look(): void {
    try {
      Deno.listen({ hostname: addr.hostname, port: addr.port }).close();
      reopen();
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) {
        wasFull = true;
        return;
      }
      // Other isolates listen; whether this one still does cannot be seen.
      if (wasFull && shared) {
        const before = [...servers];
        reopen();
        for (const server of before) server.shutdown().catch(failed);
      }
    }
    wasFull = false;
  }

  function stopAtOnce(): void {
    stopped = true;
    clearInterval(watch);
    if (servers.size === 0) finished.resolve();
    for (const server of servers) server.shutdown().catch(failed);
  }

  return {
    address: addr,
    finished: finished.promise,
    stop: () => void bid().then(stopAtOnce),
    stopAtOnce,
  };
}

// A connection that is closed while its client sends on it is a pull that fails. So each
// client is told with its next answer that it is the last, until none comes for a while.
const QUIET_MS = 250;
const MOST_FAREWELLS = 8;

// A handler that answers as another does, and tells clients to leave once farewell is bid.
function createFarewell(handler: Handler): { answer: Handler; bid: () => Promise<void> } {
  let bidding = false;
  let asked = false;
  return {
    answer(request, info) {
      if (!bidding) return handler(request, info);
      asked = true;
      const response = handler(request, info);
      return response instanceof Promise ? response.then(closing) : closing(response);
    },
    async bid() {
      bidding = true;
      for (let said = 0; said < MOST_FAREWELLS; said++) {
        asked = false;
        await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
        if (!asked) return;
      }
    },
  };
}

// RFC 9112, section 9.6. The answer itself may be one that is kept, and sent again.
function closing(response: Response): Response {
  const headers = new Headers(response.headers);
  headers.set("connection", "close");
  return new Response(response.body, { status: response.status, headers });
}
