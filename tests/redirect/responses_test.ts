import { assert, assertEquals } from "@std/assert";
import { createRedirects, failureResponse } from "../../lib/redirect/responses.ts";

Deno.test("a redirect that is in use is kept and sent again", () => {
  const redirect = createRedirects();
  const response = redirect("https://a.example/1");
  assertEquals(response.status, 307);
  assertEquals(response.headers.get("location"), "https://a.example/1");
  assert(redirect("https://a.example/1") === response);
  assertEquals(redirect("https://a.example/2").headers.get("location"), "https://a.example/2");
});

Deno.test("a redirect says what caches may do with it", () => {
  const redirect = createRedirects("private, no-store");
  const response = redirect("https://a.example/1");
  assertEquals([...response.headers], [
    ["cache-control", "private, no-store"],
    ["content-length", "0"],
    ["location", "https://a.example/1"],
  ]);
  assert(redirect("https://a.example/1") === response);
  assertEquals([...createRedirects()("https://a.example/1").headers], [
    ["content-length", "0"],
    ["location", "https://a.example/1"],
  ]);
});

Deno.test("redirects that are kept are bounded in number and in length", () => {
  const redirect = createRedirects();
  const long = `https://a.example/${"a".repeat(1024)}`;
  assert(redirect(long) !== redirect(long));
  const first = redirect("https://a.example/0");
  for (let number = 1; number <= 1000; number++) redirect(`https://a.example/${number}`);
  assert(redirect("https://a.example/0") !== first);
});

Deno.test("the answer to an internal error says nothing of it", async () => {
  const response = failureResponse();
  assertEquals(response.status, 500);
  assertEquals(response.headers.get("content-type"), "application/json");
  assertEquals(await response.json(), {
    errors: [{ code: "UNKNOWN", message: "internal error" }],
  });
});
