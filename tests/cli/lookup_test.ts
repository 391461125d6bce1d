import { assertEquals, assertStringIncludes } from "@std/assert";
import { runProgram, temporaryFile } from "./program.ts";

Deno.test("lookup prints address, location and prefix with tabs between", async () => {
  const addresses = ["35.180.1.1", "::ffff:35.180.1.1", "2600:1f13::1", "10.0.0.1"];
  assertEquals(await runProgram(["lookup", ...addresses]), {
    status: 0,
    out: "35.180.1.1\taws/eu-west-3\t35.180.0.0/16\n" +
      "::ffff:35.180.1.1\taws/eu-west-3\t35.180.0.0/16\n" +
      "2600:1f13::1\taws/us-west-2\t2600:1f13::/36\n" +
      "10.0.0.1\t-\t-\n",
    err: "",
  });
});

Deno.test("lookup reads standard input, whatever pieces it comes in", async () => {
  const text = "35.180.1.1\r\n\n  10.0.0.1\n2600:1f13::1";
  const bytes = new TextEncoder().encode(text);
  const pieces = [...bytes].map((byte) => new Uint8Array([byte]));
  const whole = await runProgram(["lookup"], { stdin: text });
  assertEquals(await runProgram(["lookup"], { stdin: pieces }), whole);
  assertEquals(whole.out.split("\n").map((line) => line.split("\t")[0]), [
    "35.180.1.1",
    "10.0.0.1",
    "2600:1f13::1",
    "",
  ]);
});

Deno.test("lookup of nothing prints nothing", async () => {
  assertEquals(await runProgram(["lookup"]), { status: 0, out: "", err: "" });
});

Deno.test("lookup names each line that is no address, and does the others", async () => {
  const stdin = "35.180.1.1\nfoo\n010.1.1.1\n10.0.0.1\n";
  const { status, out, err } = await runProgram(["lookup"], { stdin });
  assertEquals(status, 2);
  assertEquals(out.split("\n").length, 3);
  assertStringIncludes(err, 'archeio: line 2: Cannot parse address "foo"');
  assertStringIncludes(err, 'archeio: line 3: Cannot parse address "010.1.1.1"');
});

Deno.test("lookup reads past a line without end, and shows only its beginning", async () => {
  const long = new TextEncoder().encode("1".repeat(1_000_000));
  const stdin = [long, long, new TextEncoder().encode("\n10.0.0.1\n")];
  const { status, out, err } = await runProgram(["lookup"], { stdin });
  assertEquals({ status, out }, { status: 2, out: "10.0.0.1\t-\t-\n" });
  assertStringIncludes(err, `line 1: Cannot parse address "${"1".repeat(80)}…"`);
});

Deno.test("lookup knows the configuration's own locations", async () => {
  using file = temporaryFile(`
upstreams: { main: { endpoint: https://registry.example } }
locations: { office/berlin: [ 198.51.100.0/24, 35.180.1.0/24 ] }
`);
  const { out } = await runProgram(["lookup", "--config", file.path, "198.51.100.7", "35.180.1.1"]);
  assertEquals(
    out,
    "198.51.100.7\toffice/berlin\t198.51.100.0/24\n35.180.1.1\toffice/berlin\t35.180.1.0/24\n",
  );
});

Deno.test("lookup and explain find clients in files of prefixes", async () => {
  using list = temporaryFile("95.216.0.0/16,FI,,Helsinki,\n35.180.1.0/24 # a tenant's\n");
  using file = temporaryFile(`upstreams: { main: { endpoint: https://registry.example } }
locations: { hetzner/hel1: { file: ${list.path} } }
`);
  const { out } = await runProgram(["lookup", "--config", file.path, "95.216.1.1", "35.180.1.1"]);
  assertEquals(
    out,
    "95.216.1.1\thetzner/hel1\t95.216.0.0/16\n35.180.1.1\thetzner/hel1\t35.180.1.0/24\n",
  );
  const explained = await runProgram(["explain", "--config", file.path, "95.216.1.1", "/v2/"]);
  assertStringIncludes(explained.out, "location    hetzner/hel1, by the prefix 95.216.0.0/16\n");
});
