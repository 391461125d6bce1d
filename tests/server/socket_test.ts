import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createRedirector } from "../../lib/redirect/redirector.ts";
import { createProgramMemory } from "../../lib/server/memory.ts";
import {
  CONFIG,
  type ConfigFile,
  createSetup,
  DATA_SET,
  DIGEST,
  INFO_PAGE,
  MAIN,
  OTHER_DIGEST,
  SIGNATURES,
  SIGNED_CONFIG,
} from "../redirect/fixture.ts";
import { BEGUN } from "../redirect/fixture.ts";
import { SILENT_LOG } from "../redirect/silent_log.ts";

/** The handler behind `Deno.serve`, to be asked by bytes. */
interface Server extends AsyncDisposable {
  /** Sends bytes, or text in UTF-8, and gives what comes back until the connection closes. */
  readonly send: (request: string | Uint8Array) => Promise<Answer>;
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

function startServer(config: ConfigFile): Server {
  const stop = new AbortController();
  const timers = new Set<ReturnType<typeof setTimeout>>();
  const { fetch: answer } = createRedirector(createSetup(config), {
    dataSet: DATA_SET,
    memory: createProgramMemory(1).of(0),
    pulls: { write() {}, flush() {} },
    log: SILENT_LOG,
    fetch,
    fetchAnew: fetch,
    now: () => BEGUN,
    timeOfDay: () => BEGUN,
    later(ms, work) {
      const timer = setTimeout(work, ms);
      timers.add(timer);
      return () => clearTimeout(timer);
    },
    random: () => 0,
    stop: stop.signal,
  });
  const failures: unknown[] = [];
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen() {},
    onError(error) {
      failures.push(error);
      return new Response(null, { status: 500 });
    },
  }, answer);
  return {
    async send(request) {
      using connection = await Deno.connect({ port: server.addr.port });
      const bytes = typeof request === "string" ? new TextEncoder().encode(request) : request;
      for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
      const answer = parseAnswer(await readAll(connection));
      assertEquals(failures, []);
      return answer;
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await server.shutdown();
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

async function readAll(connection: Deno.Conn): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(4096);
  let text = "";
  for (;;) {
    const count = await connection.read(buffer);
    if (count === null) return text + decoder.decode();
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
}

function parseAnswer(text: string): Answer {
  const end = text.indexOf("\r\n\r\n");
  const [line, ...lines] = text.slice(0, end).split("\r\n");
  const headers = new Headers();
  for (const line of lines) {
    const colon = line.indexOf(":");
    headers.append(line.slice(0, colon), line.slice(colon + 1));
  }
  return { status: Number(line!.split(" ")[1]), headers, body: text.slice(end + 4) };
}

/** The text of a request whose connection is closed after its answer. */
function request(line: string, ...headers: string[]): string {
  return [`${line} HTTP/1.1`, "Connection: close", ...headers, "", ""].join("\r\n");
}

const HOST = "Host: registry.example";
const CLIENT = "X-Forwarded-For: 203.0.113.9, 10.0.0.1";

/** A mirror on this machine that has one blob, and counts who asks. */
function startMirror(answer: (request: Request) => Response | Promise<Response>) {
  const asked: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    asked.push(`${request.method} ${new URL(request.url).pathname}`);
    return answer(request);
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    asked,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

Deno.test("over a socket, nothing leads out of the upstream's repositories", async () => {
  await using server = startServer(SIGNED_CONFIG);
  const refused: readonly { target: string; status: number }[] = [
    { target: "/v2/../../other/manifests/latest", status: 400 },
    { target: "/v2/a/../../other/tags/list", status: 400 },
    { target: "/v2/..%2f..%2fother/tags/list", status: 400 },
    { target: "/v2/%2e%2e/other/tags/list", status: 400 },
    { target: "/v2/a/./tags/list", status: 400 },
    { target: "/v2//evil.example/a/tags/list", status: 400 },
    { target: "/v2/a//tags/list", status: 400 },
    { target: "/v2/a/manifests/..", status: 400 },
    { target: "/v2/a/manifests/%2e%2e", status: 400 },
    { target: "/v2/a/manifests/b%0d%0aLocation:%20https:%2f%2fevil.example", status: 400 },
    { target: "/v2/a/manifests/b%00", status: 400 },
    { target: "/v2/a@evil.example/tags/list", status: 400 },
    { target: `/v2/a/blobs/${DIGEST}%0a`, status: 400 },
    { target: `/v2/a/blobs/${DIGEST}/../../x`, status: 404 },
    { target: "/..", status: 404 },
    { target: "/../v2/", status: 404 },
    { target: "//", status: 404 },
    { target: "//evil.example/v2/a/tags/list", status: 404 },
    { target: "/v2/.", status: 404 },
    { target: "/privacy/..", status: 404 },
    { target: "/%70rivacy/x", status: 404 },
  ];
  for (const { target, status } of refused) {
    const answer = await server.send(request(`GET ${target}`, HOST, CLIENT));
    assertEquals(answer.status, status, target);
    assertEquals(answer.headers.get("location"), null, target);
  }
});

Deno.test("over a socket, the request target is read as it was sent", async () => {
  await using server = startServer(SIGNED_CONFIG);
  const cases: readonly { target: string; location: string }[] = [
    { target: "/", location: INFO_PAGE },
    { target: "/v2/a/manifests/b", location: `${MAIN}a/manifests/b` },
    { target: "/v2/a/manifests/b?c=d/../e", location: `${MAIN}a/manifests/b?c=d/../e` },
    { target: "/v2/a/tags/list?n=1%0d%0aX:1&last=b", location: `${MAIN}a/tags/list?last=b` },
    { target: "http://evil.example/v2/a/manifests/b", location: `${MAIN}a/manifests/b` },
    { target: "https://evil.example:1/v2/a/tags/list", location: `${MAIN}a/tags/list` },
    { target: "HTTP://u:p@[::1]:80/v2/a/tags/list?n=1", location: `${MAIN}a/tags/list?n=1` },
    { target: "http://evil.example", location: INFO_PAGE },
    {
      target: `/v2/a/referrers/sha256%3a${"0".repeat(64)}`,
      location: `${SIGNATURES}a/referrers/sha256:${"0".repeat(64)}`,
    },
  ];
  for (const { target, location } of cases) {
    const answer = await server.send(request(`GET ${target}`, HOST, CLIENT));
    assertEquals(answer.status, 307, target);
    assertEquals(answer.headers.get("location"), location, target);
  }
});

Deno.test("over a socket, no Host header changes where a client is sent", async () => {
  await using server = startServer(CONFIG);
  const target = "GET /v2/a/manifests/b";
  const hosts = [
    [],
    ["Host:"],
    ["Host: evil.example"],
    ["Host: evil.example:99999"],
    ["Host: u:p@evil.example"],
    ["Host: a b c"],
    ["Host: [::1]:80"],
    ["Host: ..%2f..%2f"],
    ["Host: \\evil\\example"],
    ["Host: #"],
  ];
  for (const headers of hosts) {
    const answer = await server.send(request(target, ...headers));
    assertEquals(answer.status, 307, headers.join());
    assertEquals(answer.headers.get("location"), `${MAIN}a/manifests/b`, headers.join());
  }
  const old = await server.send("GET /v2/a/manifests/b HTTP/1.0\r\n\r\n");
  assertEquals(old.headers.get("location"), `${MAIN}a/manifests/b`);
});

Deno.test("over a socket, even a Host header that is none leads to the upstream alone", async () => {
  await using server = startServer(CONFIG);
  for (const host of ["a/v2/x/manifests/y?", "a?b", "a/../..", "/", "?", "a/v2/../z/tags/list?"]) {
    const { status, headers } = await server.send(
      request("GET /v2/a/manifests/b", `Host: ${host}`),
    );
    const location = headers.get("location");
    assert([307, 400, 404].includes(status), host);
    if (status === 307) assert([MAIN, INFO_PAGE].some((base) => location!.startsWith(base)), host);
    assert(!location?.includes(".."), host);
  }
});

Deno.test("over a socket, several header lines count as one list", async () => {
  await using mirror = startMirror(() => new Response("a blob"));
  await using server = startServer({
    ...CONFIG,
    mirrors: { paris: { url: mirror.url } },
    rules: [
      { clients: ["aws/eu-west-3"], mirrors: ["paris"] },
    ],
  });
  const paris = `${mirror.url}/${DIGEST}`;
  const upstream = `${MAIN}a/blobs/${DIGEST}`;
  const cases: readonly { headers: string[]; location: string | null }[] = [
    { headers: ["X-Forwarded-For: 35.180.1.1", "X-Forwarded-For: 10.0.0.1"], location: paris },
    {
      headers: ["x-forwarded-for: 203.0.113.9", "X-FORWARDED-FOR: 35.180.1.1,10.0.0.1"],
      location: paris,
    },
    {
      headers: ["X-Forwarded-For: 35.180.1.1, 203.0.113.9", "X-Forwarded-For: 10.0.0.1"],
      location: upstream,
    },
    {
      headers: ["X-Forwarded-For: 35.180.1.1", "Cookie: a", "X-Forwarded-For:\t10.0.0.1"],
      location: paris,
    },
    { headers: ["X-Forwarded-For:35.180.1.1", "X-Forwarded-For:"], location: paris },
    { headers: ["X-Forwarded-For: 35.180.1.1, 10.0.0.1", "X-Forwarded-For: "], location: upstream },
    { headers: ["X-Forwarded-For: 35.180.1.1"], location: null },
    { headers: ["X-Forwarded-For:"], location: null },
    // Without the header it is the peer's address, 127.0.0.1.
    { headers: [], location: upstream },
  ];
  for (const { headers, location } of cases) {
    const answer = await server.send(request(`GET /v2/a/blobs/${DIGEST}`, HOST, ...headers));
    assertEquals(answer.headers.get("location"), location, headers.join());
    assertEquals(answer.status, location === null ? 400 : 307, headers.join());
  }
});

Deno.test("over a socket, a header of bytes that are no text is refused like any other", async () => {
  await using server = startServer(CONFIG);
  const text = request(`GET /v2/a/blobs/${DIGEST}`, HOST, "X-Forwarded-For: ~~, 10.0.0.1");
  const bytes = new TextEncoder().encode(text).map((byte) => byte === 126 ? 0xff : byte);
  const { status, body } = await server.send(bytes);
  assertEquals(status, 400);
  assertStringIncludes(body, "CLIENT_ADDRESS_INVALID");
});

Deno.test("over a socket, HEAD gets GET's headers and no body", async () => {
  await using server = startServer({ ...CONFIG, pages: {} });
  const targets = [
    "/",
    "/v2/",
    "/v2/_catalog",
    "/v2/A/tags/list",
    "/v2/a/manifests/b",
    "/v2/a/manifests/-b",
    `/v2/a/blobs/${OTHER_DIGEST}`,
    "/v2/a/blobs/c",
    "/nothing",
  ];
  for (const target of targets) {
    for (const forwarded of ["X-Forwarded-For: 34.155.1.1, 10.0.0.1", "X-Forwarded-For: none"]) {
      const got = await server.send(request(`GET ${target}`, HOST, forwarded));
      const head = await server.send(request(`HEAD ${target}`, HOST, forwarded));
      assertEquals(head.status, got.status, target);
      assertEquals(head.body, "", target);
      assertEquals(Number(got.headers.get("content-length")), got.body.length, target);
      for (const { headers } of [got, head]) {
        headers.delete("date");
        // Of this the platform takes care, in some versions for GET alone.
        if (headers.get("content-length") === "0") headers.delete("content-length");
      }
      assertEquals([...head.headers], [...got.headers], target);
    }
  }
});

Deno.test("over a socket, HEAD and GET of an error have the same headers, whatever is accepted", async () => {
  await using server = await startServer(CONFIG);
  const targets = ["/v2/A/tags/list", "/v2/_catalog", "/nope", `/v2/a/blobs/${DIGEST}`];
  const accepted = [
    ...["gzip", "gzip, deflate, br", "br;q=1.0, gzip;q=0.5, *;q=0", "zstd", "identity;q=0", "*"],
    "",
  ];
  for (const target of targets) {
    for (const encodings of accepted) {
      const headers = [HOST, "X-Forwarded-For: none", `Accept-Encoding: ${encodings}`];
      const got = await server.send(request(`GET ${target}`, ...headers));
      const head = await server.send(request(`HEAD ${target}`, ...headers));
      for (const { headers } of [got, head]) headers.delete("date");
      assert(got.status >= 400, target);
      assertEquals(head.status, got.status);
      assertEquals([...head.headers], [...got.headers], `${target} ${encodings}`);
      assertEquals(Number(got.headers.get("content-length")), got.body.length);
      assertEquals(got.headers.get("content-encoding"), null);
      assertEquals(head.body, "");
    }
  }
});

Deno.test("over a socket, a GET that says it has no content is answered", async () => {
  await using server = await startServer(CONFIG);
  const target = "GET /v2/a/manifests/b HTTP/1.1";
  const cases = [
    ["Connection: close", "Content-Length: 0"],
    ["Connection: Upgrade, HTTP2-Settings, close", "HTTP2-Settings: AAEAAEAA", "Upgrade: h2c"],
    ["Connection: close", "Content-Length: 0", "Upgrade: h2c"],
  ];
  for (const headers of cases) {
    const answer = await server.send([target, HOST, ...headers, "", ""].join("\r\n"));
    assertEquals(answer.status, 307, headers.join());
    assertEquals(answer.headers.get("location"), `${MAIN}a/manifests/b`, headers.join());
  }
});

Deno.test("over a socket, Java's offer of HTTP/2 leads nowhere else than the request without it", async () => {
  await using server = await startServer(CONFIG);
  // As the `HttpClient` of JDK 11 to 18 writes it when it is not asked for HTTP/1.1.
  const lines = [
    ...["GET /v2/a/manifests/b HTTP/1.1", HOST, "Connection: Upgrade, HTTP2-Settings, close"],
    ...["Content-Length: 0", "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA"],
    ...["Upgrade: h2c", "User-Agent: Java-http-client/17.0.9", "", ""],
  ];
  const { status, headers, body } = await server.send(lines.join("\r\n"));
  // Deno from 2.9.0 on refuses a Content-Length with an Upgrade in its own parser, before any
  // handler is called (https://github.com/denoland/deno/pull/34446).
  const refused = { status: 400, location: null, connection: "close", body: "" };
  const redirected = { ...refused, status: 307, location: `${MAIN}a/manifests/b` };
  const [location, connection] = [headers.get("location"), headers.get("connection")];
  const passedOn = status === 307;
  assertEquals({ status, location, connection, body }, passedOn ? redirected : refused);
  if (Number(Deno.version.deno.split(".")[1]) < 9) assert(passedOn);
});

Deno.test("over a socket, a method in any other case or of any other name gets 405", async () => {
  await using server = startServer(CONFIG);
  const methods = ["get", "Get", "head", "FOO", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "G"];
  for (const method of methods) {
    for (const target of ["/", "/v2/", "/v2/a/manifests/b", "/nothing"]) {
      const { status, headers, body } = await server.send(request(`${method} ${target}`, HOST));
      assertEquals(status, 405, method);
      assertEquals(headers.get("allow"), "GET, HEAD", method);
      assertEquals(headers.get("content-type"), "application/json", method);
      assertEquals(JSON.parse(body).errors[0].code, "UNSUPPORTED", method);
    }
  }
  const star = await server.send(request("OPTIONS *", HOST));
  assertEquals(star.status, 405);
});

Deno.test("over a socket, a request with a body is answered, and the next one, too", async () => {
  await using server = startServer(CONFIG);
  const upload = `POST /v2/a/blobs/uploads/ HTTP/1.1\r\n${HOST}\r\nContent-Length: 5\r\n\r\nhello`;
  const { status, body } = await server.send(upload + request("GET /v2/a/manifests/b", HOST));
  assertEquals(status, 405);
  assertStringIncludes(body, `\r\nlocation: ${MAIN}a/manifests/b\r\n`);
});

Deno.test("over a socket, what an error tells of is JSON text, whatever was sent", async () => {
  await using server = startServer(CONFIG);
  const name = `%22%3c%00%7f%c3%a9${"x".repeat(1000)}`;
  const { status, body } = await server.send(request(`GET /v2/${name}/tags/list`, HOST));
  assertEquals(status, 400);
  const { errors: [{ detail }] } = JSON.parse(body);
  assertEquals(detail, `"<\0\x7f\u00e9${"x".repeat(251)}`);
  assertMatch(body, /^[ -~\x7f\u00e9]+$/);
});

Deno.test("over a socket, a mirror is asked once by HEAD, however many ask for a blob", async () => {
  await using mirror = startMirror((request) =>
    request.url.endsWith(DIGEST) ? new Response("a blob") : new Response(null, { status: 404 })
  );
  await using server = startServer({
    ...CONFIG,
    mirrors: { cdn: { url: `${mirror.url}/blobs` } },
    rules: [{ clients: ["*"], mirrors: ["cdn"] }],
  });
  for (const digest of [DIGEST, OTHER_DIGEST]) {
    const location = digest === DIGEST
      ? `${mirror.url}/blobs/${DIGEST}`
      : `${MAIN}a/blobs/${digest}`;
    for (let round = 0; round < 3; round++) {
      // Each of another address: one that asks again may have failed at the mirror.
      const answers = await Promise.all(
        ["GET", "HEAD", "GET", "GET", "HEAD"].map((method, at) =>
          server.send(request(
            `${method} /v2/a/blobs/${digest}`,
            HOST,
            `X-Forwarded-For: 203.0.113.${10 * round + at}, 10.0.0.1`,
          ))
        ),
      );
      for (const { status, headers } of answers) {
        assertEquals(status, 307);
        assertEquals(headers.get("location"), location);
      }
    }
  }
  assertEquals(mirror.asked, [`HEAD /blobs/${DIGEST}`, `HEAD /blobs/${OTHER_DIGEST}`]);
});

Deno.test("over a socket, a redirect of a mirror is not followed and counts as missing", async () => {
  await using mirror = startMirror(({ url }) =>
    Response.redirect(url.replace("/blobs/", "/elsewhere/"), 302)
  );
  await using server = startServer({
    ...CONFIG,
    mirrors: { cdn: { url: `${mirror.url}/blobs` } },
    rules: [{ clients: ["*"], mirrors: ["cdn"] }],
  });
  const { headers } = await server.send(request(`GET /v2/a/blobs/${DIGEST}`, HOST, CLIENT));
  assertEquals(headers.get("location"), `${MAIN}a/blobs/${DIGEST}`);
  assertEquals(mirror.asked, [`HEAD /blobs/${DIGEST}`]);
});

Deno.test("over a socket, a redirect of the upstream says that it has the blob", async () => {
  await using upstream = startMirror(({ url }) =>
    url.endsWith(DIGEST)
      ? Response.redirect(url.replace("/v2/", "/storage/"), 302)
      : new Response(null, { status: 404 })
  );
  await using server = startServer({
    upstreams: { main: { endpoint: upstream.url }, signatures: { endpoint: "https://s.example" } },
    signature_upstream: "signatures",
  });
  const cases = [
    { digest: DIGEST, location: `${upstream.url}/v2/a/blobs/${DIGEST}` },
    { digest: OTHER_DIGEST, location: `https://s.example/v2/a/blobs/${OTHER_DIGEST}` },
  ];
  for (const { digest, location } of cases) {
    const { headers } = await server.send(request(`GET /v2/a/blobs/${digest}`, HOST, CLIENT));
    assertEquals(headers.get("location"), location);
  }
  assertEquals(upstream.asked, cases.map(({ digest }) => `HEAD /v2/a/blobs/${digest}`));
});

Deno.test("over a socket, a mirror that does not answer fails no pull", async () => {
  const { promise: never, resolve } = Promise.withResolvers<Response>();
  await using mirror = startMirror(() => never);
  const closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = closed.addr;
  closed.close();
  await using server = startServer({
    ...CONFIG,
    mirrors: { gone: { url: `http://127.0.0.1:${port}` }, hanging: { url: mirror.url } },
    rules: [{ clients: ["*"], mirrors: ["gone", "hanging"] }],
    probe: { timeout_ms: 50 },
  });
  const { headers } = await server.send(request(`GET /v2/a/blobs/${DIGEST}`, HOST, CLIENT));
  assertEquals(headers.get("location"), `${MAIN}a/blobs/${DIGEST}`);
  assertEquals(mirror.asked, [`HEAD /${DIGEST}`]);
  resolve(new Response());
});
