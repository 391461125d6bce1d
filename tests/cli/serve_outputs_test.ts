import { assert, assertEquals, assertMatch } from "@std/assert";
import { temporaryFile } from "./program.ts";
import { get, type Line, readLines, serve, type Served } from "./served.ts";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;
const CONFIG = `
upstreams: { main: { endpoint: https://registry.example } }
admin: { port: 0 }
log: { pulls: true }
`;

Deno.test("serve writes a JSON line for each pull to standard output", async () => {
  using file = temporaryFile(CONFIG);
  await using server = await serve({ config: file.path, stdout: "piped" });
  const agent = 'containerd/2.1 "quoted"';
  const pulls = [
    { path: `a/b/blobs/${DIGEST}`, kind: "blob", reference: DIGEST, reason: "no_mirror" },
    { path: "a/b/manifests/1.0", kind: "manifest", reference: "1.0", reason: "registry" },
  ];
  for (const { path } of pulls) {
    const headers = { "user-agent": agent };
    assertEquals((await get(`${server.url}v2/${path}`, headers)).status, 307);
  }
  // What is no pull has no line.
  for (const path of ["v2/", "v2/A/tags/list"]) await get(`${server.url}${path}`);
  await server.stop();
  const told: Line[] = [];
  for await (const line of readLines(server.process.stdout)) told.push(JSON.parse(line));
  assertEquals(
    told.map(({ "@timestamp": time, location: _, ...facts }) => {
      assertMatch(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      return facts;
    }),
    pulls.map(({ kind, reference, reason }) => ({
      message: "pull",
      method: "GET",
      kind,
      repository: "a/b",
      reference,
      upstream: "main",
      reason,
      user_agent: agent,
    })),
  );
});

async function lostLines({ admin }: Served, log: "pull" | "event"): Promise<number> {
  const { body } = await get(`${admin}metrics`);
  return Number(new RegExp(`^archeio_${log}_log_lost_lines_total (\\d+)$`, "m").exec(body)![1]);
}

// More than a pipe holds, and less than takes long.
const PULLS = 1000;

Deno.test("serve answers and ends though nobody reads what it writes, nor what operators asked for", async () => {
  using file = temporaryFile(CONFIG);
  await using server = await serve({ config: file.path, stdout: "piped" });
  const { hostname, port } = new URL(server.admin);
  // It asks, and reads no answer, until no more is taken of it.
  using operator = await Deno.connect({ hostname, port: Number(port) });
  const asking = askOn(operator);
  const headers = { "user-agent": "x".repeat(200) };
  for (let done = 0; done < PULLS; done += 20) {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => get(`${server.url}v2/a/manifests/1.0`, headers)),
    );
    assert(answers.every(({ status }) => status === 307));
  }
  assertEquals((await get(`${server.admin}readyz`)).status, 200);
  const log = await server.stop();
  // The upstream cannot be reached from everywhere.
  const told = log.filter(({ part }) => part === undefined).map(({ message }) => message);
  assertEquals(told, ["stopping"]);
  await asking;
});

async function askOn(connection: Deno.Conn): Promise<void> {
  const request = new TextEncoder().encode("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
  try {
    for (;;) await connection.write(request);
  } catch {
    // The server has ended.
  }
}

Deno.test("serve outlives whoever read its standard output, and counts the lines lost", async () => {
  using file = temporaryFile(CONFIG);
  await using server = await serve({ config: file.path, stdout: "piped" });
  await server.process.stdout.cancel();
  do assertEquals((await get(`${server.url}v2/a/manifests/1.0`)).status, 307); while (
    await lostLines(server, "pull") === 0
  );
  await server.stop();
});

Deno.test("serve outlives whoever read its log, and counts the lines lost", async () => {
  using file = temporaryFile(CONFIG);
  await using server = await serve({ config: file.path });
  await server.leaveLog();
  do server.process.kill("SIGHUP"); while (await lostLines(server, "event") === 0);
  server.process.kill("SIGTERM");
  assertEquals(await server.process.status, { success: true, code: 0, signal: null });
});
