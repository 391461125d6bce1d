import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { temporaryFile } from "./program.ts";
import { failToServe, get, serve, startMirror } from "./served.ts";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;
const UPSTREAM = "upstreams: { main: { endpoint: https://registry.example } }\n";
const ADMIN = `${UPSTREAM}admin: { port: 0 }\n`;

Deno.test("serve tells operators on a port of their own, which its first line names", async () => {
  using file = temporaryFile(`${ADMIN}mirrors: { one: { url: https://one.example/blobs } }
rules: [{ clients: ["*"], mirrors: [one] }]
`);
  await using server = await serve({ config: file.path });
  assertMatch(server.admin, /^http:\/\/127\.0\.0\.1:\d+\/$/);
  assertEquals((await get(`${server.url}v2/a/manifests/1.0`)).status, 307);

  const table = [
    { asked: "healthz", expected: { status: 200, location: null, body: "ok\n" } },
    { asked: "readyz", expected: { status: 200, location: null, body: "ready\n" } },
  ];
  for (const { asked, expected } of table) assertEquals(await get(server.admin + asked), expected);

  const { status, body } = await get(`${server.admin}metrics`);
  assertEquals(status, 200);
  assertStringIncludes(
    body,
    '\narcheio_requests_total{route="manifest_by_tag",code="307"} 1\n',
  );

  const path = encodeURIComponent(`/v2/a/blobs/${DIGEST}`);
  const explained = await get(`${server.admin}explain?address=35.180.1.1&path=${path}`);
  assertEquals(explained.status, 200);
  const { location, redirect, mirrors } = JSON.parse(explained.body);
  assertEquals({ location, redirect, mirrors }, {
    location: "aws/eu-west-3",
    redirect: `https://one.example/blobs/${DIGEST}`,
    mirrors: [{ name: "one", location: `https://one.example/blobs/${DIGEST}`, state: "up" }],
  });

  // Neither port answers what the other one does.
  assertEquals((await get(`${server.url}metrics`)).status, 404);
  assertEquals((await get(`${server.admin}v2/`)).status, 404);
});

Deno.test("serve opens the admin listener where ADMIN_HOST and ADMIN_PORT say", async () => {
  await using server = await serve({ env: { ADMIN_HOST: "::1", ADMIN_PORT: "0" } });
  assertMatch(server.admin, /^http:\/\/\[::1\]:\d+\/$/);
  assertEquals((await get(`${server.admin}healthz`)).body, "ok\n");
});

Deno.test("serve explains by the file that was read at SIGHUP, and counts reloads", async () => {
  using file = temporaryFile(ADMIN);
  await using server = await serve({ config: file.path });
  const asked = `${server.admin}explain?address=192.0.2.1&path=/v2/a/manifests/1`;
  Deno.writeTextFileSync(file.path, ADMIN.replace("registry", "other"));
  server.process.kill("SIGHUP");
  await server.told("configuration reloaded");
  const { redirect } = JSON.parse((await get(asked)).body);
  assertEquals(redirect, "https://other.example/v2/a/manifests/1");
  Deno.writeTextFileSync(file.path, "");
  server.process.kill("SIGHUP");
  await server.told("configuration not reloaded: the old one stays");
  const { body } = await get(`${server.admin}metrics`);
  for (const result of ["taken", "refused"]) {
    assertStringIncludes(body, `\narcheio_reloads_total{result="${result}"} 1\n`);
  }
});

Deno.test("serve is not ready while it stops, and answers what is in flight", async () => {
  const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
  await using mirror = startMirror(answered);
  using file = temporaryFile(`${ADMIN}mirrors: { one: { url: "${mirror.url}" } }
rules: [{ clients: ["*"], mirrors: [one] }]
`);
  await using server = await serve({ config: file.path });
  const pull = get(`${server.url}v2/a/blobs/${DIGEST}`);
  while (mirror.heads.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  server.process.kill("SIGTERM");
  await server.told("stopping");
  assertEquals(await get(`${server.admin}readyz`), {
    status: 503,
    location: null,
    body: "not ready: stopping\n",
  });
  assertEquals((await get(`${server.admin}healthz`)).status, 200);
  answer();
  assertEquals((await pull).location, `${mirror.url}/${DIGEST}`);
  assertEquals((await server.end()).status.code, 0);
});

Deno.test("serve says that another program has the port for admin", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  assertEquals(await failToServe({ env: { ADMIN_PORT: String(port) } }), {
    status: 1,
    out: "",
    err: `archeio: cannot listen on 127.0.0.1, port ${port} for admin: ` +
      "another program has this port\n",
  });
});

Deno.test("serve refuses one port for clients and for operators as a mistake", async () => {
  const { status, err } = await failToServe({ env: { PORT: "65001", ADMIN_PORT: "65001" } });
  assertEquals(status, 2);
  assertStringIncludes(err, "ADMIN_PORT (admin.port): found 65001; allowed: another port than");
});
