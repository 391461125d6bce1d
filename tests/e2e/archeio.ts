/**
 * archeio itself: the compiled program.
 *
 * @module
 */

import { ARCHEIO } from "./programs.ts";

/** archeio, serving. */
export interface Archeio extends AsyncDisposable {
  /** Its base URL, without a slash at its end. */
  readonly url: string;
  /** That of its admin listener, when it has one. */
  readonly admin: string | undefined;
}

/**
 * Starts archeio with a configuration, which is kept in a folder.
 *
 * @param program the compiled program, or a command that does what it does
 */
export async function startArcheio(
  folder: string,
  config: string,
  env: Readonly<Record<string, string>> = {},
  program: readonly [string, ...string[]] = [ARCHEIO],
): Promise<Archeio> {
  const file = `${await Deno.makeTempDir({ dir: folder })}/archeio.yaml`;
  await Deno.writeTextFile(file, config);
  const [command, ...args] = program;
  const process = new Deno.Command(command, {
    args: [...args, "serve", "--config", file],
    clearEnv: true,
    env: { ...env },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const { promise: listening, resolve } = Promise.withResolvers<string>();
  const read = (async () => {
    let text = "";
    for await (const piece of process.stderr.pipeThrough(new TextDecoderStream())) {
      text += piece;
      if (/"message":"listening".*\n/.test(text)) resolve(text);
    }
    resolve(text);
  })();
  const text = await listening;
  const url = /"url":"(.+?)\/"/.exec(text)?.[1];
  const admin = /"admin":"(.+?)\/"/.exec(text)?.[1];
  const stop = async () => {
    if (url !== undefined) process.kill("SIGTERM");
    await Promise.all([process.status, read]);
  };
  if (url === undefined) {
    await stop();
    throw new Error(`${command} does not serve:\n${text}`);
  }
  return { url, admin, [Symbol.asyncDispose]: stop };
}
