import { assert, assertEquals } from "@std/assert";
import { isAllowed, mistakesOf, withValue } from "./fixture.ts";

Deno.test("ConfigSchema takes templates of blobs' URLs", () => {
  const allowed = [
    "https://a.example/{digest}",
    "https://a.example/docker/registry/v2/blobs/{algorithm}/{hex:2}/{hex}/data",
    "http://127.0.0.1:5000/v2/{name}/blobs/{digest}",
    "https://a.example/{hex:1}/{hex:9}/{hex:10}/{hex:64}/{hex}",
    "https://a.example/a.b/..c/{hex}..d/{digest}/",
    "https://[::1]:5000/{digest}%20",
  ];
  for (const url of allowed) assert(isAllowed("mirrors.one.url", url), url);
});

Deno.test("ConfigSchema says what is wrong with a template", () => {
  const BASE =
    "an http: or https: URL without user, query and fragment, such as https://registry.example";
  const KNOWN = "placeholders among {digest}, {algorithm}, {hex}, {hex:2}, {name}";
  const DIGEST = "a URL with {digest} or {hex} in it, so that each blob has one of its own";
  const table = [
    { asked: "https://a.example/{foo}", expected: `${KNOWN}; {foo} is none` },
    {
      asked: "https://a.example/{diges}",
      expected: `${KNOWN}; {diges} is none; did you mean digest?`,
    },
    {
      asked: "https://a.example/{Name}/{hex}",
      expected: `${KNOWN}; {Name} is none; did you mean name?`,
    },
    { asked: "https://a.example/{}", expected: `${KNOWN}; {} is none` },
    {
      asked: "https://a.example/{hex:0}/{hex}",
      expected: `${KNOWN}; {hex:0} is none; did you mean hex:2?`,
    },
    {
      asked: "https://a.example/{hex:65}/{hex}",
      expected: `${KNOWN}; {hex:65} is none; did you mean hex:2?`,
    },
    { asked: "https://a.example/{digest", expected: `${KNOWN}, and no other { or }` },
    { asked: "https://a.example/digest}", expected: `${KNOWN}, and no other { or }` },
    { asked: "https://a.example/{{digest}}", expected: `${KNOWN}, and no other { or }` },
    { asked: "https://a.example/{name}", expected: DIGEST },
    { asked: "https://a.example/{algorithm}/{hex:2}", expected: DIGEST },
    {
      asked: "https://{name}.example/{digest}",
      expected: `${BASE}, with placeholders in its path`,
    },
    { asked: "https://a.example{digest}", expected: `${BASE}, with placeholders in its path` },
    { asked: "https://u:p@a.example/{digest}", expected: `${BASE}, with placeholders in its path` },
    { asked: "ftp://a.example/{digest}", expected: `${BASE}, with placeholders in its path` },
    { asked: "https://a.example/{digest}?x", expected: `${BASE}, with placeholders in its path` },
    { asked: "https://a.example/a/../{digest}", expected: `${BASE}, and with no segment of dots` },
    { asked: "https://a.example/.{digest}", expected: `${BASE}, and with no segment of dots` },
    {
      asked: "https://a.example/{digest}/%2e%2E",
      expected: `${BASE}, and with no segment of dots`,
    },
    { asked: "https://a.example:65536/{digest}", expected: BASE },
  ];
  for (const { asked, expected } of table) {
    const [mistake, ...more] = mistakesOf(withValue("mirrors.one.url", asked));
    const found = JSON.stringify(asked.replace("u:p", "…"));
    assertEquals(mistake, `mirrors.one.url: found ${found}; allowed: ${expected}`);
    assertEquals(more, [], asked);
  }
});

Deno.test("readConfig() finds two mirrors whose templates give the same URLs", () => {
  const table = [
    { asked: ["https://a.example/b", "https://a.example/b/{digest}"], expected: true },
    {
      asked: [
        "https://a.example/{name}/{digest}",
        "https://A.example:443/{name}/{algorithm}:{hex}",
      ],
      expected: true,
    },
    { asked: ["https://a.example/b", "https://a.example/b/{hex}"], expected: false },
    { asked: ["https://a.example/{foo}", "https://a.example/{foo}"], expected: undefined },
  ];
  for (const { asked: [one, two], expected } of table) {
    const mistakes = mistakesOf(withValue("mirrors", { one: { url: one }, two: { url: two } }));
    const same = mistakes.includes(
      `mirrors.two.url: found ${JSON.stringify(two)}; allowed: a URL of its own; ` +
        "mirrors.one.url is the same",
    );
    assertEquals(same, expected ?? false, one);
    assertEquals(mistakes.length, expected === undefined ? 2 : Number(expected), one);
  }
});

Deno.test("a template is checked as other URLs are where the listener has a certificate", () => {
  const text = `upstreams: { main: { endpoint: https://registry.example } }
listen: { tls: { cert: cert.pem, key: key.pem } }
mirrors: { one: { url: "http://a.example/{hex}" } }
rules: [{ clients: ["*"], mirrors: [one] }]
`;
  assertEquals(mistakesOf(text).map((mistake) => mistake.split(":")[0]), ["mirrors.one.url"]);
});
