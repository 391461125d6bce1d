import { assertEquals } from "@std/assert";
import { temporaryFile } from "./program.ts";
import { get, serve } from "./served.ts";

Deno.test("serve says once that pulls are served from memory because their upstream fails", async () => {
  const manifest = JSON.stringify({ schemaVersion: 2 });
  let isDown = false;
  await using upstream = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => isDown ? new Response(null, { status: 500 }) : new Response(manifest),
  );
  using file = temporaryFile(`
upstreams: { main: { endpoint: "http://127.0.0.1:${upstream.addr.port}", pull: relay } }
relay: { tag_ttl_s: 1 }
`);
  await using server = await serve({ config: file.path });
  const url = `${server.url}v2/app/manifests/v1`;
  assertEquals((await get(url)).body, manifest);
  isDown = true;
  let isTold = false;
  const told = server.told("pulls are served from memory because their upstream fails")
    .finally(() => void (isTold = true));
  // Until the tag is old.
  while (!isTold) assertEquals((await get(url)).body, manifest);
  const { level, upstream: name, count, reason } = await told;
  assertEquals({ level, name, count, reason }, {
    level: "WARN",
    name: "main",
    count: 1,
    reason: "it answered 500",
  });
  await server.stop();
});
