import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { formatErrorBody, type OciError } from "../../lib/oci/error_body.ts";

Deno.test("formatErrorBody() writes the body of the distribution specification", () => {
  const table: { error: OciError; expected: string }[] = [
    {
      error: { code: "UNSUPPORTED", message: "not supported" },
      expected: '{"errors":[{"code":"UNSUPPORTED","message":"not supported"}]}',
    },
    {
      error: { code: "NAME_INVALID", message: "no name", detail: "A/b" },
      expected: '{"errors":[{"code":"NAME_INVALID","message":"no name","detail":"A/b"}]}',
    },
    {
      error: { code: "DIGEST_INVALID", message: "no digest", detail: "" },
      expected: '{"errors":[{"code":"DIGEST_INVALID","message":"no digest","detail":""}]}',
    },
    {
      error: { code: "MANIFEST_INVALID", message: "no tag", detail: '"\r\n</script>' },
      expected:
        '{"errors":[{"code":"MANIFEST_INVALID","message":"no tag","detail":"\\"\\r\\n</script>"}]}',
    },
  ];
  for (const { error, expected } of table) assertEquals(formatErrorBody(error), expected);
});

Deno.test("formatErrorBody() gives back no more than 256 characters of what was sent", () => {
  const body = formatErrorBody({ code: "NAME_INVALID", message: "", detail: "x".repeat(65536) });
  assertEquals(JSON.parse(body).errors[0].detail, "x".repeat(256));
});

Deno.test("formatErrorBody() gives well-formed JSON for any detail", () => {
  const detail = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 300 })
    .map((codes) => String.fromCharCode(...codes));
  fc.assert(fc.property(detail, (detail) => {
    const body = formatErrorBody({ code: "NAME_INVALID", message: "no name", detail });
    assertEquals(body.isWellFormed(), true);
    assertEquals(JSON.parse(body).errors[0].detail, detail.slice(0, 256));
  }));
});
