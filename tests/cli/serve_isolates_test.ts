import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createCertificate } from "../server/certificate.ts";
import { temporaryFile, temporaryFolder } from "./program.ts";
import { DIGEST, get, getAlone, serve, SHARED_PORT, startMirror } from "./served.ts";

// Checks would send requests, too.
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

Deno.test("serve has two isolates answer on one port, counts all, has both serve by a changed file, and ends well", async () => {
  await using mirror = startMirror();
  const config = `${CONFIG}mirrors: { one: { url: "${mirror.url}" } }
rules: [{ clients: ["*"], mirrors: [one] }]
`;
  using file = temporaryFile(config);
  await using server = await serve({ config: file.path, flags: SHARED_PORT });
  assertEquals(server.listening.workers, 2);
  // Each of them remembers what it has found: so each of them asks once, as soon as it serves.
  const asked = () => mirror.heads.filter((path) => path === `/${DIGEST}`).length;
  let count = 0;
  do {
    // Another client each time: one that asks again may have failed at the mirror.
    const client = `203.0.${count >> 8}.${count++ & 255}`;
    const answer = await getAlone(server, `v2/a/blobs/${DIGEST}`, client);
    assertEquals(locationOf(answer), `${mirror.url}/${DIGEST}`);
  } while (asked() < 2);
  const { body } = await get(`${server.admin}metrics`);
  assertStringIncludes(body, `\narcheio_requests_total{route="blob",code="307"} ${count}\n`);
  for (const name of ["new", "newer"]) {
    Deno.writeTextFileSync(file.path, config.replace("old", name));
    server.process.kill("SIGHUP");
    await server.told("configuration reloaded");
    const path = "v2/a/manifests/1.0";
    for (let asked = 0; asked < CONNECTIONS; asked++) {
      assertEquals(
        locationOf(await getAlone(server, path)),
        `https://${name}.example/${path}`,
      );
    }
  }
  const log = await server.stop();
  assertEquals(log.map(({ message }) => message), ["stopping"]);
});

Deno.test("serve serves with a certificate that was renewed, at SIGHUP, on every isolate, and keeps it when the next is bad", async () => {
  const [first, second] = [await createCertificate(), await createCertificate()];
  using folder = temporaryFolder({ "cert.pem": first.cert, "key.pem": first.key });
  const [cert, key] = [`${folder.path}/cert.pem`, `${folder.path}/key.pem`];
  using file = temporaryFile(`${CONFIG}listen: { tls: { cert: "${cert}", key: "${key}" } }\n`);
  await using server = await serve({ config: file.path, flags: SHARED_PORT });
  const serves = async (caCert: string) => {
    using client = Deno.createHttpClient({ caCerts: [caCert], poolMaxIdlePerHost: 0 });
    try {
      const response = await fetch(`${server.url}v2/`, { client });
      await response.body?.cancel();
      return response.status === 200;
    } catch {
      return false;
    }
  };
  // The other isolate may not serve yet; it begins with whatever is in use by then.
  assert(await serves(first.cert));
  Deno.writeTextFileSync(cert, second.cert);
  Deno.writeTextFileSync(key, second.key);
  server.process.kill("SIGHUP");
  await server.told("certificate renewed");
  const settled = async () => {
    for (let inARow = 0; inARow < 30;) inARow = await serves(second.cert) ? inARow + 1 : 0;
  };
  await settled();
  Deno.writeTextFileSync(key, first.key);
  server.process.kill("SIGHUP");
  await server.told("configuration reloaded");
  const { level } = await server.told("certificate not renewed: the old one stays");
  assertEquals(level, "ERROR");
  await settled();
  await server.stop();
});
