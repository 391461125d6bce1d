import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { EMBEDDED } from "../../lib/locations/embedded.ts";
import { readDataSet } from "../../lib/locations/data_set.ts";
import { type Address, parseAddress } from "../../lib/net/address.ts";
import { maskAddress, parsePrefix, type Prefix } from "../../lib/net/prefix.ts";
import {
  createPrefixTable,
  matchLength,
  matchValue,
  MAX_VALUE,
  NO_MATCH,
  type PrefixTable,
} from "../../lib/net/prefix_table.ts";

interface Entry {
  readonly prefix: Prefix;
  readonly value: number;
}

/** A match as text, `<value> by /<length>`, or `none`. */
function lookUp(table: PrefixTable, address: Address): string {
  const match = table.lookup(address);
  return match === NO_MATCH ? "none" : `${matchValue(match)} by /${matchLength(match)}`;
}

function createFilledTable(entries: Iterable<Entry>, nodes?: number): PrefixTable {
  const table = nodes === undefined ? createPrefixTable() : createPrefixTable({ nodes });
  for (const { prefix, value } of entries) table.insert(prefix, value);
  return table;
}

/** The slow table: looks at every prefix, and of the longest that hold, takes the last added. */
function lookUpLinearly(entries: readonly Entry[], address: Address): string {
  let best: Entry | undefined;
  for (const entry of entries) {
    if (!holds(entry.prefix, address)) continue;
    if (best === undefined || entry.prefix.length >= best.prefix.length) best = entry;
  }
  return best === undefined ? "none" : `${best.value} by /${best.prefix.length}`;
}

function holds(prefix: Prefix, address: Address): boolean {
  const rest = BigInt(address.length * 16 - prefix.length);
  return prefix.address.length === address.length &&
    toNumber(prefix.address) >> rest === toNumber(address) >> rest;
}

function toNumber(address: Address): bigint {
  let number = 0n;
  for (const group of address) number = number << 16n | BigInt(group);
  return number;
}

function toAddress(number: bigint, groups: number): Address {
  return Array.from(
    { length: groups },
    (_, at) => Number(number >> BigInt((groups - 1 - at) * 16) & 0xffffn),
  );
}

/** The first and the last address of a prefix, and those just outside, as far as there are. */
function edgesOf({ address, length }: Prefix): Address[] {
  const bits = address.length * 16;
  const first = toNumber(address);
  const last = first + (1n << BigInt(bits - length)) - 1n;
  return [first - 1n, first, last, last + 1n]
    .filter((number) => number >= 0n && number < 1n << BigInt(bits))
    .map((number) => toAddress(number, address.length));
}

Deno.test("lookup() gives the value and the length of the longest prefix that holds", () => {
  const table = createFilledTable([
    { prefix: parsePrefix("10.0.0.0/8"), value: 1 },
    { prefix: parsePrefix("10.1.0.0/16"), value: 2 },
    { prefix: parsePrefix("10.1.2.0/23"), value: 3 },
    { prefix: parsePrefix("10.1.2.3/32"), value: 4 },
    { prefix: parsePrefix("2001:db8::/32"), value: 5 },
    { prefix: parsePrefix("2001:db8:0:1::/64"), value: 6 },
    { prefix: parsePrefix("2001:db8:0:1::1/128"), value: 7 },
  ]);
  const expectations = [
    { address: "9.255.255.255", expected: "none" },
    { address: "10.0.0.0", expected: "1 by /8" },
    { address: "10.255.255.255", expected: "1 by /8" },
    { address: "11.0.0.0", expected: "none" },
    { address: "10.1.1.255", expected: "2 by /16" },
    { address: "10.1.3.255", expected: "3 by /23" },
    { address: "10.1.2.2", expected: "3 by /23" },
    { address: "10.1.2.3", expected: "4 by /32" },
    { address: "::ffff:10.1.2.3", expected: "4 by /32" },
    { address: "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", expected: "none" },
    { address: "2001:db8::", expected: "5 by /32" },
    { address: "2001:db8:0:1::", expected: "6 by /64" },
    { address: "2001:db8:0:1::1", expected: "7 by /128" },
    { address: "2001:db9::", expected: "none" },
    { address: "::", expected: "none" },
  ];
  for (const { address, expected } of expectations) {
    assertEquals(lookUp(table, parseAddress(address)), expected, address);
  }
});

Deno.test("lookup() gives NO_MATCH from an empty table", () => {
  for (const address of ["0.0.0.0", "255.255.255.255", "::", "2001:db8::1"]) {
    assertEquals(createPrefixTable().lookup(parseAddress(address)), NO_MATCH);
  }
  assertEquals(matchValue(NO_MATCH), -1);
});

Deno.test("lookup() keeps the families apart, down to /0", () => {
  const ipv4 = createFilledTable([{ prefix: parsePrefix("0.0.0.0/0"), value: 0 }]);
  const ipv6 = createFilledTable([{ prefix: parsePrefix("::/0"), value: 0 }]);
  for (const address of ["0.0.0.0", "192.0.2.1", "255.255.255.255"]) {
    assertEquals(lookUp(ipv4, parseAddress(address)), "0 by /0");
    assertEquals(lookUp(ipv6, parseAddress(address)), "none");
  }
  for (const address of ["::", "::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]) {
    assertEquals(lookUp(ipv4, parseAddress(address)), "none");
    assertEquals(lookUp(ipv6, parseAddress(address)), "0 by /0");
  }
});

Deno.test("insert() takes every length and every value up to MAX_VALUE, in either order", () => {
  for (const value of [0, 1, 255, 256, MAX_VALUE]) {
    for (const text of ["255.255.255.255", "ffff::1"]) {
      const address = parseAddress(text);
      const most = address.length * 16;
      const nested = Array.from({ length: most + 1 }, (_, length) => ({
        address: maskAddress(address, length),
        length,
      }));
      const growing = createPrefixTable();
      const shrinking = createPrefixTable();
      for (const prefix of nested) {
        growing.insert(prefix, value);
        assertEquals(lookUp(growing, address), `${value} by /${prefix.length}`);
      }
      for (const prefix of nested.toReversed()) {
        shrinking.insert(prefix, value);
        assertEquals(lookUp(shrinking, prefix.address), lookUp(growing, prefix.address));
        assertEquals(lookUp(shrinking, address), `${value} by /${most}`);
      }
    }
  }
});

Deno.test("insert() gives the same prefix the value that came last", () => {
  for (const text of ["0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/16", "10.0.0.0/20", "10.0.0.0/32"]) {
    const prefix = parsePrefix(text);
    const table = createFilledTable([3, 1, 2].map((value) => ({ prefix, value })));
    assertEquals(lookUp(table, prefix.address), `2 by /${prefix.length}`);
  }
});

// Addresses with few different groups, so that prefixes meet, nest and repeat.
const group = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(0, 1, 0x7fff, 0x8000, 0xffff) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 0xffff }) },
);
const addresses = fc.constantFrom(2, 8).chain((groups) =>
  fc.array(group, { minLength: groups, maxLength: groups })
);
const prefixes: fc.Arbitrary<Prefix> = addresses.chain((address) => {
  const most = address.length * 16;
  const length = fc.oneof(fc.integer({ min: 0, max: most }), fc.constantFrom(0, 8, 16, 17, most));
  return length.map((length) => ({ address: maskAddress(address, length), length }));
});

Deno.test("lookup() agrees with a linear search, whatever is inserted in whatever order", () => {
  const entries = fc.array(fc.record({ prefix: prefixes, value: fc.nat(MAX_VALUE) }), {
    maxLength: 40,
  });
  const property = fc.property(entries, fc.array(addresses), (entries, others) => {
    const table = createFilledTable(entries, 1);
    const edges = entries.flatMap(({ prefix }) => edgesOf(prefix));
    for (const address of [...others, ...edges]) {
      assertEquals(lookUp(table, address), lookUpLinearly(entries, address));
    }
  });
  fc.assert(property, { numRuns: 150 });
});

Deno.test("insert() makes room as it is needed", () => {
  // 28 nodes for each, of which no two have a path in common.
  const entries = Array.from({ length: 700 }, (_, value) => ({
    prefix: { address: [0x2000 + value, 1, 2, 3, 4, 5, 6, 7], length: 128 },
    value,
  }));
  for (const nodes of [0, 1, 1024]) {
    const table = createFilledTable(entries, nodes);
    for (const { prefix, value } of entries) {
      assertEquals(lookUp(table, prefix.address), `${value} by /128`);
      for (const edge of edgesOf(prefix)) {
        assertEquals(lookUp(table, edge), edge[7] === 7 ? `${value} by /128` : "none");
      }
    }
  }
});

/**
 * The slow table, made fast enough for all published prefixes: for each length that
 * there is, the longest first, looks whether the address's first bits are a prefix.
 */
function createMapTable(entries: readonly Entry[]): (address: Address) => string {
  const families = new Map([2, 8].map((groups) => {
    const ofFamily = entries.filter(({ prefix }) => prefix.address.length === groups);
    const lengths = [...new Set(ofFamily.map(({ prefix }) => prefix.length))];
    return [
      groups,
      lengths.sort((a, b) => b - a).map((length) => {
        const rest = BigInt(groups * 16 - length);
        const ofLength = ofFamily.filter(({ prefix }) => prefix.length === length);
        const values = new Map(
          ofLength.map(({ prefix, value }) => [toNumber(prefix.address) >> rest, value]),
        );
        return { length, rest, values };
      }),
    ];
  }));
  return (address) => {
    const number = toNumber(address);
    for (const { length, rest, values } of families.get(address.length)!) {
      const value = values.get(number >> rest);
      if (value !== undefined) return `${value} by /${length}`;
    }
    return "none";
  };
}

function readEntries(): Entry[] {
  const entries: Entry[] = [];
  let location = -1;
  readDataSet(EMBEDDED, {
    location: () => void location++,
    prefix: (address, length) =>
      void entries.push({ prefix: { address, length }, value: location }),
  });
  return entries;
}

Deno.test("lookup() is right at the edges of every prefix of the embedded data set", () => {
  const entries = readEntries();
  const lookUpSlowly = createMapTable(entries);
  const tables = [createFilledTable(entries), createFilledTable(entries.toReversed(), 1)];
  for (const { prefix } of entries) {
    for (const address of edgesOf(prefix)) {
      const expected = lookUpSlowly(address);
      for (const table of tables) {
        const found = lookUp(table, address);
        if (found !== expected) assertEquals(found, expected, address.join());
      }
    }
  }
});
