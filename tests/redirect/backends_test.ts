import { assert, assertEquals, assertStrictEquals, assertStringIncludes } from "@std/assert";
import { createBackendLister, formatBackends, listBackends } from "../../lib/redirect/backends.ts";
import { createSeenHosts } from "../../lib/redirect/seen_hosts.ts";
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
    {
      host: "*.s3.example",
      port: null,
      by_clients: true,
      purposes: ["where these servers send clients on to"],
    },
    {
      host: "cdn.example",
      port: 443,
      by_clients: true,
      purposes: ["blobs, for all clients", "signatures and attestations"],
    },
    {
      host: "objects.example",
      port: 8443,
      by_clients: true,
      purposes: ["where these servers send clients on to"],
    },
    {
      host: "paris.example",
      port: 443,
      by_clients: true,
      purposes: ["blobs, for clients in aws/eu-west-3"],
    },
    {
      host: "upstream.example",
      port: 8080,
      by_clients: true,
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

Deno.test("hosts that only this server asks are told from those that clients go to", () => {
  const config = readTestConfig({
    upstreams: {
      hub: {
        endpoint: "https://registry-1.docker.io",
        path: "acme",
        pull: "relay",
        token_hosts: ["login.example:8443"],
        redirect_hosts: ["10.0.0.7:9000", "blobs.example"],
      },
    },
  });
  const seen = [
    { upstream: "hub", authority: "cdn.example:443" },
    { upstream: "hub", authority: "blobs.example:443" },
    { upstream: "of another configuration", authority: "gone.example:443" },
  ];
  const blobs = "blobs of hub that no mirror has";
  const lines = listBackends(config, seen).map(({ host, port, by_clients, purposes }) =>
    `${host}:${port} ${by_clients ? "clients" : "server"}: ${purposes.join("; ")}`
  );
  assertEquals(lines, [
    `10.0.0.7:9000 clients: ${blobs}`,
    "auth.docker.io:443 server: asked by this server: tokens for hub",
    `blobs.example:443 clients: ${blobs}`,
    `cdn.example:443 clients: ${blobs}`,
    "login.example:8443 server: asked by this server: tokens for hub",
    "registry-1.docker.io:443 server: asked by this server: manifests, tags, and blobs that no mirror has",
  ]);
});

Deno.test("hosts are listed anew only when an upstream sends clients to another one", () => {
  const config = readTestConfig(CONFIG);
  const seen = createSeenHosts();
  const list = createBackendLister(config, seen);
  const before = list();
  assertStrictEquals(list(), before);
  seen.note("main", "https://cdn-of-main.example/x?signature=1");
  assertEquals(list().length, before.length + 1);
});
