/**
 * IP addresses as values.
 *
 * There are two parsers. {@linkcode tryAddress} is for requests: strict, and with no
 * allocation beyond its result. {@linkcode parseAddress} is for text that a person wrote, and
 * reports what is wrong with it; it uses `ipaddr.js`, but rejects the looser forms that the
 * library accepts. A test checks that the two agree.
 *
 * @module
 */

import ipaddr from "ipaddr.js";

/**
 * An IP address as its 16-bit groups, most significant first: two for IPv4, eight for IPv6.
 * An IPv4-mapped IPv6 address (`::ffff:a.b.c.d`, RFC 4291, section 2.5.5.2) is always
 * represented as the IPv4 address.
 */
export type Address = readonly number[];

/** Whether an address is an IPv4 address. */
export function isIpv4(address: Address): boolean {
  return address.length === 2;
}

/**
 * Parses an address in `text`, or in a part of it without making a substring.
 *
 * IPv4 is four decimal numbers without leading zeros, because programs disagree about octal,
 * hexadecimal and short forms (RFC 6943, section 3.1.1). IPv6 is RFC 4291, section 2.2,
 * without a zone.
 *
 * @returns the address, or `undefined` if it is invalid
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(tryAddress("192.0.2.1"), [0xc000, 0x0201]);
 * assertEquals(tryAddress("2001:db8::1"), [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]);
 * assertEquals(tryAddress("::ffff:192.0.2.1"), tryAddress("192.0.2.1"));
 * assertEquals(tryAddress("192.0.2.010"), undefined);
 * ```
 */
export function tryAddress(text: string, start = 0, end = text.length): Address | undefined {
  // The first five characters of an IPv6 address contain a colon; IPv4 addresses have none.
  const probe = end - start < 5 ? end : start + 5;
  for (let at = start; at < probe; at++) {
    if (text.charCodeAt(at) === COLON) return tryIpv6(text, start, end);
  }
  return tryIpv4(text, start, end);
}

const DOT = 46;
const ZERO = 48;
const COLON = 58;

// Both parsers also read the data set at each start, before they are compiled to machine code.
// So they do little for each character, and check what they can at the end of a number.

function tryIpv4(text: string, start: number, end: number): Address | undefined {
  let value = 0;
  let part = 0;
  let partStart = start;
  let dots = 0;
  for (let at = start; at < end; at++) {
    const digit = text.charCodeAt(at) - ZERO;
    if (digit >= 0 && digit <= 9) {
      part = part * 10 + digit;
      continue;
    }
    if (digit !== DOT - ZERO || ++dots > 3 || !isOctet(part, at - partStart)) return undefined;
    value = value << 8 | part;
    part = 0;
    partStart = at + 1;
  }
  if (dots !== 3 || !isOctet(part, end - partStart)) return undefined;
  return [value >> 8 & 0xffff, (value & 0xff) << 8 | part];
}

// The number of digits reveals a leading zero.
function isOctet(value: number, digits: number): boolean {
  if (digits === 3) return value >= 100 && value <= 255;
  return digits === 2 ? value >= 10 : digits === 1;
}

function tryIpv6(text: string, start: number, end: number): Address | undefined {
  const groups = [0, 0, 0, 0, 0, 0, 0, 0];
  let count = 0; // groups read so far
  let gap = -1; // the group that "::" stands before
  let group = 0;
  let groupStart = start;
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at);
    let digit = code - ZERO;
    if (digit < 0 || digit > 9) {
      digit = (code | 32) - 87; // "a" and "A" are 10
      if (digit < 10 || digit > 15) {
        if (code === DOT) return withIpv4Tail(groups, count, gap, tryIpv4(text, groupStart, end));
        if (code !== COLON) return undefined;
        if (at > groupStart) {
          if (at - groupStart > 4 || count === 8) return undefined;
          groups[count++] = group;
          group = 0;
        } else if (at === start) {
          if (text.charCodeAt(at + 1) !== COLON) return undefined;
        } else {
          if (gap >= 0) return undefined;
          gap = count;
        }
        groupStart = at + 1;
        continue;
      }
    }
    group = group << 4 | digit;
  }
  if (groupStart === end) return gap === count ? filled(groups, count, gap) : undefined;
  if (end - groupStart > 4 || count === 8) return undefined;
  groups[count++] = group;
  return filled(groups, count, gap);
}

function withIpv4Tail(
  groups: number[],
  count: number,
  gap: number,
  tail: Address | undefined,
): Address | undefined {
  if (tail === undefined || count > 6) return undefined;
  groups[count] = tail[0]!;
  groups[count + 1] = tail[1]!;
  return filled(groups, count + 2, gap);
}

// Moves the groups after "::" to the end.
function filled(groups: number[], count: number, gap: number): Address | undefined {
  if (gap < 0) return count === 8 ? unmapped(groups) : undefined;
  if (count === 8) return undefined;
  for (let from = count - 1, to = 7; from >= gap; from--, to--) {
    groups[to] = groups[from]!;
    groups[from] = 0;
  }
  return unmapped(groups);
}

function unmapped(groups: number[]): Address {
  // Only an address whose first group is 0 can be mapped, so one comparison suffices for all
  // addresses in use.
  return groups[0] === 0 && isMapped(groups) ? [groups[6]!, groups[7]!] : groups;
}

function isMapped(groups: Address): boolean {
  return groups[5] === 0xffff && groups.every((group, at) => at >= 5 || group === 0);
}

/**
 * Parses an address that a person wrote.
 *
 * @throws {SyntaxError} when it is invalid; the message names it and what is allowed
 */
export function parseAddress(text: string): Address {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return groupsOf(ipaddr.IPv4.parse(text));
  const colon = text.lastIndexOf(":");
  const tail = text.slice(colon + 1);
  const strict = !tail.includes(".") || ipaddr.IPv4.isValidFourPartDecimal(tail);
  // `ipaddr.js` reads RFC 4291's deprecated `::a.b.c.d` as mapped, but not `0::a.b.c.d`.
  const plain = tail.includes(".") && text.startsWith("::") && colon === 1 ? `0${text}` : text;
  if (!strict || text.includes("%") || !ipaddr.IPv6.isValid(plain)) {
    throw new SyntaxError(describeNoAddress(text));
  }
  return unmapped(groupsOf(ipaddr.IPv6.parse(plain)));
}

const LONGEST_SHOWN = 80;

/** Describes, for people, that a text is no address, and what an address is. */
export function describeNoAddress(text: string): string {
  const shown = text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text;
  return `Cannot parse address "${shown}": it must be IPv4 in four decimal numbers without leading ` +
    `zeros, such as 192.0.2.1, or IPv6, such as 2001:db8::1`;
}

function groupsOf(address: ipaddr.IPv4 | ipaddr.IPv6): number[] {
  const bytes = address.toByteArray();
  const groups: number[] = [];
  for (let at = 0; at < bytes.length; at += 2) groups.push(bytes[at]! << 8 | bytes[at + 1]!);
  return groups;
}

/** Formats an address: dotted decimal, or IPv6 by RFC 5952. */
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

// RFC 5952, section 4.2.3: the first of the longest runs is shortened.
function longestZeroRun(address: Address): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let length = 0;
  for (const [at, group] of address.entries()) {
    length = group === 0 ? length + 1 : 0;
    if (length > best.length) best = { start: at + 1 - length, length };
  }
  return best;
}
