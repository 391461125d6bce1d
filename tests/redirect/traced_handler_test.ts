import { assertEquals } from "@std/assert";
import {
  BLOB,
  CDN,
  CLIENTS,
  CONFIG,
  type ConfigFile,
  createWorld,
  DIGEST,
  INFO_PAGE,
  MAIN,
  PARIS,
  type World,
} from "./fixture.ts";

const ID = "0af7651916cd43dd8448eb211c80319c";
const MADE = "80000000".repeat(4);
const client = CLIENTS.elsewhere;
const AT = { "x-cloud-trace-context": `${ID}/1;o=1` };

function traced(trace: ConfigFile, more: ConfigFile = {}): ConfigFile {
  return { ...CONFIG, ...more, trace };
}

async function locationOf(world: World, path: string, headers = {}, method = "GET") {
  const response = await world.answer(path, { client, headers, method });
  assertEquals(response.status, 307);
  return response.headers.get("location");
}

Deno.test("every answer has the id of its request, and no other's", async () => {
  const world = await createWorld(traced({ request_id: true }), { [CDN + DIGEST]: 200 });
  for (const path of [BLOB, "/v2/a/manifests/1", "/", "/v2/", "/v2/_catalog", "/else"]) {
    for (const method of ["GET", "HEAD", "PUT"]) {
      // Once more, for answers that are kept.
      for (const id of [ID, ID.replaceAll("0", "1"), undefined]) {
        const headers: Record<string, string> = id === undefined
          ? {}
          : { traceparent: `00-${id}-b7ad6b7169203331-01` };
        const response = await world.answer(path, { client, headers, method });
        assertEquals(response.headers.get("x-request-id"), id ?? MADE, `${method} ${path}`);
      }
    }
  }
  // What is redirected stays what it was.
  assertEquals(await locationOf(world, BLOB), CDN + DIGEST);
  assertEquals(await locationOf(world, "/"), INFO_PAGE);
});

Deno.test("an answer with an id is for no cache", async () => {
  const config = traced({ request_id: true }, { rules: [{ clients: ["*"], mirrors: ["cdn"] }] });
  const world = await createWorld(config, { [CDN + DIGEST]: 200 });
  for (const path of [BLOB, "/v2/a/manifests/1"]) {
    const { headers } = await world.answer(path, { client });
    assertEquals(headers.get("cache-control"), "private, no-store");
  }
});

Deno.test("redirects of pulls have the id in their query, and probes do not", async () => {
  const world = await createWorld(traced({ redirect_parameter: "rid" }), { [CDN + DIGEST]: 200 });
  const table = [
    { asked: BLOB, expected: `${CDN}${DIGEST}?rid=${ID}` },
    { asked: "/v2/a/manifests/1", expected: `${MAIN}a/manifests/1?rid=${ID}` },
    { asked: "/v2/a/tags/list?n=5", expected: `${MAIN}a/tags/list?n=5&rid=${ID}` },
    { asked: "/v2/a/tags/list?rid=mine", expected: `${MAIN}a/tags/list?rid=mine&rid=${ID}` },
    { asked: "/", expected: INFO_PAGE },
  ];
  for (const { asked, expected } of table) {
    assertEquals(await locationOf(world, asked, AT), expected);
    assertEquals((await world.answer(asked, { client })).headers.has("x-request-id"), false);
  }
  assertEquals(await locationOf(world, BLOB), `${CDN}${DIGEST}?rid=${MADE}`);
  assertEquals(world.asked, [CDN + DIGEST]);
  for (const look of world.looks) assertEquals(look, CDN + DIGEST);
});

Deno.test("a session alone adds the id of its token, and none without it", async () => {
  const world = await createWorld(traced({ session: true, redirect_parameter: "id" }));
  const authorization = `Bearer ${MADE.replaceAll("8", "7")}`;
  assertEquals(
    await locationOf(world, "/v2/a/manifests/1", { authorization, ...AT }),
    `${MAIN}a/manifests/1?id=${MADE.replaceAll("8", "7")}`,
  );
  const alone = await createWorld(traced({ session: true }, { log: { pulls: true } }));
  await locationOf(alone, "/v2/a/manifests/1", { authorization });
  await locationOf(alone, "/v2/a/manifests/1", AT);
  assertEquals(alone.pulls().map(({ request_id }) => request_id), [
    MADE.replaceAll("8", "7"),
    undefined,
  ]);
});

Deno.test("/v2/ challenges who has no token, at our own address, and nobody else", async () => {
  const { redirector } = await createWorld(traced({ session: true }));
  const table: { url: string; headers?: Record<string, string>; realm?: string }[] = [
    { url: "http://registry.example/v2/", realm: "http://registry.example/token" },
    { url: "https://registry.example:8443/v2", realm: "https://registry.example:8443/token" },
    { url: "http://[::1]:8080/v2/?a=b", realm: "http://[::1]:8080/token" },
    {
      url: "http://registry.example/v2/",
      headers: { "x-forwarded-proto": "https" },
      realm: "https://registry.example/token",
    },
    {
      url: "https://registry.example/v2/",
      headers: { "x-forwarded-proto": "ftp://evil.example" },
      realm: "https://registry.example/token",
    },
    { url: "http://registry.example/v2/", headers: { authorization: `Bearer ${ID}` } },
    { url: "http://registry.example/v2/", headers: { authorization: "Basic eDp5" } },
    { url: "http://registry.example/v2/", headers: { authorization: "anything" } },
    // Hosts that no URL has as they are.
    { url: 'http://a"b/v2/' },
    { url: "http://user@registry.example/v2/" },
    { url: "http://a%20b/v2/" },
    { url: "http://a\\b/v2/" },
    { url: "http:///v2/" },
  ];
  for (const { url, headers = {}, realm } of table) {
    for (const method of ["GET", "HEAD"]) {
      // `Deno.serve` does not normalise the URL.
      const request = { method, url, headers: new Headers(headers) } as Request;
      const response = await redirector.fetch(request, {});
      assertEquals(response.status, realm === undefined ? 200 : 401, url);
      assertEquals(response.headers.get("docker-distribution-api-version"), "registry/2.0");
      const service = /^\w+:\/\/(.*)\/token$/.exec(realm ?? "")?.[1];
      assertEquals(
        response.headers.get("www-authenticate"),
        realm === undefined ? null : `Bearer realm="${realm}",service="${service}"`,
      );
      if (realm === undefined) continue;
      assertEquals(response.headers.get("cache-control"), "no-store");
      const body = await response.text();
      if (method === "GET") assertEquals(JSON.parse(body).errors[0].code, "UNAUTHORIZED");
      else assertEquals(body, "");
    }
  }
});

Deno.test("/token gives an id as a token to whoever asks, and passes over what is sent", async () => {
  const world = await createWorld(traced({ session: true, request_id: true }));
  const table: { method: string; headers?: Record<string, string>; expected?: string }[] = [
    { method: "GET" },
    { method: "HEAD" },
    { method: "POST" },
    { method: "GET", headers: { ...AT, authorization: "Basic eDp5" }, expected: ID },
    { method: "POST", headers: AT, expected: ID },
  ];
  for (const { method, headers = {}, expected = MADE } of table) {
    const path = "/token?service=registry.example&scope=repository:a:pull&account=x";
    const response = await world.answer(path, { method, headers });
    assertEquals(response.status, 200);
    assertEquals(response.headers.get("content-type"), "application/json");
    assertEquals(response.headers.get("cache-control"), "no-store");
    assertEquals(response.headers.get("x-request-id"), expected);
    const text = await response.text();
    if (method === "HEAD") {
      assertEquals(text, "");
      continue;
    }
    const { issued_at, ...token } = JSON.parse(text);
    assertEquals(token, { token: expected, access_token: expected, expires_in: 3600 });
    assertEquals(Date.parse(issued_at), world.clock.now());
  }
  assertEquals((await world.answer("/token", { method: "PUT" })).status, 405);
  assertEquals((await world.answer("/token/x")).status, 404);
  assertEquals(world.totals().requests("token", 200), table.length);
});

Deno.test("without sessions /token is nothing, and /v2/ never a challenge", async () => {
  for (const trace of [{}, { request_id: true }, { redirect_parameter: "rid" }]) {
    const world = await createWorld(traced(trace));
    assertEquals((await world.answer("/token")).status, 404);
    assertEquals((await world.answer("/token", { method: "POST" })).status, 405);
    assertEquals((await world.answer("/v2/")).status, 200);
  }
});

Deno.test("any token is served, and none", async () => {
  const world = await createWorld(traced({ session: true }));
  for (const authorization of [undefined, "Bearer x", `Bearer ${ID}`, "Basic eDp5"]) {
    const headers = authorization === undefined ? {} : { authorization };
    assertEquals(await locationOf(world, "/v2/a/manifests/1", headers), `${MAIN}a/manifests/1`);
  }
});

Deno.test("the pull line has the id, why the client went where it did, and its network", async () => {
  const config = traced(
    { request_id: true, client_asn_header: "x-client-asn" },
    { log: { pulls: true } },
  );
  const world = await createWorld(config, { [CDN + DIGEST]: 200, [PARIS + DIGEST]: 200 });
  const pull = async (path: string, headers: Record<string, string>, from: string = client) => {
    await world.answer(path, { client: from, headers });
    const [line] = world.pulls();
    const { request_id, client_asn, reason, mirror, upstream } = line!;
    return { request_id, client_asn, reason, to: mirror ?? upstream };
  };
  assertEquals(await pull(BLOB, { ...AT, "x-client-asn": "AS64496" }), {
    request_id: ID,
    client_asn: "AS64496",
    reason: "found",
    to: "cdn",
  });
  assertEquals(await pull("/v2/a/manifests/1", { "x-client-asn": "64496" }), {
    request_id: MADE,
    client_asn: "64496",
    reason: "registry",
    to: "main",
  });
  world.board.takeDown(0);
  assertEquals((await pull(BLOB, {}, CLIENTS.paris)).reason, "fallback");
  // A header that a client may have sent, or an address, is not passed on.
  for (const asn of ['"}', "192.0.2.1", "AS12345678901", ""]) {
    assertEquals((await pull(BLOB, { "x-client-asn": asn })).client_asn, null, asn);
  }
});

Deno.test("what is not traced is answered from what is kept, as if there were no traces", async () => {
  const world = await createWorld({ ...CONFIG, trace: { client_asn_header: "x-asn" } });
  const answers = [1, 2, 3].map(() => world.handle("/v2/a/manifests/1"));
  assertEquals(answers[1] === answers[2], true);
  const { headers } = await answers[0]!;
  assertEquals([...headers.keys()], ["location"]);
});
