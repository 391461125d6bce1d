import { assertEquals, assertStringIncludes } from "@std/assert";
import { runProgram, temporaryFile } from "./program.ts";

Deno.test("backends lists the hosts of a configuration, as text or JSON", async () => {
  using file = temporaryFile(`
upstreams: { main: { endpoint: https://registry.example } }
mirrors: { cdn: { url: https://cdn.example/images } }
rules: [{ clients: ["*"], mirrors: [cdn] }]
pages: { backends: { also: ["*.s3.example"] } }
`);
  const args = ["backends", "--config", file.path];
  assertEquals(await runProgram(args), {
    status: 0,
    out: "*.s3.example\twhere these servers send clients on to\n" +
      "cdn.example:443\tblobs, for all clients\n" +
      "registry.example:443\tmanifests, tags, and blobs that no mirror has\n",
    err: "",
  });
  const { out } = await runProgram([...args, "--json"]);
  assertEquals(JSON.parse(out).backends[1], {
    host: "cdn.example",
    port: 443,
    by_clients: true,
    purposes: ["blobs, for all clients"],
  });
  const wrong = await runProgram([...args, "what"]);
  assertEquals(wrong.status, 2);
  assertStringIncludes(wrong.err, 'unexpected argument "what"');
});
