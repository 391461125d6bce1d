/**
 * Running the program in the tests' own process, with a world made for it.
 *
 * @module
 */

import type { Context } from "../../lib/cli/command.ts";
import { run } from "../../lib/cli/run.ts";

/** What a run of the program gave. */
export interface Outcome {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** What a run can be given. */
export interface World {
  readonly environment?: Readonly<Record<string, string>>;
  readonly stdin?: string | readonly Uint8Array[];
  readonly fetch?: typeof fetch;
  readonly now?: () => number;
  /** Takes standard output's place. */
  readonly out?: (text: string) => void;
}

/** Runs the program with some arguments. */
export async function runProgram(args: readonly string[], world: World = {}): Promise<Outcome> {
  let out = "";
  let err = "";
  const context: Context = {
    environment: (variable) => world.environment?.[variable],
    fetch: world.fetch ?? (() => Promise.reject(new TypeError("no network"))),
    stdin: ReadableStream.from(chunksOf(world.stdin ?? "")),
    out: world.out ?? ((text) => void (out += text)),
    err: (text) => void (err += text),
    now: world.now ?? (() => 0),
  };
  const status = await run(args, context);
  return { status, out, err };
}

function chunksOf(stdin: string | readonly Uint8Array[]): readonly Uint8Array[] {
  return typeof stdin === "string" ? [new TextEncoder().encode(stdin)] : stdin;
}

/** Makes a file with a text that is gone when the test is over. */
export function temporaryFile(text: string): { readonly path: string } & Disposable {
  const path = Deno.makeTempFileSync({ prefix: "archeio-" });
  Deno.writeTextFileSync(path, text);
  return { path, [Symbol.dispose]: () => Deno.removeSync(path) };
}

/** Makes a folder with files that is gone when the test is over. */
export function temporaryFolder(
  files: Readonly<Record<string, string>> = {},
): { readonly path: string } & Disposable {
  const path = Deno.makeTempDirSync({ prefix: "archeio-" });
  for (const [name, text] of Object.entries(files)) Deno.writeTextFileSync(`${path}/${name}`, text);
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}
