import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runProgram, temporaryFile, temporaryFolder } from "./program.ts";
import { DIGEST, failToServe, get, serve, startMirror } from "./served.ts";

const UPSTREAM = "upstreams: { main: { endpoint: https://registry.example } }\n";

Deno.test("serve logs one line when it can be asked: where, and with what configuration", async () => {
  await using server = await serve();
  const { "@timestamp": _time, logger: _logger, url: _url, ...facts } = server.listening;
  assertEquals(facts, {
    level: "INFO",
    message: "listening",
    configuration: "built-in",
    upstreams: 1,
    mirrors: 33,
    rules: 34,
    workers: 1,
  });
  assertMatch(server.url, /^http:\/\/127\.0\.0\.1:\d+\/$/);
  assertEquals((await get(`${server.url}v2/`)).status, 200);
});

Deno.test("serve warns when it serves Kubernetes' images, or has an admin listener for everyone, and only then", async () => {
  const MESSAGE = "no configuration is given: the images of registry.k8s.io are served";
  using file = temporaryFile(UPSTREAM);
  const table = [
    { asked: {}, expected: [MESSAGE] },
    { asked: { env: { DEFAULT_AWS_BASE_URL: "https://cdn.example" } }, expected: [MESSAGE] },
    {
      asked: { env: { UPSTREAM_REGISTRY_ENDPOINT: "https://registry.example" } },
      expected: [],
    },
    { asked: { env: { UPSTREAM_REGISTRY_PATH: "images" } }, expected: [] },
    { asked: { config: file.path }, expected: [] },
    {
      asked: { config: file.path, env: { ADMIN_HOST: "::ffff:127.0.0.1", ADMIN_PORT: "0" } },
      expected: ["anyone who reaches the admin listener can ask it"],
    },
  ];
  for (const { asked, expected } of table) {
    await using server = await serve(asked);
    assertEquals(server.warnings.map(({ message }) => message), expected, JSON.stringify(asked));
  }
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`serve ends well on ${signal}, and says so`, async () => {
    await using server = await serve();
    server.process.kill(signal);
    const { status, log } = await server.end();
    assertEquals(status, { success: true, code: 0, signal: null });
    assertEquals(log.map(({ message, signal }) => ({ message, signal })), [
      { message: "stopping", signal },
    ]);
  });
}

Deno.test("serve takes a file, and listens where it or the environment says", async () => {
  using file = temporaryFile(UPSTREAM);
  const env = { HOST: "::1", ADMIN_HOST: "::1", ADMIN_PORT: "0" };
  await using server = await serve({ config: file.path, env });
  assertMatch(server.url, /^http:\/\/\[::1\]:\d+\/$/);
  assertMatch(server.admin, /^http:\/\/\[::1\]:\d+\/$/);
  assertEquals(server.listening.configuration, file.path);
  const { location } = await get(`${server.url}v2/a/manifests/1`);
  assertEquals(location, "https://registry.example/v2/a/manifests/1");
  assertEquals((await get(`${server.admin}healthz`)).body, "ok\n");
});

Deno.test("serve answers clients and operators each on their own port, and ends a pull that is in flight", async () => {
  const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
  await using mirror = startMirror(answered);
  using file = temporaryFile(`${UPSTREAM}admin: { port: 0 }
mirrors: { one: { url: "${mirror.url}" } }
rules: [{ clients: ["*"], mirrors: [one] }]
health: { interval_ms: 3600000, max_interval_ms: 3600000 }
`);
  await using server = await serve({ config: file.path });
  assertEquals((await get(`${server.url}metrics`)).status, 404);
  assertEquals((await get(`${server.admin}v2/`)).status, 404);
  assertEquals(await get(`${server.admin}readyz`), {
    status: 200,
    location: null,
    body: "ready\n",
  });
  const path = encodeURIComponent(`/v2/a/blobs/${DIGEST}`);
  const explained = await get(`${server.admin}explain?address=35.180.1.1&path=${path}`);
  assertEquals(JSON.parse(explained.body).redirect, `${mirror.url}/${DIGEST}`);

  const pull = get(`${server.url}v2/a/blobs/${DIGEST}`);
  await mirror.asked(`/${DIGEST}`);
  server.process.kill("SIGTERM");
  await server.told("stopping");
  assertEquals(await get(`${server.admin}readyz`), {
    status: 503,
    location: null,
    body: "not ready: stopping\n",
  });
  answer();
  assertEquals((await pull).location, `${mirror.url}/${DIGEST}`);
  assertEquals((await server.end()).status.code, 0);
});

Deno.test("serve is the command when none is named", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const main = new URL("../../main.ts", import.meta.url).pathname;
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", "--no-prompt", main],
    env: { HOST: "127.0.0.1", PORT: String(taken.addr.port) },
  }).output();
  assertEquals(code, 1);
  assertStringIncludes(new TextDecoder().decode(stderr), "archeio: cannot listen on 127.0.0.1");
});

Deno.test("the modules that serve loads make no formats of languages, which take time and memory", async () => {
  const main = new URL("../../main.ts", import.meta.url);
  const code = `
    for (const name of Object.getOwnPropertyNames(Intl)) {
      if (/^[A-Z]/.test(name)) Intl[name] = function () { throw new Error(name + " is made"); };
    }
    await import("${main}");`;
  const { code: status, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", code],
    cwd: new URL(".", main).pathname,
  }).output();
  assertEquals([status, new TextDecoder().decode(stderr)], [0, ""]);
});

Deno.test("serve that cannot listen ends with 1 and a sentence that says why", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = String(taken.addr.port);
  const table: { asked: Record<string, string>; expected: string }[] = [
    { asked: { PORT: port }, expected: `127.0.0.1, port ${port}: another program uses this port` },
    {
      asked: { ADMIN_PORT: port },
      expected: `127.0.0.1, port ${port} for admin: another program uses this port`,
    },
    {
      asked: { HOST: "192.0.2.1" },
      expected: "192.0.2.1, port 0: this machine has no such address",
    },
    { asked: { HOST: "host.invalid" }, expected: "host.invalid, port 0: there is no such host" },
  ];
  for (const { asked, expected } of table) {
    assertEquals(await failToServe({ env: asked }), {
      status: 1,
      out: "",
      err: `archeio: cannot listen on ${expected}
`,
    });
  }
});

Deno.test("serve ends with 2 when its files or ports cannot be right", async () => {
  using pem = temporaryFile("no certificate");
  const config = (cert: string) =>
    `${UPSTREAM}listen: { tls: { cert: "${cert}", key: "${pem.path}" } }`;
  // It finds this out before it serves.
  using missing = temporaryFile(config("/nowhere.pem"));
  const unread = await runProgram(["serve", "--config", missing.path]);
  assertEquals(unread.status, 2);
  assertStringIncludes(unread.err, 'found "/nowhere.pem"; allowed: the path of a PEM file');
  const ports = { PORT: "65001", ADMIN_PORT: "65001" };
  const same = await runProgram(["serve"], { environment: ports });
  assertEquals(same.status, 2);
  assertStringIncludes(
    same.err,
    "ADMIN_PORT (admin.port): found 65001; allowed: another port than",
  );
  // And this only once it does.
  using wrong = temporaryFile(config(pem.path));
  const refused = await failToServe({ config: wrong.path, flags: ["--unstable-net"] });
  assertEquals(refused.status, 2);
  assert(refused.err.includes(`cannot use the certificate "${pem.path}" with the private key`));
});

Deno.test("serve wants the token for operators, takes another one at SIGHUP, and warns without one", async () => {
  using token = temporaryFile("first");
  using file = temporaryFile(`${UPSTREAM}admin: { port: 0, token_file: ${token.path} }\n`);
  await using server = await serve({ config: file.path });
  const ask = async (value: string) => {
    const response = await fetch(`${server.admin}status`, {
      headers: { authorization: `Bearer ${value}` },
    });
    await response.body?.cancel();
    return response.status;
  };
  assertEquals([await ask("first"), await ask("second")], [200, 401]);
  await Deno.writeTextFile(token.path, "second");
  server.process.kill("SIGHUP");
  await server.told("configuration reloaded");
  assertEquals([await ask("first"), await ask("second")], [401, 200]);
  assertEquals(server.warnings, []);
  await server.stop();
  using open = temporaryFile(`${UPSTREAM}admin: { host: 0.0.0.0, port: 0 }\n`);
  await using other = await serve({ config: open.path });
  const [warning] = other.warnings;
  assertEquals(warning?.message, "anyone who reaches the admin listener can ask it");
  assertStringIncludes(String(warning?.hint), "admin.token_file");
  await other.stop();
});

Deno.test("serve tells what its mirrors lacked, and the state of filling, to operators", async () => {
  const leaving = `sha256:${"7".repeat(64)}`;
  // One that had everything that it is asked for would be down once it is checked.
  const mirror = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => new Response("x", { status: request.url.endsWith(leaving) ? 200 : 404 }),
  );
  const url = `http://127.0.0.1:${mirror.addr.port}`;
  using state = temporaryFolder({
    "state.json": JSON.stringify({
      version: 1,
      beganS: 1,
      endedS: 2,
      completeS: 2,
      blobs: 1,
      bytes: 1,
      readBytes: 0,
      failures: 0,
      mirrors: {},
    }),
    "leaving.json": JSON.stringify({ one: [leaving] }),
  });
  using file = temporaryFile(`${UPSTREAM}admin: { port: 0 }
mirrors: { one: { url: "${url}" } }
rules: [{ clients: ["*"], mirrors: [one] }]
probe: { recheck_s: 1 }
fill: { repositories: ["charts/*"], state: "${state.path}" }
`);
  await using server = await serve({ config: file.path });
  await get(`${server.url}v2/charts/web/blobs/${DIGEST}`);
  await get(`${server.url}v2/app/blobs/${DIGEST}`);
  const { misses } = JSON.parse((await get(`${server.admin}misses`)).body);
  assertEquals(misses, [{ name: "charts/web", digest: DIGEST, count: 1 }]);
  const metrics = (await get(`${server.admin}metrics`)).body;
  assertStringIncludes(metrics, "archeio_fill_duration_seconds 1\n");
  const locationOf = async () => (await get(`${server.url}v2/app/blobs/${leaving}`)).location;
  // Within a third of recheck_s, nobody is sent there for what is about to be deleted.
  while ((await locationOf())!.startsWith(url)) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assertEquals(await locationOf(), `https://registry.example/v2/app/blobs/${leaving}`);
  server.process.kill("SIGTERM");
  await server.end();
  await mirror.shutdown();
});
