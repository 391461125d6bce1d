import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { failToServe, get, getAlone, serve, SHARED_PORT, startMirror } from "./served.ts";
import { temporaryFile } from "./program.ts";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;
// Checks would send HEAD requests, too.
const CONFIG = `
upstreams: { main: { endpoint: https://old.example } }
admin: { port: 0 }
workers: 2
health: { interval_ms: 3600000, max_interval_ms: 3600000 }
`;
// So many connections all go to one of two isolates once in 10^30 times.
const CONNECTIONS = 100;

function locationOf(answer: string): string | undefined {
  assert(answer.startsWith("HTTP/1.1 307 "), answer);
  return /^location: (.*)\r$/mi.exec(answer)?.[1];
}

Deno.test("serve has two workers answer on one port, counts all, and ends well", async () => {
  await using mirror = startMirror();
  using file = temporaryFile(`${CONFIG}mirrors: { one: { url: "${mirror.url}" } }
rules: [{ clients: ["*"], mirrors: [one] }]
`);
  await using server = await serve({ config: file.path, flags: SHARED_PORT });
  assertEquals(server.listening.workers, 2);
  for (let asked = 0; asked < CONNECTIONS; asked++) {
    const answer = await getAlone(server, `v2/a/blobs/${DIGEST}`);
    assertEquals(locationOf(answer), `${mirror.url}/${DIGEST}`);
  }
  // Each of them remembers what it has found: so each of them has been asked.
  assertEquals(mirror.heads, [`/${DIGEST}`, `/${DIGEST}`]);
  const { body } = await get(`${server.admin}metrics`);
  assertStringIncludes(body, `\narcheio_requests_total{route="blob",code="307"} ${CONNECTIONS}\n`);
  const log = await server.stop();
  assertEquals(log.map(({ message }) => message), ["stopping"]);
});

Deno.test("serve has every worker answer by a file that was changed, at SIGHUP", async () => {
  using file = temporaryFile(CONFIG);
  await using server = await serve({ config: file.path, flags: SHARED_PORT });
  const path = "v2/a/manifests/1.0";
  for (const name of ["new", "newer"]) {
    Deno.writeTextFileSync(file.path, CONFIG.replace("old", name));
    server.process.kill("SIGHUP");
    await server.told("configuration reloaded");
    for (let asked = 0; asked < CONNECTIONS; asked++) {
      const location = locationOf(await getAlone(server, path));
      assertEquals(location, `https://${name}.example/${path}`);
    }
  }
});

Deno.test("serve has a mirror down for all workers when one has found it so", async () => {
  const closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = closed.addr;
  closed.close();
  using file = temporaryFile(`${CONFIG}mirrors: { down: { url: "http://127.0.0.1:${port}" } }
rules: [{ clients: ["*"], mirrors: [down] }]
log: { level: debug }
`);
  await using server = await serve({ config: file.path, flags: SHARED_PORT });
  for (let asked = 0; asked < CONNECTIONS; asked++) {
    const digest = `sha256:${asked.toString(16).padStart(64, "0")}`;
    await getAlone(server, `v2/a/blobs/${digest}`);
  }
  const log = await server.stop();
  const told = (text: string) => log.filter(({ message }) => message === text).length;
  assertEquals([told("no answer"), told("mirror is down")], [3, 1]);
});

Deno.test("serve with workers says that another program has the port", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  using file = temporaryFile(CONFIG);
  const env = { PORT: String(port) };
  assertEquals(await failToServe({ config: file.path, flags: SHARED_PORT, env }), {
    status: 1,
    out: "",
    err: `archeio: cannot listen on 127.0.0.1, port ${port}: another program has this port\n`,
  });
});
