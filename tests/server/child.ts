/**
 * A program of a test in a process of its own, for signals and limits go to a whole
 * process. It tells what happens in a line of JSON each, and may be told things so.
 *
 * @module
 */

/** What a program tells. */
export type Event = Readonly<Record<string, unknown>>;

/** A program that runs. */
export interface Child extends AsyncDisposable {
  /** The next of what it tells; `undefined` when it has ended. */
  readonly next: () => Promise<Event | undefined>;
  /** The next that has a key; what comes before is passed over. */
  readonly nextOf: (key: string) => Promise<Event>;
  /** Tells it something. */
  readonly tell: (order: unknown) => Promise<void>;
  readonly kill: (signal: Deno.Signal) => void;
  /** Tells it nothing more, and gives the exit status of its process, once it has ended. */
  readonly status: () => Promise<number>;
}

/** How a program is run. */
export interface ChildOptions {
  /** Whether it listens more than once on a port, which Deno wants a flag with. */
  readonly sharing?: boolean;
  /** How many files it may have open. */
  readonly files?: number;
}

// What hangs should fail a test, not the run. Nothing here takes half as long.
const PATIENCE_MS = 30_000;

/** Starts one of the scripts beside this one. */
export function startChild(
  script: string,
  argument: unknown,
  { sharing = false, files }: ChildOptions = {},
): Child {
  const limit = files === undefined ? "" : `ulimit -n ${files};`;
  const process = new Deno.Command("sh", {
    args: [
      "-c",
      `${limit} exec "$0" "$@"`,
      Deno.execPath(),
      "run",
      "--quiet",
      "-A",
      ...sharing ? ["--unstable-net"] : [],
      new URL(script, import.meta.url).pathname,
      JSON.stringify(argument),
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const events = readEvents(process.stdout);
  const input = process.stdin.getWriter();
  const patience = setTimeout(() => process.kill("SIGKILL"), PATIENCE_MS);
  async function next(): Promise<Event | undefined> {
    const { value } = await events.next();
    return value;
  }
  // It may have ended, and read no more.
  const leave = () => input.close().catch(() => {});
  return {
    next,
    async nextOf(key) {
      for (;;) {
        const event = await next();
        if (event === undefined) throw new Error(`it has ended, and did not tell of ${key}`);
        if (key in event) return event;
      }
    },
    tell: (order) => input.write(new TextEncoder().encode(JSON.stringify(order) + "\n")),
    kill: (signal) => process.kill(signal),
    async status() {
      await leave();
      return (await process.status).code;
    },
    async [Symbol.asyncDispose]() {
      clearTimeout(patience);
      await events.return(undefined);
      try {
        process.kill("SIGKILL");
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // it has ended
      }
      await process.status;
      await leave();
    },
  };
}

/** Reads lines of JSON. */
export async function* readEvents(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<Event, undefined> {
  let text = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (text + chunk).split("\n");
    text = lines.pop()!;
    for (const line of lines) yield JSON.parse(line);
  }
}

/** Tells the test something. */
export function tellTest(event: Event): void {
  console.log(JSON.stringify(event));
}
