import { assertEquals, assertThrows } from "@std/assert";
import type { Entry, Provider, Published } from "../../lib/locations/provider.ts";
import { readPublished } from "../../lib/locations/published.ts";
import { formatPrefix } from "../../lib/net/prefix.ts";

const FILE = { source: "https://cloud.example/", text: "", date: "2026-01-31" };

function providerOf(published: Published | ((text: string) => Published)): Provider {
  return {
    name: "cloud",
    fileName: "cloud.csv",
    source: "https://cloud.example/",
    parse: ({ text }) => typeof published === "function" ? published(text) : published,
  };
}

const read = (published: Published) => readPublished(providerOf(published), FILE);

Deno.test("readPublished() gives each prefix once, under its location", () => {
  const entries: Entry[] = [
    ["b-1", "192.0.2.0/24"],
    ["a", "198.51.100.0/24"],
    ["b-1", "192.0.2.0/24"],
    ["b-1", "2001:DB8::/32"],
  ];
  const { locations, ...head } = read({ entries });
  assertEquals(head, { provider: "cloud", source: FILE.source, date: FILE.date });
  assertEquals([...locations].map(([name, prefixes]) => [name, ...prefixes.map(formatPrefix)]), [
    ["cloud/b-1", "192.0.2.0/24", "2001:db8::/32"],
    ["cloud/a", "198.51.100.0/24"],
  ]);
});

Deno.test("readPublished() prefers the file's own date, and needs none", () => {
  const entries: Entry[] = [["a", "192.0.2.0/24"]];
  const table = [
    { own: "2026-02-28", told: "2026-01-31", expected: "2026-02-28" },
    { own: undefined, told: "2026-01-31", expected: "2026-01-31" },
    { own: undefined, told: undefined, expected: undefined },
  ];
  for (const { own, told, expected } of table) {
    const provider = providerOf({ date: own, entries });
    assertEquals(readPublished(provider, { ...FILE, date: told }).date, expected);
  }
  for (const date of ["28 Feb 2026", "2026-13-01", "2026-02-28T00:00", "-", ""]) {
    const expected = `Cannot read published file: found date "${date}", allowed: a day, YYYY-MM-DD`;
    assertThrows(() => read({ date, entries }), TypeError, expected);
  }
});

Deno.test("readPublished() takes a byte order mark for no part of the file", () => {
  const provider = providerOf((text) => ({ entries: [["a", text]] }));
  const text = "\uFEFF192.0.2.0/24";
  assertEquals(readPublished(provider, { ...FILE, text }).locations.size, 1);
});

Deno.test("readPublished() takes no prefix that is wider than any cloud", () => {
  const table = [
    { asked: "10.0.0.0/8", expected: undefined },
    { asked: "10.0.0.0/7", expected: 8 },
    { asked: "0.0.0.0/0", expected: 8 },
    { asked: "::ffff:0:0/96", expected: 8 },
    { asked: "2600::/16", expected: undefined },
    { asked: "2600::/15", expected: 16 },
    { asked: "::/0", expected: 16 },
  ];
  for (const { asked, expected } of table) {
    const act = () => read({ entries: [["a", asked]] });
    if (expected === undefined) assertEquals(act().locations.size, 1);
    else assertThrows(act, RangeError, `length must be >= ${expected}`, asked);
  }
});

Deno.test("readPublished() takes no region that could be code in the data set's module", () => {
  for (const region of ["`", "${x}", "a b", "a\nb", "a/b", "\\", "-a", "é", ""]) {
    const act = () => read({ entries: [[region, "192.0.2.0/24"]] });
    const expected = `Cannot read published file: found region "${region}", allowed: a region's`;
    assertThrows(act, TypeError, expected);
  }
});

Deno.test("readPublished() takes neither nothing nor more than a million prefixes", () => {
  const none = "Cannot read published file: it has no prefix with a region";
  assertThrows(() => read({ entries: [] }), TypeError, none);
  const entries = Array.from({ length: 1_000_001 }, (): Entry => ["a", "192.0.2.0/24"]);
  const tooMany = "Cannot read published file: it has 1000001 prefixes; allowed: 1000000";
  assertThrows(() => read({ entries }), RangeError, tooMany);
  assertEquals(read({ entries: entries.slice(1) }).locations.size, 1);
});
