import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { formatBackends, listBackends } from "../../lib/redirect/backends.ts";
import { backendsResponse, STYLE_HASH } from "../../lib/redirect/backends_response.ts";
import { CONFIG, createWorld, readTestConfig, SIGNED_CONFIG } from "./fixture.ts";

const also = { also: ["*.s3.Example", "objects.example:8443"] };

Deno.test("every host that a client may be sent to is listed once, with its port and what for", () => {
  const config = readTestConfig({
    ...SIGNED_CONFIG,
    pages: { backends: also },
    upstreams: {
      main: { endpoint: "http://upstream.example:8080", path: "project/images" },
      signatures: { endpoint: "https://cdn.example", path: "signed" },
    },
  });
  const backends = listBackends(config);
  assertEquals(backends, [
    { host: "*.s3.example", port: null, purposes: ["where these servers send clients on to"] },
    {
      host: "cdn.example",
      port: 443,
      purposes: ["blobs, for all clients", "signatures and attestations"],
    },
    {
      host: "objects.example",
      port: 8443,
      purposes: ["where these servers send clients on to"],
    },
    { host: "paris.example", port: 443, purposes: ["blobs, for clients in aws/eu-west-3"] },
    {
      host: "upstream.example",
      port: 8080,
      purposes: ["manifests, tags, and blobs that no mirror has"],
    },
  ]);
  const text = formatBackends(backends);
  assertEquals(text.split("\n").length, 6);
  assertStringIncludes(text, "*.s3.example\twhere these servers send clients on to\n");
  assertStringIncludes(text, "cdn.example:443\tblobs, for all clients; signatures and");
});

const answer = (accept?: string, method = "GET") =>
  backendsResponse(listBackends(readTestConfig(CONFIG)), {
    method,
    headers: new Headers(accept === undefined ? {} : { accept }),
  });

Deno.test("/backends is a page, text or JSON, as is accepted", async () => {
  const table = [
    { asked: undefined, expected: "text/plain; charset=utf-8" },
    { asked: "*/*", expected: "text/plain; charset=utf-8" },
    { asked: "application/json", expected: "application/json" },
    { asked: "application/*;q=0.5, text/plain;q=0.1", expected: "application/json" },
    { asked: "text/html,application/xhtml+xml,*/*;q=0.8", expected: "text/html; charset=utf-8" },
    { asked: "TEXT/HTML", expected: "text/html; charset=utf-8" },
    { asked: "text/html;q=0, application/json", expected: "application/json" },
    { asked: "image/png", expected: "text/plain; charset=utf-8" },
    { asked: "application/json;q=x, text/html;q=0.1", expected: "text/html; charset=utf-8" },
    { asked: ";;,,q=1", expected: "text/plain; charset=utf-8" },
  ];
  for (const { asked, expected } of table) {
    const response = answer(asked);
    assertEquals(response.headers.get("content-type"), expected, asked);
    assertEquals(response.headers.get("vary"), "accept-encoding, accept");
    const body = await response.text();
    assertStringIncludes(body, "cdn.example");
    const head = answer(asked, "HEAD");
    assertEquals(head.body, null);
    assertEquals([...head.headers], [...answer(asked).headers]);
  }
  const { backends } = await answer("application/json").json();
  assertEquals(backends.length, 3);
});

Deno.test("the page of /backends allows its own style and nothing else", async () => {
  const response = answer("text/html");
  const [, style] = /<style>(.*)<\/style>/.exec(await response.text())!;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(style));
  assertEquals(STYLE_HASH, `sha256-${new Uint8Array(digest).toBase64()}`);
  assertStringIncludes(response.headers.get("content-security-policy")!, `'${STYLE_HASH}'`);
});

Deno.test("/backends is there when it is switched on", async () => {
  const table = [
    { asked: undefined, expected: 404 },
    { asked: false, expected: 404 },
    { asked: true, expected: 200 },
    { asked: { also: [] }, expected: 200 },
  ];
  for (const { asked, expected } of table) {
    const pages = asked === undefined ? {} : { backends: asked };
    const { handle, totals } = await createWorld({ ...CONFIG, pages });
    for (const path of ["/backends", "/backends?x=1"]) {
      const response = await handle(path);
      assertEquals(response.status, expected);
      assert(!response.redirected);
    }
    assertEquals(totals().requests("backends", expected as 200), 2);
    assertEquals((await handle("/backends/")).status, 404);
  }
});
