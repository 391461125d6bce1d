import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  formatDataSet,
  listLocations,
  type ProviderRanges,
  readDataSet,
  splitDataSet,
  splitProviders,
  summarizeDataSet,
} from "../../lib/locations/data_set.ts";
import { EMBEDDED } from "../../lib/locations/embedded.ts";
import { PROVIDERS } from "../../lib/locations/providers.ts";
import {
  comparePrefixes,
  formatPrefix,
  maskAddress,
  parsePrefix,
  type Prefix,
} from "../../lib/net/prefix.ts";

const SAMPLE = `provider aws
source https://aws.example/ranges.json
date 2026-07-29
count 4
location aws/af-south-1
3.2.34.0/26
13.244.0.0/15
2600:1f60::/40
location aws/eu-west-3
::/0
provider gcp
source https://gcp.example/ranges.json
date 2026-07-30
count 1
location gcp/europe-west9
fd00::/8
`;

/** The data set as values, each line in its place. */
function readRanges(text: string): ProviderRanges[] {
  const providers: (ProviderRanges & { locations: Map<string, Prefix[]> })[] = [];
  let prefixes: Prefix[] = [];
  let provider = "";
  let source = "";
  let date: string | undefined;
  readDataSet(text, {
    head(key, value) {
      if (key === "provider") provider = value;
      if (key === "source") source = value;
      if (key === "date") date = value === "-" ? undefined : value;
      if (key === "count") providers.push({ provider, source, date, locations: new Map() });
    },
    location(name) {
      prefixes = [];
      providers.at(-1)!.locations.set(name, prefixes);
    },
    prefix: (address, length) => void prefixes.push({ address, length }),
  });
  return providers;
}

function prefixOf(groups: number): fc.Arbitrary<Prefix> {
  const group = fc.integer({ min: 0, max: 0xffff });
  return fc.tuple(
    fc.array(group, { minLength: groups, maxLength: groups }),
    fc.integer({ min: 0, max: groups * 16 }),
  ).map(([address, length]) => ({ address: maskAddress(address, length), length }))
    // A mapped address is held as the IPv4 one.
    .filter(({ address }) => !/^0,0,0,0,0,65535,/.test(address.join()));
}

const word = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
const ranges: fc.Arbitrary<ProviderRanges[]> = fc.uniqueArray(
  fc.record({
    provider: word,
    source: fc.webUrl(),
    date: fc.option(fc.stringMatching(/^\d{4}-\d\d-\d\d$/), { nil: undefined }),
    regions: fc.dictionary(
      word,
      fc.array(fc.oneof(prefixOf(2), prefixOf(8)), { maxLength: 5 }),
      { maxKeys: 4 },
    ),
  }),
  { selector: ({ provider }) => provider, maxLength: 4 },
).map((providers) =>
  providers.map(({ regions, ...head }) => {
    const entries = Object.entries(regions)
      .map(([region, prefixes]) => [`${head.provider}/${region}`, prefixes] as const);
    return { ...head, locations: new Map(entries) };
  })
);

Deno.test("readDataSet() reads what formatDataSet() writes, sorted", () => {
  fc.assert(fc.property(ranges, (providers) => {
    const sorted = providers.map((provider) => ({
      ...provider,
      locations: new Map(
        [...provider.locations].sort(([a], [b]) => a < b ? -1 : 1)
          .map(([location, prefixes]) => [location, prefixes.toSorted(comparePrefixes)]),
      ),
    }));
    const text = formatDataSet(providers);
    assertEquals(readRanges(text), sorted);
    assertEquals(formatDataSet(readRanges(text)), text);
  }));
});

Deno.test("formatDataSet() writes a line for each prefix, in an order that does not move", () => {
  const of = (...texts: string[]) => texts.map(parsePrefix);
  const aws = {
    provider: "aws",
    source: "https://aws.example/ranges.json",
    date: "2026-07-29",
    locations: new Map([
      ["aws/eu-west-3", of("::/0")],
      ["aws/af-south-1", of("2600:1f60::/40", "13.244.0.0/15", "3.2.34.0/26")],
    ]),
  };
  const gcp = {
    provider: "gcp",
    source: "https://gcp.example/ranges.json",
    date: "2026-07-30",
    locations: new Map([["gcp/europe-west9", of("fd00::/8")]]),
  };
  assertEquals(formatDataSet([aws, gcp]), SAMPLE);
  assertEquals(formatDataSet([]), "");
});

Deno.test("readDataSet() needs no reader for any of the parts", () => {
  readDataSet(SAMPLE, {});
});

Deno.test("readDataSet() names the line that is malformed", () => {
  const table = [
    { text: "\n", line: 1, named: "" },
    { text: " provider aws\n", line: 1, named: " provider aws" },
    { text: "provider\n", line: 1, named: "provider" },
    { text: "provider \n", line: 1, named: "provider " },
    { text: "provider aws", line: 1, named: "provider aws" },
    { text: "owner aws\n", line: 1, named: "owner aws" },
    { text: "locations aws/a\n", line: 1, named: "locations aws/a" },
    { text: "10.0.0.0/8\n", line: 1, named: "10.0.0.0/8" },
    { text: "location a/b\nprovider c\n10.0.0.0/8\n", line: 3, named: "10.0.0.0/8" },
    { text: "location a/b\n\n10.0.0.0/8\n", line: 2, named: "" },
    { text: "location a/b\n10.0.0.0/8", line: 2, named: "10.0.0.0/8" },
    { text: "location a/b\n10.0.0.0\n10.0.0.0/8\n", line: 2, named: "10.0.0.0" },
    { text: "location a/b\n10.0.0.0/\n", line: 2, named: "10.0.0.0/" },
    { text: "location a/b\n10.0.0/8\n", line: 2, named: "10.0.0/8" },
    { text: "location a/b\n10.0.0.0/33\n", line: 2, named: "10.0.0.0/33" },
    { text: "location a/b\n10.0.0.0/ 8\n", line: 2, named: "10.0.0.0/ 8" },
    { text: "location a/b\n10.0.0.0/8 \n", line: 2, named: "10.0.0.0/8 " },
    { text: "location a/b\n10.0.0.0/8\r\n", line: 2, named: "10.0.0.0/8\r" },
    { text: "location a/b\n10.0.0.0/-8\n", line: 2, named: "10.0.0.0/-8" },
    { text: "location a/b\n::/129\n", line: 2, named: "::/129" },
    { text: `location a/b\n::/${"9".repeat(400)}\n`, line: 2, named: `::/${"9".repeat(400)}` },
    { text: "location a/b\n::ffff:10.0.0.0/104\n", line: 2, named: "::ffff:10.0.0.0/104" },
    { text: "location a/b\ndead:beef/16\n", line: 2, named: "dead:beef/16" },
    { text: "location a/b\n1.2.3.0/24\ngarbage\n", line: 3, named: "garbage" },
  ];
  for (const { text, line, named } of table) {
    const expected = `Cannot read data set, line ${line}: "${named}" is neither`;
    assertThrows(() => readDataSet(text, {}), SyntaxError, expected, JSON.stringify(text));
  }
});

Deno.test("readDataSet() takes no text that is cut short within a line", () => {
  for (let end = 0; end <= SAMPLE.length; end++) {
    const text = SAMPLE.slice(0, end);
    if (text === "" || text.endsWith("\n")) readDataSet(text, {});
    else assertThrows(() => readDataSet(text, {}), SyntaxError, "Cannot read data set", text);
  }
});

const hostile = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.array(
    fc.constantFrom(
      ..."/ : . \n a f 0 9 255 ::".split(" "),
      ..."provider source date count location".split(" "),
      " ",
      "location a/b\n",
      "10.0.0.0/8\n",
      "2001:db8::/32\n",
      "ffff::/16\n",
      "999999999999999999999",
    ),
    { maxLength: 40 },
  ).map((parts) => parts.join("")),
  fc.tuple(fc.nat(SAMPLE.length), fc.nat(3), fc.string()).map(([at, cut, put]) =>
    SAMPLE.slice(0, at) + put + SAMPLE.slice(at + cut)
  ),
);

Deno.test("readDataSet() ends with any text, and refuses it by a SyntaxError only", () => {
  fc.assert(
    fc.property(hostile, (text) => {
      let calls = 0;
      const count = () => void calls++;
      try {
        readDataSet(text, {
          head: count,
          location: count,
          prefix(address, length) {
            count();
            assert(length <= address.length * 16, `length ${length}`);
          },
        });
        assertEquals(calls, text.split("\n").length - 1);
      } catch (error) {
        assert(error instanceof SyntaxError, String(error));
      }
      try {
        summarizeDataSet(text);
      } catch (error) {
        assert(error instanceof SyntaxError, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("listLocations() names each location in the text's order", () => {
  assertEquals(listLocations(SAMPLE), ["aws/af-south-1", "aws/eu-west-3", "gcp/europe-west9"]);
  assertEquals(listLocations(""), []);
});

Deno.test("splitDataSet() gives parts that hold every prefix between them", () => {
  for (const text of [SAMPLE, EMBEDDED]) {
    const whole: string[] = [];
    let location = "";
    readDataSet(text, {
      location: (name) => location = name,
      prefix: (address, length) => void whole.push(`${location} ${address}/${length}`),
    });
    const parts: string[] = [];
    for (const part of splitDataSet(text)) {
      readDataSet(text, {
        location: (name) => assertEquals(name, part.location),
        prefix: (address, length) => void parts.push(`${part.location} ${address}/${length}`),
      }, part);
    }
    assertEquals(parts, whole);
  }
});

Deno.test("splitProviders() gives each provider's part by its name", () => {
  for (const text of [SAMPLE, EMBEDDED, ""]) {
    const parts = splitProviders(text);
    assertEquals([...parts.values()].join(""), text);
    for (const [name, part] of parts) {
      assertEquals(summarizeDataSet(part).map(({ provider }) => provider), [name]);
    }
  }
});

Deno.test("summarizeDataSet() gives no date where the data set has none", () => {
  const [summary] = summarizeDataSet("provider a\nsource b\ndate -\ncount 0\n");
  assertEquals(summary, { provider: "a", source: "b", prefixes: 0, locations: 0 });
});

Deno.test("summarizeDataSet() counts what the heads are of", () => {
  assertEquals(summarizeDataSet(SAMPLE), [
    {
      provider: "aws",
      source: "https://aws.example/ranges.json",
      date: "2026-07-29",
      prefixes: 4,
      locations: 2,
    },
    {
      provider: "gcp",
      source: "https://gcp.example/ranges.json",
      date: "2026-07-30",
      prefixes: 1,
      locations: 1,
    },
  ]);
  assertEquals(summarizeDataSet(""), []);
});

Deno.test("summarizeDataSet() needs a provider for everything else", () => {
  for (const text of ["date 2026-07-29\n", "source x\n", "location a/b\n"]) {
    const expected = "Cannot read data set: it does not begin with a provider";
    assertThrows(() => summarizeDataSet(text), SyntaxError, expected, text);
  }
});

Deno.test("the embedded data set is what formatDataSet() writes", () => {
  assert(formatDataSet(readRanges(EMBEDDED)) === EMBEDDED, "it is not canonical");
});

Deno.test("the embedded data set has the counts that its heads say", () => {
  const counts: number[] = [];
  readDataSet(EMBEDDED, { head: (key, value) => void (key === "count" && counts.push(+value)) });
  const summaries = summarizeDataSet(EMBEDDED);
  assertEquals(summaries.map(({ prefixes }) => prefixes), counts);
  for (const { provider, source, date } of summaries) {
    assert(PROVIDERS.some(({ name }) => name === provider), provider);
    assert(URL.canParse(source), `${provider}: ${source}`);
    assert(date === undefined || /^\d{4}-\d\d-\d\d$/.test(date), `${provider}: ${date}`);
  }
});

Deno.test("the embedded data set has each prefix once, with no bits past its length", () => {
  const seen = new Set<string>();
  readDataSet(EMBEDDED, {
    prefix(address, length) {
      const text = formatPrefix({ address, length });
      assert(!seen.has(text), `${text} stands twice`);
      seen.add(text);
      assertEquals(parsePrefix(text), { address, length });
    },
  });
  assert(seen.size > 20_000, `there are ${seen.size} prefixes`);
});

Deno.test("the embedded data set has the regions that rules are written for", () => {
  const table = [
    "aws/GLOBAL",
    ..."ap-east-2 cn-north-1 cn-northwest-1 eu-west-2 eu-west-3 me-south-1 us-east-1 us-gov-west-1"
      .split(" ").map((region) => `aws/${region}`),
    ..."asia-east1 europe-north1 europe-west9 us-central1 us-west1"
      .split(" ").map((region) => `gcp/${region}`),
    ..."eastus northeurope westeurope westus2".split(" ").map((region) => `azure/${region}`),
  ];
  const locations = listLocations(EMBEDDED);
  for (const location of table) assert(locations.includes(location), location);
  assertEquals(new Set(locations).size, locations.length);
});
