import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { Address } from "../../lib/net/address.ts";
import {
  comparePrefixes,
  formatPrefix,
  maskAddress,
  parsePrefix,
  type Prefix,
} from "../../lib/net/prefix.ts";

Deno.test("parsePrefix() reads prefixes of both families", () => {
  const table = [
    { text: "0.0.0.0/0", expected: { address: [0, 0], length: 0 } },
    { text: "10.0.0.0/8", expected: { address: [0x0a00, 0], length: 8 } },
    { text: "192.0.2.0/24", expected: { address: [0xc000, 0x0200], length: 24 } },
    { text: "192.0.2.1/32", expected: { address: [0xc000, 0x0201], length: 32 } },
    { text: "128.0.0.0/1", expected: { address: [0x8000, 0], length: 1 } },
    { text: "::/0", expected: { address: [0, 0, 0, 0, 0, 0, 0, 0], length: 0 } },
    { text: "2001:db8::/32", expected: { address: [0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], length: 32 } },
    {
      text: "2001:DB8:0::/48",
      expected: { address: [0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], length: 48 },
    },
    { text: "::1/128", expected: { address: [0, 0, 0, 0, 0, 0, 0, 1], length: 128 } },
  ];
  for (const { text, expected } of table) assertEquals(parsePrefix(text), expected, text);
});

Deno.test("parsePrefix() reads a prefix of mapped addresses as the IPv4 one", () => {
  const table = [
    { text: "::ffff:192.0.2.0/120", expected: "192.0.2.0/24" },
    { text: "::ffff:c000:201/128", expected: "192.0.2.1/32" },
    { text: "::ffff:0:0/96", expected: "0.0.0.0/0" },
  ];
  for (const { text, expected } of table) {
    assertEquals(formatPrefix(parsePrefix(text)), expected, text);
  }
});

Deno.test("parsePrefix() throws a SyntaxError at what is no prefix", () => {
  const form = "it must be an address, a slash and a length in bits";
  const address = "it must be IPv4 in four decimal numbers";
  const table = [
    { text: "", expected: form },
    { text: "/", expected: form },
    { text: "10.0.0.0", expected: form },
    { text: "10.0.0.0/", expected: form },
    { text: "10.0.0.0/08", expected: form },
    { text: "10.0.0.0/+8", expected: form },
    { text: "10.0.0.0/-8", expected: form },
    { text: "10.0.0.0/8.0", expected: form },
    { text: "10.0.0.0/ 8", expected: form },
    { text: "10.0.0.0/8 ", expected: form },
    { text: "10.0.0.0/8\n", expected: form },
    { text: "10.0.0.0/1e1", expected: form },
    { text: "10.0.0.0/0x8", expected: form },
    { text: "10.0.0.0/1000", expected: form },
    { text: "10.0.0.0/255.0.0.0", expected: form },
    { text: "/8", expected: address },
    { text: "10/8", expected: address },
    { text: "10.0.0/8", expected: address },
    { text: "010.0.0.0/8", expected: address },
    { text: "10.0.0.0/8/8", expected: address },
    { text: "example/8", expected: address },
    { text: "fe80::%eth0/64", expected: address },
    { text: "10.0.0.0/33", expected: 'Cannot parse prefix "10.0.0.0/33": length must be 0 to 32' },
    { text: "::/129", expected: 'Cannot parse prefix "::/129": length must be 0 to 128' },
    { text: "::/999", expected: "length must be 0 to 128" },
    { text: "::ffff:0:0/95", expected: "length must be 96 to 128" },
    { text: "::ffff:10.0.0.0/8", expected: "length must be 96 to 128" },
    { text: "::ffff:10.0.0.0/129", expected: "length must be 96 to 128" },
  ];
  for (const { text, expected } of table) {
    assertThrows(() => parsePrefix(text), SyntaxError, expected, text);
  }
});

Deno.test("parsePrefix() throws a RangeError at bits past the length, naming the prefix meant", () => {
  const table = [
    { text: "192.0.2.1/24", expected: "192.0.2.0/24" },
    { text: "0.0.0.1/0", expected: "0.0.0.0/0" },
    { text: "255.255.255.255/31", expected: "255.255.255.254/31" },
    { text: "2001:db8::1/32", expected: "2001:db8::/32" },
    { text: "2001:db8::1/127", expected: "2001:db8::/127" },
    { text: "::ffff:192.0.2.1/120", expected: "192.0.2.0/24" },
  ];
  for (const { text, expected } of table) {
    assertThrows(
      () => parsePrefix(text),
      RangeError,
      `Cannot take prefix "${text}": bits past its length are set; the prefix that holds it is ${expected}`,
    );
  }
});

function toNumber(address: Address): bigint {
  return address.reduce((number, group) => number << 16n | BigInt(group), 0n);
}

const group = fc.oneof(fc.constantFrom(0, 1, 0x8000, 0xffff), fc.integer({ min: 0, max: 0xffff }));
const located = fc.constantFrom(2, 8).chain((groups) =>
  fc.record({
    address: fc.array(group, { minLength: groups, maxLength: groups }),
    length: fc.integer({ min: 0, max: groups * 16 }),
  })
);
const prefixes = located.map(({ address, length }) => ({
  address: maskAddress(address, length),
  length,
}));

Deno.test("maskAddress() clears the bits past the length, and no other", () => {
  fc.assert(fc.property(located, ({ address, length }) => {
    const rest = BigInt(address.length * 16 - length);
    const masked = maskAddress(address, length);
    assertEquals(masked.length, address.length);
    assertEquals(toNumber(masked), toNumber(address) >> rest << rest);
  }));
});

Deno.test("formatPrefix() writes what is read back as the same prefix", () => {
  fc.assert(fc.property(prefixes, (prefix) => {
    // Written out, these are IPv4.
    fc.pre(!(prefix.address.length === 8 && toNumber(prefix.address) >> 32n === 0xffffn));
    assertEquals(parsePrefix(formatPrefix(prefix)), prefix);
  }));
});

Deno.test("comparePrefixes() orders IPv4 before IPv6, by address, the shorter first", () => {
  const sorted = ["0.0.0.0/0", "0.0.0.0/8", "9.0.0.0/8", "10.0.0.0/8", "10.0.0.0/9", "10.0.1.0/24"]
    .concat("::/0", "::/1", "::1/128", "2001:db8::/32", "2001:db8::/48", "2001:db8:1::/48");
  const parsed = sorted.map(parsePrefix);
  assertEquals(parsed.toReversed().sort(comparePrefixes).map(formatPrefix), sorted);
});

Deno.test("comparePrefixes() orders as family, number and length do", () => {
  const key = ({ address, length }: Prefix) =>
    (BigInt(address.length) << 136n) + (toNumber(address) << 8n) + BigInt(length);
  fc.assert(fc.property(prefixes, prefixes, (a, b) => {
    const [first, second] = [key(a), key(b)];
    assertEquals(Math.sign(comparePrefixes(a, b)), first < second ? -1 : first > second ? 1 : 0);
    assertEquals(comparePrefixes(a, a), 0);
  }));
});
