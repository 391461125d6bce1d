import { assertEquals } from "@std/assert";
import sizes from "./sizes.ts";

const LIB = decodeURIComponent(new URL("../../lib/", import.meta.url).pathname);

/** What the plugin says of a source. */
function lint(source: string, path = `${LIB}net/address.ts`): string[] {
  return Deno.lint.runPlugin(sizes, path, source).map(({ message }) => message);
}

/** So many lines of code, of blanks and of comments. */
function lines(count: number): string {
  return Array.from({ length: count }, (_, at) => ["  work();", "", "  // why"][at % 3]).join("\n");
}

Deno.test("a file of lib/ has at most 250 lines, but for the embedded data", () => {
  const table = [
    { path: `${LIB}net/address.ts`, count: 250, expected: [] },
    {
      path: `${LIB}net/address.ts`,
      count: 251,
      expected: ["This file has 251 lines; 250 are allowed"],
    },
    { path: `${LIB}locations/embedded.ts`, count: 251, expected: [] },
    { path: new URL("../rooms_test.ts", import.meta.url).pathname, count: 251, expected: [] },
  ];
  for (const { path, count, expected } of table) {
    assertEquals(lint(lines(count) + "\n", path), expected, `${path}, ${count} lines`);
  }
});

Deno.test("a function body has at most 40 lines, in whatever form it is written", () => {
  const tooLong = (name: string) => [`${name} has 41 lines of its own; 40 are allowed`];
  const table = [
    { open: "function f() {", close: "}", name: "f" },
    { open: "export async function f() {", close: "}", name: "f" },
    { open: "const f = () => {", close: "};", name: "f" },
    { open: "const f = function () {", close: "};", name: "f" },
    { open: "const o = { f() {", close: "} };", name: "f" },
    { open: "const o = { get f() {", close: "} };", name: "f" },
    { open: "const o = { f: () => {", close: "} };", name: "f" },
    { open: "class C { f() {", close: "} }", name: "f" },
    { open: "run(() => {", close: "});", name: "This function" },
  ];
  for (const { open, close, name } of table) {
    assertEquals(lint(`${open}\n${lines(40)}\n${close}\n`), [], open);
    assertEquals(lint(`${open}\n${lines(41)}\n${close}\n`), tooLong(name), open);
  }
});

Deno.test("lines of nested functions do not count, those that they share with code do", () => {
  const table = [
    { nested: `function g() {\n${lines(30)}\n}`, expected: 0 },
    { nested: `return {\n  g() {\n${lines(30)}\n  },\n};`, expected: 2 },
    { nested: `return {\n  get g() {\n${lines(30)}\n  },\n};`, expected: 2 },
    { nested: `const g = () => {\n${lines(30)}\n};`, expected: 1 },
    { nested: `run(() => {\n${lines(30)}\n}, 1);`, expected: 2 },
    { nested: `function g() {\n  function h() {\n${lines(30)}\n  }\n}`, expected: 0 },
    { nested: `const a = list.map((one) => one + 1);`, expected: 1 },
  ];
  for (const { nested, expected } of table) {
    const rest = 40 - expected;
    assertEquals(lint(`function f() {\n${lines(rest)}\n${nested}\n}\n`), [], nested);
    assertEquals(
      lint(`function f() {\n${lines(rest + 1)}\n${nested}\n}\n`),
      ["f has 41 lines of its own; 40 are allowed"],
      nested,
    );
  }
});

Deno.test("a nested function is told of by itself", () => {
  assertEquals(lint(`function f() {\n  function g() {\n${lines(41)}\n  }\n}\n`), [
    "g has 41 lines of its own; 40 are allowed",
  ]);
});

Deno.test("an arrow function without braces has no body", () => {
  assertEquals(lint(`const f = () => [\n${"  1,\n".repeat(60)}];\n`), []);
});
