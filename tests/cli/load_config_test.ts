import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UsageError } from "../../lib/cli/command.ts";
import { MOST_BYTES } from "../../lib/locations/published.ts";
import { loadConfig, readText, reasonOf } from "../../lib/cli/load_config.ts";
import { createContext, temporaryFile, temporaryFolder } from "./program.ts";

const FILE = "upstreams: { main: { endpoint: https://registry.example } }\n";

Deno.test("loadConfig() takes the option's file, else the variable's, else the built-in one", () => {
  using file = temporaryFile(FILE);
  using other = temporaryFile(FILE);
  const table = [
    { option: file.path, variable: other.path, expected: file.path },
    { option: undefined, variable: other.path, expected: other.path },
    { option: undefined, variable: "", expected: "built-in" },
  ];
  for (const { option, variable, expected } of table) {
    const context = createContext({ environment: { ARCHEIO_CONFIG: variable } });
    assertEquals(loadConfig(option, context).origin, expected);
  }
  assertEquals(loadConfig(undefined, createContext()).origin, "built-in");
});

Deno.test("loadConfig() puts the environment over the file", () => {
  using file = temporaryFile(FILE);
  const context = createContext({ environment: { PORT: "81", ADMIN_PORT: "82" } });
  const { config } = loadConfig(file.path, context);
  assertEquals(config.listen.port, 81);
  assertEquals(config.admin, { host: "127.0.0.1", port: 82 });
});

Deno.test("loadConfig() holds patterns against the locations that it is given", () => {
  using file = temporaryFile(`${FILE}rules: [{ clients: [mars/north-1] }]\n`);
  const context = createContext();
  const { config } = loadConfig(file.path, context, { locations: ["mars/north-1"] });
  assertEquals(config.rules, [{ clients: ["mars/north-1"], mirrors: [] }]);
  // Without any, those of the embedded data set count.
  const error = assertThrows(() => loadConfig(file.path, context), UsageError);
  assertStringIncludes(error.message, 'rules[0].clients[0]: found "mars/north-1"');
});

Deno.test("loadConfig() says how many mistakes a file has, and each of them", () => {
  using one = temporaryFile(`${FILE}workers: 0\n`);
  using two = temporaryFile(`${FILE}workers: 0\nadmin: 5\n`);
  const messageOf = (path: string) =>
    assertThrows(() => loadConfig(path, createContext()), UsageError).message;
  assertEquals(
    messageOf(one.path),
    `the configuration (${one.path}) has a mistake:\n` +
      '  line 2, column 1: workers: found 0; allowed: an integer from 1 to 256, or "auto"',
  );
  assertEquals(
    messageOf(two.path),
    `the configuration (${two.path}) has 2 mistakes:\n` +
      '  line 2, column 1: workers: found 0; allowed: an integer from 1 to 256, or "auto"\n' +
      "  line 3, column 1: admin: found 5; allowed: a mapping with the keys host, port, token_file, hosts",
  );
});

Deno.test("loadConfig() looks at the files that a server needs, and at none for others", () => {
  using pem = temporaryFile("a certificate");
  using folder = temporaryFolder();
  const none = `${folder.path}/none.pem`;
  const tls = (cert: string, key: string) => `listen: { tls: { cert: ${cert}, key: ${key} } }\n`;
  const table = [
    { asked: tls(pem.path, pem.path), expected: [] },
    {
      asked: tls(none, folder.path),
      expected: [
        `  line 1, column 18: listen.tls.cert: found "${none}"; allowed: the path of a PEM file ` +
        "that can be read (there is no such file)",
        `  line 1, column ${26 + none.length}: listen.tls.key: found "${folder.path}"; allowed: ` +
        "the path of a PEM file that can be read (it is a folder)",
      ],
    },
  ];
  for (const { asked, expected } of table) {
    using file = temporaryFile(asked + FILE);
    assertEquals(loadConfig(file.path, createContext()).origin, file.path);
    const load = () => loadConfig(file.path, createContext(), { needsFiles: true });
    if (expected.length === 0) assertEquals(load().origin, file.path);
    else assertEquals(assertThrows(load, UsageError).message.split("\n").slice(1), expected);
  }
});

Deno.test("readText() says which file cannot be read, and why", () => {
  using folder = temporaryFolder({ "key.pem": "a key" });
  assertEquals(readText(`${folder.path}/key.pem`, "private key"), "a key");
  const none = `${folder.path}/none.pem`;
  const error = assertThrows(() => readText(none, "private key"), UsageError);
  assertEquals(error.message, `cannot read the private key "${none}": there is no such file`);
});

Deno.test("reasonOf() says in a few words why something failed", () => {
  const table: { asked: unknown; expected: string }[] = [
    { asked: new Deno.errors.NotFound("os error 2"), expected: "there is no such file" },
    { asked: new Deno.errors.PermissionDenied("os error 13"), expected: "permission denied" },
    { asked: new Deno.errors.NotCapable("read"), expected: "Deno does not let programs use it" },
    { asked: new Deno.errors.IsADirectory("os error 21"), expected: "it is a folder" },
    { asked: new TypeError("fetch failed", { cause: new Error("dns") }), expected: "dns" },
    { asked: new Error("else"), expected: "else" },
    { asked: "text", expected: "text" },
  ];
  for (const { asked, expected } of table) assertEquals(reasonOf(asked), expected);
});

Deno.test("loadConfig() reads files of prefixes for those who locate clients", () => {
  using folder = temporaryFolder({ "list.txt": "203.0.113.0/24\n" });
  const big = `${folder.path}/big.txt`;
  Deno.createSync(big).close();
  Deno.truncateSync(big, MOST_BYTES + 1);
  const at = (path: string) => `${FILE}locations: { hetzner/fsn1: { file: ${path} } }\n`;
  using good = temporaryFile(at(`${folder.path}/list.txt`));
  assertEquals(loadConfig(good.path, createContext()).lists, undefined);
  for (const options of [{ needsLists: true }, { needsFiles: true }]) {
    const { lists } = loadConfig(good.path, createContext(), options);
    assertEquals(lists?.locations, ["hetzner/fsn1"]);
  }
  const table = [
    { asked: `${folder.path}/none.txt`, expected: "there is no such file" },
    { asked: folder.path, expected: "it is no regular file" },
    { asked: big, expected: `it has more than ${MOST_BYTES} bytes` },
  ];
  for (const { asked, expected } of table) {
    using file = temporaryFile(at(asked));
    const load = () => loadConfig(file.path, createContext(), { needsLists: true });
    assertStringIncludes(
      assertThrows(load, UsageError).message,
      `found "${asked}"; allowed: a file of prefixes that can be read (${expected})`.slice(-60),
    );
  }
});
