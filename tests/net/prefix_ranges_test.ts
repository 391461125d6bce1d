import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Address, parseAddress } from "../../lib/net/address.ts";
import { formatPrefix, maskAddress, parsePrefix, type Prefix } from "../../lib/net/prefix.ts";
import { createPrefixCollector, createRangeLookup } from "../../lib/net/prefix_ranges.ts";
import {
  createPrefixTable,
  matchLength,
  matchValue,
  NO_MATCH,
} from "../../lib/net/prefix_table.ts";

function lookupOf(prefixes: readonly Prefix[]) {
  const collector = createPrefixCollector();
  for (const [value, { address, length }] of prefixes.entries()) {
    collector.add(address, length, value);
  }
  return createRangeLookup(collector.build(() => {}));
}

Deno.test("a range lookup finds the longest prefix, or none", () => {
  const prefixes = [
    "10.0.0.0/8",
    "10.1.0.0/16",
    "10.1.0.0/24",
    "10.1.255.255/32",
    "10.255.255.255/32",
    "255.0.0.0/8",
    "2001:db8::/32",
    "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff/128",
    "ff00::/8",
  ];
  const lookup = lookupOf(prefixes.map(parsePrefix));
  const table = [
    { asked: "9.255.255.255", expected: undefined },
    { asked: "10.0.0.0", expected: "10.0.0.0/8" },
    { asked: "10.1.0.255", expected: "10.1.0.0/24" },
    { asked: "10.1.1.0", expected: "10.1.0.0/16" },
    { asked: "10.1.255.254", expected: "10.1.0.0/16" },
    { asked: "10.1.255.255", expected: "10.1.255.255/32" },
    { asked: "10.2.0.0", expected: "10.0.0.0/8" },
    { asked: "10.255.255.254", expected: "10.0.0.0/8" },
    { asked: "10.255.255.255", expected: "10.255.255.255/32" },
    { asked: "11.0.0.0", expected: undefined },
    { asked: "255.255.255.255", expected: "255.0.0.0/8" },
    { asked: "2001:db8::1", expected: "2001:db8::/32" },
    { asked: "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", expected: prefixes[7] },
    { asked: "2001:db9::", expected: undefined },
    { asked: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", expected: "ff00::/8" },
    { asked: "::", expected: undefined },
  ];
  for (const { asked, expected } of table) {
    const match = lookup(parseAddress(asked));
    const found = match === NO_MATCH ? undefined : prefixes[matchValue(match)];
    assertEquals(found, expected, asked);
    if (found !== undefined) assertEquals(matchLength(match), Number(found.split("/")[1]), asked);
  }
  assertEquals(lookupOf([])(parseAddress("10.0.0.0")), NO_MATCH);
  assertEquals(lookupOf([])(parseAddress("::1")), NO_MATCH);
});

Deno.test("a range lookup finds each of many prefixes, in whatever order they were added", () => {
  const prefixes = Array.from({ length: 1000 }, (_, at) => {
    const [high, low] = [at * 7 % 1000 >> 8, at * 7 % 1000 & 0xff];
    return [`10.${high}.${low}.0/24`, `2001:db8:${high}:${low}::/64`];
  }).flat().map(parsePrefix);
  const lookup = lookupOf(prefixes);
  for (const [value, { address }] of prefixes.entries()) {
    assertEquals(matchValue(lookup(address)), value);
  }
});

Deno.test("build() tells of a prefix with two values, of which the first applies", () => {
  const collector = createPrefixCollector();
  const added = [
    ["10.0.0.0/8", 0],
    ["10.0.0.0/9", 1],
    ["2001:db8::/32", 2],
    ["10.0.0.0/8", 3],
    ["2001:db8::/32", 2],
    ["10.0.0.0/9", 1],
    ["2001:db8::/32", 4],
  ] as const;
  for (const [text, value] of added) {
    const { address, length } = parsePrefix(text);
    collector.add(address, length, value);
  }
  const twice: unknown[] = [];
  const ranges = collector.build((prefix, ...values) => twice.push([formatPrefix(prefix), values]));
  assertEquals(twice, [["10.0.0.0/8", [0, 3]], ["2001:db8::/32", [2, 4]]]);
  const lookup = createRangeLookup(ranges);
  assertEquals(matchValue(lookup(parseAddress("10.0.0.1"))), 1);
  assertEquals(matchValue(lookup(parseAddress("10.200.0.1"))), 0);
  assertEquals(matchValue(lookup(parseAddress("2001:db8::1"))), 2);
});

// Few different bits, so that prefixes nest, meet and repeat.
function prefixOf(groups: number): fc.Arbitrary<Prefix> {
  const group = fc.constantFrom(0, 1, 0x8000, 0x7fff, 0xfffe, 0xffff);
  return fc.tuple(
    fc.array(group, { minLength: groups, maxLength: groups }),
    fc.integer({ min: 0, max: groups * 16 }),
  ).map(([address, length]) => ({ address: maskAddress(address, length), length }));
}

function edgesOf({ address, length }: Prefix): Address[] {
  const value = address.reduce((sum, group) => sum << 16n | BigInt(group), 0n);
  const bits = BigInt(address.length * 16);
  const end = value + (1n << bits - BigInt(length));
  return [value - 1n, value, end - 1n, end]
    .filter((edge) => edge >= 0n && edge < 1n << bits)
    .map((edge) => address.map((_, at) => Number(edge >> bits - 16n * BigInt(at + 1) & 0xffffn)));
}

Deno.test("a range lookup finds what a prefix table finds", () => {
  const lists = fc.array(fc.oneof(prefixOf(2), prefixOf(8)), { maxLength: 60 });
  fc.assert(fc.property(lists, (prefixes) => {
    const lookup = lookupOf(prefixes);
    const table = createPrefixTable();
    // The last value of a prefix applies there.
    for (const [at, prefix] of prefixes.toReversed().entries()) {
      table.insert(prefix, prefixes.length - 1 - at);
    }
    for (const edge of prefixes.flatMap(edgesOf)) assertEquals(lookup(edge), table.lookup(edge));
  }));
});
