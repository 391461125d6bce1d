/**
 * The compiled program: a pull through it with curl, from a registry and from blob
 * stores on loopback; its end; what it says when it is used wrongly.
 *
 * The program is `dist/archeio`, which `deno task compile` makes, or what the variable
 * `ARCHEIO_PROGRAM` names; when it is not there, its tests are left out.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";

const PROGRAM = Deno.env.get("ARCHEIO_PROGRAM") ??
  new URL("../../dist/archeio", import.meta.url).pathname;
const REPOSITORIES = "project/images";

// Without the program there is nothing to test: `deno test` in a fresh checkout passes.
const ignore = !isFile(PROGRAM);

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

interface Result {
  readonly code: number;
  readonly out: Uint8Array;
  readonly err: string;
}

async function runCommand(command: string, args: readonly string[], stdin = ""): Promise<Result> {
  const process = new Deno.Command(command, {
    args: [...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = process.stdin.getWriter();
  // A program that ends before it has read everything is one of those under test.
  const written = writer.write(new TextEncoder().encode(stdin)).then(() => writer.close());
  const [{ code, stdout, stderr }] = await Promise.all([process.output(), written.catch(() => {})]);
  return { code, out: stdout, err: new TextDecoder().decode(stderr) };
}

function textOf({ out }: Result): string {
  return new TextDecoder().decode(out);
}

async function digestOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return `sha256:${hash.reduce((hex, byte) => hex + byte.toString(16).padStart(2, "0"), "")}`;
}

interface Store extends AsyncDisposable {
  readonly url: string;
  /** What it was asked, such as `GET sha256:…`. */
  readonly asked: string[];
}

// A server with answers by path. A blob store's paths are digests.
function startStore(answers: ReadonlyMap<string, Uint8Array<ArrayBuffer>>, base: string): Store {
  const asked: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const path = new URL(request.url).pathname.slice(base.length);
    // Checks come when they come.
    const isCheck = request.headers.has("range") || !answers.has(path);
    if (!isCheck) asked.push(`${request.method} ${path}`);
    const body = answers.get(path);
    if (body === undefined) return new Response(null, { status: 404 });
    return new Response(request.method === "HEAD" ? null : body, {
      headers: { "content-length": String(body.length) },
    });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    asked,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

interface Archeio extends AsyncDisposable {
  readonly process: Deno.ChildProcess;
  readonly url: string;
}

async function startArcheio(config: string): Promise<Archeio> {
  const file = await Deno.makeTempFile({ prefix: "archeio-", suffix: ".yaml" });
  await Deno.writeTextFile(file, config);
  const process = new Deno.Command(PROGRAM, {
    args: ["serve", "--config", file],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const reader = process.stderr.pipeThrough(new TextDecoderStream()).getReader();
  const { value } = await reader.read();
  const url = JSON.parse(value!.split("\n")[0]!).url.slice(0, -1);
  // The rest is read so that the program can go on writing.
  const drained = (async () => {
    while (!(await reader.read()).done);
  })();
  return {
    process,
    url,
    async [Symbol.asyncDispose]() {
      try {
        process.kill("SIGKILL");
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // it has ended already
      }
      await process.status;
      await drained;
      await Deno.remove(file);
    },
  };
}

const encoder = new TextEncoder();

// A copy, for the types of some Denos leave open what memory an encoder's bytes stand in.
function encode(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(encoder.encode(text));
}

/** An image of three blobs, of which the near store has two and the far one all. */
async function makeImage() {
  const blobs = ["configuration", "first layer", "second layer"].map((text) =>
    encode(text.repeat(1000))
  );
  const digests = await Promise.all(blobs.map(digestOf));
  const manifest = encode(JSON.stringify({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: digests[0] },
    layers: digests.slice(1).map((digest) => ({ digest })),
  }));
  const all = digests.map((digest, at) => [digest, blobs[at]!] as const);
  const registry = new Map([
    ["manifests/v1", manifest],
    [`manifests/${await digestOf(manifest)}`, manifest],
    ["tags/list", encode(JSON.stringify({ name: "app", tags: ["v1"] }))],
    ...all.map(([digest, blob]) => [`blobs/${digest}`, blob] as const),
  ]);
  return { digests, manifest, registry, near: new Map(all.slice(0, 2)), far: new Map(all) };
}

async function curl(url: string, client: string): Promise<Uint8Array<ArrayBuffer>> {
  const forwarded = `X-Forwarded-For: ${client}, 10.0.0.1`;
  const result = await runCommand("curl", ["-sSfL", "-H", forwarded, url]);
  assertEquals({ code: result.code, err: result.err }, { code: 0, err: "" }, url);
  return new Uint8Array(result.out);
}

Deno.test(
  "a pull with curl: each client's blobs come from where the rules say",
  { ignore },
  async (test) => {
    const { digests, manifest, registry, near, far } = await makeImage();
    await using upstream = startStore(registry, `/v2/${REPOSITORIES}/app/`);
    await using nearStore = startStore(near, "/near/");
    await using farStore = startStore(far, "/far/");
    await using archeio = await startArcheio(`
listen: { host: 127.0.0.1, port: 0 }
upstreams: { main: { endpoint: "${upstream.url}", path: ${REPOSITORIES} } }
mirrors: { near: { url: "${nearStore.url}/near" }, far: { url: "${farStore.url}/far" } }
rules:
  - { clients: [ "gcp/*" ] }
  - { clients: [ aws/eu-west-3 ], mirrors: [ near ] }
  - { clients: [ "*" ], mirrors: [ far ] }
`);
    const clients = [
      { name: "AWS", address: "35.180.1.1", from: ["near", "near", "upstream"] },
      { name: "GCP", address: "35.220.26.1", from: ["upstream", "upstream", "upstream"] },
      { name: "unknown", address: "192.0.2.1", from: ["far", "far", "far"] },
      { name: "unknown IPv6", address: "2001:db8::1", from: ["far", "far", "far"] },
    ];
    const stores = { upstream, near: nearStore, far: farStore };
    for (const { name, address, from } of clients) {
      await test.step(`a client of ${name}`, async () => {
        for (const reference of ["v1", await digestOf(manifest)]) {
          const pulled = await curl(`${archeio.url}/v2/app/manifests/${reference}`, address);
          assertEquals(pulled, manifest);
        }
        for (const [at, digest] of digests.entries()) {
          for (const store of Object.values(stores)) store.asked.length = 0;
          const blob = await curl(`${archeio.url}/v2/app/blobs/${digest}`, address);
          assertEquals(await digestOf(blob), digest);
          const served = Object.entries(stores)
            .filter(([, store]) => store.asked.some((asked) => asked.startsWith("GET ")))
            .map(([name]) => name);
          assertEquals(served, [from[at]!]);
        }
      });
    }
    await test.step("the second pull asks no store whether it has a blob", async () => {
      nearStore.asked.length = 0;
      // From another address, for one that asks twice may have failed, which is looked into.
      await curl(`${archeio.url}/v2/app/blobs/${digests[0]}`, "35.180.1.2");
      assertEquals(nearStore.asked, [`GET ${digests[0]}`]);
    });
    await test.step("a store that has gone costs no pull", async () => {
      await nearStore[Symbol.asyncDispose]();
      const unseen = await digestOf(encode("unseen"));
      registry.set(`blobs/${unseen}`, encode("unseen"));
      const blob = await curl(`${archeio.url}/v2/app/blobs/${unseen}`, "35.180.1.1");
      assertEquals(await digestOf(blob), unseen);
    });
  },
);

const TRIVIAL = `
listen: { host: 127.0.0.1, port: 0 }
upstreams: { main: { endpoint: "https://registry.example" } }
`;

Deno.test(
  "SIGTERM ends the program well although a client keeps half a request open",
  { ignore },
  async () => {
    await using archeio = await startArcheio(TRIVIAL);
    using connection = await Deno.connect({
      hostname: "127.0.0.1",
      port: Number(new URL(archeio.url).port),
    });
    await connection.write(encode("GET /v2/ HTTP/1.1\r\nHost: half"));
    await new Promise((resolve) => setTimeout(resolve, 100));
    archeio.process.kill("SIGTERM");
    assertEquals((await archeio.process.status).code, 0);
  },
);

Deno.test("the program serves over TLS with a certificate of its own", { ignore }, async () => {
  const folder = await Deno.makeTempDir({ prefix: "archeio-" });
  try {
    const made = await runCommand("openssl", [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
      ...["-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
      ...["-keyout", `${folder}/key.pem`, "-out", `${folder}/cert.pem`],
    ]);
    assertEquals(made.code, 0, made.err);
    await using archeio = await startArcheio(`
listen: { host: 127.0.0.1, port: 0, tls: { cert: "${folder}/cert.pem", key: "${folder}/key.pem" } }
upstreams: { main: { endpoint: "https://registry.example" } }
`);
    assertMatch(archeio.url, /^https:/);
    const got = await runCommand("curl", [
      ...["-sSi", "--cacert", `${folder}/cert.pem`, `${archeio.url}/v2/app/manifests/v1`],
    ]);
    assertEquals(got.code, 0, got.err);
    assertStringIncludes(textOf(got), "location: https://registry.example/v2/app/manifests/v1");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test(
  "the program holds the data set, and needs no file to look addresses up",
  { ignore },
  async () => {
    const lines = Array.from(
      { length: 20_000 },
      (_, line) => `35.180.${line >> 8 & 255}.${line & 255}`,
    );
    const result = await runCommand(PROGRAM, ["lookup"], lines.join("\n"));
    assertEquals(result.code, 0, result.err);
    const rows = textOf(result).trimEnd().split("\n");
    assertEquals(rows.length, lines.length);
    for (const row of rows) {
      assertMatch(row, /^35\.180\.\d+\.\d+\taws\/\S+\t35\.180\.\d+\.\d+\/\d+$/);
    }
  },
);

Deno.test("the program holds no more than it runs", { ignore }, async () => {
  const bytes = await Deno.readFile(PROGRAM);
  // The bundle stands at the end, behind the runtime.
  const bundle = new TextDecoder("latin1").decode(bytes.subarray(-1_500_000));
  assertStringIncludes(bundle, "aws/eu-west-3");
  for (const name of ["/fast-check/", "class AssertionError"]) {
    assert(!bundle.includes(name), `${name} is in the program`);
  }
});

Deno.test(
  "the program says what is wrong with its use, and ends with 1 or 2",
  { ignore },
  async () => {
    const file = await Deno.makeTempFile({ prefix: "archeio-" });
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    try {
      await Deno.writeTextFile(file, "upstreams: [");
      const broken = await runCommand(PROGRAM, ["config", "--config", file]);
      assertEquals(broken.code, 2);
      assertStringIncludes(broken.err, "no valid YAML or JSON");
      await Deno.writeTextFile(file, `${TRIVIAL}mirrors: { m: { url: "https://m.example/?q" } }\n`);
      const query = await runCommand(PROGRAM, ["--config", file]);
      assertEquals(query.code, 2);
      assertStringIncludes(query.err, 'mirrors.m.url: found "https://m.example/?q"');
      await Deno.writeTextFile(file, TRIVIAL.replace("port: 0", `port: ${taken.addr.port}`));
      const used = await runCommand(PROGRAM, ["--config", file]);
      assertEquals(used.code, 1);
      assertStringIncludes(used.err, "another program uses this port");
      const flag = await runCommand(PROGRAM, ["--prot", "80"]);
      assertEquals(flag.code, 2);
      assertStringIncludes(flag.err, 'unknown option "--prot"');
    } finally {
      await Deno.remove(file);
    }
  },
);
