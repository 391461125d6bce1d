/**
 * Puts faults into a copy of the code, compiles it, and sees that the end-to-end tests
 * notice each: a test that passes whatever the program does shows nothing.
 *
 * @module
 */

import { ensureInstalled } from "./programs.ts";
import { runAnyhow, type RunOptions } from "./run.ts";
import { createTempFolder } from "./temp_folder.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
// What the program is made of.
const SOURCES = ["deno.json", "deno.lock", "main.ts", "lib"];

/** A fault, as another text in one place of a file. */
interface Fault {
  readonly name: string;
  readonly file: string;
  readonly text: string;
  readonly instead: string;
  /** A step that has to fail; others may, too. */
  readonly noticedBy: string;
}

const FAULTS: readonly Fault[] = [
  {
    name: "blobs always from the upstream",
    file: "lib/routing/decide.ts",
    text: "mirrors.length === 0",
    instead: "true",
    noticedBy: "skopeo copy, AWS, Paris: image for two platforms",
  },
  {
    name: "the client address taken from the last header entry",
    file: "lib/net/client_address.ts",
    text: "entry < fromEnd",
    instead: "entry < 1",
    noticedBy: "podman pull, Google Cloud: image for two platforms",
  },
  {
    name: "the query dropped",
    file: "lib/oci/query.ts",
    text: `if (query === ""`,
    instead: "if (true",
    noticedBy: "curl, AWS, Paris: tags, 5 to a page",
  },
  {
    name: "the digest's case changed",
    file: "lib/redirect/responses.ts",
    text: `append("location", location)`,
    instead: `append("location", location.replace(/[0-9a-f]{64}/, (hex) => hex.toUpperCase()))`,
    noticedBy: "curl, anywhere else: image for two platforms",
  },
  {
    name: "a HEAD answered 404",
    file: "lib/redirect/handler.ts",
    text: "parseRequest(method, request.url)",
    instead:
      `method === "HEAD" ? { kind: "nothing", api: true } : parseRequest(method, request.url)`,
    noticedBy: "curl --head, own prefix, TLS: image for two platforms",
  },
];

async function deno(args: readonly string[], options: RunOptions) {
  const env = { NO_COLOR: "1", ...options.env };
  return await runAnyhow(Deno.execPath(), args, { ...options, env, longestS: 600 });
}

/** Compiles a copy of the code with a fault in it, and gives the program's path. */
async function compileCopy(folder: string, fault?: Fault): Promise<string> {
  await runAnyhow("cp", ["--recursive", ...SOURCES.map((name) => ROOT + name), folder]);
  if (fault !== undefined) await putIn(`${folder}/${fault.file}`, fault);
  const { code, err } = await deno(["task", "compile"], { cwd: folder });
  if (code !== 0) throw new Error(`deno task compile failed:\n${err}`);
  return `${folder}/dist/archeio`;
}

async function putIn(path: string, { file, text, instead }: Fault): Promise<void> {
  const parts = (await Deno.readTextFile(path)).split(text);
  if (parts.length === 2) return await Deno.writeTextFile(path, parts.join(instead));
  throw new Error(`${file} has ${parts.length - 1} times ${JSON.stringify(text)}, not once`);
}

/** The steps that fail with a program. */
async function listFailedSteps(program: string): Promise<string[]> {
  const { code, out, err } = await deno(["test", "--frozen", "-A", "tests/e2e/clients_e2e.ts"], {
    cwd: ROOT,
    env: { ARCHEIO_PROGRAM: program },
  });
  const failed = [...out.matchAll(/ \.\.\. (.+) => \.\/tests\//g)].map(([, step]) => step!);
  if ((code === 0) === (failed.length === 0)) return [...new Set(failed)];
  throw new Error(`the tests ended with ${code}:\n${out}${err}`);
}

/** Whether the tests pass without a fault, and a fault's step fails with it. */
async function isNoticed(fault?: Fault): Promise<boolean> {
  await using folder = await createTempFolder();
  const failed = await listFailedSteps(await compileCopy(folder.path, fault));
  if (fault === undefined) {
    console.log("no fault:", failed.length === 0 ? "all steps pass" : failed);
    return failed.length === 0;
  }
  const { name, noticedBy } = fault;
  const noticed = failed.includes(noticedBy);
  console.log(`${name}: ${failed.length} steps fail, ${noticed ? "with" : "NOT"} "${noticedBy}"`);
  return noticed;
}

await ensureInstalled();
let noticed = 0;
for (const fault of [undefined, ...FAULTS]) noticed += Number(await isNoticed(fault));
if (noticed <= FAULTS.length) Deno.exit(1);
