/**
 * IP addresses as values.
 *
 * Two readers stand side by side. {@linkcode tryAddress} is for requests: strict,
 * without an allocation beyond its result. {@linkcode parseAddress} is for what a
 * person wrote, and says what is wrong with it. A test holds that they agree.
 *
 * @module
 */

import ipaddr from "ipaddr.js";

/**
 * An IP address as its 16-bit groups, most significant first: two for IPv4,
 * eight for IPv6. An IPv4-mapped IPv6 address (`::ffff:a.b.c.d`, RFC 4291,
 * section 2.5.5.2) is always held as the IPv4 address that it stands for.
 */
export type Address = readonly number[];

/** Whether an address is an IPv4 one. */
export function isIpv4(address: Address): boolean {
  return address.length === 2;
}

/**
 * Reads an address from `text`, or from a part of it without cutting it out.
 *
 * IPv4 is four decimal numbers without leading zeros, for octal, hexadecimal and
 * short forms mean different addresses to different programs (RFC 6943, section
 * 3.1.1). IPv6 is RFC 4291, section 2.2, without a zone.
 *
 * @returns the address, or `undefined` when it is none
 */
export function tryAddress(text: string, start = 0, end = text.length): Address | undefined {
  // The first five characters of any IPv6 address hold a colon, and of no IPv4 address.
  const probe = end - start < 5 ? end : start + 5;
  for (let at = start; at < probe; at++) {
    if (text.charCodeAt(at) === COLON) return tryIpv6(text, start, end);
  }
  return tryIpv4(text, start, end);
}

const DOT = 46;
const ZERO = 48;
const COLON = 58;

function tryIpv4(text: string, start: number, end: number): Address | undefined {
  let value = 0;
  let part = 0;
  let digits = 0;
  let dots = 0;
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code === DOT) {
      if (digits === 0 || ++dots > 3) return undefined;
      value = value << 8 | part;
      part = digits = 0;
      continue;
    }
    const digit = code - ZERO;
    if (digit < 0 || digit > 9 || (digits > 0 && part === 0)) return undefined;
    part = part * 10 + digit;
    if (part > 255) return undefined;
    digits++;
  }
  if (dots !== 3 || digits === 0) return undefined;
  return [value >> 8 & 0xffff, (value & 0xff) << 8 | part];
}

function tryIpv6(text: string, start: number, end: number): Address | undefined {
  const groups = [0, 0, 0, 0, 0, 0, 0, 0];
  let count = 0; // groups read so far
  let gap = -1; // the group that "::" stands before
  let at = start;
  while (at < end) {
    if (text.charCodeAt(at) === COLON) {
      // A colon at a group's place is the second of "::", or at the start, its first.
      if (gap >= 0) return undefined;
      if (count === 0 && text.charCodeAt(++at) !== COLON) return undefined;
      gap = count;
      if (++at >= end) break;
    }
    if (count === 8) return undefined;
    const groupStart = at;
    let group = 0;
    let code = 0;
    for (; at < end; at++) {
      code = text.charCodeAt(at);
      const digit = hexDigit(code);
      if (digit < 0) break;
      if (at - groupStart === 4) return undefined;
      group = group << 4 | digit;
    }
    if (at < end && code === DOT) {
      const tail = count <= 6 ? tryIpv4(text, groupStart, end) : undefined;
      if (tail === undefined) return undefined;
      groups[count++] = tail[0]!;
      groups[count++] = tail[1]!;
      break;
    }
    if (at === groupStart) return undefined;
    groups[count++] = group;
    if (at === end) break;
    if (code !== COLON || ++at === end) return undefined;
  }
  if (gap < 0) return count === 8 ? unmapped(groups) : undefined;
  if (count === 8) return undefined;
  for (let from = count - 1, to = 7; from >= gap; from--, to--) {
    groups[to] = groups[from]!;
    groups[from] = 0;
  }
  return unmapped(groups);
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

function unmapped(groups: number[]): Address {
  // Only an address of which the first group is 0 can be a mapped one: one
  // comparison settles it for every address in use.
  return groups[0] === 0 && isMapped(groups) ? [groups[6]!, groups[7]!] : groups;
}

function isMapped(groups: Address): boolean {
  return groups[5] === 0xffff && groups.every((group, at) => at >= 5 || group === 0);
}

/**
 * Reads an address that a person wrote.
 *
 * @throws {SyntaxError} when it is none, naming it and what is allowed
 */
export function parseAddress(text: string): Address {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return fromBytes(ipaddr.IPv4.parse(text));
  if (!ipaddr.IPv6.isValid(text) || text.includes("%")) {
    throw new SyntaxError(
      `Cannot parse address "${text}": it must be IPv4 in four decimal numbers without leading ` +
        `zeros, such as 192.0.2.1, or IPv6, such as 2001:db8::1`,
    );
  }
  return unmapped([...ipaddr.IPv6.parse(text).parts]);
}

/** The groups of an address that `ipaddr.js` has read. */
export function fromBytes(address: ipaddr.IPv4 | ipaddr.IPv6): Address {
  const bytes = address.toByteArray();
  const groups: number[] = [];
  for (let at = 0; at < bytes.length; at += 2) groups.push(bytes[at]! << 8 | bytes[at + 1]!);
  return groups;
}

/** An address as text: dotted decimal, or RFC 5952's form of IPv6. */
export function formatAddress(address: Address): string {
  if (isIpv4(address)) {
    const [high, low] = [address[0]!, address[1]!];
    return `${high >> 8}.${high & 0xff}.${low >> 8}.${low & 0xff}`;
  }
  const { start, length } = longestZeroRun(address);
  const hex = (groups: Address) => groups.map((group) => group.toString(16)).join(":");
  if (length < 2) return hex(address);
  return `${hex(address.slice(0, start))}::${hex(address.slice(start + length))}`;
}

// RFC 5952, section 4.2.3: the first of the longest runs is the one shortened.
function longestZeroRun(address: Address): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let length = 0;
  for (const [at, group] of address.entries()) {
    length = group === 0 ? length + 1 : 0;
    if (length > best.length) best = { start: at + 1 - length, length };
  }
  return best;
}
