/**
 * Programs that serve until they are stopped.
 *
 * @module
 */

/** A program that serves. */
export interface Daemon extends AsyncDisposable {
  /** Stops it, and waits for its end. */
  stop(): Promise<void>;
}

/** How a program is started. */
export interface DaemonOptions {
  /** Whether it serves by now; asked again and again. */
  readonly isReady: () => Promise<boolean>;
  readonly env?: Readonly<Record<string, string>>;
}

const LONGEST_START_MS = 20_000;
const PAUSE_MS = 20;

/**
 * Starts a program, and waits until it serves.
 *
 * @throws {Error} with what it wrote, when it ends or takes too long before that
 */
export async function startDaemon(
  command: string,
  args: readonly string[],
  { isReady, env = {} }: DaemonOptions,
): Promise<Daemon> {
  const process = new Deno.Command(command, {
    args: [...args],
    env: { ...env },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let written = "";
  const read = (async () => {
    for await (const piece of process.stderr.pipeThrough(new TextDecoderStream())) written += piece;
  })();
  let ended = false;
  const end = process.status.then(() => ended = true);
  const stop = async () => {
    if (!ended) process.kill("SIGTERM");
    await Promise.all([end, read]);
  };
  const deadline = performance.now() + LONGEST_START_MS;
  // Somebody else may be the one that serves on a port that was free a moment ago.
  const failed = () =>
    ended || /address already in use/i.test(written) || performance.now() > deadline;
  while (!failed()) {
    if (await isReady() && !failed()) return { stop, [Symbol.asyncDispose]: stop };
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  await stop();
  throw new Error(`${command} does not serve:\n${written}`);
}

/** Whether somebody accepts connections there. */
export async function isListening(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}
