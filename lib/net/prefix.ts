/**
 * Prefixes, in CIDR notation (RFC 4632, section 3.1; RFC 4291, section 2.3).
 *
 * @module
 */

import { type Address, formatAddress, isIpv4, parseAddress } from "./address.ts";

/** The addresses that share their first `length` bits with `address`. */
export interface Prefix {
  /** The first address; all bits past `length` are zero. */
  readonly address: Address;
  /** In bits: 0 to 32 for IPv4, 0 to 128 for IPv6. */
  readonly length: number;
}

/**
 * Parses a prefix that a person wrote. A prefix inside `::ffff:0:0/96` becomes the
 * corresponding IPv4 prefix.
 *
 * @throws {SyntaxError} when it is invalid
 * @throws {RangeError} when bits past its length are set
 *
 * @example
 * ```ts
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * assertEquals(parsePrefix("192.0.2.0/24"), { address: [0xc000, 0x0200], length: 24 });
 * assertThrows(() => parsePrefix("192.0.2.1/24"), RangeError, "192.0.2.0/24");
 * ```
 */
export function parsePrefix(text: string): Prefix {
  const slash = text.lastIndexOf("/");
  const written = text.slice(slash + 1);
  if (slash < 0 || !/^(?:0|[1-9]\d{0,2})$/.test(written)) {
    throw new SyntaxError(
      `Cannot parse prefix "${text}": it must be an address, a slash and a length in bits, such ` +
        `as 192.0.2.0/24 or 2001:db8::/32`,
    );
  }
  const addressText = text.slice(0, slash);
  const address = parseAddress(addressText);
  const mapped = isIpv4(address) && addressText.includes(":");
  const length = Number(written) - (mapped ? 96 : 0);
  const most = address.length * 16;
  if (length < 0 || length > most) {
    const [low, high] = mapped ? [96, 128] : [0, most];
    throw new SyntaxError(`Cannot parse prefix "${text}": length must be ${low} to ${high}`);
  }
  const first = maskAddress(address, length);
  if (first.some((group, at) => group !== address[at])) {
    throw new RangeError(
      `Cannot take prefix "${text}": bits past its length are set; the prefix that holds it is ` +
        formatPrefix({ address: first, length }),
    );
  }
  return { address, length };
}

/** The address with all bits past the first `length` set to zero. */
export function maskAddress(address: Address, length: number): Address {
  return address.map((group, at) => {
    const bits = Math.min(Math.max(length - at * 16, 0), 16);
    return group & (0xffff << (16 - bits)) & 0xffff;
  });
}

/** Formats a prefix, such as `192.0.2.0/24`. */
export function formatPrefix({ address, length }: Prefix): string {
  return `${formatAddress(address)}/${length}`;
}

/** Orders prefixes: IPv4 before IPv6, then by address, then the shorter first. */
export function comparePrefixes(a: Prefix, b: Prefix): number {
  if (a.address.length !== b.address.length) return a.address.length - b.address.length;
  for (const [at, group] of a.address.entries()) {
    if (group !== b.address[at]) return group - b.address[at]!;
  }
  return a.length - b.length;
}
