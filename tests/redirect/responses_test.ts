import { assertEquals } from "@std/assert";
import { createRedirect, failureResponse } from "../../lib/redirect/responses.ts";

Deno.test("a redirect says what caches may do with it, and to HEAD that it has no content", () => {
  const location = "https://a.example/1";
  const cacheControl = "private, no-store";
  const cases = [
    { options: { method: "GET" }, expected: [["location", location]] },
    {
      options: { method: "GET", cacheControl },
      expected: [["cache-control", cacheControl], ["location", location]],
    },
    {
      options: { method: "HEAD", cacheControl },
      expected: [["cache-control", cacheControl], ["content-length", "0"], ["location", location]],
    },
  ];
  for (const { options, expected } of cases) {
    const response = createRedirect(location, options);
    assertEquals(response.status, 307);
    assertEquals([...response.headers], expected);
  }
});

Deno.test("the answer to an internal error says nothing of it", async () => {
  const response = failureResponse();
  assertEquals(response.status, 500);
  assertEquals(response.headers.get("content-type"), "application/json");
  assertEquals(await response.json(), {
    errors: [{ code: "UNKNOWN", message: "internal error" }],
  });
});
