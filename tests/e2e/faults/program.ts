/**
 * archeio under faults: the compiled program with an admin listener, whose log can be
 * waited for and whose configuration can be changed while it serves.
 *
 * @module
 */

import { ARCHEIO } from "../programs.ts";

/** A line of the program's log. */
export type Event = Readonly<Record<string, unknown>> & { readonly message: string };

/** The program, serving. */
export interface Program extends AsyncDisposable {
  /** Its base URL, without a slash at its end. */
  readonly url: string;
  /** The admin listener's. */
  readonly admin: string;
  /** The number of its process. */
  readonly pid: number;
  /** Kept with the exit status. */
  readonly status: Promise<Deno.CommandStatus>;
  /** What it has logged so far. */
  readonly events: readonly Event[];
  /** Waits until it has logged `count` events with a message. */
  logged(message: string, count?: number): Promise<void>;
  /** Writes another configuration, and has it read. */
  reload(config: string): Promise<void>;
  /** Sends a signal. */
  signal(signal: Deno.Signal): void;
  /** The sum of a metric's samples whose labels hold all of `labels`. */
  metric(name: string, ...labels: string[]): Promise<number>;
  /** The memory that its process holds, in MiB. */
  residentMiB(): Promise<number>;
}

/** How the program is started. */
export interface ProgramOptions {
  /** How many files it may have open. */
  readonly openFiles?: number;
  /** More variables. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts the program. */
export async function startProgram(
  config: string,
  { openFiles, env = {} }: ProgramOptions = {},
): Promise<Program> {
  const file = await Deno.makeTempFile({ prefix: "archeio-", suffix: ".yaml" });
  await Deno.writeTextFile(file, config);
  const limit = openFiles === undefined ? "" : `ulimit -n ${openFiles}; `;
  const process = new Deno.Command("sh", {
    args: ["-c", `${limit}exec "$@"`, "sh", ARCHEIO, "serve", "--config", file],
    env: { HOST: "127.0.0.1", PORT: "0", ADMIN_PORT: "0", ...env },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const events: Event[] = [];
  let told = Promise.withResolvers<void>();
  const read = (async () => {
    let rest = "";
    for await (const piece of process.stderr.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + piece).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        events.push(line.startsWith("{") ? JSON.parse(line) : { message: line });
      }
      told.resolve();
      told = Promise.withResolvers();
    }
    told.reject(new Error(`the program has ended: ${JSON.stringify(events)}`));
    told.promise.catch(() => {});
  })();

  async function logged(message: string, count = 1): Promise<void> {
    const { promise } = told;
    if (events.filter((event) => event.message === message).length >= count) return;
    await promise;
    return await logged(message, count);
  }

  await logged("listening");
  const listening = events.find(({ message }) => message === "listening");
  const { url, admin } = listening as unknown as { url: string; admin: string };
  const signal = (name: Deno.Signal) => process.kill(name);
  return {
    url: url.slice(0, -1),
    admin: admin.slice(0, -1),
    pid: process.pid,
    status: process.status,
    events,
    logged,
    signal,
    async reload(config) {
      await Deno.writeTextFile(file, config);
      signal("SIGHUP");
    },
    async metric(name, ...labels) {
      const text = await (await fetch(`${admin}metrics`)).text();
      return text.split("\n")
        .filter((line) => line.startsWith(name) && labels.every((label) => line.includes(label)))
        .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
    },
    async residentMiB() {
      const status = await Deno.readTextFile(`/proc/${process.pid}/status`);
      return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1024;
    },
    async [Symbol.asyncDispose]() {
      try {
        process.kill("SIGKILL");
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // it has ended already
      }
      await Promise.all([process.status, read]);
      await Deno.remove(file);
    },
  };
}
