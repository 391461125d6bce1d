import { assert, assertEquals } from "@std/assert";
import type { Reply } from "../mirrors/fake_servers.ts";
import {
  BLOB,
  CDN,
  CLIENTS,
  CONFIG,
  createWorld,
  DIGEST,
  INFO_PAGE,
  locationOf,
  LONG_DIGEST,
  MAIN,
  PRIVACY_PAGE,
  SIGNATURES,
  SIGNED_CONFIG,
} from "./fixture.ts";

const HEX = "0123456789abcdef".repeat(4);
const MANIFEST = `/v2/kube-proxy/manifests/${DIGEST}`;
const FOREIGN_DIGEST = "blake3:abc_-=";

// What a request gets, and what it gets when there is a signature upstream. Of the
// clients it is one without a location, of the servers all have everything.
const redirects: readonly { asked: string; location: string; signed?: string }[] = [
  { asked: "/", location: INFO_PAGE },
  { asked: "/?n=1", location: INFO_PAGE },
  { asked: "/privacy", location: PRIVACY_PAGE },
  { asked: BLOB, location: CDN + DIGEST },
  { asked: `/v2/a/b/c/blobs/${LONG_DIGEST}`, location: CDN + LONG_DIGEST },
  { asked: `/v2/a/blobs/${HEX.replace(/^/, "sha256%3A")}`, location: CDN + DIGEST },
  { asked: `/v2/a/blobs/${FOREIGN_DIGEST}`, location: `${MAIN}a/blobs/${FOREIGN_DIGEST}` },
  {
    asked: `/v2/kube-proxy/manifests/sha256-${HEX}.sig`,
    location: `${MAIN}kube-proxy/manifests/sha256-${HEX}.sig`,
    signed: `${SIGNATURES}kube-proxy/manifests/sha256-${HEX}.sig`,
  },
  {
    asked: `/v2/kube-proxy/manifests/sha256-${HEX}.att`,
    location: `${MAIN}kube-proxy/manifests/sha256-${HEX}.att`,
    signed: `${SIGNATURES}kube-proxy/manifests/sha256-${HEX}.att`,
  },
  {
    asked: `/v2/kube-proxy/manifests/sha256-${HEX}.sbom`,
    location: `${MAIN}kube-proxy/manifests/sha256-${HEX}.sbom`,
    signed: `${SIGNATURES}kube-proxy/manifests/sha256-${HEX}.sbom`,
  },
  {
    asked: `/v2/kube-proxy/manifests/sha256-${HEX}`,
    location: `${MAIN}kube-proxy/manifests/sha256-${HEX}`,
    signed: `${SIGNATURES}kube-proxy/manifests/sha256-${HEX}`,
  },
  {
    asked: `/v2/kube-proxy/manifests/sha512-${HEX}${HEX}`,
    location: `${MAIN}kube-proxy/manifests/sha512-${HEX}${HEX}`,
    signed: `${SIGNATURES}kube-proxy/manifests/sha512-${HEX}${HEX}`,
  },
  {
    asked: `/v2/kube-proxy/manifests/sha256-${HEX}.other`,
    location: `${MAIN}kube-proxy/manifests/sha256-${HEX}.other`,
  },
  {
    asked: `/v2/kube-proxy/referrers/${DIGEST}?artifactType=application%2Fspdx`,
    location: `${MAIN}kube-proxy/referrers/${DIGEST}?artifactType=application%2Fspdx`,
    signed: `${SIGNATURES}kube-proxy/referrers/${DIGEST}?artifactType=application%2Fspdx`,
  },
  {
    asked: "/v2/kube-proxy/manifests/v1.30.0",
    location: `${MAIN}kube-proxy/manifests/v1.30.0`,
  },
  {
    asked: "/v2/sig-storage/csi-attacher/manifests/v4.6.1?ns=registry.example",
    location: `${MAIN}sig-storage/csi-attacher/manifests/v4.6.1`,
  },
  { asked: MANIFEST, location: `${MAIN}kube-proxy/manifests/${DIGEST}` },
  {
    asked: `/v2/a/manifests/${FOREIGN_DIGEST}`,
    location: `${MAIN}a/manifests/${FOREIGN_DIGEST}`,
  },
  { asked: "/v2/kube-proxy/tags/list", location: `${MAIN}kube-proxy/tags/list` },
  {
    asked: "/v2/kube-proxy/tags/list?n=10&ns=registry.example&last=v1",
    location: `${MAIN}kube-proxy/tags/list?n=10&last=v1`,
  },
];

const everything: Readonly<Record<string, Reply>> = {
  [CDN + DIGEST]: 200,
  [CDN + LONG_DIGEST]: 200,
  [`${MAIN}kube-proxy/manifests/${DIGEST}`]: 200,
};

const client = CLIENTS.elsewhere;

Deno.test("a handler redirects as the request table says", async () => {
  const world = await createWorld(CONFIG, everything);
  const signedWorld = await createWorld(SIGNED_CONFIG, everything);
  for (const { asked, location, signed = location } of redirects) {
    assertEquals(await locationOf(world.handle(asked, { client })), location, asked);
    assertEquals(await locationOf(signedWorld.handle(asked, { client })), signed, asked);
  }
});

const refusals: readonly {
  asked: string;
  status: number;
  code?: string;
  detail?: string;
}[] = [
  { asked: "/v2/_catalog", status: 404, code: "UNSUPPORTED" },
  { asked: "/v2/_catalog?n=100", status: 404, code: "UNSUPPORTED" },
  { asked: "/v2/a", status: 404, code: "UNSUPPORTED" },
  { asked: "/v2/a/tags", status: 404, code: "UNSUPPORTED" },
  { asked: "/v2/a/tags/other", status: 404, code: "UNSUPPORTED" },
  { asked: "/v2/a/blobs/uploads/", status: 404, code: "UNSUPPORTED" },
  { asked: "/v2/a/blobs/", status: 400, code: "DIGEST_INVALID", detail: "" },
  { asked: `/v2/A/blobs/${DIGEST}`, status: 400, code: "NAME_INVALID", detail: "A" },
  { asked: `/v2/a//b/blobs/${DIGEST}`, status: 400, code: "NAME_INVALID", detail: "a//b" },
  { asked: `/v2//blobs/${DIGEST}`, status: 400, code: "NAME_INVALID", detail: "" },
  { asked: "/v2/a%2fb/tags/list", status: 400, code: "NAME_INVALID", detail: "a%2fb" },
  { asked: "/v2/a%0d/manifests/b", status: 400, code: "NAME_INVALID", detail: "a\r" },
  { asked: "/v2/a/manifests/.b", status: 400, code: "MANIFEST_INVALID", detail: ".b" },
  { asked: "/v2/a/manifests/", status: 400, code: "MANIFEST_INVALID", detail: "" },
  {
    asked: `/v2/a/manifests/${"b".repeat(300)}`,
    status: 400,
    code: "MANIFEST_INVALID",
    detail: "b".repeat(256),
  },
  {
    asked: "/v2/a/manifests/sha256:abc",
    status: 400,
    code: "DIGEST_INVALID",
    detail: "sha256:abc",
  },
  {
    asked: `/v2/a/blobs/sha256:${HEX.toUpperCase()}`,
    status: 400,
    code: "DIGEST_INVALID",
    detail: `sha256:${HEX.toUpperCase()}`,
  },
  { asked: "/v2/a/referrers/abc", status: 400, code: "DIGEST_INVALID", detail: "abc" },
  { asked: "/v1/", status: 404 },
  { asked: "/v2x", status: 404 },
  { asked: "/favicon.ico", status: 404 },
  { asked: "/privacy/", status: 404 },
  { asked: "//", status: 404 },
];

Deno.test("a handler refuses as the request table says, and asks nothing of anyone", async () => {
  for (const config of [CONFIG, SIGNED_CONFIG]) {
    const { handle, asked: probes } = await createWorld(config);
    for (const { asked, status, code, detail } of refusals) {
      const response = handle(asked, { client });
      assert(response instanceof Response, asked);
      assertEquals(response.status, status, asked);
      const body = await response.text();
      assertEquals(Number(response.headers.get("content-length")), body.length, asked);
      assertEquals(response.headers.get("allow"), null, asked);
      if (code === undefined) {
        assertEquals(response.headers.get("content-type"), "text/plain; charset=utf-8", asked);
        assertEquals(body, "not found\n", asked);
      } else {
        assertEquals(response.headers.get("content-type"), "application/json", asked);
        const { errors } = JSON.parse(body);
        assertEquals(errors.length, 1, asked);
        assertEquals(errors[0].code, code, asked);
        assertEquals(errors[0].detail, detail, asked);
        assert(errors[0].message.length > 0, asked);
      }
    }
    assertEquals(probes, []);
  }
});

Deno.test("a handler without pages has nothing at their paths", async () => {
  const { pages: _, ...config } = CONFIG;
  const { handle } = await createWorld(config);
  for (const path of ["/", "/privacy"]) {
    const response = await handle(path);
    assertEquals(response.status, 404);
    assertEquals(await response.text(), "not found\n");
  }
});

Deno.test("a handler answers the API version check, and never asks who is there", async () => {
  const { handle } = await createWorld(CONFIG);
  for (const asked of ["/v2/", "/v2", "/v2/?x=y"]) {
    const response = await handle(asked);
    assertEquals(response.status, 200);
    assertEquals(response.headers.get("docker-distribution-api-version"), "registry/2.0");
    assertEquals(response.headers.get("www-authenticate"), null);
    assertEquals(response.body, null);
  }
});

Deno.test("a handler refuses every method but GET and HEAD, whatever is asked for", async () => {
  const { handle, asked: probes } = await createWorld(SIGNED_CONFIG);
  for (const method of ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "FOO"]) {
    for (const asked of ["/", "/v2/", BLOB, "/v2/a/blobs/uploads/", "/v2/A/tags/list", "/nope"]) {
      const response = await handle(asked, { method, client: "no address" });
      assertEquals(response.status, 405, `${method} ${asked}`);
      assertEquals(response.headers.get("allow"), "GET, HEAD");
      assertEquals(response.headers.get("content-type"), "application/json");
      assertEquals((await response.json()).errors[0].code, "UNSUPPORTED");
    }
  }
  assertEquals(probes, []);
});

Deno.test("a handler gives HEAD what GET gets, but for the body", async () => {
  const paths = [...redirects, ...refusals].map(({ asked }) => asked);
  const { handle } = await createWorld(SIGNED_CONFIG, everything);
  for (const asked of [...paths, "/v2/", "/v2"]) {
    for (const client of [CLIENTS.elsewhere, "no address"]) {
      const got = await handle(asked, { client });
      const head = await handle(asked, { client, method: "HEAD" });
      assertEquals(head.status, got.status, asked);
      assertEquals(head.headers.has("content-length"), true, asked);
      // Of an answer without content to GET, the server says so by itself.
      if (!got.headers.has("content-length")) head.headers.delete("content-length");
      assertEquals([...head.headers], [...got.headers], asked);
      assertEquals(head.body, null, asked);
      await got.body?.cancel();
    }
  }
});
Deno.test("a handler needs no client address for what does not depend on it", async () => {
  const { handle } = await createWorld(SIGNED_CONFIG, everything);
  for (const { asked, location, signed = location } of redirects) {
    if (asked.includes("/blobs/")) continue;
    assertEquals(await locationOf(handle(asked, { client: "no address" })), signed, asked);
  }
  for (const { asked, status } of refusals) {
    const response = await handle(asked, { client: "no address" });
    assertEquals(response.status, status, asked);
    await response.body?.cancel();
  }
  assertEquals((await handle("/v2/", { client: "no address" })).status, 200);
});

Deno.test("a handler of an upstream alone redirects everything to it", async () => {
  const { handle, asked } = await createWorld({
    upstreams: { only: { endpoint: "https://new.example" } },
  });
  for (
    const path of [`a/blobs/${DIGEST}`, `a/manifests/${DIGEST}`, "a/manifests/b", "a/tags/list"]
  ) {
    assertEquals(
      await locationOf(handle(`/v2/${path}`, { client })),
      `https://new.example/v2/${path}`,
    );
  }
  assertEquals(asked, []);
});
