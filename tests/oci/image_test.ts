import { assertEquals } from "@std/assert";
import { imagePath } from "../../lib/oci/image.ts";
import { parseRequest } from "../../lib/oci/request.ts";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

Deno.test("imagePath() gives the path of an image's manifest", () => {
  const table = [
    { asked: "app", expected: "/v2/app/manifests/latest" },
    { asked: "app:1.0", expected: "/v2/app/manifests/1.0" },
    { asked: "acme/app", expected: "/v2/acme/app/manifests/latest" },
    { asked: "acme/app:1.0", expected: "/v2/acme/app/manifests/1.0" },
    { asked: "my.app:1.0", expected: "/v2/my.app/manifests/1.0" },
    { asked: `app@${DIGEST}`, expected: `/v2/app/manifests/${DIGEST}` },
    { asked: `app:1.0@${DIGEST}`, expected: `/v2/app/manifests/${DIGEST}` },
    { asked: "registry.example/app", expected: "/v2/app/manifests/latest" },
    { asked: "registry.example/acme/app:1.0", expected: "/v2/acme/app/manifests/1.0" },
    { asked: "registry:5000/app", expected: "/v2/app/manifests/latest" },
    { asked: "localhost/app:1.0", expected: "/v2/app/manifests/1.0" },
    { asked: `[::1]:5000/app@${DIGEST}`, expected: `/v2/app/manifests/${DIGEST}` },
    { asked: "Registry/app", expected: "/v2/app/manifests/latest" },
  ];
  for (const { asked, expected } of table) {
    assertEquals(imagePath(asked), expected, asked);
    assertEquals(parseRequest("GET", expected).kind.startsWith("manifest_by"), true);
  }
});

Deno.test("imagePath() leaves it to the parser to say what is wrong", () => {
  const table: { asked: string; part: string }[] = [
    { asked: "", part: "name" },
    { asked: "App", part: "name" },
    { asked: "../app", part: "name" },
    { asked: "app//b", part: "name" },
    { asked: "app:1.0?x", part: "tag" },
    { asked: "app:1.0#x", part: "tag" },
    { asked: "app:", part: "tag" },
    { asked: "app@sha256:12", part: "digest" },
    { asked: "app%2fb", part: "name" },
  ];
  for (const { asked, part } of table) {
    const parsed = parseRequest("GET", imagePath(asked));
    assertEquals<string>(parsed.kind === "invalid" ? parsed.part : parsed.kind, part, asked);
  }
});
