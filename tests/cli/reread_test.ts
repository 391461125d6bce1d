import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UsageError } from "../../lib/cli/command.ts";
import { readAdminToken, reread } from "../../lib/cli/reread.ts";
import type { Config } from "../../lib/config/config.ts";
import { createContext, temporaryFile, temporaryFolder } from "./program.ts";

const UPSTREAM = "upstreams: { main: { endpoint: https://registry.example } }\n";

Deno.test("reread() takes the option's file, else the variable's, with the environment over it", () => {
  using file = temporaryFile(UPSTREAM);
  const environment = { ARCHEIO_CONFIG: file.path, UPSTREAM_REGISTRY_PATH: "kept" };
  for (const option of [file.path, undefined]) {
    const read = reread(option, createContext({ environment }), []);
    assert(read.kind === "config");
    assertEquals(read.config.upstreams.main, {
      endpoint: "https://registry.example",
      path: "kept",
    });
    assertEquals(read.tls, undefined);
  }
});

Deno.test("reread() reads the certificate's files", () => {
  using folder = temporaryFolder({ "cert.pem": "a certificate", "key.pem": "a key" });
  const tls = `listen: { tls: { cert: ${folder.path}/cert.pem, key: ${folder.path}/key.pem } }\n`;
  using file = temporaryFile(UPSTREAM + tls);
  const read = reread(file.path, createContext(), []);
  assert(read.kind === "config");
  assertEquals(read.tls, { cert: "a certificate", key: "a key" });
});

Deno.test("reread() reads the secrets of upstreams, without the end of their line", () => {
  using folder = temporaryFolder({ "password": "secret\n", "token": "a token\r\n", "none": "\n" });
  const credentials = (hub: string, own: string) =>
    temporaryFile(`
upstreams:
  hub: { endpoint: https://hub.example, pull: relay, credentials: { username: bot, password_file: ${folder.path}/${hub} } }
  own: { endpoint: https://own.example, pull: relay, credentials: { identity_token_file: ${folder.path}/${own} } }
repositories: { app: { upstream: hub, public: true }, base: { upstream: own, public: true } }
`);
  using file = credentials("password", "token");
  const read = reread(file.path, createContext(), []);
  assert(read.kind === "config", JSON.stringify(read));
  assertEquals(read.files?.credentials, {
    hub: { kind: "password", username: "bot", password: "secret" },
    own: { kind: "identity_token", identityToken: "a token" },
  });
  using empty = credentials("password", "none");
  const refused = reread(empty.path, createContext(), []);
  assert(refused.kind === "refused");
  assertStringIncludes(refused.reason, `cannot use the secret "${folder.path}/none": `);
});

Deno.test("reread() says why a configuration cannot be used, and waits for nobody who may write into a pipe", async () => {
  using folder = temporaryFolder({ "bad.yaml": `${UPSTREAM}workers: 0\nrules: 5\n` });
  using noKey = temporaryFile(`${UPSTREAM}listen: { tls: { cert: /no.pem, key: /no.pem } }\n`);
  const pipe = `${folder.path}/pipe`;
  assert((await new Deno.Command("mkfifo", { args: [pipe] }).output()).success);
  const table = [
    {
      asked: `${folder.path}/bad.yaml`,
      expected: `the configuration (${folder.path}/bad.yaml) has 2 mistakes:\n`,
    },
    { asked: `${folder.path}/none.yaml`, expected: "there is no such file" },
    { asked: pipe, expected: `"${pipe}" is no regular file` },
    { asked: noKey.path, expected: '"/no.pem"' },
  ];
  for (const { asked, expected } of table) {
    const read = reread(asked, createContext(), []);
    assert(read.kind === "refused");
    assertStringIncludes(read.reason, expected);
  }
});

Deno.test("reread() takes no mistake of the program for one of the configuration", () => {
  const context = createContext();
  const environment = () => {
    throw new TypeError("undefined is not a function");
  };
  assertThrows(() => reread(undefined, { ...context, environment }, []), TypeError);
});

Deno.test("readAdminToken() reads a token on one line, and says what is none", () => {
  const read = (text: string) => {
    using file = temporaryFile(text);
    const admin = { host: "::", port: 1, token_file: file.path };
    return readAdminToken({ admin } as Config);
  };
  assertEquals(read("s3cret-Token\n"), "s3cret-Token");
  assertEquals(readAdminToken({} as Config), undefined);
  for (const text of ["", "\n", "two words", "a\nb", "é", "a:b"]) {
    assertThrows(() => read(text), UsageError, "it must be letters, digits", JSON.stringify(text));
  }
});

Deno.test("reread() refuses a configuration whose token cannot be used", () => {
  using token = temporaryFile("");
  using file = temporaryFile(`${UPSTREAM}admin: { token_file: ${token.path} }\n`);
  const read = reread(file.path, createContext(), []);
  assert(read.kind === "refused");
  assertStringIncludes(read.reason, "cannot use the token");
});
