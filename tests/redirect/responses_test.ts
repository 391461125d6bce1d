import { assert, assertEquals } from "@std/assert";
import { createRedirects, failureResponse } from "../../lib/redirect/responses.ts";

Deno.test("a redirect that is asked for twice is kept and sent again", () => {
  const redirect = createRedirects();
  const response = redirect("https://a.example/1");
  assertEquals(response.status, 307);
  assertEquals(response.headers.get("location"), "https://a.example/1");
  const kept = redirect("https://a.example/1");
  assert(redirect("https://a.example/1") === kept);
  assertEquals(redirect("https://a.example/2").headers.get("location"), "https://a.example/2");
});

Deno.test("redirects whose locations end alike are told apart", () => {
  const redirect = createRedirects();
  const end = "0123456789abcdef";
  const hosts = ["a", "b", "c"].map((host) => `https://${host}.example/${end}`);
  for (let round = 0; round < 5; round++) {
    for (const location of [...hosts, hosts[round % 3]!, hosts[round % 3]!]) {
      assertEquals(redirect(location).headers.get("location"), location);
    }
  }
});

Deno.test("a redirect says what caches may do with it", () => {
  const redirect = createRedirects("private, no-store");
  const response = redirect("https://a.example/1");
  assertEquals([...response.headers], [
    ["cache-control", "private, no-store"],
    ["content-length", "0"],
    ["location", "https://a.example/1"],
  ]);
  assertEquals([...createRedirects()("https://a.example/1").headers], [
    ["content-length", "0"],
    ["location", "https://a.example/1"],
  ]);
});

Deno.test("redirects that are kept are bounded in number and in length", () => {
  const redirect = createRedirects();
  const long = `https://a.example/${"a".repeat(1024)}`;
  for (let asked = 0; asked < 3; asked++) assert(redirect(long) !== redirect(long));
  const locations = Array.from({ length: 5000 }, (_, at) => `https://a.example/${at}`);
  for (const location of [...locations, ...locations]) redirect(location);
  const kept = locations.filter((location) => redirect(location) === redirect(location));
  assert(kept.length <= 1024);
});

Deno.test("the answer to an internal error says nothing of it", async () => {
  const response = failureResponse();
  assertEquals(response.status, 500);
  assertEquals(response.headers.get("content-type"), "application/json");
  assertEquals(await response.json(), {
    errors: [{ code: "UNKNOWN", message: "internal error" }],
  });
});
