import { assertEquals, assertStringIncludes } from "@std/assert";
import { temporaryFile } from "./program.ts";
import { get, type Line, serve, type Served } from "./served.ts";

const OLD = "upstreams: { main: { endpoint: https://old.example } }\n";
const NEW = "upstreams: { main: { endpoint: https://new.example } }\n";
const RELOADED = "configuration reloaded";
const REFUSED = "configuration not reloaded: the old one stays";

async function hostOf({ url }: Served): Promise<string> {
  const { location } = await get(`${url}v2/a/manifests/1.0`);
  return new URL(location!).host;
}

async function reload(server: Served, told: string): Promise<Line> {
  server.process.kill("SIGHUP");
  return await server.told(told);
}

Deno.test("serve answers the next request by a file that was changed, at SIGHUP", async () => {
  using file = temporaryFile(OLD);
  await using server = await serve({ config: file.path });
  assertEquals(await hostOf(server), "old.example");
  Deno.writeTextFileSync(file.path, `${NEW}mirrors: { one: { url: https://one.example } }\n`);
  assertEquals(await hostOf(server), "old.example");
  const { level, configuration, mirrors, rules } = await reload(server, RELOADED);
  assertEquals({ level, configuration, mirrors, rules }, {
    level: "INFO",
    configuration: file.path,
    mirrors: 1,
    rules: 0,
  });
  assertEquals(await hostOf(server), "new.example");
  Deno.writeTextFileSync(file.path, OLD);
  await reload(server, RELOADED);
  assertEquals(await hostOf(server), "old.example");
  await server.stop();
});

Deno.test("serve keeps what it has when the file is bad at SIGHUP, and says why", async () => {
  using file = temporaryFile(OLD);
  await using server = await serve({ config: file.path });
  const table = [
    {
      asked: `${NEW}workers: 0\nrules: 5\n`,
      expected: `the configuration (${file.path}) has 2 mistakes:\n  workers: found 0; allowed: `,
    },
    {
      asked: `${NEW}rules: [{ clients: [mars/north-1] }]\n`,
      expected: `has a mistake:\n  rules[0].clients[0]: found "mars/north-1"`,
    },
    { asked: "upstreams: {", expected: "found no valid YAML or JSON" },
    { asked: "", expected: "the whole file: found nothing" },
  ];
  for (const { asked, expected } of table) {
    Deno.writeTextFileSync(file.path, asked);
    const { level, reason } = await reload(server, REFUSED);
    assertEquals(level, "ERROR");
    assertStringIncludes(String(reason), expected);
    assertEquals(await hostOf(server), "old.example");
  }
  // And a good one after them is taken.
  Deno.writeTextFileSync(file.path, NEW);
  await reload(server, RELOADED);
  assertEquals(await hostOf(server), "new.example");
  await server.stop();
});

Deno.test("serve keeps what it has when the file is gone at SIGHUP", async () => {
  const path = Deno.makeTempFileSync({ prefix: "archeio-" });
  Deno.writeTextFileSync(path, OLD);
  await using server = await serve({ config: path });
  Deno.removeSync(path);
  const { reason } = await reload(server, REFUSED);
  assertEquals(reason, `cannot read the configuration "${path}": there is no such file`);
  assertEquals(await hostOf(server), "old.example");
  await server.stop();
});

Deno.test("serve does not wait at SIGHUP for whoever may write into a pipe", async () => {
  const path = Deno.makeTempFileSync({ prefix: "archeio-" });
  Deno.writeTextFileSync(path, OLD);
  await using server = await serve({ config: path });
  Deno.removeSync(path);
  assertEquals((await new Deno.Command("mkfifo", { args: [path] }).output()).code, 0);
  try {
    const { reason } = await reload(server, REFUSED);
    assertEquals(reason, `"${path}" is no regular file`);
    assertEquals(await hostOf(server), "old.example");
    await server.stop();
  } finally {
    Deno.removeSync(path);
  }
});

Deno.test("serve has the environment over the file at SIGHUP, too, and finds the file by it", async () => {
  using file = temporaryFile("upstreams: { main: { endpoint: https://old.example, path: a } }");
  const env = { ARCHEIO_CONFIG: file.path, UPSTREAM_REGISTRY_PATH: "kept" };
  await using server = await serve({ env });
  Deno.writeTextFileSync(
    file.path,
    "upstreams: { main: { endpoint: https://new.example, path: b } }",
  );
  assertEquals((await reload(server, RELOADED)).configuration, file.path);
  const { location } = await get(`${server.url}v2/a/manifests/1.0`);
  assertEquals(location, "https://new.example/v2/kept/a/manifests/1.0");
});

Deno.test("serve says what of a file counts from the next start only", async () => {
  using file = temporaryFile(OLD);
  await using server = await serve({ config: file.path });
  Deno.writeTextFileSync(file.path, `${NEW}workers: 3\nadmin: { port: 0 }\n`);
  await reload(server, RELOADED);
  const { level, keys } = await server.told("a change counts from the next start only");
  assertEquals({ level, keys }, { level: "WARN", keys: ["admin", "workers"] });
  assertEquals(await hostOf(server), "new.example");
});
