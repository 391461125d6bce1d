import { assertEquals, assertStringIncludes } from "@std/assert";
import { temporaryFile, temporaryFolder } from "./program.ts";
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
  Deno.writeTextFileSync(
    file.path,
    `${NEW}mirrors: { one: { url: https://one.example } }
rules: [{ clients: ["*"], mirrors: [one] }]
`,
  );
  assertEquals(await hostOf(server), "old.example");
  const { level, configuration, mirrors, rules } = await reload(server, RELOADED);
  assertEquals({ level, configuration, mirrors, rules }, {
    level: "INFO",
    configuration: file.path,
    mirrors: 1,
    rules: 1,
  });
  assertEquals(await hostOf(server), "new.example");
  Deno.writeTextFileSync(file.path, OLD);
  await reload(server, RELOADED);
  assertEquals(await hostOf(server), "old.example");
  await server.stop();
});

Deno.test("serve keeps what it has when the file is bad or gone, says why, and takes a good one after", async () => {
  using folder = temporaryFolder({ "archeio.yaml": OLD });
  const path = `${folder.path}/archeio.yaml`;
  await using server = await serve({ config: path });
  const table: { asked: () => void; expected: string }[] = [
    {
      asked: () => Deno.writeTextFileSync(path, `${NEW}workers: 0\nrules: 5\n`),
      expected: `the configuration (${path}) has 2 mistakes:\n  line 2, `,
    },
    {
      asked: () => Deno.removeSync(path),
      expected: `cannot read the configuration "${path}": there is no such file`,
    },
  ];
  for (const { asked, expected } of table) {
    asked();
    const { level, reason } = await reload(server, REFUSED);
    assertEquals(level, "ERROR");
    assertStringIncludes(String(reason), expected);
    assertEquals(await hostOf(server), "old.example");
  }
  Deno.writeTextFileSync(path, NEW);
  await reload(server, RELOADED);
  assertEquals(await hostOf(server), "new.example");
  await server.stop();
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
