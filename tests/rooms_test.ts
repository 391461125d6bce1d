/**
 * Holds that data flows one way: that a room of `lib/` imports from the rooms before it
 * alone, that only the last two know what they run on, and that clocks, timers, randomness
 * and the network come in at the edge.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";

const ROOMS = [
  "oci",
  "net",
  "locations",
  "routing",
  "mirrors",
  "registry",
  "fill",
  "config",
  "observe",
  "redirect",
  "findings",
  "admin",
  "server",
  "cli",
];
const ROOMS_OF_LIBRARY = ROOMS.slice(0, ROOMS.indexOf("admin"));
const TOP = new URL("../", import.meta.url);
const LIB = new URL("lib/", TOP);

const LIBRARY = "lib/mod.ts";

// What other projects import; types of packages that bring none, read by the compiler.
const NO_ROOM = [LIBRARY, "lib/std.d.ts"];

// Where values of the runtime are taken from its globals, and handed on from.
const EDGE = ["main.ts", LIBRARY, "lib/redirect/mod.ts"];

// Runs in a browser, and takes what it needs from there.
const IN_BROWSER = "lib/admin/page/live.ts";

// Generated: the text of a script, with the names of its globals.
const GENERATED = "lib/admin/page/assets.ts";

/** Files that still use such globals themselves. May only shrink. */
const NOT_AT_EDGE: readonly string[] = ["lib/locations/fetch.ts"];

interface Source {
  /** From the project's folder: `lib/oci/request.ts`. */
  readonly path: string;
  /** Without comments. */
  readonly code: string;
}

function* readSources(folder: URL): Generator<Source> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const url = new URL(isDirectory ? `${name}/` : name, folder);
    if (isDirectory) yield* readSources(url);
    else if (name.endsWith(".ts")) yield readSource(url);
  }
}

function readSource(url: URL): Source {
  return { path: pathOf(url), code: withoutComments(Deno.readTextFileSync(url)) };
}

function pathOf(url: URL): string {
  return url.href.slice(TOP.href.length);
}

// A comment begins a line or follows a space, so the `//` of a URL in a string stays.
function withoutComments(text: string): string {
  return text.replace(/^\s*\/\*[^]*?\*\//gm, "").replace(/(^|\s)\/\/.*$/gm, "$1");
}

/** What a source imports: paths from the project's folder, and packages as they are named. */
function importsOf({ path, code }: Source): string[] {
  return code.matchAll(/\b(?:from|import)\s*\(?\s*["']([^"']+)["']/g)
    .map(([, specifier]) => specifier!.startsWith(".") ? resolve(specifier!, path) : specifier!)
    .toArray();
}

function resolve(specifier: string, from: string): string {
  return pathOf(new URL(specifier, new URL(from, TOP)));
}

function roomOf(path: string): string {
  const [, room] = /^lib\/([^/]+)\//.exec(path) ?? [];
  return room ?? "";
}

function mayImport(path: string, imported: string): boolean {
  if (path === "main.ts") return roomOf(imported) === "cli";
  const room = roomOf(path);
  const other = roomOf(imported);
  // Other projects have no sockets and no command line of this one.
  if (path === LIBRARY) return ROOMS_OF_LIBRARY.includes(other);
  // Routing is a function of values: it knows requests, and no package.
  if (room === "routing") return other === "oci" || other === "routing";
  const isProject = imported.startsWith("lib/") || imported === "main.ts";
  // The program says its version, which stands in one place.
  if (!isProject) return imported !== "deno.json" || room === "cli";
  return ROOMS.includes(other) && ROOMS.indexOf(other) <= ROOMS.indexOf(room);
}

/** The globals of a source that give it the time, time to wait, chance or the network. */
function globalsOf(code: string): string[] {
  const globals = [
    // Not a member of another thing, and not its type alone.
    /(?<![.\w]|typeof )(?:setTimeout|setInterval|clearTimeout|clearInterval|globalThis)\b/g,
    /(?<![.\w]|typeof )performance\b/g,
    /\bDate\.now\b|\bnew Date(?:\(\)|(?!\())|\bMath\.random\b/g,
    /\bAbortSignal\.timeout\b|\bcrypto\.(?:getRandomValues|randomUUID)\b/g,
  ].flatMap((pattern) => [...code.matchAll(pattern)].map(([name]) => name));
  const takesFetch = /[{,(]\s*fetch\s*[,}:)]/.test(code);
  if (!takesFetch && /(?<![.\w])fetch\(/.test(code)) globals.push("fetch");
  return globals;
}

const SOURCES = [...readSources(LIB), readSource(new URL("main.ts", TOP))]
  .filter(({ path }) => path !== GENERATED);

Deno.test("every source of lib/ is in a room", () => {
  const paths = SOURCES.map(({ path }) => path);
  for (const room of ROOMS) assert(paths.some((path) => roomOf(path) === room), room);
  const others = paths.filter((path) => path !== "main.ts" && !ROOMS.includes(roomOf(path)));
  assertEquals(others.toSorted(), NO_ROOM);
});

Deno.test("a room imports from itself and the rooms before it, routing from oci alone", () => {
  const back = SOURCES.flatMap((source) =>
    importsOf(source).filter((imported) => !mayImport(source.path, imported))
      .map((imported) => `${source.path} imports ${imported}`)
  );
  assertEquals(back, []);
});

Deno.test("only server/, cli/ and the stores of fill/ name Deno", () => {
  const rooms = ROOMS.slice(0, ROOMS.indexOf("server"));
  const named = SOURCES.filter(({ path, code }) =>
    rooms.includes(roomOf(path)) && !path.startsWith("lib/fill/stores/") && /\bDeno\b/.test(code)
  );
  assertEquals(named.map(({ path }) => path), []);
});

Deno.test("only main.ts, the library and cli/ take clocks, timers, chance and fetch from globals", () => {
  const taking = SOURCES.filter(({ path, code }) =>
    !EDGE.includes(path) && path !== IN_BROWSER && roomOf(path) !== "cli" &&
    globalsOf(code).length > 0
  );
  assertEquals(taking.map(({ path }) => path).toSorted(), NOT_AT_EDGE);
});

Deno.test("globalsOf() tells a global from a member, a parameter and a type", () => {
  const table = [
    { code: "setTimeout(work, 1)", expected: ["setTimeout"] },
    { code: "wait = setInterval", expected: ["setInterval"] },
    {
      code: "clearTimeout(timer); clearInterval(timer)",
      expected: ["clearTimeout", "clearInterval"],
    },
    { code: "timers.setTimeout(work, 1)", expected: [] },
    { code: "readonly later: typeof setTimeout", expected: [] },
    { code: "globalThis.setTimeout(work, 1)", expected: ["globalThis"] },
    { code: "performance.now()", expected: ["performance"] },
    { code: "Date.now()", expected: ["Date.now"] },
    { code: "new Date()", expected: ["new Date()"] },
    { code: "new Date(now())", expected: [] },
    { code: "Date.parse(text)", expected: [] },
    { code: "random: Math.random", expected: ["Math.random"] },
    { code: "AbortSignal.timeout(5)", expected: ["AbortSignal.timeout"] },
    { code: "crypto.randomUUID()", expected: ["crypto.randomUUID"] },
    { code: "crypto.subtle.digest()", expected: [] },
    { code: "await fetch(url)", expected: ["fetch"] },
    { code: "function get({ fetch }: Options) { fetch(url) }", expected: [] },
    { code: "options.fetch(url)", expected: [] },
    { code: "refetch(url)", expected: [] },
  ];
  for (const { code, expected } of table) {
    assertEquals(globalsOf(code).toSorted(), expected.toSorted(), code);
  }
});

Deno.test("neither lib/ nor main.ts imports what tests are made with", () => {
  const forTests = ["@std/assert", "fast-check"];
  const importing = SOURCES.filter((source) =>
    importsOf(source).some((imported) => forTests.includes(imported))
  );
  assertEquals(importing.map(({ path }) => path), []);
});

Deno.test("importsOf() sees an import in every form, and none in comments", () => {
  const code = withoutComments(`
    /**
     * import { a } from "./in_block.ts";
     */
    // import { a } from "./in_line.ts";
    import a from "./default.ts"; // from "./behind.ts"
    import type { B } from '../net/type.ts';
    import {
      c,
    } from "./lines.ts";
    import * as d from "package";
    import "./effect.ts";
    export { e } from "./export.ts";
    export * from "./star.ts";
    const url = "https://host"; const f = await import("./dynamic.ts");
  `);
  assertEquals(importsOf({ path: "lib/oci/x.ts", code }), [
    "lib/oci/default.ts",
    "lib/net/type.ts",
    "lib/oci/lines.ts",
    "package",
    "lib/oci/effect.ts",
    "lib/oci/export.ts",
    "lib/oci/star.ts",
    "lib/oci/dynamic.ts",
  ]);
});

Deno.test("mayImport() tells a way back from a way on", () => {
  const table = [
    { path: "lib/net/a.ts", imported: "lib/oci/b.ts", expected: true },
    { path: "lib/net/a.ts", imported: "lib/net/b.ts", expected: true },
    { path: "lib/net/a.ts", imported: "lib/locations/b.ts", expected: false },
    { path: "lib/oci/a.ts", imported: "lib/cli/b.ts", expected: false },
    { path: "lib/config/a.ts", imported: "lib/routing/b.ts", expected: true },
    { path: "lib/config/a.ts", imported: "valibot", expected: true },
    { path: "lib/config/a.ts", imported: "lib/std.d.ts", expected: false },
    { path: "lib/config/a.ts", imported: "main.ts", expected: false },
    { path: "lib/config/a.ts", imported: "deno.json", expected: false },
    { path: "lib/cli/a.ts", imported: "deno.json", expected: true },
    { path: "lib/routing/a.ts", imported: "lib/routing/b.ts", expected: true },
    { path: "lib/routing/a.ts", imported: "lib/oci/b.ts", expected: true },
    { path: "lib/routing/a.ts", imported: "lib/net/b.ts", expected: false },
    { path: "lib/routing/a.ts", imported: "valibot", expected: false },
    { path: "lib/mod.ts", imported: "lib/oci/mod.ts", expected: true },
    { path: "lib/mod.ts", imported: "lib/redirect/b.ts", expected: true },
    { path: "lib/mod.ts", imported: "lib/server/b.ts", expected: false },
    { path: "lib/mod.ts", imported: "lib/cli/b.ts", expected: false },
    { path: "lib/cli/a.ts", imported: "lib/mod.ts", expected: false },
    { path: "main.ts", imported: "lib/cli/b.ts", expected: true },
    { path: "main.ts", imported: "lib/server/b.ts", expected: false },
    { path: "main.ts", imported: "valibot", expected: false },
  ];
  for (const { path, imported, expected } of table) {
    assertEquals(mayImport(path, imported), expected, `${path} imports ${imported}`);
  }
});
