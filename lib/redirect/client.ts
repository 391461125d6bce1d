/**
 * Who sent a request: the client's address, and what follows from it.
 *
 * @module
 */

import type { Locator } from "../locations/locator.ts";
import type { Address } from "../net/address.ts";
import { countEntries, tryForwardedAddress, tryPeerAddress } from "../net/client_address.ts";
import { type Refusal, refuseAddress } from "../routing/decide.ts";
import type { Policy, Rule } from "../routing/policy.ts";

/** The peer of a connection; read only for requests without the client address header. */
export interface PeerInfo {
  /** Its address; a Unix socket has no IP address. */
  readonly remoteAddr?: { readonly transport?: string; readonly hostname?: string };
}

/** What a client reader needs. */
export interface ClientReaderOptions {
  /** The rules that decisions follow. */
  readonly policy: Policy;
  /** Finds the location of a client. The policy must be made with its `locations`. */
  readonly locator: Locator;
  /** The header with the client address, and which of its entries to take, 1 for the last. */
  readonly clientAddress: { readonly header: string | null; readonly fromEnd: number };
  /** Called with the reason when the client address cannot be read and the request is refused. */
  readonly onNoAddress?: ((reason: string) => void) | undefined;
}

/** Who sent a request. */
export interface Client {
  /** The request. */
  readonly request: Request;
  /** The peer of its connection. */
  readonly info: PeerInfo;
  /** Its address, once read. */
  address: Address | undefined;
  /** The index of its location, once known. */
  location: number | undefined;
  /** The id of the request, if it has one. */
  readonly id: string | undefined;
}

/** Reads who sent a request. */
export interface ClientReader {
  /** The client's address, or `undefined` when it cannot be read. */
  addressOf(client: Client): Address | undefined;
  /** The index of its location, -1 for none; `undefined` without an address. */
  locationOf(client: Client): number | undefined;
  /** The rule for its location, or the refusal when its address cannot be read. */
  ruleOf(client: Client): Rule | Refusal;
}

/** Makes a reader that reads each property at most once for each request. */
export function createClientReader(options: ClientReaderOptions): ClientReader {
  const { policy, locator, clientAddress: { header, fromEnd } } = options;

  function addressOf(client: Client): Address | undefined {
    if (client.address !== undefined) return client.address;
    const value = header === null ? null : client.request.headers.get(header);
    return client.address = value === null
      ? peerAddress(client.info)
      : tryForwardedAddress(value, fromEnd);
  }

  function locationOf(client: Client): number | undefined {
    const address = addressOf(client);
    return address === undefined ? undefined : client.location ??= locator.locate(address);
  }

  function refuse({ request }: Client): Refusal {
    const value = header === null ? null : request.headers.get(header);
    const forwarded = header === null || value === null
      ? undefined
      : { header, value, fromEnd, entries: countEntries(value) };
    const refusal = refuseAddress(forwarded);
    options.onNoAddress?.(refusal.error.message);
    return refusal;
  }

  return {
    addressOf,
    locationOf,
    ruleOf(client: Client): Rule | Refusal {
      const location = locationOf(client);
      return location === undefined ? refuse(client) : policy.ruleFor(location);
    },
  };
}

function peerAddress({ remoteAddr }: PeerInfo): Address | undefined {
  const hostname = remoteAddr?.hostname;
  return hostname === undefined ? undefined : tryPeerAddress(hostname);
}
