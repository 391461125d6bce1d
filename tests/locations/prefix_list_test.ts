import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { readPrefixList } from "../../lib/locations/prefix_list.ts";
import { parseAddress } from "../../lib/net/address.ts";
import { formatPrefix, parsePrefix } from "../../lib/net/prefix.ts";

function read(text: string) {
  const prefixes: string[] = [];
  const { mistakes, more, count } = readPrefixList(
    text,
    (address, length) => prefixes.push(formatPrefix({ address, length })),
  );
  assertEquals(count, prefixes.length);
  return { prefixes, mistakes, more };
}

const MUST = "it must be an address, a slash and a length in bits, such as 192.0.2.0/24 or " +
  "2001:db8::/32";
const JSON_LIST = 'a JSON list of prefixes as texts, such as ["192.0.2.0/24"]';

Deno.test("readPrefixList() reads plain lists, geofeeds and JSON lists", () => {
  const table = [
    { asked: "192.0.2.0/24", expected: ["192.0.2.0/24"] },
    {
      asked: "\uFEFF# mine\r\n192.0.2.0/24\r\n\r\n 198.51.100.7 \n2001:DB8::1 # a host, of mine\n",
      expected: ["192.0.2.0/24", "198.51.100.7/32", "2001:db8::1/128"],
    },
    {
      asked: '192.0.2.0/24,DE,DE-SN,Falkenstein,\n2001:db8::/32,FI,,"Helsinki, Tuusula"\n',
      expected: ["192.0.2.0/24", "2001:db8::/32"],
    },
    {
      asked: "192.0.2.0/24,,,,\n198.51.100.0/24,DE\n203.0.113.0/24,ZZ",
      expected: ["198.51.100.0/24"],
    },
    { asked: "192.0.2.0/24\n192.0.2.0/24", expected: ["192.0.2.0/24", "192.0.2.0/24"] },
    { asked: "::ffff:192.0.2.0/120", expected: ["192.0.2.0/24"] },
    {
      asked: '\n [ "192.0.2.0/24" ,\n"2001:db8::\\/32"\n]\n',
      expected: ["192.0.2.0/24", "2001:db8::/32"],
    },
  ];
  for (const { asked, expected } of table) {
    assertEquals(read(asked), { prefixes: expected, mistakes: [], more: 0 }, asked);
  }
});

Deno.test("readPrefixList() names the line, what was found, and what is allowed", () => {
  const table = [
    { asked: "", found: "no prefix", allowed: "at least one prefix" },
    { asked: "# nothing", found: "no prefix", allowed: "at least one prefix" },
    { asked: "[]", found: "no prefix", allowed: "at least one prefix" },
    { asked: "192.0.2.0/24,,,,", found: "no prefix", allowed: "at least one prefix" },
    { asked: "\n<html>", line: 2, found: '"<html>"', allowed: `a prefix (${MUST})` },
    { asked: "face", line: 1, found: '"face"', allowed: `a prefix (${MUST})` },
    {
      asked: "192.0.2.1/24",
      line: 1,
      found: '"192.0.2.1/24"',
      allowed: "a prefix (bits past its length are set; the prefix that holds it is 192.0.2.0/24)",
    },
    {
      asked: "192.0.2.0/24\n192.0.2.0/33,DE",
      line: 2,
      found: '"192.0.2.0/33"',
      allowed: "a prefix (length must be 0 to 32)",
    },
    {
      asked: "::ffff:192.0.2.0/24",
      line: 1,
      found: '"::ffff:192.0.2.0/24"',
      allowed: "a prefix (length must be 96 to 128)",
    },
    { asked: "x,,,,", line: 1, found: '"x"', allowed: `a prefix (${MUST})` },
    {
      asked: "10.0.0.0/7",
      line: 1,
      found: '"10.0.0.0/7"',
      allowed: "a prefix of length 8 or more",
    },
    { asked: "2000::/15", line: 1, found: '"2000::/15"', allowed: "a prefix of length 16 or more" },
    { asked: '{ "a": 1 }', line: 1, found: '"{ \\"a\\": 1 }"', allowed: JSON_LIST },
    { asked: '["192.0.2.0/24",\n5]', line: 2, found: '"5]"', allowed: JSON_LIST },
    { asked: '["192.0.2.0/24"', line: 1, found: "the end of the file", allowed: JSON_LIST },
    { asked: "[", line: 1, found: "the end of the file", allowed: JSON_LIST },
    { asked: '["192.0.2.0/24",]', line: 1, found: '"]"', allowed: JSON_LIST },
    { asked: '["192.0.2.0/24"]\n\nx', line: 3, found: '"x"', allowed: JSON_LIST },
    { asked: '["192.0.2.0\n/24"]', line: 1, found: '"\\"192.0.2.0"', allowed: JSON_LIST },
    { asked: '[\n"a"]', line: 2, found: '"a"', allowed: `a prefix (${MUST})` },
  ];
  for (const { asked, ...expected } of table) {
    const { mistakes, more } = read(asked);
    assertEquals({ mistakes, more }, { mistakes: [expected], more: 0 }, asked);
  }
});

Deno.test("readPrefixList() takes a million rows, and looks at no more", () => {
  const rows = Array.from({ length: 1_000_000 }, (_, at) => `10.${at >> 8 & 255}.${at & 255}.0/24`);
  const text = rows.join("\n");
  let taken = 0;
  const count = () => void taken++;
  assertEquals(readPrefixList(text, count), { count: 1_000_000, mistakes: [], more: 0 });
  const { mistakes } = readPrefixList(`${text}\n192.0.2.0/24\nx`, count);
  assertEquals(mistakes, [
    { line: 1_000_001, found: "one more row", allowed: "at most 1000000 rows" },
  ]);
  assertEquals(taken, 2_000_000);
});

Deno.test("readPrefixList() describes ten mistakes, and counts the others", () => {
  const { mistakes, more } = read("x\n".repeat(1_000_000));
  assertEquals(mistakes.map(({ line }) => line), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  assertEquals(more, 999_990);
});

Deno.test("readPrefixList() takes what parsePrefix() takes, within its bounds", () => {
  const length = fc.integer({ min: 0, max: 129 });
  const written = fc.oneof(
    fc.tuple(fc.ipV4(), length).map((parts) => parts.join("/")),
    fc.tuple(fc.ipV6(), length).map((parts) => parts.join("/")),
    fc.tuple(fc.constantFrom("10.0.0.0", "2001:db8::", "::ffff:10.0.0.0"), length)
      .map((parts) => parts.join("/")),
    fc.stringMatching(/^[0-9a-f.:/]{1,20}$/),
  );
  fc.assert(fc.property(written, (written) => {
    const { prefixes, mistakes } = read(written);
    const whole = written.includes("/")
      ? written
      : `${written}/${written.includes(":") ? 128 : 32}`;
    try {
      const prefix = parsePrefix(whole);
      parseAddress(whole.split("/")[0]!);
      const isShort = prefix.length < (prefix.address.length === 2 ? 8 : 16);
      assertEquals(prefixes, isShort ? [] : [formatPrefix(prefix)]);
    } catch {
      assertEquals(prefixes, []);
    }
    assertEquals(mistakes.length, 1 - prefixes.length);
  }));
});

Deno.test("readPrefixList() takes or reports whatever a JSON list has", () => {
  fc.assert(fc.property(fc.oneof(fc.json(), fc.json().map((json) => `[${json}]`)), (json) => {
    const { prefixes, mistakes } = read(json);
    assert(prefixes.length === 0 && mistakes.length > 0, json);
  }));
});
