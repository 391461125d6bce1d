/**
 * Runs a program to its end.
 *
 * @module
 */

/** How a program is run. */
export interface RunOptions {
  /** Variables beside those of the tests. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /**
   * When it is ended by force, in seconds. By default 60, for no client here has more to
   * do than some hundred kilobytes on loopback.
   */
  readonly longestS?: number;
}

/**
 * Runs a program, and gives what it writes to standard output.
 *
 * @throws {Error} with what it wrote, when it ends with another status than 0
 */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const { code, out, err } = await runAnyhow(command, args, options);
  if (code === 0) return out;
  throw new Error(`${[command, ...args].join(" ")}\nended with ${code}:\n${err}${out}`);
}

/** Runs a program, and gives its status, too. */
export async function runAnyhow(
  command: string,
  args: readonly string[],
  { longestS = 60, ...options }: RunOptions = {},
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const { code, stdout, stderr } = await new Deno.Command("timeout", {
    ...options,
    args: ["--kill-after=5", String(longestS), command, ...args],
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}
