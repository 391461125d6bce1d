import { assertEquals, assertStringIncludes } from "@std/assert";
import { parse } from "@std/yaml";
import { runProgram, temporaryFile, temporaryFolder } from "./program.ts";

const FILE = `upstreams: { main: { endpoint: https://registry.example } }`;

Deno.test("config prints the built-in configuration when there is no other", async () => {
  const { status, out, err } = await runProgram(["config"]);
  assertEquals({ status, err }, { status: 0, err: "" });
  assertStringIncludes(out, "prod-registry-k8s-io-eu-west-3");
});

Deno.test("config prints what reads back as the same configuration", async () => {
  const environments: Record<string, string>[] = [{}, { ADMIN_HOST: "::1", ADMIN_PORT: "9091" }];
  for (const environment of environments) {
    const { out } = await runProgram(["config"], { environment });
    using file = temporaryFile(out);
    assertEquals((await runProgram(["config", "--config", file.path])).out, out);
  }
});

Deno.test("config prints the file with its defaults and the environment over it", async () => {
  using file = temporaryFile(FILE);
  const environment = { ARCHEIO_CONFIG: file.path, PORT: "9000", HOST: "::1", ADMIN_PORT: "9001" };
  const { status, out } = await runProgram(["config"], { environment });
  assertEquals(status, 0);
  const config = parse(out) as Record<string, unknown>;
  assertEquals(config.listen, { host: "::1", port: 9000 });
  assertEquals(config.admin, { host: "127.0.0.1", port: 9001 });
  assertEquals(config.workers, 1);
  assertEquals(config.upstreams, { main: { endpoint: "https://registry.example", path: "" } });
});

Deno.test("config takes the option's file before the environment's", async () => {
  using file = temporaryFile(FILE);
  const environment = { ARCHEIO_CONFIG: "/nowhere" };
  assertEquals((await runProgram(["config", "--config", file.path], { environment })).status, 0);
});

Deno.test("config reports every mistake at once and ends with 2", async () => {
  using file = temporaryFile(`${FILE}\nlisten: { port: 99999 }\nruls: []\nother: 1\n`);
  const { status, out, err } = await runProgram(["config", "--config", file.path]);
  assertEquals({ status, out }, { status: 2, out: "" });
  assertStringIncludes(err, `archeio: the configuration (${file.path}) has 3 mistakes:\n`);
  for (
    const part of [
      "line 2, column 11: listen.port: found 99999; allowed:",
      "line 3, column 1: ruls: found",
      "; did you mean rules?",
      "line 4, column 1: other: found 1;",
    ]
  ) {
    assertStringIncludes(err, part);
  }
});

Deno.test("config says of one mistake that it is one", async () => {
  const { err } = await runProgram(["config"], { environment: { PORT: "http" } });
  assertStringIncludes(err, '(built-in) has a mistake:\n  PORT (listen.port): found "http"');
});

Deno.test("config says why it cannot read a file", async () => {
  using folder = temporaryFolder();
  const missing = await runProgram(["config", "--config", `${folder.path}/none.yaml`]);
  assertEquals(missing.status, 2);
  assertStringIncludes(missing.err, "there is no such file");
  const isFolder = await runProgram(["config", "--config", folder.path]);
  assertEquals(isFolder.status, 2);
  assertStringIncludes(isFolder.err, `cannot read the configuration "${folder.path}"`);
});

Deno.test("config --schema prints a JSON Schema with the file's keys", async () => {
  const { status, out } = await runProgram(["config", "--schema"]);
  assertEquals(status, 0);
  const schema = JSON.parse(out);
  assertEquals(schema.$schema, "http://json-schema.org/draft-07/schema#");
  assertEquals(schema.title, "archeio configuration");
  assertEquals(schema.required, ["upstreams"]);
  assertEquals(Object.keys(schema.properties).includes("signature_upstream"), true);
  assertEquals(schema.properties.listen.properties.port.maximum, 65535);
  assertEquals(schema.properties.ranges.properties.refresh_h.maximum, 8760);
  assertEquals(schema.properties.mirrors.additionalProperties.required, ["url"]);
});
