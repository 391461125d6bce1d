/**
 * Redirects clients: makes the response, counts it, and logs the pull.
 *
 * @module
 */

import type { TraceConfig } from "../config/config.ts";
import type { Locator } from "../locations/locator.ts";
import type { MirrorReason, Numbers, UpstreamReason } from "../observe/numbers.ts";
import type { PullLog } from "../observe/pull_log.ts";
import type { RelayResult } from "../observe/relay_numbers.ts";
import type { Pulled } from "../oci/request.ts";
import { blobUrl } from "../mirrors/template.ts";
import { type FromMirror, type FromUpstream, locationAt } from "../routing/decide.ts";
import type { Mirror, Upstream } from "../routing/policy.ts";
import type { Client, ClientReader } from "./client.ts";
import { createRedirect, createRedirects } from "./responses.ts";
import { isTraced } from "./request_id.ts";

/** What a sender needs. */
export interface SenderOptions {
  /** The names of locations. */
  readonly locator: Pick<Locator, "locations">;
  /** The counters. */
  readonly numbers: Numbers;
  /** The pull log. */
  readonly pulls?: PullLog | undefined;
  /** What is traced. */
  readonly trace: TraceConfig;
}

/** Redirects clients. */
export interface Sender {
  /** Redirects to a page. */
  toPage(location: string): Response;
  /** Redirects to a mirror for a blob; `diverted` when a mirror before it is down. */
  toMirror(decision: FromMirror, mirror: Mirror, diverted: boolean, client: Client): Response;
  /** Redirects to an upstream, for the given reason. */
  toUpstream(
    decision: FromMirror | FromUpstream,
    upstream: Upstream,
    reason: UpstreamReason,
    client: Client,
  ): Response;
  /** Logs a pull that was relayed, and what came of that. */
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
  { numbers, pulls, locator, trace }: SenderOptions,
  clients: ClientReader,
): Sender {
  const redirect = createPullRedirect(trace);
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
    toPage: isTraced(trace) ? (location) => createRedirect(location) : createRedirects(),
    writeRelayed(asked, upstream, { reason, relayed }, client) {
      if (pulls !== undefined) writePull("upstream", upstream, reason, asked, client, relayed);
    },
    toMirror(
      { asked, byClient }: FromMirror,
      mirror: Mirror,
      diverted: boolean,
      client: Client,
    ): Response {
      numbers.redirected(asked.kind);
      numbers.toMirror(mirror.number, diverted);
      if (pulls !== undefined) {
        writePull("mirror", mirror, diverted ? "fallback" : "found", asked, client);
      }
      return redirect(blobUrl(mirror, asked), byClient, client);
    },
    toUpstream(
      { asked, name, byClient }: FromMirror | FromUpstream,
      upstream: Upstream,
      reason: UpstreamReason,
      client: Client,
    ): Response {
      numbers.redirected(asked.kind);
      numbers.toUpstream(upstream.number, reason);
      if (pulls !== undefined) writePull("upstream", upstream, reason, asked, client);
      return redirect(locationAt(upstream, asked, name), byClient, client);
    },
  };
}

type Redirect = (url: string, byClient: boolean, client: Client) => Response;

/** Makes the function that redirects a pull. */
function createPullRedirect(trace: TraceConfig): Redirect {
  const parameter = trace.redirect_parameter;
  if (isTraced(trace)) {
    // Each answer has its own id.
    return (url, _, { id }) =>
      createRedirect(parameter === null ? url : withParameter(url, parameter, id), FOR_ONE_CLIENT);
  }
  const redirect = createRedirects();
  const redirectOne = createRedirects(FOR_ONE_CLIENT);
  return (url, byClient) => byClient ? redirectOne(url) : redirect(url);
}

function withParameter(url: string, parameter: string, id: string | undefined): string {
  return id === undefined ? url : `${url}${url.includes("?") ? "&" : "?"}${parameter}=${id}`;
}

const ASN = /^(?:AS)?\d{1,10}$/i;

// A client may have sent the header: only a number is logged.
function tryAsn(value: string | null): string | null {
  return value !== null && ASN.test(value) ? value : null;
}
