/**
 * Redirects clients: makes the response, counts it, and logs the pull.
 *
 * @module
 */

import type { TraceConfig } from "../config/config.ts";
import type { Locator } from "../locations/locator.ts";
import type { Located } from "../observe/located.ts";
import type { MirrorReason, Numbers, UpstreamReason } from "../observe/numbers.ts";
import type { PullLog } from "../observe/pull_log.ts";
import type { Repositories } from "../observe/repositories.ts";
import type { RelayResult } from "../observe/relay_numbers.ts";
import type { Pulled } from "../oci/request.ts";
import { blobUrl } from "../mirrors/template.ts";
import { type FromMirror, type FromUpstream, locationAt } from "../routing/decide.ts";
import type { Mirror, Upstream } from "../routing/policy.ts";
import type { Client, ClientReader } from "./client.ts";
import { createRedirects, type Redirects } from "./redirects.ts";
import { createRedirect } from "./responses.ts";
import { isTraced } from "./request_id.ts";

/** What a sender needs. */
export interface SenderOptions {
  /** The names of locations. */
  readonly locator: Pick<Locator, "locations">;
  /** The counters. */
  readonly numbers: Numbers;
  /** The counters by location. */
  readonly located: Located;
  /** Counts pulls by repository. */
  readonly repositories?: Pick<Repositories, "note"> | undefined;
  /** The pull log. */
  readonly pulls?: PullLog | undefined;
  /** What is traced. */
  readonly trace: TraceConfig;
}

/** Redirects clients. */
export interface Sender {
  /** Redirects to a page. */
  toPage(location: string, method: string): Response;
  /** Redirects to a mirror for a blob; `diverted` when a mirror before it is down. */
  toMirror(decision: FromMirror, mirror: Mirror, diverted: boolean, client: Client): Response;
  /** Redirects to an upstream, for the given reason. */
  toUpstream(
    decision: FromMirror | FromUpstream,
    upstream: Upstream,
    reason: UpstreamReason,
    client: Client,
  ): Response;
  /** Counts and logs a pull that was relayed, and what came of that. */
  writeRelayed(
    asked: Pulled,
    upstream: Upstream,
    how: { readonly reason: UpstreamReason; readonly relayed: RelayResult },
    client: Client,
  ): void;
}

// For answers that depend on the client (RFC 9111, section 5.2.2). By default no cache stores a
// 307, but some caches are configured to.
const FOR_ONE_CLIENT = "private, no-store";

/** Makes a sender. */
export function createSender(
  { numbers, located, repositories, pulls, locator, trace }: SenderOptions,
  clients: ClientReader,
): Sender {
  const redirects = createPullRedirects(trace);
  const pages = createRedirects();
  const asnHeader = trace.client_asn_header;

  function writePull(
    by: "mirror" | "upstream",
    { name }: Mirror | Upstream,
    reason: MirrorReason | UpstreamReason,
    asked: Pulled,
    client: Client,
    relayed?: RelayResult,
  ): void {
    const location = clients.locationOf(client);
    pulls!.write({
      asked,
      method: client.request.method,
      location: location === undefined ? undefined : locator.locations[location],
      to: name,
      by,
      reason,
      userAgent: client.request.headers.get("user-agent"),
      relayed,
      id: client.id,
      asn: asnHeader === null ? undefined : tryAsn(client.request.headers.get(asnHeader)),
    });
  }

  return {
    // The header of an answer with an id is its own.
    toPage: isTraced(trace)
      ? (location, method) => createRedirect(location, { method })
      : pages.toUrl,
    writeRelayed(asked, upstream, { reason, relayed }, client) {
      located.toUpstream(client.location, reason);
      repositories?.note(asked.name);
      if (pulls !== undefined) writePull("upstream", upstream, reason, asked, client, relayed);
    },
    toMirror(decision: FromMirror, mirror: Mirror, diverted: boolean, client: Client): Response {
      const { asked } = decision;
      numbers.redirected(asked.kind);
      numbers.toMirror(mirror.number, diverted);
      located.toMirror(client.location, diverted);
      repositories?.note(asked.name);
      if (pulls !== undefined) {
        writePull("mirror", mirror, diverted ? "fallback" : "found", asked, client);
      }
      return redirects.of(decision, client).toBlob(mirror, asked, client.request.method);
    },
    toUpstream(
      decision: FromMirror | FromUpstream,
      upstream: Upstream,
      reason: UpstreamReason,
      client: Client,
    ): Response {
      const { asked, name } = decision;
      numbers.redirected(asked.kind);
      numbers.toUpstream(upstream.number, reason);
      located.toUpstream(client.location, reason);
      repositories?.note(asked.name);
      if (pulls !== undefined) writePull("upstream", upstream, reason, asked, client);
      const location = locationAt(upstream, asked, name);
      return redirects.of(decision, client).toUrl(location, client.request.method);
    },
  };
}

/** The redirects of pulls: those that are the same for all clients, and the others. */
interface PullRedirects {
  /** Returns the redirects for a decision. */
  of(decision: { readonly byClient: boolean }, client: Client): Redirects;
}

function createPullRedirects(trace: TraceConfig): PullRedirects {
  if (isTraced(trace)) return { of: (_, client) => createTracedRedirects(trace, client) };
  const forAll = createRedirects();
  const forOne = createRedirects(FOR_ONE_CLIENT);
  return { of: ({ byClient }) => byClient ? forOne : forAll };
}

/** Makes the redirects of a client whose answer has its own id. */
function createTracedRedirects({ redirect_parameter }: TraceConfig, { id }: Client): Redirects {
  const toUrl = (location: string, method: string) => {
    const url = redirect_parameter === null
      ? location
      : withParameter(location, redirect_parameter, id);
    return createRedirect(url, { method, cacheControl: FOR_ONE_CLIENT });
  };
  return { toUrl, toBlob: (mirror, blob, method) => toUrl(blobUrl(mirror, blob), method) };
}

function withParameter(url: string, parameter: string, id: string | undefined): string {
  return id === undefined ? url : `${url}${url.includes("?") ? "&" : "?"}${parameter}=${id}`;
}

const ASN = /^(?:AS)?\d{1,10}$/i;

// A client may have sent the header: only a number is logged.
function tryAsn(value: string | null): string | null {
  return value !== null && ASN.test(value) ? value : null;
}
