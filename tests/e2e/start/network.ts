/**
 * A network of its own, in which names lead to this machine, and a shell to type into.
 *
 * @module
 */

import { ARCHEIO } from "../programs.ts";
import { run } from "../run.ts";

/** Makes names lead to addresses of this machine. */
export async function enterNames(
  folder: string,
  names: Readonly<Record<string, string>>,
): Promise<void> {
  await run("ip", ["link", "set", "lo", "up"]);
  const lines = Object.entries(names).map(([name, address]) => `${address} ${name}\n`);
  await Deno.writeTextFile(`${folder}/hosts`, `127.0.0.1 localhost\n${lines.join("")}`);
  await run("mount", ["--bind", `${folder}/hosts`, "/etc/hosts"]);
}

/** Hands connections at the port of HTTPS on to another one of 127.0.0.1. */
export function forward(port: number, hostname = "127.0.0.1"): Disposable {
  const listener = Deno.listen({ hostname, port: 443 });
  const pass = async (connection: Deno.Conn) => {
    const other = await Deno.connect({ hostname: "127.0.0.1", port });
    await Promise.allSettled([
      connection.readable.pipeTo(other.writable),
      other.readable.pipeTo(connection.writable),
    ]);
  };
  void (async () => {
    for await (const connection of listener) void pass(connection);
  })();
  return listener;
}

/** What is typed, and where. */
export interface TypeOptions {
  /** A folder, in which an empty one is made. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** Files that are in the folder, by name; by default none. */
  readonly files?: Readonly<Record<string, string>>;
  /** When the shell is ended by force, in seconds. */
  readonly longestS?: number;
}

/**
 * Types commands into a shell, in an empty folder, with `archeio` in the path. What the last
 * command that runs in the background serves, ends with the shell.
 *
 * @returns what it wrote to standard output
 */
export async function typeCommands(
  commands: string,
  { folder, env, files = {}, longestS = 60 }: TypeOptions,
): Promise<string> {
  await Deno.mkdir(`${folder}/bin`);
  await Deno.symlink(ARCHEIO, `${folder}/bin/archeio`);
  await Deno.mkdir(`${folder}/empty`);
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${folder}/empty/${name}`, text);
  }
  const script = `trap 'kill $!' EXIT\n${commands}`;
  return await run("sh", ["-eu", "-c", script], {
    cwd: `${folder}/empty`,
    env: { ...env, PATH: `${folder}/bin:${Deno.env.get("PATH")}` },
    longestS,
  });
}
