/**
 * The logs of everybody who serves, as a witness of who gave what to whom.
 *
 * @module
 */

import type { LogEntry, Store } from "../store.ts";
import type { RelayStage } from "./stage.ts";

/** Who serves something. */
export const SERVERS = [
  "streaming",
  "redirecting",
  "redirectingTokens",
  "signing",
  "blobs",
  "mirror",
] as const;

/** The name of one. */
export type ServerName = typeof SERVERS[number];

/** What each was asked, by archeio and by clients. */
export type Logs = Readonly<Record<ServerName, readonly LogEntry[]>>;

function storesOf(stage: RelayStage): Readonly<Record<ServerName, Store>> {
  const { streaming, redirecting, signing, blobs, mirror } = stage;
  return { streaming, redirecting, redirectingTokens: redirecting.tokens, signing, blobs, mirror };
}

/** Does something, and reads what each server was asked meanwhile. */
export async function watch<Result>(
  stage: RelayStage,
  act: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly logs: Logs }> {
  const before = await readLogs(stage);
  const result = await act();
  const after = await readLogs(stage);
  const logs = mapServers((name) => after[name].slice(before[name].length));
  return { result, logs };
}

async function readLogs(stage: RelayStage): Promise<Logs> {
  const stores = storesOf(stage);
  const logs = await Promise.all(SERVERS.map((name) => stores[name].log()));
  return mapServers((name) => logs[SERVERS.indexOf(name)]!);
}

function mapServers<Value>(valueOf: (name: ServerName) => Value): Record<ServerName, Value> {
  const entries = SERVERS.map((name) => [name, valueOf(name)]);
  return Object.fromEntries(entries) as Record<ServerName, Value>;
}

/** Whether archeio asked, not a client. */
export function isOurs({ agent }: LogEntry): boolean {
  return agent === "archeio";
}

/** The digests of the blobs that entries are about, each once, sorted. */
export function blobsIn(entries: readonly LogEntry[]): string[] {
  const given = entries.filter(({ method }) => method === "GET")
    .map(({ path }) => /\/(?:near|blobs)\/(sha256:[0-9a-f]+)$/.exec(decodeURIComponent(path))?.[1])
    .filter((digest) => digest !== undefined);
  return [...new Set(given)].sort();
}

/** The manifests that entries are about, as often as they were asked for: `GET app/v1`. */
export function manifestsIn(entries: readonly LogEntry[]): string[] {
  return entries.map(({ method, path }) => {
    const [, name, reference] = /^\/v2\/project\/images\/(.+)\/manifests\/(.+)$/.exec(path) ?? [];
    return reference === undefined ? "" : `${method} ${name}/${reference}`;
  }).filter((text) => text !== "").sort();
}
