/**
 * Redirects clients: makes the response, counts it, and logs the pull.
 *
 * @module
 */

import type { Locator } from "../locations/locator.ts";
import type { Numbers, UpstreamReason } from "../observe/numbers.ts";
import type { PullLog } from "../observe/pull_log.ts";
import type { Pulled } from "../oci/request.ts";
import { type FromMirror, type FromUpstream, locationAt } from "../routing/decide.ts";
import type { Mirror, Upstream } from "../routing/policy.ts";
import type { Client, ClientReader } from "./client.ts";
import { createRedirects } from "./responses.ts";

/** What a sender needs. */
export interface SenderOptions {
  /** The names of locations. */
  readonly locator: Pick<Locator, "locations">;
  /** The counters. */
  readonly numbers: Numbers;
  /** The pull log. */
  readonly pulls?: PullLog | undefined;
}

/** Redirects clients. */
export interface Sender {
  /** Redirects to a page. */
  redirect(location: string): Response;
  /** Redirects to a mirror for a blob; `diverted` when a mirror before it is down. */
  toMirror(decision: FromMirror, mirror: Mirror, diverted: boolean, client: Client): Response;
  /** Redirects to an upstream, for the given reason. */
  toUpstream(
    decision: FromMirror | FromUpstream,
    upstream: Upstream,
    reason: UpstreamReason,
    client: Client,
  ): Response;
}

// For answers that depend on the client (RFC 9111, section 5.2.2). By default no cache stores a
// 307, but some caches are configured to.
const FOR_ONE_CLIENT = "private, no-store";

/** Makes a sender. */
export function createSender(
  { numbers, pulls, locator }: SenderOptions,
  clients: ClientReader,
): Sender {
  const redirect = createRedirects();
  const redirectOne = createRedirects(FOR_ONE_CLIENT);

  function writePull(
    by: "mirror" | "upstream",
    { name }: Mirror | Upstream,
    asked: Pulled,
    client: Client,
  ): void {
    const location = clients.locationOf(client);
    pulls!.write({
      asked,
      method: client.request.method,
      location: location === undefined ? undefined : locator.locations[location],
      to: name,
      by,
      userAgent: client.request.headers.get("user-agent"),
    });
  }

  return {
    redirect,
    toMirror(
      { asked, byClient }: FromMirror,
      mirror: Mirror,
      diverted: boolean,
      client: Client,
    ): Response {
      numbers.redirected(asked.kind);
      numbers.toMirror(mirror.number, diverted);
      if (pulls !== undefined) writePull("mirror", mirror, asked, client);
      const url = `${mirror.url}/${asked.digest}`;
      return byClient ? redirectOne(url) : redirect(url);
    },
    toUpstream(
      { asked, name, byClient }: FromMirror | FromUpstream,
      upstream: Upstream,
      reason: UpstreamReason,
      client: Client,
    ): Response {
      numbers.redirected(asked.kind);
      numbers.toUpstream(upstream.number, reason);
      if (pulls !== undefined) writePull("upstream", upstream, asked, client);
      const url = locationAt(upstream, asked, name);
      return byClient ? redirectOne(url) : redirect(url);
    },
  };
}
