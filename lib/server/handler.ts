/**
 * The handler: reads a request, asks routing, carries the decision out.
 *
 * @module
 */

import type { Locator } from "../locations/locator.ts";
import type { BlobFinder } from "../mirrors/find_blob.ts";
import type { Judge, PresenceCheck } from "../mirrors/presence.ts";
import type { Address } from "../net/address.ts";
import { tryForwardedAddress, tryPeerAddress } from "../net/client_address.ts";
import { type Asked, parseRequest } from "../oci/request.ts";
import {
  decide,
  decideUpstream,
  decideWithoutAddress,
  needsLocation,
  type ToUpstream,
} from "../routing/decide.ts";
import type { Policy, Rule } from "../routing/policy.ts";
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
  /** Judges what the upstream answers to `check`. */
  readonly judgeUpstream: Judge;
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

/** Makes a handler. */
export function createHandler(options: HandlerOptions): Handler {
  const { policy, locator, clientAddress: { header, fromEnd }, findBlob } = options;
  const redirect = createRedirects();

  return function handle(request, info) {
    const { method } = request;
    // `Deno.serve` puts the URL together from what the client sent and normalises
    // nothing; `new URL` would, and would cost more than all the rest.
    const asked = parseRequest(method, request.url);
    if (!needsLocation(asked, policy)) return carryOut(asked, policy.ruleFor(-1), method);
    const value = header === null ? null : request.headers.get(header);
    const address = value === null ? peerAddress(info) : tryForwardedAddress(value, fromEnd);
    if (address === undefined) {
      const forwarded = header === null || value === null ? undefined : { header, value };
      return errorResponse(decideWithoutAddress(forwarded), method);
    }
    return carryOut(asked, policy.ruleFor(locator.locate(address)), method);
  };

  function carryOut(asked: Asked, rule: Rule, method: string): Response | Promise<Response> {
    const decision = decide(asked, rule, policy);
    switch (decision.kind) {
      case "redirect":
        return redirect(decision.location);
      case "find_blob": {
        const { blob, mirrors } = decision;
        const url = findBlob(mirrors, blob.digest);
        if (typeof url === "string") return redirect(url);
        if (url === undefined) return toUpstream(decideUpstream(blob, rule, policy));
        return url.then((found) =>
          found === undefined ? toUpstream(decideUpstream(blob, rule, policy)) : redirect(found)
        );
      }
      case "ask_upstream":
        return toUpstream(decision);
      case "version":
        return versionResponse();
      case "error":
        return errorResponse(decision, method);
    }
  }

  function toUpstream(decision: ToUpstream): Response | Promise<Response> {
    if (decision.kind === "redirect") return redirect(decision.location);
    const { asked, location, signatures } = decision;
    const presence = options.check(asked, asked, options.judgeUpstream);
    if (typeof presence === "string") {
      return redirect(presence === "missing" ? signatures : location);
    }
    return presence.then((answer) => redirect(answer === "missing" ? signatures : location));
  }
}

function peerAddress({ remoteAddr }: PeerInfo): Address | undefined {
  return "hostname" in remoteAddr ? tryPeerAddress(remoteAddr.hostname) : undefined;
}
