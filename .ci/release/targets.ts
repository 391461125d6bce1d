/**
 * What a release is made of, and where it is put together.
 *
 * @module
 */

import metadata from "../../deno.json" with { type: "json" };

/** The version, which stands in `deno.json` alone. */
export const VERSION: string = metadata.version;

/** The folder of the checkout. */
export const ROOT = new URL("../../", import.meta.url).pathname;

/** The folder of the files that a release has. */
export const FOLDER = `${ROOT}dist/release`;

/** The files that are programs, and the targets that Deno compiles for. */
export const TARGETS: Readonly<Record<string, string>> = {
  "archeio-linux-x86_64": "x86_64-unknown-linux-gnu",
  "archeio-linux-aarch64": "aarch64-unknown-linux-gnu",
  "archeio-macos-x86_64": "x86_64-apple-darwin",
  "archeio-macos-aarch64": "aarch64-apple-darwin",
  "archeio-windows-x86_64.exe": "x86_64-pc-windows-msvc",
};

/**
 * Runs a program to its end, and shows what it prints.
 *
 * @throws {Error} when it ends with another status than 0
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  console.error([program, ...args].join(" "));
  const child = new Deno.Command(program, { args: [...args], cwd: ROOT, env, stdin: "null" });
  const { code } = await child.spawn().status;
  if (code !== 0) throw new Error(`${program} ended with ${code}`);
}
