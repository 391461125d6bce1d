import { assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { forwardQuery } from "../../lib/oci/query.ts";

Deno.test("forwardQuery() keeps what an upstream has a use for, in its order", () => {
  const table = [
    { query: "", expected: "" },
    { query: "n=50", expected: "?n=50" },
    { query: "n=50&last=v1.30.0", expected: "?n=50&last=v1.30.0" },
    { query: "last=v1.30.0&n=50", expected: "?last=v1.30.0&n=50" },
    { query: "n=1&n=2", expected: "?n=1&n=2" },
    {
      query: "artifactType=application/vnd.example%2Bjson",
      expected: "?artifactType=application/vnd.example%2Bjson",
    },
    { query: "artifactType=a+b", expected: "?artifactType=a+b" },
    { query: "flag", expected: "?flag" },
    { query: "=", expected: "?=" },
    { query: "a=b=c", expected: "?a=b=c" },
    { query: "a=/?:@-._~!$'()*+,;", expected: "?a=/?:@-._~!$'()*+,;" },
    { query: "&&n=1&&last=2&", expected: "?n=1&last=2" },
    { query: "&", expected: "" },
  ];
  for (const { query, expected } of table) assertEquals(forwardQuery(query), expected, query);
});

Deno.test("forwardQuery() drops ns, however it is written", () => {
  const table = [
    { query: "ns=registry.k8s.io", expected: "" },
    { query: "ns", expected: "" },
    { query: "ns=", expected: "" },
    { query: "ns=a=b", expected: "" },
    { query: "%6es=x", expected: "" },
    { query: "%6Es=x", expected: "" },
    { query: "n%73=x", expected: "" },
    { query: "%6e%73=x", expected: "" },
    { query: "ns=a&n=5&ns=b", expected: "?n=5" },
    { query: "n=5&ns=a", expected: "?n=5" },
    { query: "n=ns", expected: "?n=ns" },
    { query: "nss=x", expected: "?nss=x" },
    { query: "ns%3Dx", expected: "?ns%3Dx" },
    // Names of parameters are case-sensitive.
    { query: "NS=x", expected: "?NS=x" },
    { query: "%4es=x", expected: "?%4es=x" },
    { query: "%4Es=x&N%73=y", expected: "?%4Es=x&N%73=y" },
  ];
  for (const { query, expected } of table) assertEquals(forwardQuery(query), expected, query);
});

Deno.test("forwardQuery() drops parameters that hold control characters", () => {
  const table = [
    { query: "a=1%0d%0aSet-Cookie:x&n=5", expected: "?n=5" },
    { query: "n=5&a=%00", expected: "?n=5" },
    { query: "%0A=1", expected: "" },
    { query: "a=%1F", expected: "" },
    { query: "a=%7f", expected: "" },
    { query: "a=%7F", expected: "" },
    { query: "a=\r\nb&n=5", expected: "?n=5" },
    { query: "a=\u0000", expected: "" },
    { query: "a=\t", expected: "" },
    { query: "a=\u007f", expected: "" },
    { query: "a=%%0d", expected: "" },
    // Encoded twice, it is none for whoever decodes once.
    { query: "a=%250d", expected: "?a=%250d" },
    { query: "a=%20", expected: "?a=%20" },
    { query: "a=%7E", expected: "?a=%7E" },
  ];
  for (const { query, expected } of table) assertEquals(forwardQuery(query), expected, query);
});

Deno.test("forwardQuery() encodes what a query may not hold", () => {
  const table = [
    { query: "a=b c", expected: "?a=b%20c" },
    { query: 'a="<>\\^`{|}"', expected: "?a=%22%3C%3E%5C%5E%60%7B%7C%7D%22" },
    { query: "a=#b", expected: "?a=%23b" },
    { query: "a=[1]", expected: "?a=%5B1%5D" },
    { query: "é=ü", expected: "?%C3%A9=%C3%BC" },
    { query: "a=😀", expected: "?a=%F0%9F%98%80" },
    { query: "a=😀😀é", expected: "?a=%F0%9F%98%80%F0%9F%98%80%C3%A9" },
    { query: "a=\ud83d", expected: "?a=%EF%BF%BD" },
    { query: "a=\ude00\ud83d", expected: "?a=%EF%BF%BD%EF%BF%BD" },
    { query: "a=%", expected: "?a=%25" },
    { query: "a=%4", expected: "?a=%254" },
    { query: "a=%zz%41", expected: "?a=%25zz%41" },
    { query: "a=%%41", expected: "?a=%25%41" },
    { query: "a=%é", expected: "?a=%25%C3%A9" },
    { query: "a=%0é", expected: "?a=%250%C3%A9" },
  ];
  for (const { query, expected } of table) assertEquals(forwardQuery(query), expected, query);
});

// RFC 3986, section 3.4, over what stands behind the question mark.
const QUERY = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})*$/;
const CONTROL = /%(?:[01][0-9A-Fa-f]|7[Ff])/;

const unit = fc.oneof(
  fc.constantFrom(
    "&",
    "=",
    "%",
    "n",
    "s",
    "%6e",
    "%0d",
    "%7",
    "0",
    "D",
    "f",
    "/",
    "?",
    "\r",
    "\ud83d",
  ),
  fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)),
);

Deno.test("forwardQuery() gives nothing or a query by RFC 3986, without control characters", () => {
  const property = fc.property(fc.string({ unit, maxLength: 40 }), (query) => {
    const forwarded = forwardQuery(query);
    if (forwarded === "") return;
    assertEquals(forwarded[0], "?");
    assertMatch(forwarded.slice(1), QUERY);
    assertEquals(CONTROL.test(forwarded), false);
    for (const parameter of forwarded.slice(1).split("&")) {
      assertEquals(/^(?:n|%6[eE])(?:s|%73)(?:=|$)/.test(parameter), false);
    }
  });
  fc.assert(property, { numRuns: 3000 });
});

Deno.test("forwardQuery() leaves what it gave as it is", () => {
  const property = fc.property(fc.string({ unit, maxLength: 40 }), (query) => {
    const forwarded = forwardQuery(query);
    assertEquals(forwardQuery(forwarded.slice(1)), forwarded);
  });
  fc.assert(property, { numRuns: 1000 });
});

Deno.test("forwardQuery() keeps nothing of a query that would take long to read", () => {
  assertEquals(forwardQuery(`n=${"1".repeat(4094)}`).length, 4097);
  assertEquals(forwardQuery(`n=${"1".repeat(4095)}`), "");
});
