import { assertEquals, assertMatch } from "@std/assert";
import type { TraceConfig } from "../../lib/config/config.ts";
import { createRequestIdentifier, createSessionIds } from "../../lib/redirect/request_id.ts";

const ID = "0af7651916cd43dd8448eb211c80319c";
const OTHER = "105445aa7843bc8bf206b12000100000";
const OFF: TraceConfig = {
  request_id: false,
  session: false,
  redirect_parameter: null,
  client_asn_header: null,
};
const random = () => 0.5;
const MADE = "80000000".repeat(4);

Deno.test("a request's id is that of its traceparent, else of Google's header, else a new one", () => {
  const identify = createRequestIdentifier({ trace: { ...OFF, request_id: true }, random });
  const table: { asked: Record<string, string>; expected: string }[] = [
    { asked: {}, expected: MADE },
    { asked: { traceparent: `00-${ID}-b7ad6b7169203331-01` }, expected: ID },
    { asked: { traceparent: `00-${ID.toUpperCase()}-b7ad6b7169203331-01` }, expected: ID },
    { asked: { traceparent: `cc-${ID}-b7ad6b7169203331-01-what-comes` }, expected: ID },
    { asked: { "x-cloud-trace-context": `${OTHER}/1;o=1` }, expected: OTHER },
    { asked: { "x-cloud-trace-context": OTHER }, expected: OTHER },
    {
      asked: {
        traceparent: `00-${ID}-b7ad6b7169203331-01`,
        "x-cloud-trace-context": `${OTHER}/1`,
      },
      expected: ID,
    },
    {
      asked: { traceparent: "00-nothing-b7ad6b7169203331-01", "x-cloud-trace-context": OTHER },
      expected: OTHER,
    },
    // What the specification calls invalid, and what is not an id.
    { asked: { traceparent: `ff-${ID}-b7ad6b7169203331-01` }, expected: MADE },
    { asked: { traceparent: `00-${"0".repeat(32)}-b7ad6b7169203331-01` }, expected: MADE },
    { asked: { traceparent: `00-${ID}` }, expected: MADE },
    { asked: { traceparent: ID }, expected: MADE },
    { asked: { "x-cloud-trace-context": `${OTHER}&a=b` }, expected: MADE },
    { asked: { "x-cloud-trace-context": `${OTHER}0/1` }, expected: MADE },
    // Without sessions a token means nothing.
    { asked: { authorization: `Bearer ${ID}` }, expected: MADE },
  ];
  for (const { asked, expected } of table) {
    assertEquals(identify(new Headers(asked)), expected, JSON.stringify(asked));
  }
});

Deno.test("a request's id is the token of its session before all others", () => {
  const trace = { ...OFF, session: true };
  const headers = (authorization: string) =>
    new Headers({ authorization, "x-cloud-trace-context": OTHER });
  const alone = createRequestIdentifier({ trace, random });
  const both = createRequestIdentifier({ trace: { ...trace, redirect_parameter: "rid" }, random });
  const table = [
    { asked: `Bearer ${ID}`, expected: ID },
    { asked: `bearer ${ID.toUpperCase()}`, expected: ID },
    { asked: `Bearer ${ID}x`, expected: undefined },
    { asked: `Bearer ${"0".repeat(32)}`, expected: undefined },
    { asked: `Basic ${ID}`, expected: undefined },
    { asked: "Bearer eyJhbGciOi.J9.secret", expected: undefined },
  ];
  for (const { asked, expected } of table) {
    assertEquals(alone(headers(asked)), expected, asked);
    assertEquals(both(headers(asked)), expected ?? OTHER, asked);
  }
});

Deno.test("ids are made of all random numbers that there are", () => {
  const idOf = createSessionIds(Math.random);
  const ids = Array.from({ length: 100 }, () => idOf(new Headers()));
  for (const id of ids) assertMatch(id, /^[0-9a-f]{32}$/);
  assertEquals(new Set(ids).size, ids.length);
  for (const [number, digit] of [[0, "0"], [1 - 2 ** -53, "f"]] as const) {
    assertEquals(createSessionIds(() => number)(new Headers()), digit.repeat(32));
  }
});
