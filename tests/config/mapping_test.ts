import { assertEquals } from "@std/assert";
import { formatPath, isMapping } from "../../lib/config/mapping.ts";

Deno.test("isMapping() knows a mapping from everything else", () => {
  const table = [
    { asked: {}, expected: true },
    { asked: { a: 1 }, expected: true },
    { asked: Object.create(null), expected: true },
    { asked: JSON.parse('{ "__proto__": 5 }'), expected: true },
    { asked: [], expected: false },
    { asked: new Date(0), expected: false },
    { asked: new Uint8Array(1), expected: false },
    { asked: new Map(), expected: false },
    { asked: () => {}, expected: false },
    { asked: null, expected: false },
    { asked: undefined, expected: false },
    { asked: "a", expected: false },
    { asked: 5, expected: false },
  ];
  for (const { asked, expected } of table) {
    assertEquals(isMapping(asked), expected, Deno.inspect(asked));
  }
});

Deno.test("formatPath() writes a path on one line, whatever its keys", () => {
  const table = [
    { asked: ["listen", "port"], expected: "listen.port" },
    { asked: ["rules", 2, "mirrors", 0], expected: "rules[2].mirrors[0]" },
    { asked: ["locations", "aws/eu-west-3", 0], expected: "locations.aws/eu-west-3[0]" },
    { asked: ["mirrors", "s3.eu_west", "url"], expected: "mirrors.s3.eu_west.url" },
    { asked: ["mirrors", "a b", "url"], expected: 'mirrors["a b"].url' },
    { asked: ["mirrors", "a\nb"], expected: 'mirrors["a\\nb"]' },
    { asked: ["mirrors", ""], expected: 'mirrors[""]' },
    { asked: [""], expected: '[""]' },
    { asked: [".a"], expected: ".a" },
    { asked: [0], expected: "[0]" },
    { asked: [], expected: "" },
  ];
  for (const { asked, expected } of table) assertEquals(formatPath(asked), expected);
});
