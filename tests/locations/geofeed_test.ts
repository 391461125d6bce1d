import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { parseGeofeed, readGeofeed, tryGeofeedRegion } from "../../lib/locations/geofeed.ts";

Deno.test("readGeofeed() reads rows, and passes over comments and empty lines", () => {
  const text = `# a comment
192.0.2.0/24,DE,DE-HE,Frankfurt am Main,60311

  2001:db8::/32 , fr , FR-IDF , Paris ,\r
\t# another
198.51.100.0/24
198.51.100.7,GB
2001:db8::1,,,,
192.0.2.0/24,GB,GB-ENG,"Swinton, ""Manchester""",
"203.0.113.0/24","US", "US-NJ" ,"Clifton"
10.0.0.0/8,US,,Newark,1,2,3`;
  assertEquals([...readGeofeed(text)].map((row) => Object.values(row)), [
    [2, "192.0.2.0/24", "DE", "Frankfurt am Main", false],
    [4, "2001:db8::/32", "fr", "Paris", false],
    [6, "198.51.100.0/24", "", "", true],
    [7, "198.51.100.7/32", "GB", "", false],
    [8, "2001:db8::1/128", "", "", false],
    [9, "192.0.2.0/24", "GB", 'Swinton, "Manchester"', false],
    [10, "203.0.113.0/24", "US", "Clifton", false],
    [11, "10.0.0.0/8", "US", "Newark", false],
  ]);
  assertEquals([...readGeofeed("")], []);
});

Deno.test("readGeofeed() takes quotes that never end for text", () => {
  const table = [
    { asked: '"10.0.0.0/8,US', expected: ['"10.0.0.0/8', "US", ""] },
    { asked: '10.0.0.0/8,"US', expected: ["10.0.0.0/8", '"US', ""] },
    { asked: '10.0.0.0/8,US,,a"b"', expected: ["10.0.0.0/8", "US", 'a"b"'] },
    { asked: '10.0.0.0/8,US,,"a"b', expected: ["10.0.0.0/8", "US", '"a"b'] },
    { asked: '"', expected: ['"', "", ""] },
  ];
  for (const { asked, expected } of table) {
    const [row] = [...readGeofeed(asked)];
    assertEquals([row!.prefix, row!.country, row!.city], expected, asked);
  }
});

Deno.test("readGeofeed() does not look into a row that is too long to be one", () => {
  const quotes = `"${'""'.repeat(2_000_000)}`;
  const [row, next] = [...readGeofeed(`${quotes}\n10.0.0.0/8`)];
  assertEquals(row!.prefix, `${quotes.slice(0, 80)}…`);
  assertEquals(next!.line, 2);
});

Deno.test("readGeofeed() numbers the lines of any text", () => {
  const line = fc.oneof(
    fc.string(),
    fc.stringMatching(/^["#, /a-z0-9]{0,20}$/),
    fc.constant("10.0.0.0/8,US,,Newark"),
  ).map((text) => text.replaceAll("\n", " "));
  fc.assert(fc.property(fc.array(line), (lines) => {
    const expected = lines
      .map((text, at) => ({ text: text.trim(), line: at + 1 }))
      .filter(({ text }) => text !== "" && !text.startsWith("#"));
    const rows = [...readGeofeed(lines.join("\n"))];
    assertEquals(rows.map(({ line }) => line), expected.map(({ line }) => line));
    for (const [at, { country, city, isPlain }] of rows.entries()) {
      if (isPlain) assertEquals(country + city, "");
      if (!expected[at]!.text.includes(",")) assert(isPlain);
    }
  }));
});

Deno.test("tryGeofeedRegion() names a region by country and city, in letters, digits and dashes", () => {
  const table = [
    { country: "DE", city: "Frankfurt", expected: "de-frankfurt" },
    { country: "us", city: "Santa Clara", expected: "us-santa-clara" },
    { country: "JP", city: "Shinagawa-ku", expected: "jp-shinagawa-ku" },
    { country: "GB", city: "Swinton, Manchester", expected: "gb-swinton-manchester" },
    { country: "SE", city: "Spånga", expected: "se-spanga" },
    { country: "SE", city: "Spa\u030Anga", expected: "se-spanga" },
    { country: "BR", city: "São Paulo", expected: "br-sao-paulo" },
    { country: "IL", city: "Rosh Ha'Ayin (1)", expected: "il-rosh-ha-ayin-1" },
    { country: "DK", city: "Ørsted", expected: "dk-rsted" },
    { country: "NL", city: "", expected: "nl" },
    { country: "JP", city: "東京", expected: "jp" },
    { country: "", city: "Paris", expected: undefined },
    { country: "None", city: "", expected: undefined },
    { country: "ZZ", city: "Paris", expected: undefined },
    { country: "zz", city: "", expected: undefined },
    { country: "D", city: "", expected: undefined },
    { country: "ÄÖ", city: "", expected: undefined },
  ];
  for (const { country, city, expected } of table) {
    assertEquals(tryGeofeedRegion(country, city), expected, `${country}, ${city}`);
  }
});

Deno.test("parseGeofeed() leaves out what has no country, and needs no city", () => {
  const text = `192.0.2.0/24,NL,,,
198.51.100.0/24,None
203.0.113.0/24,,,,
2001:db8::/32,ZZ,,Paris,
2001:db8:7::/48,FR,FR-IDF,Paris,
`;
  assertEquals(parseGeofeed(text), [["nl", "192.0.2.0/24"], ["fr-paris", "2001:db8:7::/48"]]);
});

Deno.test("parseGeofeed() names the line and the text that is no prefix, with a country or not", () => {
  const table = [
    {
      asked: "\n<!DOCTYPE html>",
      expected: 'line 2: Cannot parse prefix "<!DOCTYPE html>": it must',
    },
    {
      asked: "10.0.0.0/8,US\n10.0.0.1/8,US",
      expected: 'line 2: Cannot take prefix "10.0.0.1/8": bits',
    },
    { asked: "10.0.0.0/33,", expected: 'line 1: Cannot parse prefix "10.0.0.0/33": length must' },
    { asked: "010.0.0.1,US", expected: 'line 1: Cannot parse address "010.0.0.1": it must' },
    { asked: "prefix,country", expected: 'line 1: Cannot parse prefix "prefix": it must' },
  ];
  for (const { asked, expected } of table) {
    assertThrows(() => parseGeofeed(asked), SyntaxError, `Cannot read geofeed, ${expected}`);
  }
});
