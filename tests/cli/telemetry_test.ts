import { assert, assertEquals } from "@std/assert";
import { createRouteTeller, isTraced, nameSpan } from "../../lib/cli/telemetry.ts";
import { parseRequest } from "../../lib/oci/request.ts";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

function createSpan() {
  const told: Record<string, unknown> = {};
  const span: Parameters<typeof nameSpan>[0] = {
    setAttribute(key, value) {
      told[key] = value;
      return this as never;
    },
    updateName(name) {
      told.name = name;
      return this as never;
    },
  };
  return { span, told };
}

Deno.test("nameSpan() names a span after its route, which has nothing of the request in it", () => {
  const table = [
    { asked: `/v2/a/b/blobs/${DIGEST}`, expected: "/v2/<name>/blobs/<digest>" },
    { asked: "/v2/a/manifests/1.0", expected: "/v2/<name>/manifests/<reference>" },
    { asked: `/v2/a/manifests/${DIGEST}`, expected: "/v2/<name>/manifests/<reference>" },
    { asked: "/v2/a/tags/list?n=5", expected: "/v2/<name>/tags/list" },
    { asked: `/v2/a/referrers/${DIGEST}`, expected: "/v2/<name>/referrers/<digest>" },
    { asked: "/v2/", expected: "/v2/" },
    { asked: "/v2", expected: "/v2/" },
    { asked: "/", expected: "/" },
    { asked: "/privacy", expected: "/privacy" },
    { asked: "/v2/_catalog", expected: "/v2/_catalog" },
  ];
  for (const { asked, expected } of table) {
    for (const method of ["GET", "HEAD"]) {
      const { span, told } = createSpan();
      nameSpan(span, parseRequest(method, asked), method);
      assertEquals(told, { "http.route": expected, name: `${method} ${expected}` }, asked);
    }
  }
});

Deno.test("nameSpan() leaves the name to the runtime when no route is meant", () => {
  for (const [method, path] of [["GET", "/else"], ["GET", "/v2/A/tags/list"], ["PUT", "/v2/"]]) {
    const { span, told } = createSpan();
    nameSpan(span, parseRequest(method!, path!), method!);
    assertEquals(told, {}, path);
  }
});

Deno.test("nameSpan() does nothing without a span", () => {
  assertEquals(nameSpan(undefined, parseRequest("GET", "/v2/"), "GET"), undefined);
});

Deno.test("createRouteTeller() tells nobody where no traces are made", async () => {
  const tell = await createRouteTeller();
  assertEquals(tell(parseRequest("GET", "/v2/"), "GET"), undefined);
});

Deno.test("isTraced() knows that traces are made by what the runtime puts there for the API", () => {
  assert(isTraced({ [Symbol.for("opentelemetry.js.api.1")]: {} }));
  assert(!isTraced({ "opentelemetry.js.api.1": {} }));
  assert(!isTraced());
});
