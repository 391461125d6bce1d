/**
 * The setup: what isolates serve by.
 *
 * # The life of a setup, from file to handler
 *
 * 1. A configuration file is read (`config/read.ts`), with the environment over it, at the
 *    start and at each SIGHUP. If it has mistakes, the setup in use stays.
 * 2. {@linkcode createNumbering} makes its `Mirror` and `Upstream` objects. A server that was
 *    configured before keeps its number, and so everything known and counted under it.
 * 3. The owner of the setup in use (`server/owner.ts`) passes it to the main isolate first.
 *    There, {@linkcode createRouting} builds the prefix table and the rules, and a new handler
 *    replaces the old one between two requests. If that throws, nothing has changed.
 *    Otherwise the setup is now the one in use, and is sent to the other isolates; an isolate
 *    that starts later starts with it.
 * 4. What belongs to the isolate, not to the setup, stays: cached answers, probes in flight,
 *    recent redirects of clients.
 * 5. Once every isolate serves by it, removed mirrors are no longer checked, and their numbers
 *    can be reused.
 *
 * A fetched data set takes the same path, from step 3 on.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import type { PrefixLists } from "../locations/prefix_list.ts";
import { parseMirrorUrl } from "../mirrors/template.ts";
import { createRoster, type Roster } from "../mirrors/roster.ts";
import type { Credentials } from "../registry/server.ts";
import type { Mirror, Upstream } from "../routing/policy.ts";
import { createSource, type Source } from "./relay/source.ts";
import { MIRROR_NUMBERS } from "../mirrors/board.ts";
import type { LocationNumbers } from "../observe/located.ts";
import { UPSTREAM_NUMBERS } from "../mirrors/upstream_check.ts";

/** A setup. It can be sent to another isolate. */
export interface Setup {
  /** The configuration. */
  readonly config: Config;
  /** The prefixes of its locations, if it has files of them; isolates share their memory. */
  readonly lists?: PrefixLists | undefined;
  /** The data set's text; `undefined` for the embedded one. */
  readonly dataSet: string | undefined;
  /** The mirrors of the configuration. */
  readonly mirrors: readonly Mirror[];
  /** The upstreams of the configuration. */
  readonly upstreams: readonly Upstream[];
  /** The credentials of upstreams, by their names. */
  readonly credentials?: Readonly<Record<string, Credentials>> | undefined;
  /** How many isolates serve. */
  readonly isolates: number;
  /** The numbers that locations are counted by; by default their order. */
  readonly locations?: LocationNumbers | undefined;
}

/** What the files say that a configuration names. */
export type SetupFiles = Partial<Pick<Setup, "lists" | "credentials">>;

/** The numbered mirrors and upstreams of a configuration. */
export type Servers = Pick<Setup, "mirrors" | "upstreams">;

/** Assigns numbers to mirrors and upstreams. */
export interface Numbering {
  /** Makes the mirrors and upstreams of a configuration. */
  enter(config: Config): Servers;
  /** Frees the numbers of all others. Call it when nothing uses them any more. */
  keep(servers: Servers): void;
}

/** Notified when a number is reused. */
export interface NumberingLog {
  /** Called before a mirror's number is assigned to another mirror. */
  readonly onMirrorReused: (number: number) => void;
  /** Called before an upstream's number is assigned to another upstream. */
  readonly onUpstreamReused: (number: number) => void;
}

/** Makes a numbering in which every number is free. */
export function createNumbering(log?: NumberingLog): Numbering {
  const mirrorNumbers = createRoster(MIRROR_NUMBERS, log?.onMirrorReused ?? (() => {}));
  const upstreamNumbers = createRoster(UPSTREAM_NUMBERS, log?.onUpstreamReused ?? (() => {}));
  return {
    enter: (config) => ({
      mirrors: numbered(listMirrors(config), mirrorNumbers),
      upstreams: numbered(listUpstreams(config), upstreamNumbers),
    }),
    keep({ mirrors, upstreams }) {
      mirrorNumbers.keep(mirrors.map(keyOf));
      upstreamNumbers.keep(upstreams.map(keyOf));
    },
  };
}

type Unnumbered<Server> = Omit<Server, "number">;

function numbered<Server extends { readonly name: string }>(
  servers: readonly Server[],
  roster: Roster,
): (Server & { readonly number: number })[] {
  const numbers = roster.enter(servers.map(keyOf));
  return servers.map((server) => ({ ...server, number: numbers.get(keyOf(server))! }));
}

// A server with the same name and another URL is another server. A name contains no space.
function keyOf(server: { readonly name: string; readonly url?: string; readonly base?: string }) {
  return `${server.name} ${server.url ?? server.base}`;
}

function listMirrors({ mirrors }: Config): Unnumbered<Mirror>[] {
  return Object.entries(mirrors).map(([name, { url, fallback_limit }]) => ({
    name,
    ...parseMirrorUrl(url),
    fallbackLimit: fallback_limit ?? Infinity,
  }));
}

function listUpstreams({ upstreams }: Config): Unnumbered<Upstream>[] {
  return Object.entries(upstreams).map(([name, { endpoint, path, pull, tags }]) => ({
    name,
    base: `${new URL(endpoint).origin}/v2/${path === "" ? "" : `${path}/`}`,
    ...(pull === "relay" ? { relayed: "pulls" } : tags === "relay" ? { relayed: "tags" } : {}),
  }));
}

/** Makes the function that gives the upstreams of a setup as what is fetched from. */
export function createSources(
  { config, credentials }: Pick<Setup, "config" | "credentials">,
): (upstream: Upstream) => Source {
  const sources = new Map<Upstream, Source>();
  return (upstream) => {
    const made = sources.get(upstream);
    if (made !== undefined) return made;
    const { name, base } = upstream;
    const { token_hosts: tokenHosts = [], redirect_hosts: redirectHosts = [] } = config
      .upstreams[name]!;
    const server = { base, tokenHosts, redirectHosts, credentials: credentials?.[name] };
    const source = createSource(upstream, server);
    sources.set(upstream, source);
    return source;
  };
}
