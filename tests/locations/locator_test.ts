import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { readDataSet } from "../../lib/locations/data_set.ts";
import { EMBEDDED } from "../../lib/locations/embedded.ts";
import { createLocator, type Locator } from "../../lib/locations/locator.ts";
import { type Address, parseAddress } from "../../lib/net/address.ts";
import { formatPrefix, maskAddress, parsePrefix, type Prefix } from "../../lib/net/prefix.ts";

const DATA_SET = `provider aws
source https://aws.example/
date 2026-07-29
count 4
location aws/eu-west-3
10.0.0.0/8
2001:db8::/32
location aws/us-east-1
10.1.0.0/16
192.0.2.0/24
provider gcp
source https://gcp.example/
date 2026-07-29
count 1
location gcp/europe-west9
198.51.100.0/24
`;

function own(locations: Record<string, string[]>): ReadonlyMap<string, readonly Prefix[]> {
  return new Map(
    Object.entries(locations).map(([location, texts]) => [location, texts.map(parsePrefix)]),
  );
}

/** The location and the prefix, `-` for none, after a check that all answers agree. */
function lookup(locator: Locator, text: string): string {
  const address = parseAddress(text);
  const number = locator.locate(address);
  const explained = locator.explain(address);
  assertEquals(locator.locations[number], explained?.location);
  if (explained === undefined) assertEquals(number, -1);
  return explained === undefined ? "-" : `${explained.location} ${explained.prefix}`;
}

function check(locator: Locator, table: readonly { asked: string; expected: string }[]): void {
  for (const { asked, expected } of table) assertEquals(lookup(locator, asked), expected, asked);
}

Deno.test("locate() finds the longest prefix of the data set, or none", () => {
  check(createLocator(DATA_SET), [
    { asked: "10.0.0.0", expected: "aws/eu-west-3 10.0.0.0/8" },
    { asked: "10.0.255.255", expected: "aws/eu-west-3 10.0.0.0/8" },
    { asked: "10.1.0.0", expected: "aws/us-east-1 10.1.0.0/16" },
    { asked: "10.1.255.255", expected: "aws/us-east-1 10.1.0.0/16" },
    { asked: "10.2.0.0", expected: "aws/eu-west-3 10.0.0.0/8" },
    { asked: "9.255.255.255", expected: "-" },
    { asked: "11.0.0.0", expected: "-" },
    { asked: "192.0.2.255", expected: "aws/us-east-1 192.0.2.0/24" },
    { asked: "192.0.3.0", expected: "-" },
    { asked: "198.51.100.7", expected: "gcp/europe-west9 198.51.100.0/24" },
    { asked: "2001:db8:ffff::1", expected: "aws/eu-west-3 2001:db8::/32" },
    { asked: "2001:db9::", expected: "-" },
    { asked: "::", expected: "-" },
    { asked: "0.0.0.0", expected: "-" },
  ]);
});

Deno.test("locate() takes an IPv4-mapped address as the IPv4 one", () => {
  check(createLocator(DATA_SET, own({ "office/berlin": ["::/0"] })), [
    { asked: "::ffff:10.1.2.3", expected: "aws/us-east-1 10.1.0.0/16" },
    { asked: "::ffff:a01:203", expected: "aws/us-east-1 10.1.0.0/16" },
    { asked: "::ffff:11.0.0.0", expected: "-" },
    { asked: "::10.1.2.3", expected: "office/berlin ::/0" },
  ]);
  check(createLocator(DATA_SET, own({ "office/berlin": ["::ffff:11.0.0.0/104"] })), [
    { asked: "11.1.2.3", expected: "office/berlin 11.0.0.0/8" },
  ]);
});

Deno.test("createLocator() puts prefixes of one's own over the data set's", () => {
  const locator = createLocator(
    DATA_SET,
    own({
      // The same prefix, a longer one inside, a shorter one around, and one elsewhere.
      "office/berlin": ["10.1.0.0/16", "10.0.7.0/24", "192.0.0.0/16", "203.0.113.0/24"],
      // More of a location that there is.
      "aws/eu-west-3": ["203.0.113.128/25", "2001:db8:7::/48"],
    }),
  );
  assertEquals(locator.locations, [
    "aws/eu-west-3",
    "aws/us-east-1",
    "gcp/europe-west9",
    "office/berlin",
  ]);
  check(locator, [
    { asked: "10.1.2.3", expected: "office/berlin 10.1.0.0/16" },
    { asked: "10.0.7.255", expected: "office/berlin 10.0.7.0/24" },
    { asked: "10.0.8.0", expected: "aws/eu-west-3 10.0.0.0/8" },
    { asked: "192.0.2.1", expected: "aws/us-east-1 192.0.2.0/24" },
    { asked: "192.0.3.1", expected: "office/berlin 192.0.0.0/16" },
    { asked: "203.0.113.127", expected: "office/berlin 203.0.113.0/24" },
    { asked: "203.0.113.128", expected: "aws/eu-west-3 203.0.113.128/25" },
    { asked: "2001:db8:7::1", expected: "aws/eu-west-3 2001:db8:7::/48" },
    { asked: "2001:db8:8::1", expected: "aws/eu-west-3 2001:db8::/32" },
  ]);
});

Deno.test("createLocator() needs no data set beside prefixes of one's own", () => {
  check(createLocator("", own({ "office/berlin": ["10.0.0.0/8"] })), [
    { asked: "10.1.2.3", expected: "office/berlin 10.0.0.0/8" },
    { asked: "11.1.2.3", expected: "-" },
  ]);
  check(createLocator(""), [{ asked: "10.1.2.3", expected: "-" }]);
});

Deno.test("prepare() reads location after location, and changes no answer", () => {
  const locations = own({ "office/berlin": ["10.1.0.0/16"] });
  const asked = ["10.0.0.1", "10.1.0.1", "198.51.100.1", "2001:db8::1", "9.9.9.9"];
  const expected = asked.map((text) => lookup(createLocator(DATA_SET, locations), text));
  const steps = createLocator(DATA_SET, locations);
  let more = 0;
  while (steps.prepare()) more++;
  assert(more <= 3, `${more} steps for 3 locations`);
  for (let prepared = 0; prepared < 6; prepared++) {
    const locator = createLocator(DATA_SET, locations);
    for (let step = 0; step < prepared; step++) locator.prepare();
    assertEquals(asked.map((text) => lookup(locator, text)), expected, `after ${prepared} steps`);
    assertEquals(locator.prepare(), false);
  }
});

Deno.test("a locator says that its data set is malformed", () => {
  const locator = createLocator(DATA_SET.replace("192.0.2.0/24", "192.0.2/24"));
  assertThrows(
    () => locator.locate(parseAddress("10.0.0.1")),
    SyntaxError,
    'Cannot read data set, line 10: "192.0.2/24"',
  );
});

/** The longest of the prefixes that hold an address, found by trying them all. */
function longest(prefixes: readonly Prefix[], address: Address): Prefix | undefined {
  let best: Prefix | undefined;
  for (const prefix of prefixes) {
    if (prefix.address.length !== address.length) continue;
    if (best !== undefined && prefix.length < best.length) continue;
    const first = maskAddress(address, prefix.length);
    if (first.every((group, at) => group === prefix.address[at])) best = prefix;
  }
  return best;
}

Deno.test("explain() gives the prefix of the embedded data that a search of them all gives", () => {
  const locator = createLocator(EMBEDDED);
  const prefixes: Prefix[] = [];
  const locations = new Map<string, string>();
  let location = "";
  readDataSet(EMBEDDED, {
    location: (name) => location = name,
    prefix(address, length) {
      prefixes.push({ address, length });
      locations.set(formatPrefix({ address, length }), location);
    },
  });
  // Inside a prefix, and up to a few addresses past its end.
  const address = fc.tuple(fc.nat(prefixes.length - 1), fc.nat(0xffff), fc.nat(0xffff)).map(
    ([at, high, low]) =>
      prefixes[at]!.address.map((group, place, { length }) =>
        place === length - 2 ? group ^ (high & 3) : place === length - 1 ? group ^ low : group
      ),
  );
  fc.assert(
    fc.property(address, (address) => {
      const expected = longest(prefixes, address);
      const text = expected === undefined ? undefined : formatPrefix(expected);
      const explained = locator.explain(address);
      assertEquals(explained?.prefix, text);
      assertEquals(explained?.location, text === undefined ? undefined : locations.get(text));
    }),
    { numRuns: 150 },
  );
});
