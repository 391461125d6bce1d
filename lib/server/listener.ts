/**
 * A listener that serves until it is stopped, even if its socket fails.
 *
 * @module
 */

import type { Later } from "../mirrors/time.ts";
import type { Handler } from "../redirect/handler.ts";
import { failureResponse } from "../redirect/responses.ts";
import { createDraining, type Draining } from "./draining.ts";

/** Where to listen, and how. */
export interface ListenerOptions {
  /** An IP address or a host name. */
  readonly host: string;
  /** The port; 0 for any free one. */
  readonly port: number;
  /** Whether the port may be shared with other isolates, or with a listener's successor. */
  readonly shared?: boolean;
  /** The PEM texts of a certificate and its key. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** Runs timers. */
  readonly later: Later;
  /** Called with the error of a request or of the socket. */
  readonly onError: (error: unknown) => void;
  /** Called for each request that got 500 because the handler threw. */
  readonly onThrown?: () => void;
}

/** A listener. */
export interface Listener {
  /** The address it listens at. */
  readonly address: Deno.NetAddr;
  /** Resolves once it has stopped and every request is answered. */
  readonly finished: Promise<void>;
  /**
   * Switches to another certificate, while connections with the old one drain.
   *
   * @throws {Deno.errors.InvalidData} when the texts are not a certificate and its key; then
   * the old one stays
   */
  certify(tls: NonNullable<ListenerOptions["tls"]>): void;
  /** Drains: answers with `Connection: close` until requests cease, then stops accepting. */
  stop(): void;
  /** Stops accepting at once. */
  stopAtOnce(): void;
}

/** Opens a listener, like {@linkcode listen}. */
export type Listen = (handler: Handler, options: ListenerOptions) => Listener;

// The pause before a retry to listen, and before a check whether the server still listens.
const RETRY_MS = 50;
const LOOK_MS = 1000;

type Server = Deno.HttpServer<Deno.NetAddr>;

/** A server and its draining. */
interface Opened {
  readonly server: Server;
  readonly draining: Draining;
}

/**
 * Opens a listener.
 *
 * @throws {Deno.errors.AddrInUse} and other errors of listening
 * @throws {Deno.errors.InvalidData} when `tls` is not a certificate and its key
 */
export function listen(handler: Handler, options: ListenerOptions): Listener {
  const { later, onError } = options;
  const finished = Promise.withResolvers<void>();
  const opened = new Set<Opened>();
  let { tls } = options;
  let stopped = false;

  function open(hostname: string, port: number): void {
    const draining = createDraining(handler, later);
    const server = openServer(draining.handle, { ...options, host: hostname, port, tls });
    const one = { server, draining };
    opened.add(one);
    server.finished.then(() => forget(one), (error) => {
      onError(error);
      forget(one);
      // The server may have been replaced before this notification arrived.
      if (opened.size === 0 && !stopped) guard.reopen();
    });
  }

  function forget(one: Opened): void {
    opened.delete(one);
    if (stopped && opened.size === 0) finished.resolve();
  }

  function close(one: Opened): void {
    if (opened.has(one)) one.server.shutdown().catch(onError);
  }

  open(options.host, options.port);
  // From now on, use the address: resolving a name again would delay requests, and might give
  // another address.
  const { server: { addr } } = [...opened][0]!;
  const reopenHere = () => open(addr.hostname, addr.port);
  const guard = createGuard(addr, reopenHere, options, takeOver);

  /** Opens another server and drains the old ones. */
  function takeOver(): void {
    const before = [...opened];
    reopenHere();
    for (const one of before) one.draining.drain().then(() => close(one));
  }

  function stopAtOnce(): void {
    stopped = true;
    guard.stop();
    if (opened.size === 0) finished.resolve();
    opened.forEach(close);
  }

  return {
    address: addr,
    finished: finished.promise,
    certify(next) {
      // A late call must not open a server that would never be closed.
      if (stopped) return;
      const held = tls;
      tls = next;
      try {
        takeOver();
      } catch (error) {
        tls = held;
        throw error;
      }
    },
    stop: () =>
      void Promise.all([...opened].map(({ draining }) => draining.drain())).then(stopAtOnce),
    stopAtOnce,
  };
}

function openServer(
  handle: Handler,
  { host, port, tls, shared, onError, onThrown }: ListenerOptions,
): Server {
  return Deno.serve({
    hostname: host,
    port,
    ...tls,
    // Set only if needed, because Deno requires --unstable-net for it.
    ...shared ? { reusePort: true } : {},
    onListen() {}, // the caller logs it, once signals are handled
    onError(error) {
      onError(error);
      onThrown?.();
      return failureResponse();
    },
  }, handle);
}

/**
 * Makes a listener listen again after its server has ended: Deno ends a server that cannot
 * accept a connection, for example when a flood has used up all file descriptors.
 */
function createGuard(
  address: Deno.NetAddr,
  open: () => void,
  { later, shared = false }: ListenerOptions,
  replace: () => void,
) {
  let wasFull = false;
  let cancelRetry = () => {};
  let cancelLook = later(LOOK_MS, look);

  function reopen(): void {
    cancelRetry();
    try {
      open();
    } catch {
      cancelRetry = later(RETRY_MS, reopen);
    }
  }

  // Deno 2.7 reports the end of a server only once its last connection is closed, 2.9 at once.
  // So this tries to listen on the same address; if that succeeds, the server has ended.
  function look(): void {
    cancelLook = later(LOOK_MS, look);
    try {
      if (isFree(address)) reopen();
      // Other isolates listen, so whether this one still does cannot be detected.
      else if (wasFull && shared) replace();
      wasFull = false;
    } catch {
      wasFull = true;
    }
  }

  return {
    reopen,
    stop(): void {
      cancelRetry();
      cancelLook();
    },
  };
}

/** Whether nothing listens at an address. */
function isFree({ hostname, port }: Deno.NetAddr): boolean {
  try {
    Deno.listen({ hostname, port }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}
