import { assertEquals } from "@std/assert";
import {
  identityOf,
  isDockerHub,
  judgeLocation,
  judgeRealm,
  type RegistryServer,
} from "../../lib/registry/server.ts";

function serverAt(base: string, more: Partial<RegistryServer> = {}): RegistryServer {
  return { base, tokenHosts: [], redirectHosts: [], ...more };
}

const GHCR = serverAt("https://ghcr.example/v2/acme/");
const HUB = serverAt("https://registry-1.docker.io/v2/acme/");
const PLAIN = serverAt("http://127.0.0.1:5000/v2/");
const NAMED = serverAt("https://registry.example/v2/", {
  tokenHosts: ["auth.example", "login.example:8443"],
});

Deno.test("judgeRealm() takes the registry's own host and those that token_hosts names", () => {
  const table: { server: RegistryServer; realm: string; expected: boolean }[] = [
    { server: GHCR, realm: "https://ghcr.example/token", expected: true },
    { server: GHCR, realm: "https://GHCR.example:443/token?account=a", expected: true },
    { server: GHCR, realm: "https://evil.example/token", expected: false },
    { server: GHCR, realm: "https://ghcr.example.evil.example/token", expected: false },
    { server: GHCR, realm: "https://ghcr.example@evil.example/token", expected: false },
    { server: GHCR, realm: "https://evil.example\\@ghcr.example/token", expected: false },
    { server: GHCR, realm: "https://user:pass@ghcr.example/token", expected: false },
    { server: GHCR, realm: "http://ghcr.example/token", expected: false },
    { server: GHCR, realm: "https://ghcr.example:8443/token", expected: false },
    { server: GHCR, realm: "https://127.0.0.1/token", expected: false },
    { server: GHCR, realm: "https://169.254.169.254/latest", expected: false },
    { server: GHCR, realm: "https://[::1]/token", expected: false },
    { server: GHCR, realm: "file:///etc/passwd", expected: false },
    { server: GHCR, realm: "data:text/plain,token", expected: false },
    { server: GHCR, realm: "/token", expected: false },
    { server: GHCR, realm: "", expected: false },
    { server: GHCR, realm: `https://ghcr.example/${"a".repeat(3000)}`, expected: false },
    { server: HUB, realm: "https://auth.docker.io/token", expected: true },
    { server: HUB, realm: "https://auth.docker.io:5000/token", expected: false },
    { server: GHCR, realm: "https://auth.docker.io/token", expected: false },
    {
      server: serverAt("https://registry.gitlab.com/v2/"),
      realm: "https://gitlab.com/jwt/auth",
      expected: true,
    },
    { server: NAMED, realm: "https://auth.example/token", expected: true },
    { server: NAMED, realm: "https://auth.example:8443/token", expected: false },
    { server: NAMED, realm: "http://auth.example/token", expected: false },
    { server: NAMED, realm: "https://login.example:8443/token", expected: true },
    { server: NAMED, realm: "https://login.example/token", expected: true },
    { server: NAMED, realm: "https://login.example:9/token", expected: false },
    { server: PLAIN, realm: "http://127.0.0.1:5000/token", expected: true },
    { server: PLAIN, realm: "https://127.0.0.1/token", expected: true },
    { server: PLAIN, realm: "http://127.0.0.1:5001/token", expected: false },
    { server: PLAIN, realm: "http://127.0.0.2:5000/token", expected: false },
    {
      server: { ...PLAIN, tokenHosts: ["127.0.0.1:5001"] },
      realm: "http://127.0.0.1:5001/token",
      expected: true,
    },
    {
      server: { ...PLAIN, tokenHosts: ["[::1]:5001"] },
      realm: "http://[::1]:5001/token",
      expected: true,
    },
  ];
  for (const { server, realm, expected } of table) {
    const judged = judgeRealm(realm, server);
    assertEquals(judged.kind === "url", expected, `${server.base} ${realm.slice(0, 80)}`);
  }
});

Deno.test("judgeRealm() says why it refuses, and repeats no secret", () => {
  const table = [
    { realm: "https://evil.example/?key=secret", expected: "evil.example" },
    { realm: "https://user:secret@ghcr.example/token", expected: "user" },
    { realm: "http://ghcr.example/token?secret", expected: "https:" },
    { realm: "https://ghcr.example:99/secret", expected: "ghcr.example:99 in token_hosts" },
    { realm: "secret", expected: "no URL" },
  ];
  for (const { realm, expected } of table) {
    const judged = judgeRealm(realm, GHCR);
    const reason = judged.kind === "refused" ? judged.reason : "";
    assertEquals([reason.includes(expected), reason.includes("secret")], [true, false], reason);
  }
});

const ASKED = "https://ghcr.example/v2/acme/app/blobs/sha256:abc";

Deno.test("judgeLocation() keeps what a registry wrote, because it may be signed", () => {
  const table = [
    "https://pkg-containers.example/ghcr1/blobs/sha256:abc?se=2026-11-25T06%3A00%3A00Z&sig=a%2Bb%3D",
    "https://bucket.example/a//b/../c/%2e%2e?X-Amz-Credential=A%2F20261125%2Fus-east-1",
    "https://cdn.example/~x~!$&'()*+,;=@?Policy=ey_~&Signature=a~b-c_&Key-Pair-Id=K",
    "https://CDN.example/blob",
    "https://cdn.example:443/blob",
    "https://cdn.example",
    "https://ghcr.example/artifacts-downloads/x",
    "https://203.0.113.5/blob",
  ];
  for (const location of table) {
    assertEquals(judgeLocation(location, ASKED, GHCR), { kind: "url", url: location });
  }
});

Deno.test("judgeLocation() completes a relative Location", () => {
  const table = [
    { location: "/downloads/x?a=b", expected: "https://ghcr.example/downloads/x?a=b" },
    { location: "//cdn.example/x", expected: "https://cdn.example/x" },
    { location: "x", expected: "https://ghcr.example/v2/acme/app/blobs/x" },
    { location: "https:cdn", expected: "https://ghcr.example/v2/acme/app/blobs/cdn" },
    { location: "https://@cdn.example/x", expected: "https://cdn.example/x" },
    { location: "https:///cdn.example/x", expected: "https://cdn.example/x" },
  ];
  for (const { location, expected } of table) {
    assertEquals(judgeLocation(location, ASKED, GHCR), { kind: "url", url: expected });
  }
});

Deno.test("judgeLocation() refuses where no client is to be sent", () => {
  const locations = [
    null,
    "http://cdn.example/x",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "ftp://cdn.example/x",
    "https://user@cdn.example/x",
    "https://user:secret@cdn.example/x",
    "https://cdn.example\\@evil.example/x",
    "https://cdn.example/\u0001",
    "https://cdn.example/\r\nSet-Cookie: a=b",
    "https://cdn.example/\tx",
    "https://cdn.example/\u007f",
    "https://cdn.example/ü",
    "https://cdn.example/a b",
    "https://[/",
    "https://cdn.example:99999/x",
    `https://cdn.example/${"a".repeat(20_000)}`,
    ...INNER.map((host) => `https://${host}/x`),
  ];
  for (const location of locations) {
    const judged = judgeLocation(location, ASKED, GHCR);
    assertEquals(judged.kind, "refused", String(location).slice(0, 80));
    assertEquals(JSON.stringify(judged).includes("secret"), false);
  }
});

const INNER = [
  "127.0.0.1",
  "127.1",
  "0x7f.1",
  "2130706433",
  "017700000001",
  "0.0.0.0",
  "10.1.2.3",
  "172.16.0.1",
  "192.168.0.1",
  "100.64.0.1",
  "169.254.169.254",
  "224.0.0.1",
  "255.255.255.255",
  "[::1]",
  "[::]",
  "[::7f00:1]",
  "[::ffff:127.0.0.1]",
  "[::ffff:a00:1]",
  "[fe80::1]",
  "[fd00::1]",
  "[ff02::1]",
  "[64:ff9b::7f00:1]",
  "[2002:7f00:1::1]",
  "localhost",
  "localhost.",
  "registry.localhost",
  "127.0.0.1.",
];

Deno.test("judgeLocation() takes private addresses if the registry has one or redirect_hosts names it", () => {
  for (const host of INNER) {
    const location = `https://${host}:9000/x`;
    for (
      const base of ["http://127.0.0.1:5000/v2/", "https://localhost/v2/", "https://[fd00::9]/v2/"]
    ) {
      assertEquals(judgeLocation(location, `${base}a`, serverAt(base)).kind, "url", location);
    }
    const { hostname } = new URL(location);
    const named = hostname.replace(/\.$/, "");
    for (const redirectHosts of [[named], [`${named}:9000`]]) {
      assertEquals(
        judgeLocation(location, ASKED, { ...GHCR, redirectHosts }).kind,
        "url",
        location,
      );
    }
    const redirectHosts = [`${named}:9001`];
    assertEquals(judgeLocation(location, ASKED, { ...GHCR, redirectHosts }).kind, "refused");
  }
  assertEquals(judgeLocation("http://10.0.0.1/x", "http://127.0.0.1:5000/v2/a", PLAIN), {
    kind: "url",
    url: "http://10.0.0.1/x",
  });
});

Deno.test("identityOf() tells registries and their users apart, and no secret", () => {
  const asBot = {
    ...GHCR,
    credentials: { kind: "password", username: "bot", password: "secret" },
  } as const;
  const withToken = {
    ...GHCR,
    credentials: { kind: "identity_token", identityToken: "secret" },
  } as const;
  const all = [GHCR, HUB, asBot, withToken].map(identityOf);
  assertEquals(new Set(all).size, 4);
  assertEquals(all.some((identity) => identity.includes("secret")), false);
  assertEquals([GHCR, HUB].map(isDockerHub), [false, true]);
});
