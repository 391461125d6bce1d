import { assert, assertEquals } from "@std/assert";
import { PROVIDERS } from "../../lib/locations/providers.ts";
import { isAllowed, mistakesOf, withValue } from "./fixture.ts";

const NAME = "a name of A-Z, a-z, 0-9, _, . and -, beginning with a letter or a digit";
const LOCATION = "a location's name, <cloud>/<region>";

Deno.test("ConfigSchema takes names and locations only that patterns can be written for", () => {
  const table = [
    { path: "mirrors", names: ["one", "S3.eu-west_3", "1", "toString"], expected: [] },
    { path: "mirrors", names: ["", "a b", "_a", "-a", ".a", "é", "a/b", "*"], expected: [NAME] },
    {
      path: "mirrors",
      names: ["constructor", "prototype", "__proto__"],
      expected: ["a name that means nothing in JavaScript"],
    },
    { path: "locations", names: ["a/b", "A.1/b-c_d"], expected: [] },
    {
      path: "locations",
      names: ["a", "a/", "/b", "a/b/c", "a/*", "*", "a b/c", "", "constructor", "__proto__"],
      expected: [LOCATION],
    },
  ];
  for (const { path, names, expected } of table) {
    for (const name of names) {
      const value = path === "mirrors" ? { url: "https://one.example" } : ["10.0.0.0/8"];
      const named = `{ ${JSON.stringify(name)}: ${JSON.stringify(value)} }`;
      const text = `upstreams: { main: { endpoint: https://a.example } }\n${path}: ${named}`;
      const uses = path === "mirrors" && expected.length === 0
        ? `\nrules: [{ clients: ["*"], mirrors: [${JSON.stringify(name)}] }]`
        : "\nrules: [{}]";
      const allowed = mistakesOf(text + uses).filter((line) => !line.startsWith("rules")).map((
        line,
      ) => line.split("; allowed: ")[1]);
      assertEquals(allowed, expected, name);
    }
  }
});

Deno.test("ConfigSchema takes base URLs that a digest can be put behind", () => {
  const allowed = [
    "https://mirror.example",
    "https://mirror.example/",
    "http://mirror.example:8080/a/b",
    "http://192.0.2.1",
    "http://[2001:db8::1]:5000/a",
    "http://my_mirror:5000",
    "https://mirror.example/a%20b/(c)/~d",
    "https://MIRROR.example/",
  ];
  const refused = [
    "",
    "mirror.example",
    "//mirror.example",
    "/a",
    "ftp://mirror.example",
    "https:",
    "https://",
    "https:mirror.example",
    "https://mirror.example?",
    "https://mirror.example/a?b=c",
    "https://mirror.example/a#b",
    "https://user@mirror.example",
    "https://user:secret@mirror.example",
    "https://mirror.example:65536",
    "https://mirror.example:a",
    "https://mirror.example/a b",
    "https://mirror.example/a\\b",
    "https://mirror.example\\a",
    "https://mirror.example/a\n",
    " https://mirror.example",
    "https://mirror.example/é",
    "https://mirror.example/<>",
    "https://[2001:db8::1",
    "https://[mirror]",
    "https://256.256.256.256",
    "https://mirror%2eexample",
    "javascript:alert(1)",
  ];
  for (const url of allowed) assert(isAllowed("mirrors.one.url", url), url);
  for (const url of refused) assert(!isAllowed("mirrors.one.url", url), url);
  // Of a registry, only those without a path.
  for (const url of allowed) {
    const hasPath = new URL(url).pathname !== "/";
    assertEquals(isAllowed("upstreams.main.endpoint", url), !hasPath, url);
  }
  for (const url of refused) assert(!isAllowed("upstreams.main.endpoint", url), url);
});

Deno.test("ConfigSchema says of an endpoint with a path where the path belongs", () => {
  const table = [
    {
      asked: "https://a.example/b",
      expected: "; did you mean https://a.example, with b as its path?",
    },
    {
      asked: "http://a.example:5000//project/images/",
      expected: "; did you mean http://a.example:5000, with project/images as its path?",
    },
    { asked: "https://a.example/v2/", expected: "; did you mean https://a.example?" },
    {
      asked: "https://a.example/v2/b",
      expected: "; did you mean https://a.example, with b as its path?",
    },
    {
      asked: "https://a.example/v2b",
      expected: "; did you mean https://a.example, with v2b as its path?",
    },
    { asked: "https://a.example/b?c", expected: "" },
    { asked: "a.example/b", expected: "" },
  ];
  for (const { asked, expected } of table) {
    const [mistake] = mistakesOf(withValue("upstreams.main.endpoint", asked));
    assertEquals(mistake?.split("such as https://registry.example")[1], expected, asked);
  }
});

Deno.test("ConfigSchema takes pages with a query and a fragment", () => {
  const allowed = [
    "https://info.example",
    "https://info.example/a/b",
    "https://info.example?a=b",
    "https://info.example/?a=b#c",
    "https://info.example#c",
  ];
  const refused = ["", "/about", "https://user@info.example", "https://info.example/a b", "x:y"];
  for (const url of allowed) assert(isAllowed("pages.info", url), url);
  for (const url of refused) assert(!isAllowed("pages.info", url), url);
});

Deno.test("ConfigSchema takes files of ranges with a query, and without a fragment", () => {
  const allowed = [
    "https://ranges.example",
    "https://ranges.example/aws.json",
    "http://127.0.0.1:8000/aws.json?date=now&a=b",
  ];
  const refused = [
    "aws.json",
    "file:///aws.json",
    "https://ranges.example?a=b",
    "https://ranges.example/aws.json#a",
    "https://user@ranges.example/aws.json",
    "https://ranges.example:65536/aws.json",
  ];
  for (const { name } of PROVIDERS) {
    const path = `ranges.sources.${name}`;
    for (const url of allowed) assert(isAllowed(path, url), url);
    for (const url of refused) assert(!isAllowed(path, url), url);
  }
});

Deno.test("ConfigSchema takes what may stand before a repository's name", () => {
  const allowed = ["", "images", "k8s-artifacts-prod/images", "a/b/c", "a.b/c__d/e--f", "0"];
  const refused = [
    "/images",
    "images/",
    "a//b",
    "Images",
    "a/../b",
    "..",
    ".a",
    "a-",
    "-a",
    "a b",
    "a\n",
    "a?b",
    "%2e",
    "é",
  ];
  for (const path of allowed) assert(isAllowed("upstreams.main.path", path), path);
  for (const path of refused) assert(!isAllowed("upstreams.main.path", path), path);
});

Deno.test("ConfigSchema takes the hosts that can be listened on", () => {
  for (const path of ["listen.host", "admin.host"]) {
    for (const host of ["0.0.0.0", "::", "::1", "localhost", "a-b.example", "my_host"]) {
      assert(isAllowed(path, host), host);
    }
    for (const host of ["", "a b", "a/b", "http://a", "[::1]", "a\n"]) {
      assert(!isAllowed(path, host), host);
    }
  }
});
