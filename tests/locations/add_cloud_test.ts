/**
 * Plays "Add a cloud" of `docs/development.md` in a copy of the program: the file and the
 * line in the list, as they stand there, and nothing else.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Entry, formatPublished } from "../cli/published_files.ts";
import { PROVIDERS } from "../../lib/locations/providers.ts";

const ROOT = new URL("../../", import.meta.url);
const COPIED = ["lib", "main.ts", "deno.json", "deno.lock"];
const LIST = "lib/locations/providers.ts";

interface Added {
  /** Where the cloud's file goes. */
  readonly path: string;
  readonly file: string;
  /** The lines that the list gets. */
  readonly importLine: string;
  readonly entryLine: string;
}

function readAdded(): Added {
  const markdown = Deno.readTextFileSync(new URL("docs/development.md", ROOT));
  const start = markdown.indexOf("## Add a cloud\n");
  assert(start >= 0);
  const end = markdown.indexOf("\n## ", start);
  const section = markdown.slice(start, end < 0 ? undefined : end);
  const [, path] = /`(lib\/locations\/providers\/\w+\.ts)`/.exec(section)!;
  const [, file] = /^```ts ignore\n([^]*?)^```$/m.exec(section)!;
  const [, diff] = /^```diff\n([^]*?)^```$/m.exec(section)!;
  const lines = [...diff!.matchAll(/^\+(.*\n)/gm)].map(([, line]) => line!);
  assertEquals(lines.length, 2);
  return { path: path!, file: file!, importLine: lines[0]!, entryLine: lines[1]! };
}

async function copyFolder(from: URL, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyFolder(new URL(`${name}/`, from), `${to}/${name}`);
    else await Deno.copyFile(new URL(name, from), `${to}/${name}`);
  }
}

/** Makes a copy of the program with the cloud added. */
async function copyWith({ path, file, importLine, entryLine }: Added): Promise<string> {
  const copy = await Deno.makeTempDir({ prefix: "archeio-cloud-" });
  for (const name of COPIED) {
    if (name.includes(".")) await Deno.copyFile(new URL(name, ROOT), `${copy}/${name}`);
    else await copyFolder(new URL(`${name}/`, ROOT), `${copy}/${name}`);
  }
  await Deno.writeTextFile(`${copy}/${path}`, file, { createNew: true });
  const list = await Deno.readTextFile(`${copy}/${LIST}`);
  const entries = list.indexOf("\n] as const satisfies") + 1;
  const docs = list.indexOf("\n\n/** The providers") + 1;
  assert(entries > docs && docs > 0);
  const parts = [list.slice(0, docs), importLine, list.slice(docs, entries), entryLine];
  await Deno.writeTextFile(`${copy}/${LIST}`, parts.join("") + list.slice(entries));
  return copy;
}

// The copy is not what the coverage of these tests is about.
const { DENO_COVERAGE_DIR: _, ...ENVIRONMENT } = Deno.env.toObject();

async function runDeno(cwd: string, ...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd,
    clearEnv: true,
    env: { ...ENVIRONMENT, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
  }).output();
  const decoder = new TextDecoder();
  return { status: code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

const GEOFEED = `# generated 2026-08-03
192.0.2.0/24,DE,DE-HE,Frankfurt am Main,
198.51.100.0/24,DE,DE-HE,Frankfurt am Main,
2001:db8::/32,FR,FR-IDF,Paris,
`;
const FILES: Readonly<Record<string, readonly Entry[]>> = {
  aws: [["eu-west-3", "35.180.0.0/16"], ["eu-west-3", "2001:db8:a::/48"]],
  gcp: [["europe-west9", "34.155.0.0/16"]],
  azure: [["norwayeast", "20.0.0.0/16"]],
};

Deno.test("a cloud is added by the file and the line that docs/development.md has", async (t) => {
  const added = readAdded();
  const [, name] = /\/(\w+)\.ts$/.exec(added.path)!;
  const [, fileName] = /fileName: "(.+)"/.exec(added.file)!;
  const copy = await copyWith(added);
  const run = (...args: string[]) => runDeno(copy, "run", "--frozen", "-A", "main.ts", ...args);
  try {
    await t.step("it is formatted, and the program compiles with it", async () => {
      const format = await runDeno(copy, "fmt", "--check", added.path, LIST);
      assertEquals(format.status, 0, format.err);
      const check = await runDeno(copy, "check", "--frozen", "main.ts");
      assertEquals(check.status, 0, check.err);
    });
    await t.step("the help and the JSON Schema name it", async () => {
      const help = await run("ranges", "--help");
      assertMatch(help.out, new RegExp(`only these of .*, ${name}\n`));
      assertStringIncludes(help.out, `  ${fileName}\n`);
      const schema = JSON.parse((await run("config", "--schema")).out);
      const sources = Object.keys(schema.properties.ranges.properties.sources.properties);
      assertEquals(sources, [...PROVIDERS.map(({ name }) => name), name]);
    });
    await t.step("a configuration may have a source for it", async () => {
      const source = `https://files.example/${fileName}`;
      const upstreams = { main: { endpoint: "https://registry.example" } };
      const config = { upstreams, ranges: { refresh_h: 24, sources: { [name!]: source } } };
      await Deno.writeTextFile(`${copy}/config.yaml`, JSON.stringify(config));
      const printed = await run("config", "--config", "config.yaml");
      assertEquals(printed.status, 0, printed.err);
      assertStringIncludes(printed.out, source);
    });
    await t.step("its prefixes get into the data set, and clients are found in it", async () => {
      const folder = `${copy}/published`;
      await Deno.mkdir(folder);
      await Deno.writeTextFile(`${folder}/${fileName}`, GEOFEED);
      const all = ["ranges", "update", "--from", folder, "--out", `${copy}/embedded.ts`];
      for (const { name, fileName } of PROVIDERS) {
        const text = formatPublished(name, FILES[name] ?? []);
        await Deno.writeTextFile(`${folder}/${fileName}`, text);
      }
      const known = Object.keys(FILES);
      const update = await run(...all, "--allow-loss", ...known, name!);

      assertEquals(update.status, 0, update.err);
      assertStringIncludes(update.err, `${name}: 3 added, 0 removed\n`);
      await Deno.rename(`${copy}/embedded.ts`, `${copy}/lib/locations/embedded.ts`);
      const summary = await run("ranges");
      assertMatch(summary.out, new RegExp(`^${name} +2026-08-03 +3 +2  https://`, "m"));
      const found = await run("lookup", "--config", "config.yaml", "192.0.2.1", "2001:db8::1");
      assertEquals(
        found.out,
        `192.0.2.1\t${name}/de-frankfurt-am-main\t192.0.2.0/24\n` +
          `2001:db8::1\t${name}/fr-paris\t2001:db8::/32\n`,
      );
    });
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
});
