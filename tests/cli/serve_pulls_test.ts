import { assert, assertEquals, assertMatch } from "@std/assert";
import { temporaryFile } from "./program.ts";
import { get, type Line, readLines, serve, startMirror } from "./served.ts";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;
const CONFIG = `
upstreams: { main: { endpoint: https://registry.example } }
admin: { port: 0 }
log: { pulls: true }
`;

Deno.test("serve writes a JSON line for each pull to standard output", async () => {
  await using mirror = startMirror();
  using file = temporaryFile(`${CONFIG}mirrors: { near: { url: "${mirror.url}" } }
rules: [{ clients: [aws/eu-west-3], mirrors: [near] }]
`);
  await using server = await serve({ config: file.path, stdout: "piped" });
  const agent = 'containerd/2.1 "quoted"';
  const headers = { "x-forwarded-for": "35.180.1.1, 192.0.2.1", "user-agent": agent };
  const pulls = [
    { path: `a/b/blobs/${DIGEST}`, kind: "blob", reference: DIGEST, mirror: "near" },
    { path: "a/b/manifests/1.0", kind: "manifest", reference: "1.0", upstream: "main" },
    { path: `a/b/manifests/${DIGEST}`, kind: "manifest", reference: DIGEST, upstream: "main" },
    { path: "a/b/tags/list", kind: "tags", reference: null, upstream: "main" },
  ];
  for (const { path } of pulls) {
    assertEquals((await get(`${server.url}v2/${path}`, headers)).status, 307);
  }
  // What is no pull has no line.
  for (const path of ["v2/", "v2/A/tags/list"]) await get(`${server.url}${path}`, headers);
  await get(`${server.url}v2/c/tags/list`, { "user-agent": agent });
  await server.stop();
  const told: Line[] = [];
  for await (const line of readLines(server.process.stdout)) told.push(JSON.parse(line));
  const common = { message: "pull", method: "GET", user_agent: agent };
  assertEquals(
    told.map(({ "@timestamp": time, ...facts }) => {
      assertMatch(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      return facts;
    }),
    [
      ...pulls.map(({ path: _, ...facts }) => ({
        ...common,
        repository: "a/b",
        location: "aws/eu-west-3",
        ...facts,
      })),
      {
        ...common,
        kind: "tags",
        repository: "c",
        reference: null,
        location: null,
        upstream: "main",
      },
    ],
  );
  assertEquals((await server.end()).status.code, 0);
});

Deno.test("serve begins and ends to write pulls at SIGHUP", async () => {
  using file = temporaryFile(CONFIG.replace("true", "false"));
  await using server = await serve({ config: file.path, stdout: "piped" });
  for (const [tag, pulls] of [["off", "true"], ["on", "false"], ["off-again", "false"]]) {
    assertEquals((await get(`${server.url}v2/a/manifests/${tag}`)).status, 307);
    Deno.writeTextFileSync(file.path, CONFIG.replace("true", pulls!));
    server.process.kill("SIGHUP");
    await server.told("configuration reloaded");
  }
  await server.stop();
  const references: unknown[] = [];
  for await (const line of readLines(server.process.stdout)) {
    references.push(JSON.parse(line).reference);
  }
  assertEquals(references, ["on"]);
});

// More than a pipe holds, and less than takes long.
const PULLS = 1000;

Deno.test("serve keeps no request waiting for a standard output that nobody reads", async () => {
  using file = temporaryFile(CONFIG);
  await using server = await serve({ config: file.path, stdout: "piped" });
  const headers = { "user-agent": "x".repeat(200) };
  for (let done = 0; done < PULLS; done += 20) {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => get(`${server.url}v2/a/manifests/1.0`, headers)),
    );
    assert(answers.every(({ status }) => status === 307));
  }
  assertEquals((await get(`${server.admin}readyz`)).status, 200);
  const log = await server.stop();
  assertEquals(log.map(({ message }) => message), ["stopping"]);
});

Deno.test("serve outlives whoever read its standard output, and counts the lines lost", async () => {
  using file = temporaryFile(CONFIG);
  await using server = await serve({ config: file.path, stdout: "piped" });
  await server.process.stdout.cancel();
  for (let lost = 0; lost === 0;) {
    assertEquals((await get(`${server.url}v2/a/manifests/1.0`)).status, 307);
    const { body } = await get(`${server.admin}metrics`);
    lost = Number(/^archeio_pull_log_lost_lines_total (\d+)$/m.exec(body)![1]);
  }
  await server.stop();
});
