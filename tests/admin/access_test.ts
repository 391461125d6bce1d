import { assertEquals } from "@std/assert";
import { tryRefuse } from "../../lib/admin/access.ts";

function statusOf(
  headers: Record<string, string>,
  { path = "/status", token, hosts = [], url = "http://registry.example/" }: {
    readonly path?: string;
    readonly token?: string;
    readonly hosts?: readonly string[];
    readonly url?: string;
  } = {},
): number | undefined {
  return tryRefuse({ url, headers: new Headers(headers) }, path, { token: () => token, hosts })
    ?.status;
}

Deno.test("operators are answered by an address, localhost, or a configured name", () => {
  const hosts = ["Ops.example"];
  const table = [
    { asked: "127.0.0.1:9090", expected: undefined },
    { asked: "192.0.2.7", expected: undefined },
    { asked: "[::1]:9090", expected: undefined },
    { asked: "[2001:db8::1]", expected: undefined },
    { asked: "localhost", expected: undefined },
    { asked: "LocalHost:9090", expected: undefined },
    { asked: "ops.example:9090", expected: undefined },
    { asked: "OPS.EXAMPLE", expected: undefined },
    { asked: "evil.example", expected: 421 },
    { asked: "ops.example.evil.example", expected: 421 },
    { asked: "localhost.evil.example:9090", expected: 421 },
    { asked: "127.0.0.1.evil.example", expected: 421 },
    { asked: "127.1", expected: 421 },
    { asked: "0x7f.0.0.1", expected: 421 },
    { asked: "2130706433", expected: 421 },
    { asked: "[evil.example]:80", expected: 421 },
    { asked: "localhost, evil.example", expected: 421 },
    { asked: "localhost:9090@evil.example", expected: 421 },
    { asked: "", expected: 421 },
  ];
  for (const { asked, expected } of table) {
    assertEquals(statusOf({ host: asked }, { hosts }), expected, asked);
  }
  // HTTP/2 has no such header.
  assertEquals(statusOf({}, { url: "http://127.0.0.1:9090/status" }), undefined);
  assertEquals(statusOf({}, { url: "http://evil.example/status" }), 421);
  assertEquals(statusOf({}, { url: "*" }), 421);
});

Deno.test("health, readiness and metrics are told by any name", () => {
  const host = "evil.example";
  for (const path of ["/healthz", "/readyz", "/metrics"]) {
    assertEquals(statusOf({ host }, { path }), undefined, path);
  }
  for (const path of ["/", "/page.js", "/status", "/explain", "/lookup", "/misses", "/healthz/"]) {
    assertEquals(statusOf({ host }, { path }), 421, path);
  }
});

Deno.test("with a token, all but health and readiness needs it", () => {
  const token = "s3cret-Token";
  const basic = (pair: string) => `Basic ${btoa(pair)}`;
  const table = [
    { asked: undefined, expected: 401 },
    { asked: "Bearer s3cret-Token", expected: undefined },
    { asked: "bearer s3cret-Token", expected: undefined },
    { asked: basic("anyone:s3cret-Token"), expected: undefined },
    { asked: basic(":s3cret-Token"), expected: undefined },
    { asked: "Bearer s3cret-Tokem", expected: 401 },
    { asked: "Bearer s3cret-Toke", expected: 401 },
    { asked: "Bearer s3cret-Tokens3cret-Token", expected: 401 },
    { asked: "Bearer s3cret-Token s3cret-Token", expected: 401 },
    { asked: "Bearer ", expected: 401 },
    { asked: "s3cret-Token", expected: 401 },
    { asked: basic("s3cret-Token"), expected: 401 },
    { asked: basic("anyone:wrong"), expected: 401 },
    { asked: "Basic !!!", expected: 401 },
    { asked: "Digest s3cret-Token", expected: 401 },
  ];
  const host = "localhost";
  for (const { asked, expected } of table) {
    const headers: Record<string, string> = asked === undefined
      ? { host }
      : { host, authorization: asked };
    for (const path of ["/", "/page.css", "/status", "/metrics", "/explain", "/none"]) {
      assertEquals(statusOf(headers, { path, token }), expected, `${asked} ${path}`);
    }
    for (const path of ["/healthz", "/readyz"]) {
      assertEquals(statusOf(headers, { path, token }), undefined);
    }
  }
  // A wrong name is not told whether the token was right.
  const authorization = "Bearer s3cret-Token";
  assertEquals(statusOf({ host: "evil.example", authorization }, { token }), 421);
});
