/**
 * Servers in processes of their own, for their tests.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { type Child, type ChildOptions, startChild } from "./child.ts";
import { CONFIG, type ConfigFile } from "./fixture.ts";
import { type Family, readMetrics } from "./prometheus.ts";
import type { Orders } from "./serve_child.ts";

/** A configuration for this machine alone. */
export const LOCAL: ConfigFile = {
  ...CONFIG,
  listen: { host: "127.0.0.1", port: 0 },
  client_address: { header: null },
  // A check is the last thing that a process waits for when it ends.
  health: { interval_ms: 200, max_interval_ms: 200, down_after: 100 },
};

/** A configuration of one mirror that is given as long as it wants. */
export function withMirror(url: string): ConfigFile {
  return {
    ...LOCAL,
    mirrors: { only: { url } },
    rules: [{ clients: ["*"], mirrors: ["only"] }],
    probe: { timeout_ms: 60_000 },
  };
}

/** A server that listens. */
export interface Served extends Child {
  readonly port: number;
  /** Where operators ask. */
  readonly admin: number | undefined;
  /** How many isolates it says that it has. */
  readonly isolates: number;
}

/** Starts a server, and waits until it listens. */
export async function startServer(orders: Orders, options: ChildOptions = {}): Promise<Served> {
  const sharing = (orders.config.workers ?? 1) !== 1;
  const child = startChild("serve_child.ts", orders, { sharing, ...options });
  const { listening, admin, isolates } = await child.nextOf("listening");
  return {
    ...child,
    port: Number(listening),
    admin: admin === undefined ? undefined : Number(admin),
    isolates: Number(isolates),
  };
}

/** A configuration for this machine alone, with another main upstream. */
export function withUpstream(endpoint: string, more: ConfigFile = {}): ConfigFile {
  const upstreams = { ...CONFIG.upstreams as ConfigFile, main: { endpoint } };
  return { ...LOCAL, upstreams, ...more };
}

/** What a server tells of itself. */
export async function metricsOf({ admin }: Served): Promise<Map<string, Family>> {
  return readMetrics(await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text());
}

/** Has a server end, which it does well. */
export async function end(server: Served): Promise<void> {
  server.kill("SIGTERM");
  await server.nextOf("ended");
  assertEquals(await server.status(), 0);
}
