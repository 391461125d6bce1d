import { assert, assertEquals } from "@std/assert";
import { parse, stringify } from "@std/yaml";
import fc from "fast-check";
import { formatPath, isMapping } from "../../lib/config/mapping.ts";
import { outlineOf, tryPlace } from "../../lib/config/outline.ts";

/** Where each path of a text stands, as `line:column`. */
function placesOf(text: string): Record<string, string> {
  return Object.fromEntries(
    [...outlineOf(text).places].map(([path, { line, column }]) => [path, `${line}:${column}`]),
  );
}

Deno.test("outlineOf() finds the keys and items of each style", () => {
  const table: { asked: string; expected: Record<string, string> }[] = [
    { asked: "", expected: {} },
    { asked: "text", expected: {} },
    { asked: "# a: b\na: b # c: d\n", expected: { a: "2:1" } },
    { asked: "a: 1\nb: 2\n", expected: { a: "1:1", b: "2:1" } },
    { asked: "a: 1\r\nb: 2\rc: 3", expected: { a: "1:1", b: "2:1", c: "3:1" } },
    {
      asked: "---\na:\n  b: 1\n\n  c:\n    d: 2\ne: 3\n...\n",
      expected: { a: "2:1", "a.b": "3:3", "a.c": "5:3", "a.c.d": "6:5", e: "7:1" },
    },
    {
      asked: "a:\n  - b: 1\n    c: 2\n  -\n    d: 3\n  - e\nf: 4\n",
      expected: {
        a: "1:1",
        "a[0]": "2:3",
        "a[0].b": "2:5",
        "a[0].c": "3:5",
        "a[1]": "4:3",
        "a[1].d": "5:5",
        "a[2]": "6:3",
        f: "7:1",
      },
    },
    // A list in the column of its key.
    {
      asked: "a:\n- b\n- c: 1\nd: 2\n",
      expected: { a: "1:1", "a[0]": "2:1", "a[1]": "3:1", "a[1].c": "3:3", d: "4:1" },
    },
    {
      asked: "- - a\n  - b\n- c\n",
      expected: { "[0]": "1:1", "[0][0]": "1:3", "[0][1]": "2:3", "[1]": "3:1" },
    },
    {
      asked: 'a: { b: [c, "d", {e: 1}, [f]],\n g: h, "i":"j, k" , l }\nm: 1',
      expected: {
        a: "1:1",
        "a.b": "1:6",
        "a.b[0]": "1:10",
        "a.b[1]": "1:13",
        "a.b[2]": "1:18",
        "a.b[2].e": "1:19",
        "a.b[3]": "1:26",
        "a.b[3][0]": "1:27",
        "a.g": "2:2",
        "a.i": "2:8",
        "a.l": "2:21",
        m: "3:1",
      },
    },
    {
      asked: "a: {b: https://c.example/d, e: ::1}",
      expected: { a: "1:1", "a.b": "1:5", "a.e": "1:29" },
    },
    { asked: "a: [ # b: c\n d ]", expected: { a: "1:1", "a[0]": "2:2" } },
    // Keys as values have them.
    {
      asked: `'a b': 1\n"c\\u0064": 2\n0x10: 3\n`,
      expected: { '["a b"]': "1:1", cd: "2:1", 16: "3:1" },
    },
    { asked: "{'a b': 1, \"\\q\": 2}", expected: { '["a b"]': "1:2", '["\\"\\\\q\\""]': "1:12" } },
    // Texts of several lines.
    {
      asked: "a: |\n  b: 1\n\n  - c\nd: >-\n  e: 2\nf: 'g: 3\n  h: 4'\ni: j\n  k\n",
      expected: { a: "1:1", d: "5:1", f: "7:1", i: "9:1" },
    },
    { asked: "- |\n b: 1\n- c", expected: { "[0]": "1:1", "[1]": "3:1" } },
    { asked: "|\n a: 1\nb: 2", expected: {} },
    // Anchors, tags, aliases.
    {
      asked: "a: &x\n  b: 1\nc: *x\n- &y d: !!str e\n",
      expected: { a: "1:1", "a.b": "2:3", c: "3:1", "c[0]": "4:1", "c[0].d": "4:3" },
    },
    { asked: "a: [&x b, !y c, *x]", expected: { a: "1:1", "a[0]": "1:8", "a[1]": "1:14" } },
    // What it cannot follow.
    { asked: "? a\n: b\nc: 1\n", expected: { c: "3:1" } },
    { asked: "[a: b]]\n", expected: { "[0]": "1:2" } },
    { asked: "{:}", expected: {} },
  ];
  for (const { asked, expected } of table) assertEquals(placesOf(asked), expected, asked);
});

Deno.test("outlineOf() leaves out what is deeper than anyone asks", () => {
  const { places } = outlineOf("[".repeat(100_000));
  assertEquals([...places.keys()].at(-1), "[0]".repeat(9));
});

Deno.test("tryPlace() gives the place of what holds a path that is not there", () => {
  const outline = outlineOf("a:\n  b:\n    - c: 1\n");
  const table = [
    { asked: "a.b[0].c", expected: 3 },
    { asked: "a.b[0].d", expected: 3 },
    { asked: "a.b[1]", expected: 2 },
    { asked: 'a["x y"]', expected: 1 },
    { asked: "x", expected: undefined },
    { asked: "x.y[0]", expected: undefined },
    { asked: "the whole file", expected: undefined },
    { asked: `a.${".".repeat(1_000_000)}`, expected: 1 },
  ];
  for (const { asked, expected } of table) {
    assertEquals(tryPlace(outline, asked)?.line, expected, asked.slice(0, 20));
  }
});

Deno.test("outlineOf() finds tabs as indentation, and no others", () => {
  const table = [
    { asked: "a:\n\tb: 1\n", expected: [[2, 1]] },
    { asked: "a:\n \tb: 1\n  \t- c\n", expected: [[2, 2], [3, 3]] },
    { asked: "\ta: 1\n", expected: [[1, 1]] },
    { asked: "a:\n\tb\n", expected: [[2, 1]] },
    { asked: 'a:\n\t"b"\n', expected: [[2, 1]] },
    { asked: "a: |\n\tb\n", expected: [[2, 1]] },
    { asked: "a:\t1\n", expected: [] },
    { asked: "a: 1\t# b\n\t# c\n\t\nd: 2\n", expected: [] },
    { asked: "a: {\n\tb: 1,\n\tc: [\n\t\td\n\t]\n}\n", expected: [] },
    { asked: "a: |\n  b\n  \tc\n", expected: [] },
    { asked: "a: 'b\n\tc'\n", expected: [] },
    { asked: "a:\n  \tb\n", expected: [] },
  ];
  for (const { asked, expected } of table) {
    const tabs = outlineOf(asked).tabs.map(({ line, column }) => [line, column]);
    assertEquals(tabs, expected, JSON.stringify(asked));
  }
});

/** Values in which each key and each text is another one, so that a text has each once. */
const value = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "medium", maxDepth: 6 },
    fc.constant("text"),
    fc.array(tie("value"), { minLength: 1, maxLength: 3 }),
    fc.array(tie("value"), { minLength: 1, maxLength: 3 }).map((values) => ({ ...values })),
  ),
})).value.map((shape) => {
  let count = 0;
  function withNames(inner: unknown): unknown {
    if (Array.isArray(inner)) return inner.map(withNames);
    if (!isMapping(inner)) return `v${count++}v`;
    return Object.fromEntries(
      Object.values(inner).map((each) => [`k${count++}k`, withNames(each)]),
    );
  }
  return withNames(shape);
});

/** The first name in a value, which stands in the line that its item begins in. */
function firstNameIn(value: unknown): string {
  if (Array.isArray(value)) return firstNameIn(value[0]);
  return isMapping(value) ? Object.keys(value)[0]! : String(value);
}

function* pathsOf(value: unknown, keys: readonly unknown[] = []): Generator<[string, string]> {
  const entries = Array.isArray(value)
    ? value.entries()
    : isMapping(value)
    ? Object.entries(value)
    : [];
  for (const [key, inner] of entries) {
    const path = [...keys, key];
    yield [formatPath(path), typeof key === "string" ? key : firstNameIn(inner)];
    yield* pathsOf(inner, path);
  }
}

Deno.test("outlineOf() finds the line of every value, however the text is laid out", () => {
  const layouts: ((value: unknown) => string)[] = [
    (value) => stringify(value),
    (value) => stringify(value, { indent: 4, arrayIndent: false }),
    (value) => stringify(value, { flowLevel: 2 }),
    (value) => stringify(value, { compactMode: false }),
    (value) => JSON.stringify(value),
    (value) => JSON.stringify(value, null, "\t"),
    (value) => JSON.stringify(value, null, 2).replaceAll("\n", "\r\n"),
  ];
  fc.assert(fc.property(value, fc.constantFrom(...layouts), (value, layOut) => {
    const text = layOut(value);
    // Lists in lists without indentation are written wrongly.
    fc.pre(JSON.stringify(parse(text)) === JSON.stringify(value));
    const outline = outlineOf(text);
    assertEquals(outline.tabs, []);
    const expected = [...pathsOf(value)];
    assertEquals(new Set(outline.places.keys()), new Set(expected.map(([path]) => path)));
    for (const [path, name] of expected) {
      const { line, column } = outline.places.get(path)!;
      const at = text.indexOf(name);
      const before = text.slice(0, at).split(/\r?\n/);
      const isItem = path.endsWith("]");
      assert(isItem ? line <= before.length : line === before.length, `${path}\n${text}`);
      const shown = text.split(/\r?\n/)[line - 1]!.slice(column - 1);
      assert(isItem ? /^[-[{"v]/.test(shown) : /^"?k/.test(shown), `${path}\n${text}`);
    }
  }));
});

Deno.test("outlineOf() comes to an end, whatever the text", () => {
  const pieces = fc.array(
    fc.constantFrom(
      ...["a: ", "- ", "? ", ": ", "{", "}", "[", "]", ",", "'", '"', "|\n", "> #\n", "&a ", "*a"],
      ...["!t ", "#", "\n", "\n  ", "\t", "---\n", "...", "\r", "%YAML", "b"],
    ),
    { maxLength: 40 },
  ).map((parts) => parts.join(""));
  fc.assert(
    fc.property(fc.oneof(pieces, fc.string({ unit: "binary" })), (text) => {
      const { places, tabs } = outlineOf(text);
      for (const { line, column } of [...places.values(), ...tabs]) assert(line > 0 && column > 0);
    }),
    { numRuns: 1000 },
  );
});
