/**
 * Compiles the program for each target, or for those that are named.
 *
 * Deno downloads the runtime of a target from its own servers. Where these cannot be
 * reached, `DENORT_BIN` names one for this machine, and only this machine's target works.
 *
 * @module
 */

import { FOLDER, ROOT, runProgram, TARGETS } from "./targets.ts";

/** Compiles the program by `deno task compile`, for a target of Deno's. */
async function compileFor(name: string, target: string): Promise<void> {
  const made = `${ROOT}dist/archeio${name.endsWith(".exe") ? ".exe" : ""}`;
  await runProgram(Deno.execPath(), ["task", "compile"], { COMPILE_FLAGS: `--target ${target}` });
  await Deno.rename(made, `${FOLDER}/${name}`);
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
