import { assert, assertEquals } from "@std/assert";
import type { ReadFile } from "../../lib/config/prefix_files.ts";
import { readConfig } from "../../lib/config/read.ts";
import { createLocator } from "../../lib/locations/locator.ts";
import { parseAddress } from "../../lib/net/address.ts";
import { LOCATIONS, UPSTREAM } from "./fixture.ts";

const FILES: Readonly<Record<string, string>> = {
  "fsn1.txt": "95.216.0.0/16\n2a01:4f8::/32 # both\n",
  "gra.json": '["51.38.0.0/16", "2001:41d0::/32"]',
  "same.csv": "51.38.0.0/16,FR,,Gravelines\n95.216.0.0/16,DE\n10.0.0.0/9\n10.0.0.0/9,DE\n",
  "wrong.txt": "10.0.0.0/8\nx\n10.0.0.1/8\n",
  "many.txt": "x\n".repeat(20),
  "twice.txt": Array.from({ length: 30 }, (_, at) => `10.${at}.0.0/16\n`).join(""),
};

const readFile: ReadFile = (path) => {
  const text = FILES[path];
  if (text === undefined) return { kind: "unreadable", reason: "there is no such file" };
  return { kind: "text", text };
};

function read(locations: string, by: ReadFile | undefined = readFile) {
  const text = `${UPSTREAM}locations:\n${locations}`;
  return readConfig(text, { environment: () => undefined, embedded: LOCATIONS, readFile: by });
}

function mistakesOf(locations: string): readonly string[] {
  const result = read(locations);
  return result.kind === "mistakes" ? result.mistakes : [];
}

Deno.test("readConfig() reads files of prefixes, beside those that stand in it", () => {
  const result = read(`  hetzner/fsn1: { file: fsn1.txt }
  office/berlin: [ 10.0.0.0/8, 95.216.7.0/24 ]
  ovh/gra: { file: gra.json }
`);
  assert(result.kind === "config" && result.lists !== undefined);
  assertEquals(result.config.locations["hetzner/fsn1"], { file: "fsn1.txt" });
  const locator = createLocator("", result.lists);
  const table = [
    { asked: "95.216.1.1", expected: "hetzner/fsn1" },
    { asked: "95.216.7.1", expected: "office/berlin" },
    { asked: "2a01:4f8::1", expected: "hetzner/fsn1" },
    { asked: "10.1.1.1", expected: "office/berlin" },
    { asked: "51.38.1.1", expected: "ovh/gra" },
    { asked: "2001:41d0::1", expected: "ovh/gra" },
    { asked: "51.39.1.1", expected: undefined },
  ];
  for (const { asked, expected } of table) {
    assertEquals(locator.explain(parseAddress(asked))?.location, expected, asked);
  }
});

Deno.test("readConfig() reads no file where there is none, or nothing to read it with", () => {
  const inline = read("  office/berlin: [ 10.0.0.0/8 ]\n");
  assert(inline.kind === "config");
  assertEquals(inline.lists, undefined);
  const unread = read("  hetzner/fsn1: { file: nowhere }\n", undefined);
  assert(unread.kind === "config" || unread.mistakes);
  const result = readConfig(`${UPSTREAM}locations: { a/b: { file: nowhere } }\n`, {
    environment: () => undefined,
    embedded: LOCATIONS,
  });
  assert(result.kind === "config");
  assertEquals(result.lists, undefined);
});

Deno.test("readConfig() lists the mistakes in files of prefixes, with their lines", () => {
  const fsn1 = 'locations.hetzner/fsn1.file: found "';
  const bits = "bits past its length are set; the prefix that holds it is 10.0.0.0/8";
  const must = "it must be an address, a slash and a length in bits, such as 192.0.2.0/24 or " +
    "2001:db8::/32";
  const table = [
    {
      asked: "  hetzner/fsn1: { file: nowhere }\n",
      expected: [
        `line 3, column 19: ${fsn1}nowhere"; allowed: a file of prefixes that can be read ` +
        "(there is no such file)",
      ],
    },
    {
      asked: "  hetzner/fsn1: { file: wrong.txt }\n",
      expected: [
        `line 3, column 19: ${fsn1}wrong.txt"; allowed: a file of prefixes (its line 2: ` +
        `found "x"; allowed: a prefix (${must}))`,
        `line 3, column 19: ${fsn1}wrong.txt"; allowed: a file of prefixes (its line 3: ` +
        `found "10.0.0.1/8"; allowed: a prefix (${bits}))`,
      ],
    },
    {
      asked: `  ovh/gra: { file: gra.json }
  hetzner/fsn1: { file: same.csv }
  office/berlin: [ 95.216.0.0/16, x ]
`,
      expected: [
        `line 4, column 19: ${fsn1}same.csv"; allowed: prefixes of one location each; ` +
        "51.38.0.0/16 is in ovh/gra as well",
        `line 4, column 19: ${fsn1}same.csv"; allowed: prefixes of one location each; ` +
        "95.216.0.0/16 is in office/berlin as well",
        `line 5, column 35: locations.office/berlin[1]: found "x"; allowed: a prefix (${must})`,
      ],
    },
  ];
  for (const { asked, expected } of table) assertEquals(mistakesOf(asked), expected);
});

Deno.test("readConfig() lists no more mistakes of a file than anybody reads", () => {
  const many = mistakesOf("  a/b: { file: many.txt }\n");
  assertEquals(many.length, 11);
  assertEquals(
    many[10],
    'line 3, column 10: locations.a/b.file: found "many.txt"; ' +
      "allowed: a file of prefixes (and 10 more mistakes)",
  );
  const twice = mistakesOf("  a/b: { file: twice.txt }\n  a/c: { file: twice.txt }\n");
  assertEquals(twice.length, 10);
});

Deno.test("readConfig() leaves to the schema what is no list and no file, and twice in no file", () => {
  const wrong = mistakesOf(`  a/b: { file: 5 }
  a/c: 5
  a/d: [ 5 ]
  a/e: [ 10.0.0.0/8 ]
  a/f: [ 10.0.0.0/8 ]
  a/g: { file: fsn1.txt }
`);
  assertEquals(wrong.length, 4, wrong.join("\n"));
});
