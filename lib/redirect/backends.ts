/**
 * The hosts that a client may be sent to, for people who must open a firewall.
 *
 * @module
 */

import type { Config } from "../config/config.ts";

/** A host that a client may be sent to. */
export interface Backend {
  /** Its name or address, or `*.` and a name for all below it. */
  readonly host: string;
  /** The TCP port; `null` when it is not known. */
  readonly port: number | null;
  /** What clients get there, in a few words each. */
  readonly purposes: readonly string[];
}

/** Lists the hosts that a configuration sends clients to, each once, by name. */
export function listBackends(config: Config): Backend[] {
  const purposes = new Map<string, Set<string>>();
  for (const { authority, purpose } of listUses(config)) {
    purposes.set(authority, (purposes.get(authority) ?? new Set()).add(purpose));
  }
  return [...purposes].map(([authority, named]) => ({
    ...splitAuthority(authority),
    purposes: [...named].toSorted(),
  })).toSorted((one, other) =>
    compare(one.host, other.host) || (one.port ?? 0) - (other.port ?? 0)
  );
}

interface Use {
  /** `host:port`, or `host` when the port is not known. */
  readonly authority: string;
  readonly purpose: string;
}

function* listUses(config: Config): Generator<Use> {
  const { mirrors, upstreams, pages, signature_upstream: signatures } = config;
  for (const [name, { url }] of Object.entries(mirrors)) {
    yield { authority: authorityOf(url), purpose: `blobs, for ${clientsOf(name, config)}` };
  }
  for (const [name, { endpoint }] of Object.entries(upstreams)) {
    const purpose = name === signatures
      ? "signatures and attestations"
      : "manifests, tags, and blobs that no mirror has";
    yield { authority: authorityOf(endpoint), purpose };
  }
  const { backends } = pages;
  const also = typeof backends === "object" ? backends.also : [];
  for (const host of also) {
    yield { authority: host.toLowerCase(), purpose: "where these servers send clients on to" };
  }
}

/** The clients that the rules send to a mirror. */
function clientsOf(mirror: string, { rules }: Config): string {
  const patterns = rules.filter(({ mirrors }) => mirrors.includes(mirror))
    .flatMap(({ clients }) => clients);
  if (patterns.includes("*")) return "all clients";
  return patterns.length === 0 ? "no clients" : `clients in ${[...new Set(patterns)].join(", ")}`;
}

function authorityOf(url: string): string {
  const { hostname, port, protocol } = new URL(url);
  return `${hostname}:${port || (protocol === "https:" ? 443 : 80)}`;
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
