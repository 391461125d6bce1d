import { assertEquals } from "@std/assert";
import metadata from "../../deno.json" with { type: "json" };

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;
const MAIN = new URL("../../lib/mod.ts", import.meta.url).pathname;

async function run(program: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args: [...args] }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${program} failed: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

// Where there is none, Deno may put itself into the path under that name.
async function hasNode(): Promise<boolean> {
  try {
    return (await run("node", ["--print", "process.versions.deno"])).trim() === "undefined";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

const SCRIPT = `
import { createServer } from "node:http";
import {
  createLocator, createRedirector, EMBEDDED, parseAddress, parseRequest,
} from "./archeio.js";

const locator = createLocator(EMBEDDED);
const mirror = createServer((request, response) => {
  response.writeHead(request.url.endsWith("/${DIGEST}") ? 200 : 404).end();
});
await new Promise((resolve) => mirror.listen(0, "127.0.0.1", resolve));
const url = "http://127.0.0.1:" + mirror.address().port;
const redirector = createRedirector({
  upstreams: { main: { endpoint: "https://registry.example" } },
  mirrors: { here: { url } },
  rules: [{ clients: ["aws/*"], mirrors: ["here"] }],
});
async function locationFor(address) {
  const request = new Request("https://old.example/v2/pause/blobs/${DIGEST}", {
    headers: { "x-forwarded-for": address + ", 10.0.0.1" },
  });
  const { headers } = await redirector.fetch(request, { incoming: {} });
  return headers.get("location").replace(url, "mirror");
}
console.log(JSON.stringify({
  location: locator.explain(parseAddress("35.180.1.1"))?.location,
  asked: parseRequest("HEAD", "/v2/pause/tags/list").kind,
  redirects: [await locationFor("35.180.1.1"), await locationFor("203.0.113.9")],
}));
// Node ends by itself, once nothing is waited for any more.
redirector.stop();
mirror.closeAllConnections();
mirror.close();
`;

/** The module in docs/library.md, which is JavaScript as well, with the bundle in place of the package. */
function pageExample(): string {
  const page = Deno.readTextFileSync(new URL("../../docs/library.md", import.meta.url));
  const [, example] = /^```ts\n([^]*?)^```$/m.exec(page)!;
  return example!.replace('"@archeio/archeio/redirect"', '"./archeio.js"');
}

Deno.test({
  name:
    "lib/mod.ts, bundled, finds locations and redirects under Node, as in docs/library.md (needs node)",
  ignore: !await hasNode(),
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const bundle = ["bundle", "--quiet", "--platform", "browser", "--output"];
      await run(Deno.execPath(), [...bundle, `${folder}/archeio.js`, MAIN]);
      await Deno.writeTextFile(`${folder}/package.json`, `{"type":"module"}`);
      await Deno.writeTextFile(`${folder}/script.js`, SCRIPT);
      await Deno.writeTextFile(`${folder}/example.js`, pageExample());
      assertEquals(JSON.parse(await run("node", [`${folder}/script.js`])), {
        location: "aws/eu-west-3",
        asked: "tags",
        redirects: [`mirror/${DIGEST}`, `https://registry.example/v2/pause/blobs/${DIGEST}`],
      });
      assertEquals(
        await run("node", [`${folder}/example.js`]),
        "https://registry.example/v2/images/pause/tags/list\n",
      );
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("every export of deno.json is a module with an example", async () => {
  for (const [name, path] of Object.entries(metadata.exports)) {
    if (path === "./main.ts") continue;
    const text = await Deno.readTextFile(new URL(`../../${path}`, import.meta.url));
    const { 1: head = "" } = /^\/\*\*([^]*?)@module/.exec(text) ?? [];
    assertEquals(head.includes("@example"), true, name);
  }
});
