import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import ipaddr from "ipaddr.js";
import {
  type Address,
  formatAddress,
  isIpv4,
  parseAddress,
  tryAddress,
} from "../../lib/net/address.ts";

/**
 * The address as `ipaddr.js` reads it, where that is strict: IPv4 in four decimal
 * numbers, IPv6 without a zone. Dotted ends of IPv6 it reads too freely, as octal and
 * hexadecimal, too, and `::1.2.3.4` as a mapped one: they are written as groups first.
 */
function readWithIpaddr(text: string): Address | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return groupsOf(ipaddr.IPv4.parse(text));
  const tail = text.slice(text.lastIndexOf(":") + 1);
  if (tail.includes(".") || text.includes("%")) {
    if (!ipaddr.IPv4.isValidFourPartDecimal(tail) || tail === text) return undefined;
    const [high, low] = groupsOf(ipaddr.IPv4.parse(tail));
    const head = text.slice(0, -tail.length);
    return readWithIpaddr(`${head}${high!.toString(16)}:${low!.toString(16)}`);
  }
  if (!ipaddr.IPv6.isValid(text)) return undefined;
  const address = ipaddr.IPv6.parse(text);
  return groupsOf(address.isIPv4MappedAddress() ? address.toIPv4Address() : address);
}

function groupsOf(address: ipaddr.IPv4 | ipaddr.IPv6): Address {
  if (address instanceof ipaddr.IPv6) return address.parts;
  const [a, b, c, d] = address.octets;
  return [a! << 8 | b!, c! << 8 | d!];
}

const anything = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 })
  .map((codes) => String.fromCharCode(...codes));

function pieces(maxLength: number, ...of: string[]): fc.Arbitrary<string> {
  return fc.array(fc.constantFrom(...of), { maxLength }).map((parts) => parts.join(""));
}

const octet = fc.constantFrom(
  "0",
  "1",
  "9",
  "10",
  "99",
  "100",
  "255",
  "256",
  "00",
  "01",
  "0x1",
  "",
);
const dotted = fc.array(octet, { minLength: 3, maxLength: 5 }).map((octets) => octets.join("."));
const group = fc.constantFrom("0", "1", "ab", "FFFF", "ffff", "0000", "00001", "g", "", "");
const colons = fc.array(group, { maxLength: 10 }).map((groups) => groups.join(":"));

const near = fc.oneof(
  anything,
  fc.ipV4(),
  fc.ipV6(),
  dotted,
  colons,
  pieces(12, "0", "1", "25", "f", "F", "ffff", ":", "::", ".", "%", " ", "/", "[", "]", "\n", "٣"),
  fc.tuple(
    fc.constantFrom("::ffff:", "::", "::FFFF:", "1::", "0:0:0:0:0:ffff:", "::ffff:0:", ":"),
    dotted,
  )
    .map(([head, tail]) => head + tail),
  fc.tuple(colons, dotted).map(([head, tail]) => `${head}:${tail}`),
  fc.tuple(fc.ipV6(), fc.nat(39), fc.constantFrom("", ":", ".", "0", "g", " ")).map(
    ([text, at, put]) => text.slice(0, at) + put + text.slice(at + 1),
  ),
);

Deno.test("tryAddress() reads what ipaddr.js reads, and nothing else", () => {
  fc.assert(
    fc.property(near, (text) => assertEquals(tryAddress(text), readWithIpaddr(text), text)),
    { numRuns: 30_000 },
  );
});

Deno.test("tryAddress() reads a part of a text as it would read the part alone", () => {
  const property = fc.property(near, near, near, (before, text, after) => {
    const end = before.length + text.length;
    assertEquals(tryAddress(before + text + after, before.length, end), tryAddress(text));
  });
  fc.assert(property, { numRuns: 10_000 });
});

Deno.test("tryAddress() stays within its part when the address would go on behind it", () => {
  for (const text of ["::1", "1::", "10.20.30.40", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4"]) {
    for (let start = 0; start <= text.length; start++) {
      for (let end = start; end <= text.length; end++) {
        assertEquals(tryAddress(text, start, end), tryAddress(text.slice(start, end)));
      }
    }
  }
});

Deno.test("parseAddress() reads what tryAddress() reads, and throws at the rest", () => {
  fc.assert(fc.property(near, (text) => {
    const expected = tryAddress(text);
    if (expected !== undefined) assertEquals(parseAddress(text), expected);
    else assertThrows(() => parseAddress(text), SyntaxError, `Cannot parse address "${text}": `);
  }));
});

Deno.test("tryAddress() reads every form of RFC 4291, section 2.2", () => {
  const table = [
    { text: "0.0.0.0", expected: [0, 0] },
    { text: "255.255.255.255", expected: [0xffff, 0xffff] },
    { text: "192.0.2.1", expected: [0xc000, 0x0201] },
    { text: "::", expected: [0, 0, 0, 0, 0, 0, 0, 0] },
    { text: "::1", expected: [0, 0, 0, 0, 0, 0, 0, 1] },
    { text: "1::", expected: [1, 0, 0, 0, 0, 0, 0, 0] },
    {
      text: "ABCD:EF01:2345:6789:abcd:ef01:2345:6789",
      expected: [0xabcd, 0xef01, 0x2345, 0x6789, 0xabcd, 0xef01, 0x2345, 0x6789],
    },
    {
      text: "2001:DB8:0:0:8:800:200C:417A",
      expected: [0x2001, 0xdb8, 0, 0, 8, 0x800, 0x200c, 0x417a],
    },
    {
      text: "2001:db8::8:800:200c:417a",
      expected: [0x2001, 0xdb8, 0, 0, 8, 0x800, 0x200c, 0x417a],
    },
    { text: "1:2:3:4:5:6:7::", expected: [1, 2, 3, 4, 5, 6, 7, 0] },
    { text: "::2:3:4:5:6:7:8", expected: [0, 2, 3, 4, 5, 6, 7, 8] },
    { text: "0001:0:0:0:0:0:0:000f", expected: [1, 0, 0, 0, 0, 0, 0, 15] },
    { text: "::13.1.68.3", expected: [0, 0, 0, 0, 0, 0, 0x0d01, 0x4403] },
    { text: "64:ff9b::192.0.2.33", expected: [0x64, 0xff9b, 0, 0, 0, 0, 0xc000, 0x0221] },
    { text: "1:2:3:4:5:6:192.0.2.33", expected: [1, 2, 3, 4, 5, 6, 0xc000, 0x0221] },
  ];
  for (const { text, expected } of table) assertEquals(tryAddress(text), expected, text);
});

Deno.test("tryAddress() reads an IPv4-mapped address as the IPv4 one that it stands for", () => {
  const expected = [0xc000, 0x0201];
  for (
    const text of [
      "::ffff:192.0.2.1",
      "::FFFF:192.0.2.1",
      "::ffff:c000:201",
      "0:0:0:0:0:ffff:192.0.2.1",
      "0000:0000:0000:0000:0000:ffff:c000:0201",
      "0::ffff:192.0.2.1",
    ]
  ) {
    assertEquals(tryAddress(text), expected, text);
    assertEquals(parseAddress(text), expected, text);
  }
});

Deno.test("tryAddress() keeps what only looks mapped as IPv6", () => {
  for (
    const text of [
      "::ffff:0:192.0.2.1",
      "::fffe:192.0.2.1",
      "1::ffff:192.0.2.1",
      "0:1::ffff:c000:201",
      "::1:ffff:c000:201",
    ]
  ) {
    assertEquals(tryAddress(text)?.length, 8, text);
  }
});

Deno.test("tryAddress() rejects forms that programs read differently", () => {
  const texts = [
    ...[
      "010.1.1.1",
      "10.01.1.1",
      "10.1.1.01",
      "00.0.0.0",
      "0x7f.0.0.1",
      "0x7f000001",
      "2130706433",
    ],
    ...[
      "127.1",
      "127.0.1",
      "0x7f.1",
      "1.2.3",
      "1.2.3.4.5",
      "1.2.3.4.",
      ".1.2.3.4",
      "1..2.3",
      "1.2.3.",
    ],
    ...["256.0.0.0", "0.0.0.256", "999.0.0.0", "1000.0.0.0", "9".repeat(400) + ".0.0.0"],
    ...["1.2.3.4 ", " 1.2.3.4", "1.2.3.4\n", "+1.2.3.4", "-1.2.3.4", "1e1.2.3.4", "١.٢.٣.٤"],
    ...[
      "1.2.3.4:80",
      "[::1]",
      "[::1]:80",
      "1.2.3.4/32",
      "::1/128",
      "::1%eth0",
      "::1%",
      "localhost",
    ],
    ...["", ":", ":::", "::::", "1:", ":1", "1:::2", "::1::", "1::2::3", "1:2:3:4:5:6:7", "g::"],
    ...["1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8:", ":1:2:3:4:5:6:7:8", "1:2:3:4::5:6:7:8"],
    ...["1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "00000::", "12345::", "::12345", "::1:", ":1::"],
    ...["::ffff:010.1.1.1", "::ffff:0x7f.0.0.1", "::ffff:127.1", "::ffff:1.2.3.256", "::1.2.3.4:5"],
    ...[
      "1:2:3:4:5:6:7:1.2.3.4",
      "1::2:3:4:5:6:7:1.2.3.4",
      "1:2:3:4:5:6::1.2.3.4",
      "1.2.3.4::",
      "::1.2.3",
      "::.1.2.3",
      "1:1.2.3.4",
    ],
  ];
  for (const text of texts) {
    assertEquals(tryAddress(text), undefined, text);
    assertThrows(() => parseAddress(text), SyntaxError, "it must be IPv4 in four decimal numbers");
  }
});

Deno.test("isIpv4() tells the families apart", () => {
  assertEquals(isIpv4(parseAddress("192.0.2.1")), true);
  assertEquals(isIpv4(parseAddress("::ffff:192.0.2.1")), true);
  assertEquals(isIpv4(parseAddress("::192.0.2.1")), false);
});

Deno.test("formatAddress() writes the forms of RFC 5952", () => {
  const table = [
    { text: "2001:db8:0:0:1:0:0:1", expected: "2001:db8::1:0:0:1" },
    { text: "2001:0db8:0:0:1:0:0:1", expected: "2001:db8::1:0:0:1" },
    { text: "2001:db8::0:1:0:0:1", expected: "2001:db8::1:0:0:1" },
    { text: "2001:DB8:0:0:1::1", expected: "2001:db8::1:0:0:1" },
    {
      text: "2001:db8:aaaa:bbbb:cccc:dddd:eeee:0001",
      expected: "2001:db8:aaaa:bbbb:cccc:dddd:eeee:1",
    },
    { text: "2001:db8:aaaa:bbbb:cccc:dddd::1", expected: "2001:db8:aaaa:bbbb:cccc:dddd:0:1" },
    { text: "2001:db8::aaaa:0:0:1", expected: "2001:db8::aaaa:0:0:1" },
    { text: "2001:db8:0:0:0:0:2:1", expected: "2001:db8::2:1" },
    { text: "2001:db8:0:1:1:1:1:1", expected: "2001:db8:0:1:1:1:1:1" },
    { text: "2001:0:0:1:0:0:0:1", expected: "2001:0:0:1::1" },
    { text: "2001:db8:AAAA::", expected: "2001:db8:aaaa::" },
    { text: "0:0:0:0:0:0:0:0", expected: "::" },
    { text: "0:0:0:0:0:0:0:1", expected: "::1" },
    { text: "0:1:1:1:1:1:1:0", expected: "0:1:1:1:1:1:1:0" },
    { text: "1:1:1:1:1:1:0:0", expected: "1:1:1:1:1:1::" },
    { text: "::ffff:192.0.2.1", expected: "192.0.2.1" },
    { text: "192.0.2.1", expected: "192.0.2.1" },
    { text: "0.0.0.0", expected: "0.0.0.0" },
    { text: "255.255.255.255", expected: "255.255.255.255" },
  ];
  for (const { text, expected } of table) {
    assertEquals(formatAddress(parseAddress(text)), expected, text);
  }
});

// Zeros are likely, so that there are runs of them.
const sixteenBits = fc.oneof(
  fc.constant(0),
  fc.constant(0xffff),
  fc.integer({ min: 0, max: 0xffff }),
);
const ipv4 = fc.array(sixteenBits, { minLength: 2, maxLength: 2 });
const ipv6 = fc.array(sixteenBits, { minLength: 8, maxLength: 8 });

Deno.test("formatAddress() writes what is read back as the same address", () => {
  fc.assert(fc.property(fc.oneof(ipv4, ipv6), (address) => {
    const mapped = address.length === 8 && new ipaddr.IPv6(address).isIPv4MappedAddress();
    assertEquals(tryAddress(formatAddress(address)), mapped ? address.slice(6) : address);
  }));
});

Deno.test("formatAddress() writes IPv6 as ipaddr.js does", () => {
  fc.assert(fc.property(ipv6, (address) => {
    assertEquals(formatAddress(address), new ipaddr.IPv6(address).toRFC5952String());
  }));
});
