/**
 * Running the program in the tests' own process, with a world made for it.
 *
 * @module
 */

import type { Context, Terminal } from "../../lib/cli/command.ts";
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
  readonly timeout?: (ms: number) => AbortSignal;
  /** The terminal that standard output is. */
  readonly terminal?: Terminal;
  /** Takes standard output's place. */
  readonly out?: (text: string) => void;
  /** Takes standard error's place. */
  readonly err?: (text: string) => void;
}

/** Makes a world in which there is only what a test gives. */
export function createContext(world: World = {}): Context {
  return {
    environment: (variable) => world.environment?.[variable],
    fetch: world.fetch ?? (() => Promise.reject(new TypeError("no network"))),
    stdin: ReadableStream.from(chunksOf(world.stdin ?? "")),
    out: world.out ?? (() => {}),
    err: world.err ?? (() => {}),
    write: () => Promise.resolve(),
    writeErr: () => Promise.resolve(),
    program: new URL("../../main.ts", import.meta.url).href,
    terminal: world.terminal,
    now: world.now ?? (() => 0),
    timeout: world.timeout ?? (() => new AbortController().signal),
  };
}

/** Runs the program with some arguments. */
export async function runProgram(args: readonly string[], world: World = {}): Promise<Outcome> {
  let out = "";
  let err = "";
  const context = createContext({
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    ...world,
  });
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
