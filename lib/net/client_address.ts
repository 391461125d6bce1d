/**
 * The client address: the address that a request is attributed to.
 *
 * A load balancer puts it into a header, usually `X-Forwarded-For`, a list that every proxy on
 * the way appends to. Google's load balancers write
 *
 * ```text
 * X-Forwarded-For: [<what the client sent>,]<client>,<load balancer>
 * ```
 *
 * (https://cloud.google.com/load-balancing/docs/https#x-forwarded-for_header), so the
 * client's address is the second entry from the end. Everything before it came from the
 * client, can be forged, and is ignored.
 *
 * @module
 */

import { type Address, tryAddress } from "./address.ts";

const COMMA = 44;
const BRACKET = 91;
const LONGEST_PORT = 5;
const HIGHEST_PORT = 65535;

/**
 * Parses the client address in the value of a forwarding header. Some load balancers append
 * the client's port, and put IPv6 in brackets: `192.0.2.1:50000`, `[2001:db8::1]` and
 * `[2001:db8::1]:50000` are accepted. In an IPv6 address without brackets, the part after the
 * last colon belongs to the address.
 *
 * @param header the value; several header lines joined by commas
 * @param fromEnd which entry to take, 1 for the last
 * @returns the address, or `undefined` if the entry is missing or invalid
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
  return tryAddress(header, start, end) ?? tryWithPort(header, start, end);
}

/** Counts the entries of a forwarding header's value, including empty ones. */
export function countEntries(header: string): number {
  return header.trim() === "" ? 0 : header.split(",").length;
}

// An address in the forms of RFC 3986's `host [":" port]` that `tryAddress` does not accept.
// Only IPv6 addresses have brackets, and a colon must be followed by a port.
function tryWithPort(header: string, start: number, end: number): Address | undefined {
  if (header.charCodeAt(start) !== BRACKET) {
    const colon = header.indexOf(":", start);
    // The part before the first colon must be an IPv4 address.
    return colon >= 0 && isPort(header, colon + 1, end)
      ? tryAddress(header, start, colon)
      : undefined;
  }
  const close = header.indexOf("]", start);
  const colon = header.indexOf(":", start);
  if (close < 0 || close >= end || colon < 0 || colon > close) return undefined;
  const portless = close + 1 === end;
  if (!portless && !(header[close + 1] === ":" && isPort(header, close + 2, end))) return undefined;
  return tryAddress(header, start + 1, close);
}

function isPort(header: string, start: number, end: number): boolean {
  if (end <= start || end - start > LONGEST_PORT) return false;
  const port = header.slice(start, end);
  return /^[0-9]+$/.test(port) && Number(port) <= HIGHEST_PORT;
}

function lastComma(header: string, end: number): number {
  let at = end - 1;
  while (at >= 0 && header.charCodeAt(at) !== COMMA) at--;
  return at;
}

// Optional whitespace of RFC 9110, section 5.6.3: space and tab.
function isSpace(code: number): boolean {
  return code === 32 || code === 9;
}

/**
 * Parses the address of a connection's peer. A link-local IPv6 address includes its zone
 * (`fe80::1%eth0`, RFC 4007, section 11), which says nothing about the client and is
 * dropped.
 *
 * @returns the address, or `undefined` for a peer without one, such as on a Unix socket
 */
export function tryPeerAddress(hostname: string): Address | undefined {
  const zone = hostname.indexOf("%");
  return tryAddress(hostname, 0, zone < 0 ? hostname.length : zone);
}
