/**
 * The handler: reads a request, asks routing, carries the decision out.
 *
 * @module
 */

import type { Locator } from "../locations/locator.ts";
import type { BlobFinder, FoundBlob } from "../mirrors/find_blob.ts";
import type { PresenceCheck, Server } from "../mirrors/presence.ts";
import type { Address } from "../net/address.ts";
import { tryForwardedAddress, tryPeerAddress } from "../net/client_address.ts";
import { type Asked, type ByDigest, createRequestParser } from "../oci/request.ts";
import {
  decide,
  decideUpstream,
  decideWithoutAddress,
  needsLocation,
  type Refusal,
  type ToUpstream,
} from "../routing/decide.ts";
import type { Mirror, Policy, Rule, Upstream } from "../routing/policy.ts";
import type { Numbers, UpstreamReason } from "./numbers.ts";
import type { Pulled, PullLog } from "./pull_log.ts";
import { createRedirects, errorResponse, versionResponse } from "./responses.ts";

/** What a handler works with. */
export interface HandlerOptions {
  /** What decisions are made by. */
  readonly policy: Policy;
  /** Finds the location of a client; the policy is made with its list. */
  readonly locator: Locator;
  /** The header that gives the client address, and which of its entries, 1 for the last. */
  readonly clientAddress: { readonly header: string | null; readonly fromEnd: number };
  /** Finds the mirror to send a client to. */
  readonly findBlob: BlobFinder;
  /** Finds out what the upstream has. */
  readonly check: PresenceCheck;
  /** How the upstream is asked. */
  readonly upstreamServer: Server;
  /** Counts. */
  readonly numbers: Numbers;
  /** The numbers that mirrors and upstreams are counted by, by their places. */
  readonly numberOf: { readonly mirrors: readonly number[]; readonly upstreams: readonly number[] };
  /** Writes pulls down. */
  readonly pulls?: PullLog | undefined;
  /** Told what a request is for, for traces. */
  readonly tellRoute?: ((asked: Asked, method: string) => void) | undefined;
}

/** The peer of a connection; read only when a request has no client address header. */
export interface PeerInfo {
  /** Its address; one of a Unix socket has no IP address. */
  readonly remoteAddr: Deno.Addr;
}

/**
 * Answers requests. It gives a promise only when another server has to be asked
 * first, for a promise costs each request more than the decision does.
 */
export type Handler = (request: Request, info: PeerInfo) => Response | Promise<Response>;

const NOWHERE = -1;

/** Makes a handler. */
export function createHandler(options: HandlerOptions): Handler {
  const { policy, locator, findBlob, check, numbers, numberOf, pulls, tellRoute } = options;
  const { header, fromEnd } = options.clientAddress;
  const parseRequest = createRequestParser();
  const redirect = createRedirects();

  return function handle(request, info) {
    const { method } = request;
    // `Deno.serve` puts the URL together from what the client sent and normalises
    // nothing; `new URL` would, and would cost more than all the rest.
    const asked = parseRequest(method, request.url);
    tellRoute?.(asked, method);
    const needed = needsLocation(asked, policy);
    if (!needed && pulls === undefined) return carryOut(asked, NOWHERE, request);
    const value = header === null ? null : request.headers.get(header);
    const address = value === null ? peerAddress(info) : tryForwardedAddress(value, fromEnd);
    if (address !== undefined) return carryOut(asked, locator.locate(address), request);
    if (!needed) return carryOut(asked, NOWHERE, request);
    const forwarded = header === null || value === null ? undefined : { header, value };
    return refuse(asked, decideWithoutAddress(forwarded), method);
  };

  function carryOut(
    asked: Asked,
    location: number,
    request: Request,
  ): Response | Promise<Response> {
    const rule = policy.ruleFor(location);
    const decision = decide(asked, rule, policy);
    switch (decision.kind) {
      case "redirect":
      case "ask_upstream": {
        const reason = asked.kind === "blob" ? "no_mirror" : "registry";
        return toUpstream(asked as Pulled, decision, { reason, location, request });
      }
      case "find_blob": {
        const { mirrors, blob } = decision;
        const found = findBlob(mirrors, blob.digest);
        return found instanceof Promise
          ? found.then((found) => toFound(found, blob, rule, { location, request }))
          : toFound(found, blob, rule, { location, request });
      }
      case "page":
        numbers.redirected(asked.kind);
        return redirect(decision.location);
      case "version":
        numbers.answered(asked.kind, 200);
        return versionResponse();
      case "error":
        return refuse(asked, decision, request.method);
    }
  }

  function refuse(asked: Asked, refusal: Refusal, method: string): Response {
    numbers.answered(asked.kind, refusal.status);
    return errorResponse(refusal, method);
  }

  function toFound(
    found: FoundBlob,
    asked: ByDigest,
    rule: Rule,
    from: Sender,
  ): Response | Promise<Response> {
    if (found.kind === "none") {
      const { reason } = found;
      return toUpstream(asked, decideUpstream(asked, rule, policy), { ...from, reason });
    }
    const { mirror, url, diverted } = found;
    numbers.redirected(asked.kind);
    numbers.toMirror(numberOf.mirrors[mirror.place]!, diverted);
    if (pulls !== undefined) writePull("mirror", mirror, asked, from);
    return redirect(url);
  }

  function toUpstream(
    asked: Pulled,
    decision: ToUpstream,
    sent: Sent,
  ): Response | Promise<Response> {
    if (decision.kind === "redirect") {
      return send(asked, decision.upstream, decision.location, sent);
    }
    const presence = check.ask(decision.asked, decision.asked, options.upstreamServer);
    return typeof presence === "string"
      ? toEither(presence === "missing", asked, decision, sent)
      : presence.then((answer) => toEither(answer === "missing", asked, decision, sent));
  }

  function toEither(
    missing: boolean,
    asked: Pulled,
    decision: Extract<ToUpstream, { readonly kind: "ask_upstream" }>,
    sent: Sent,
  ): Response {
    return missing
      ? send(asked, decision.signatureUpstream, decision.signatures, {
        ...sent,
        reason: "signature",
      })
      : send(asked, decision.upstream, decision.location, sent);
  }

  function send(asked: Pulled, upstream: Upstream, url: string, sent: Sent): Response {
    numbers.redirected(asked.kind);
    numbers.toUpstream(numberOf.upstreams[upstream.place]!, sent.reason);
    if (pulls !== undefined) writePull("upstream", upstream, asked, sent);
    return redirect(url);
  }

  function writePull(
    by: "mirror" | "upstream",
    { name }: Mirror | Upstream,
    asked: Pulled,
    { location, request }: Sender,
  ): void {
    pulls!.write({
      asked,
      method: request.method,
      location: locator.locations[location],
      to: name,
      by,
      userAgent: request.headers.get("user-agent"),
    });
  }
}

/** Who sent a request. */
interface Sender {
  /** The number of the client's location. */
  readonly location: number;
  readonly request: Request;
}

interface Sent extends Sender {
  /** Why the client is sent to an upstream. */
  readonly reason: UpstreamReason;
}

function peerAddress({ remoteAddr }: PeerInfo): Address | undefined {
  return "hostname" in remoteAddr ? tryPeerAddress(remoteAddr.hostname) : undefined;
}
