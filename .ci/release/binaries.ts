/**
 * Compiles the program for each target, or for those that are named, and writes their
 * checksums.
 *
 * Deno downloads the runtime of a target from its own servers. Where these cannot be
 * reached, `DENORT_BIN` names one for this machine, and only this machine's target works.
 *
 * @module
 */

import { FOLDER, ROOT, runProgram, TARGETS } from "./targets.ts";

/** The lines of `sha256sum` for files, by name. */
export async function formatChecksums(files: ReadonlyMap<string, Uint8Array>): Promise<string> {
  const names = [...files.keys()].toSorted();
  const lines = await Promise.all(names.map(async (name) => {
    const hash = new Uint8Array(
      await crypto.subtle.digest("SHA-256", files.get(name)! as BufferSource),
    );
    return `${hash.toHex()}  ${name}\n`;
  }));
  return lines.join("");
}

/** Compiles the program by `deno task compile`, for a target of Deno's. */
async function compileFor(name: string, target: string): Promise<void> {
  const made = `${ROOT}dist/archeio${name.endsWith(".exe") ? ".exe" : ""}`;
  await runProgram(Deno.execPath(), ["task", "compile"], { COMPILE_FLAGS: `--target ${target}` });
  await Deno.rename(made, `${FOLDER}/${name}`);
}

/** Writes `SHA256SUMS` for all other files of the release. */
export async function writeChecksums(folder: string): Promise<void> {
  const files = new Map<string, Uint8Array>();
  for await (const { name } of Deno.readDir(folder)) {
    if (name !== "SHA256SUMS") files.set(name, await Deno.readFile(`${folder}/${name}`));
  }
  await Deno.writeTextFile(`${folder}/SHA256SUMS`, await formatChecksums(files));
}

if (import.meta.main) {
  const unknown = Deno.args.filter((name) => !Object.hasOwn(TARGETS, name));
  if (unknown.length > 0) {
    console.error(`unknown ${unknown.join(", ")}: there are ${Object.keys(TARGETS).join(", ")}`);
    Deno.exit(2);
  }
  await Deno.mkdir(FOLDER, { recursive: true });
  const names = Deno.args.length > 0 ? Deno.args : Object.keys(TARGETS);
  for (const name of names) await compileFor(name, TARGETS[name]!);
}
