import { assert, assertEquals } from "@std/assert";
import { createPatientSource } from "../../lib/fill/patient_source.ts";
import { createLimits } from "../../lib/fill/limits.ts";
import { createRegistrySource } from "../../lib/fill/registry_source.ts";
import { failed, failedForGood } from "../../lib/fill/failure.ts";
import { describeFailureOf } from "./registry_failures.ts";
import { createRegistry } from "../../lib/registry/registry.ts";
import { createVirtualClock } from "../mirrors/virtual_clock.ts";
import {
  bytesOf,
  createMemorySource,
  createRepository,
  digestOf,
  hashes,
  streamOf,
} from "./fixture.ts";
import { drive } from "./filling.ts";

const never = new AbortController().signal;
const BYTES = bytesOf("the bytes of a blob");
const DIGEST = digestOf(BYTES);

type Answer = Response | Error | ((request: Request) => Response);

/** A source whose registry answers by method and URL, below https://registry.example. */
function createSource(answers: Readonly<Record<string, Answer | undefined>>, path = "") {
  const asked: Request[] = [];
  const send: typeof fetch = (input, init) => {
    const request = new Request(input as string, init as RequestInit);
    asked.push(request);
    const { url, method } = request;
    const answer = answers[`${method} ${url.replace("https://registry.example", "")}`];
    if (answer instanceof Error) return Promise.reject(answer);
    if (typeof answer === "function") return Promise.resolve(answer(request));
    return Promise.resolve(answer?.clone() ?? new Response("{}", { status: 404 }));
  };
  const clock = createVirtualClock(0);
  const world = {
    fetch: send,
    fetchAnew: send,
    now: clock.now,
    later: clock.later,
    timeOfDay: () => Date.parse("2026-01-01T00:00:00Z"),
  };
  const registry = createRegistry({ ...world, tokenTimeoutMs: () => 1000, stop: never });
  const server = {
    base: `https://registry.example/v2/${path}`,
    tokenHosts: [],
    redirectHosts: [],
  };
  return {
    asked,
    clock,
    source: createRegistrySource({ ...world, server, registry, createHash: hashes }),
  };
}

function next(link: string): HeadersInit {
  return { link };
}

Deno.test("repositories are those below the path, from all pages", async () => {
  const { source } = createSource({
    "GET /v2/_catalog?n=1000": Response.json(
      { repositories: ["acme/app", "other/x", 5, "acme/NO", "acme"] },
      { headers: next("</v2/_catalog?n=1000&last=x>; rel=next") },
    ),
    "GET /v2/_catalog?n=1000&last=x": Response.json({ repositories: ["acme/web/one"] }),
  }, "acme/");
  assertEquals(source.host, "registry.example");
  assertEquals(await source.repositories(never), { kind: "found", value: ["app", "web/one"] });
  const none = createSource({ "GET /v2/_catalog?n=1000": Response.json({ repositories: null }) });
  assertEquals(await none.source.repositories(never), { kind: "found", value: [] });
  assertEquals(await createSource({}).source.repositories(never), { kind: "missing" });
});

Deno.test("a list that is none, too long, or without an end is a failure", async () => {
  const table = [
    {
      answer: Response.json({ repositories: 5 }),
      reason: "it answered with no list of repositories",
    },
    { answer: new Response("no JSON"), reason: "it answered with no list of repositories" },
    { answer: new Response("[]"), reason: "it answered with no list of repositories" },
    {
      answer: Response.json({ repositories: [] }, { headers: next('<?n=1000>; rel="next"') }),
      reason: "its list has no end",
    },
    {
      answer: new Response(new Uint8Array(65 * 1024 * 1024)),
      reason: "it lists more than 67108864 bytes",
    },
    {
      answer: Response.json({
        repositories: Array.from({ length: 1_000_001 }, (_, at) => `r${at}`),
      }),
      reason: "it lists more than 1000000",
    },
  ];
  for (const { answer, reason } of table) {
    const { source } = createSource({ "GET /v2/_catalog?n=1000": answer });
    const got = await source.repositories(never);
    assert(got.kind === "failed");
    assertEquals(got.reason, reason);
  }
  const tags = createSource({ "GET /v2/app/tags/list": Response.json({ tags: 5 }) });
  assertEquals((await tags.source.tags("app", never)).kind, "failed");
  const referrers = createSource({ [`GET /v2/app/referrers/${DIGEST}`]: new Response("[]") });
  assertEquals((await referrers.source.referrers("app", DIGEST, never)).kind, "failed");
});

Deno.test("tags come with their digests from registries that list them along", async () => {
  const { source } = createSource({
    "GET /v2/app/tags/list": Response.json({
      tags: ["v1", "v2", "no tag", 5],
      manifest: {
        [DIGEST]: { tag: ["v1"] },
        "md5:0": { tag: ["v2"] },
        [digestOf(bytesOf("x"))]: {},
      },
    }),
    "GET /v2/empty/tags/list": Response.json({ tags: null }),
  });
  assertEquals(await source.tags("app", never), {
    kind: "found",
    value: { tags: ["v1", "v2"], digests: new Map([["v1", DIGEST]]) },
  });
  assertEquals(await source.tags("empty", never), {
    kind: "found",
    value: { tags: [], digests: new Map() },
  });
});

Deno.test("a tag's digest comes by HEAD, or from the manifest where HEAD gives none", async () => {
  const headers = { "docker-content-digest": DIGEST };
  const table = [
    { head: new Response(null, { headers }), expected: { kind: "found", value: DIGEST } },
    {
      head: new Response(null),
      get: new Response(BYTES),
      expected: { kind: "found", value: DIGEST },
    },
    {
      head: new Response(null, { status: 405 }),
      get: new Response(BYTES),
      expected: { kind: "found", value: DIGEST },
    },
    {
      head: new Response(null),
      get: new Response(null, { status: 404 }),
      expected: { kind: "missing" },
    },
    { head: new Response(null, { status: 404 }), expected: { kind: "missing" } },
    { head: new Response(null, { status: 403 }), expected: failedForGood("it refuses access") },
  ];
  for (const { head, get, expected } of table) {
    const { source } = createSource({
      "HEAD /v2/app/manifests/v1": head,
      "GET /v2/app/manifests/v1": get,
    });
    assertEquals(await source.digestOf("app", "v1", never), expected as never);
  }
  const { source } = createSource({
    [`GET /v2/app/manifests/${DIGEST}`]: new Response(new Uint8Array(5 * 1024 * 1024)),
  });
  assertEquals(
    await source.manifest("app", DIGEST, never),
    failedForGood("it has more than 4 MiB"),
  );
});

Deno.test("answers that are none are told as failures that last or pass", async () => {
  for (const { answer, expected } of describeFailureOf()) {
    const { source } = createSource({ [`GET /v2/app/manifests/${DIGEST}`]: answer });
    assertEquals(await source.manifest("app", DIGEST, never), expected);
  }
});

async function textOf(body: ReadableStream<Uint8Array>): Promise<string> {
  return await new Response(body as ReadableStream<Uint8Array<ArrayBuffer>>).text();
}

Deno.test("a blob opens at any byte, there or where the registry redirects to", async () => {
  const path = `GET /v2/app/blobs/${DIGEST}`;
  const part = () =>
    new Response(BYTES.slice(4), {
      status: 206,
      headers: { "content-range": `bytes 4-${BYTES.length - 1}/${BYTES.length}` },
    });
  const whole = () => new Response(BYTES, { headers: { "content-length": String(BYTES.length) } });
  const to = (location: string) => new Response(null, { status: 307, headers: { location } });
  const table = [
    { answers: { [path]: whole() }, from: 0, opened: [0, BYTES.length, "the bytes of a blob"] },
    {
      answers: { [path]: new Response(streamOf([BYTES])) },
      from: 0,
      opened: [0, undefined, "the bytes of a blob"],
    },
    { answers: { [path]: part() }, from: 4, opened: [4, BYTES.length, "bytes of a blob"] },
    { answers: { [path]: whole() }, from: 4, opened: [0, BYTES.length, "the bytes of a blob"] },
    {
      answers: {
        [path]: to("https://storage.example/one"),
        "GET https://storage.example/one": to("/two"),
        "GET https://storage.example/two": part(),
      },
      from: 4,
      opened: [4, BYTES.length, "bytes of a blob"],
    },
    {
      answers: {
        [path]: new Response(BYTES.slice(4), {
          status: 206,
          headers: { "content-range": "bytes 4-18/*" },
        }),
      },
      from: 4,
      opened: [4, undefined, "bytes of a blob"],
    },
    {
      answers: {
        [path]: new Response(BYTES, {
          headers: { "content-encoding": "x", "content-length": "3" },
        }),
      },
      from: 0,
      opened: [0, undefined, "the bytes of a blob"],
    },
  ];
  for (const { answers, from, opened } of table) {
    const { source, asked } = createSource(answers as Record<string, Response>);
    const got = await source.blob("app", DIGEST, from, never);
    assert(got.kind === "open");
    assertEquals([got.from, got.size, await textOf(got.body)], opened as never);
    assertEquals(asked.at(-1)!.headers.get("range"), from === 0 ? null : `bytes=${from}-`);
    assertEquals(asked.at(-1)!.headers.get("authorization"), null);
  }
});

Deno.test("a blob that cannot be opened is missing, or a failure", async () => {
  const path = `GET /v2/app/blobs/${DIGEST}`;
  const to = (location: string) => new Response(null, { status: 307, headers: { location } });
  const storage = "GET https://storage.example/one";
  const table: { answers: Record<string, Response | Error>; from?: number; expected: unknown }[] = [
    { answers: {}, expected: { kind: "missing" } },
    {
      answers: { [path]: new Response(null, { status: 403 }) },
      expected: failedForGood("it refuses access"),
    },
    {
      answers: {
        [path]: to("https://storage.example/one"),
        [storage]: new Response("", { status: 403 }),
      },
      expected: failedForGood("it answered 403"),
    },
    {
      answers: { [path]: to("https://storage.example/one"), [storage]: to("https://10.0.0.1/x") },
      expected: failed(
        "its storage: its Location is at 10.0.0.1, a private address that redirect_hosts does not name",
      ),
    },
    {
      answers: { [path]: to("https://storage.example/one"), [storage]: to("/one") },
      expected: failed("its storage redirects more than 5 times"),
    },
    {
      answers: { [path]: to("https://storage.example/one"), [storage]: new Error("reset") },
      expected: failed("reset"),
    },
    {
      answers: { [path]: new Response("x", { status: 206 }) },
      from: 4,
      expected: failed("it answered 206 without saying which bytes"),
    },
    {
      answers: { [path]: new Response("x", { status: 416 }) },
      from: 4,
      expected: failedForGood("it answered 416"),
    },
  ];
  for (const { answers, from = 0, expected } of table) {
    const { source } = createSource(answers);
    const got = await source.blob("app", DIGEST, from, never);
    assertEquals(JSON.parse(JSON.stringify(got)), JSON.parse(JSON.stringify(expected)));
  }
});

Deno.test("a patient source tries again what may pass, and waits as long as it is told", async () => {
  const memory = createMemorySource({ app: createRepository() });
  const clock = createVirtualClock(0);
  const { now, later } = clock;
  const limits = createLimits({ bounds: { inFlight: 1, requestsPerS: 1000 }, now, later });
  const source = createPatientSource(memory, { limits, later, random: () => 0.5 });
  const faults = [failed("reset"), failed("429", 5000), undefined];
  memory.fault = () => faults.shift();
  const got = await drive(source.tags("app", never), clock);
  assertEquals(got.kind, "found");
  assert(now() >= 6000, String(now()));
  memory.fault = () => failedForGood("403");
  assertEquals(await drive(source.repositories(never), clock), failedForGood("403"));
  memory.fault = () => failed("500");
  assertEquals(await drive(source.referrers("app", DIGEST, never), clock), failed("500"));
  assertEquals(memory.asked.filter((one) => one.startsWith("referrers")).length, 4);
});
