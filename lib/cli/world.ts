/**
 * The runtime's clock, timers and network, for a server.
 *
 * @module
 */

import type { World } from "../mirrors/time.ts";
import type { Context } from "./command.ts";

/** The world of an isolate. */
export interface RuntimeWorld extends World {
  /** Closes what it has opened. */
  close(): void;
}

/** Makes the world of an isolate. */
export function createWorld({ fetch, now }: Pick<Context, "fetch" | "now">): RuntimeWorld {
  let opened: Deno.HttpClient | undefined;
  return {
    fetch,
    fetchAnew(input, init) {
      // Without idle connections, each request gets a new one.
      const client = opened ??= Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
      const withClient: RequestInit & { client: Deno.HttpClient } = { ...init, client };
      return fetch(input, withClient);
    },
    now: () => performance.timeOrigin + performance.now(),
    timeOfDay: now,
    later(ms, work) {
      const timer = setTimeout(work, Math.max(0, ms));
      return () => clearTimeout(timer);
    },
    random: Math.random,
    compresses: /^2\.[0-7]\./.test(Deno.version.deno),
    close() {
      opened?.close();
      opened = undefined;
    },
  };
}
