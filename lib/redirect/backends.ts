/**
 * The hosts that a client may be sent to, for people who must open a firewall.
 *
 * @module
 */

import type { Config, UpstreamConfig } from "../config/config.ts";
import { listTokenHosts } from "../registry/server.ts";
import { authorityOf, type SeenHost, type SeenHosts } from "./seen_hosts.ts";

/** A host that a client may be sent to, or that the server asks. */
export interface Backend {
  /** Its name or address, or `*.` and a name for all below it. */
  readonly host: string;
  /** The TCP port; `null` when it is not known. */
  readonly port: number | null;
  /** Whether clients go there; if not, only the server does. */
  readonly by_clients: boolean;
  /** What there is, in a few words each. */
  readonly purposes: readonly string[];
}

/**
 * Lists the hosts of a configuration, each once, by name.
 *
 * @param seen the hosts that relaying upstreams have sent clients to
 */
export function listBackends(config: Config, seen: readonly SeenHost[] = []): Backend[] {
  const uses = Map.groupBy(listUses(config, seen), ({ authority }) => authority);
  return [...uses].map(([authority, all]) => ({
    ...splitAuthority(authority),
    by_clients: all.some(({ byServer }) => !byServer),
    purposes: [...new Set(all.map(({ purpose }) => purpose))].toSorted(),
  })).toSorted((one, other) =>
    compare(one.host, other.host) || (one.port ?? 0) - (other.port ?? 0)
  );
}

/** Makes a function that lists hosts, and does so anew only when upstreams sent to others. */
export function createBackendLister(
  config: Config,
  seen: Pick<SeenHosts, "list">,
): () => readonly Backend[] {
  let held: { readonly seen: readonly SeenHost[]; readonly backends: Backend[] } | undefined;
  return () => {
    const now = seen.list();
    if (held?.seen !== now) held = { seen: now, backends: listBackends(config, now) };
    return held.backends;
  };
}

interface Use {
  /** `host:port`, or `host` when the port is not known. */
  readonly authority: string;
  readonly purpose: string;
  /** Whether this server asks there, and no client. */
  readonly byServer?: boolean;
}

function* listUses(config: Config, seen: readonly SeenHost[]): Generator<Use> {
  const { mirrors, upstreams, pages: { backends }, signature_upstream: signatures } = config;
  for (const [name, { url }] of Object.entries(mirrors)) {
    yield { authority: authorityOf(url), purpose: `blobs, for ${clientsOf(name, config)}` };
  }
  for (const [name, upstream] of Object.entries(upstreams)) {
    yield* listUsesOfUpstream(name, upstream, name === signatures);
  }
  for (const { upstream, authority } of seen) {
    // One of an earlier configuration counts no more.
    if (Object.hasOwn(upstreams, upstream)) yield { authority, purpose: blobsFrom(upstream) };
  }
  const also = typeof backends === "object" ? backends.also : [];
  for (const host of also) {
    yield { authority: host.toLowerCase(), purpose: "where these servers send clients on to" };
  }
}

function* listUsesOfUpstream(
  name: string,
  { endpoint, pull, token_hosts: tokenHosts = [], redirect_hosts: targets = [] }: UpstreamConfig,
  isOfSignatures: boolean,
): Generator<Use> {
  const byServer = pull === "relay";
  const by = byServer ? "asked by this server: " : "";
  const purpose = isOfSignatures
    ? "signatures and attestations"
    : "manifests, tags, and blobs that no mirror has";
  yield { authority: authorityOf(endpoint), purpose: by + purpose, byServer };
  const https = endpoint.startsWith("https:");
  for (const host of listTokenHosts({ base: endpoint, tokenHosts })) {
    yield { authority: withPort(host, https), purpose: `${by}tokens for ${name}`, byServer };
  }
  for (const host of targets) yield { authority: withPort(host, https), purpose: blobsFrom(name) };
}

function blobsFrom(upstream: string): string {
  return `blobs of ${upstream} that no mirror has`;
}

function withPort(host: string, https: boolean): string {
  return /:\d+$/.test(host) ? host : `${host}:${https ? 443 : 80}`;
}

/** The clients that the rules send to a mirror. */
function clientsOf(mirror: string, { rules }: Config): string {
  const patterns = rules.filter(({ mirrors }) => mirrors.includes(mirror))
    .flatMap(({ clients }) => clients);
  if (patterns.includes("*")) return "all clients";
  return patterns.length === 0 ? "no clients" : `clients in ${[...new Set(patterns)].join(", ")}`;
}

function splitAuthority(authority: string): Pick<Backend, "host" | "port"> {
  const [, host, port] = /^(.*?)(?::(\d+))?$/.exec(authority)!;
  return { host: host!, port: port === undefined ? null : Number(port) };
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** Formats a host with its port, if it is known. */
export function formatBackend({ host, port }: Backend): string {
  return port === null ? host : `${host}:${port}`;
}

/** Formats hosts as text: a line each, with what clients get there after a tab. */
export function formatBackends(backends: readonly Backend[]): string {
  return backends.map((backend) => `${formatBackend(backend)}\t${backend.purposes.join("; ")}\n`)
    .join("");
}
