/**
 * A listener without a socket, for tests of whatever listens.
 *
 * @module
 */

import type { Handler } from "../../lib/redirect/handler.ts";
import type { Listen, Listener, ListenerOptions } from "../../lib/server/listener.ts";
import { CONFIG, type ConfigFile } from "../redirect/fixture.ts";

/** A configuration with another main upstream. */
export function withUpstream(endpoint: string, more: ConfigFile = {}): ConfigFile {
  return { ...CONFIG, upstreams: { main: { endpoint } }, ...more };
}

/** A listener without a socket. */
export interface FakeListener {
  /** What it was opened with. */
  readonly options: ListenerOptions;
  /** Asks it for a path; the answer, or 500 as a socket gives when the handler throws. */
  readonly ask: (path: string, headers?: Readonly<Record<string, string>>) => Promise<Response>;
  /** What was done with it: certified (with which certificate), stopped. */
  readonly done: string[];
  /** Has its last request answered. */
  readonly finish: () => void;
}

/** Makes a function that listens, and gives each listener that it made. */
export function createFakeListen(
  /** Why a certificate cannot be used, by its text. */
  bad: Readonly<Record<string, Error>> = {},
): { readonly listen: Listen; readonly listeners: FakeListener[] } {
  const listeners: FakeListener[] = [];
  return {
    listeners,
    listen(handler, options): Listener {
      const { promise: finished, resolve: finish } = Promise.withResolvers<void>();
      const done: string[] = [];
      const ask: FakeListener["ask"] = (path, headers = {}) =>
        answer(handler, options, path, headers);
      listeners.push({ options, ask, done, finish });
      return {
        address: { transport: "tcp", hostname: options.host, port: options.port || 1234 },
        finished,
        certify({ cert }) {
          if (bad[cert] !== undefined) throw bad[cert];
          done.push(cert);
        },
        stop: () => void done.push("stop"),
        stopAtOnce: () => void done.push("stop at once"),
      };
    },
  };
}

async function answer(
  handler: Handler,
  { onError, onThrown }: ListenerOptions,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  const request = new Request(`http://registry.example${path}`, { headers });
  try {
    return await handler(request, {
      remoteAddr: { transport: "tcp", hostname: "203.0.113.9" },
    });
  } catch (error) {
    onError(error);
    onThrown?.();
    return new Response(null, { status: 500 });
  }
}
