import { assertEquals, assertStringIncludes } from "@std/assert";
import { findInCertificate } from "../../lib/cli/find_in_certificate.ts";
import { configOf } from "../config/fixture.ts";
import { createCertificate } from "../server/certificate.ts";
import { type Outcome, runProgram, temporaryFile, temporaryFolder } from "./program.ts";
import { serve } from "./served.ts";

const CONFIG = `
upstreams: { main: { endpoint: https://registry.example } }
mirrors: { cdn: { url: https://blobs.example } }
rules: [{ clients: ["*"], mirrors: [cdn] }]
`;

async function check(
  replies: Readonly<Record<string, number | ((path: string) => Response)>>,
  ...args: readonly string[]
): Promise<Outcome> {
  using file = temporaryFile(CONFIG);
  const send: typeof fetch = (input) => {
    const { host, pathname } = new URL(String(input));
    const reply = replies[host] ?? 404;
    return Promise.resolve(
      typeof reply === "number" ? new Response(null, { status: reply }) : reply(pathname),
    );
  };
  return await runProgram(["check", "--config", file.path, ...args], { fetch: send });
}

Deno.test("check prints a table, and ends with 0 when all is well", async () => {
  assertEquals(await check({ "registry.example": 200 }), {
    status: 0,
    out: `upstreams.main  good     serves anybody without a token
mirrors.cdn     good     answers 404 for a blob that nobody has
`,
    err: "",
  });
});

Deno.test("check says below a row what to write, and ends with 1 when a pull would suffer", async () => {
  assertEquals(await check({ "registry.example": 401, "blobs.example": 503 }), {
    status: 1,
    out:
      `upstreams.main  bad      wants a token, and docker, podman, skopeo and most others get none behind a redirect
                         → write pull: relay in upstreams.main
mirrors.cdn     warning  asks for fewer requests (503)
`,
    err: "",
  });
});

Deno.test("check ends with 0 when nothing but warnings is found", async () => {
  assertEquals((await check({ "registry.example": 200, "blobs.example": 503 })).status, 0);
});

Deno.test("check prints what docs/relaying.md says that it prints", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/relaying.md", import.meta.url));
  const [, expected] = /^\$ archeio check .*\n([^`]*)```$/m.exec(page)!;
  const moved = (path: string) =>
    new Response(null, {
      status: 301,
      headers: { location: `https://blobs.example/images${path}` },
    });
  const { out } = await check({ "registry.example": 401, "blobs.example": moved });
  assertEquals(out, expected);
});

Deno.test("check prints JSON", async () => {
  const { status, out } = await check({ "registry.example": 200, "blobs.example": 200 }, "--json");
  assertEquals(status, 1);
  assertEquals(JSON.parse(out), {
    findings: [
      { part: "upstreams.main", verdict: "good", found: "serves anybody without a token" },
      {
        part: "mirrors.cdn",
        verdict: "bad",
        found: "answers 200 for a blob that nobody has, so it counts as down",
        advice: "mend url in mirrors.cdn, or let it answer 404 to what it does not have",
      },
    ],
  });
});

Deno.test("check refuses what is no repository name, and a configuration with mistakes", async () => {
  const wrong = await check({}, "app:1.0");
  assertEquals(wrong.status, 2);
  assertStringIncludes(wrong.err, 'Cannot check "app:1.0": it is no repository name');
  using file = temporaryFile("upstreams: {}");
  assertEquals((await runProgram(["check", "--config", file.path])).status, 2);
});

Deno.test("check says whether the certificate is one, and until when", async () => {
  const own = await createCertificate();
  const other = await createCertificate();
  const table = [
    { ...own, now: "2030-01-01", expected: "good: is valid until 2049-12-31" },
    { ...own, now: "2049-12-20", expected: "warning: expires on 2049-12-31" },
    { ...own, now: "2050-01-02", expected: "bad: expired on 2049-12-31" },
    {
      cert: own.cert,
      key: other.key,
      now: "2030-01-01",
      expected: "bad: has a key that is not that of its certificate",
    },
  ];
  for (const { cert, key, now, expected } of table) {
    using folder = temporaryFolder({ "cert.pem": cert, "key.pem": key });
    const [finding, ...more] = await findInCertificate(configIn(folder.path), Date.parse(now));
    assertEquals(more, []);
    assertEquals(`${finding!.verdict}: ${finding!.found}`, expected);
  }
  using folder = temporaryFolder({ "cert.pem": "none", "key.pem": "none" });
  const [finding] = await findInCertificate(configIn(folder.path), 0);
  assertEquals(finding!.verdict, "bad");
  assertStringIncludes(finding!.found, "cannot be read: ");
});

function configIn(folder: string) {
  return configOf(`${CONFIG}
listen: { tls: { cert: ${folder}/cert.pem, key: ${folder}/key.pem } }`);
}

Deno.test("serve warns, once it listens, of what check would find, and serves all the same", async () => {
  const headers = { "www-authenticate": 'Bearer realm="http://127.0.0.1/token"' };
  await using upstream = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response(null, { status: 401, headers }),
  );
  using file = temporaryFile(
    `upstreams: { main: { endpoint: "http://127.0.0.1:${upstream.addr.port}" } }`,
  );
  await using server = await serve({ config: file.path });
  const { level, part, hint } = await server.told(
    "upstreams.main wants a token, and docker, podman, skopeo and most others get none behind a " +
      "redirect",
  );
  assertEquals({ level, part, hint }, {
    level: "WARN",
    part: "upstreams.main",
    hint: "write pull: relay in upstreams.main",
  });
  await server.stop();
});
