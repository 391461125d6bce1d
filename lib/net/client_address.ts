/**
 * The client address: the address that a request counts as coming from.
 *
 * A load balancer puts it into a header, by custom `X-Forwarded-For`, a list that
 * every proxy on the way adds to at its end. Google's load balancers write
 *
 * ```text
 * X-Forwarded-For: [<what the client sent>,]<client>,<load balancer>
 * ```
 *
 * (https://cloud.google.com/load-balancing/docs/https#x-forwarded-for_header), so the
 * client's address is the second entry from the end. Whatever stands before it
 * came from the client and may be anything; it is not looked at.
 *
 * @module
 */

import { type Address, tryAddress } from "./address.ts";

const COMMA = 44;

/**
 * Reads the client address from a forwarding header's value.
 *
 * @param header the value; several header lines joined by commas
 * @param fromEnd which entry to take, 1 for the last
 * @returns the address, or `undefined` when there is no such entry or it is no address
 */
export function tryForwardedAddress(header: string, fromEnd: number): Address | undefined {
  let end = header.length;
  for (let entry = 1; entry < fromEnd; entry++) {
    end = lastComma(header, end);
    if (end < 0) return undefined;
  }
  let start = lastComma(header, end) + 1;
  while (start < end && isSpace(header.charCodeAt(start))) start++;
  while (end > start && isSpace(header.charCodeAt(end - 1))) end--;
  return tryAddress(header, start, end);
}

function lastComma(header: string, end: number): number {
  let at = end - 1;
  while (at >= 0 && header.charCodeAt(at) !== COMMA) at--;
  return at;
}

// Optional white space of RFC 9110, section 5.6.3: space and tab.
function isSpace(code: number): boolean {
  return code === 32 || code === 9;
}

/**
 * Reads the address of a connection's peer. A link-local IPv6 address comes with
 * its zone (`fe80::1%eth0`, RFC 4007, section 11), which says nothing about the
 * client and is left out.
 *
 * @returns the address, or `undefined` for a peer without one, such as a Unix socket's
 */
export function tryPeerAddress(hostname: string): Address | undefined {
  const zone = hostname.indexOf("%");
  return tryAddress(hostname, 0, zone < 0 ? hostname.length : zone);
}
