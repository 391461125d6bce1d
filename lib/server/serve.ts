/**
 * The server: a handler behind `Deno.serve`, until a signal comes.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import { createRouting } from "../config/create_routing.ts";
import { createMemory } from "../mirrors/memory.ts";
import { createBlobFinder } from "../mirrors/find_blob.ts";
import {
  createMirrorJudge,
  createPresenceCheck,
  createUpstreamJudge,
} from "../mirrors/presence.ts";
import { createHandler, type Handler } from "./handler.ts";
import { createHead } from "./head.ts";
import { failureResponse } from "./responses.ts";

/** What a server tells of. */
export interface ServerLog {
  /** It can be asked now, and stopped by a signal. */
  readonly listening: (address: Deno.NetAddr) => void;
  /** A signal came. */
  readonly stopping: (signal: string) => void;
  /** A HEAD request got no answer. */
  readonly unanswered: (url: string, reason: unknown) => void;
  /** A handler threw, which it never should. */
  readonly failed: (error: unknown) => void;
}

/** What a server needs beside its configuration. */
export interface ServerOptions {
  /** The data set's text. */
  readonly dataSet: string;
  /** Where it tells of what happens. */
  readonly log: ServerLog;
  /** Sends HEAD requests, as the platform's does. */
  readonly fetch: typeof fetch;
  /** The time in milliseconds, above 0, of any clock that does not run backwards. */
  readonly now: () => number;
  /** When it is aborted, HEAD requests in flight count as not answered. */
  readonly stop: AbortSignal;
  /** Does some work when no request waits. */
  readonly defer: (work: () => void) => void;
}

/** Makes the handler that a configuration describes. */
export function createConfiguredHandler(config: Config, options: ServerOptions): Handler {
  const { log, fetch, now, stop } = options;
  const { probe, client_address: client } = config;
  const { locator, policy } = createRouting(config, options.dataSet);
  // The data set is read in steps, so that the first requests do not wait for it.
  const prepare = () => {
    if (locator.prepare()) options.defer(prepare);
  };
  options.defer(prepare);
  const head = createHead({
    fetch,
    timeoutMs: probe.timeout_ms,
    stop,
    onFailure: (url, reason) => log.unanswered(url, reason),
  });
  const check = createPresenceCheck({
    head,
    memory: createMemory({ maxEntries: probe.max_entries, now }),
    maxInFlight: probe.max_in_flight,
  });
  const remembering = {
    foundTtlMs: probe.found_ttl_s * 1000,
    missingTtlMs: probe.missing_ttl_s * 1000,
  };
  return createHandler({
    policy,
    locator,
    clientAddress: { header: client.header, fromEnd: client.from_end },
    findBlob: createBlobFinder(check, createMirrorJudge(remembering)),
    check,
    judgeUpstream: createUpstreamJudge(remembering),
  });
}

// An end within 5 s, whatever clients do: requests that wait for a HEAD get their
// redirect to the upstream at 3 s, connections that are still open are cut at 4 s.
const GIVE_UP_MS = 3000;
const CUT_MS = 4000;

// How long to wait before listening again.
const RETRY_MS = 100;

/**
 * Listens, and serves until SIGINT or SIGTERM comes. Then it accepts nothing more, lets
 * what is in flight finish, and cuts off what has not finished in time.
 *
 * @param files the PEM texts of `listen.tls`
 * @returns a promise that is kept when the last request is answered, or when those that
 * are left are to be cut off, which the end of the process does
 * @throws {Deno.errors.AddrInUse} and other errors of listening
 * @throws {Deno.errors.InvalidData} when the files are no certificate and its key
 */
export function serve(
  config: Config,
  options: Omit<ServerOptions, "stop">,
  files?: { readonly cert: string; readonly key: string },
): Promise<void> {
  const { log } = options;
  const giveUp = new AbortController();
  const handler = createConfiguredHandler(config, { ...options, stop: giveUp.signal });
  const listen = (port: number) =>
    Deno.serve({
      hostname: config.listen.host,
      port,
      ...files,
      onListen() {}, // told below, when a signal can be taken
      onError(error) {
        log.failed(error);
        return failureResponse();
      },
    }, handler);
  let server = listen(config.listen.port);
  const { port } = server.addr;

  // Deno ends a server that cannot accept a connection, as when a flood has taken every
  // file descriptor. That passes; until then this tries again.
  let stopping = false;
  async function serveOn(): Promise<void> {
    while (!stopping) {
      try {
        return await server.finished;
      } catch (error) {
        log.failed(error);
        server = await retry(() => listen(port), RETRY_MS);
      }
    }
  }

  const { promise: cutOff, resolve } = Promise.withResolvers<void>();
  const forget = onStop((signal) => {
    stopping = true;
    log.stopping(signal);
    const timers = [setTimeout(() => giveUp.abort(), GIVE_UP_MS), setTimeout(resolve, CUT_MS)];
    server.shutdown().catch(log.failed);
    return () => timers.forEach((timer) => clearTimeout(timer));
  });
  log.listening(server.addr);
  return Promise.race([serveOn(), cutOff]).finally(forget);
}

/** Tries something until it does not throw, and waits before each time, in milliseconds. */
export async function retry<Result>(attempt: () => Result, waitMs: number): Promise<Result> {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    try {
      return attempt();
    } catch {
      // What was in the way still is.
    }
  }
}

// Calls `stop` at the first signal, and gives a function that undoes all of it. A second
// signal, as from a shell and a supervisor at once, cuts off no pull.
function onStop(stop: (signal: Deno.Signal) => () => void): () => void {
  let undo: (() => void) | undefined;
  const listeners = (["SIGINT", "SIGTERM"] as const).map((signal) => {
    const listener = () => void (undo ??= stop(signal));
    Deno.addSignalListener(signal, listener);
    return [signal, listener] as const;
  });
  return () => {
    undo?.();
    for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
  };
}
