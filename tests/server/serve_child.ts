/**
 * A server in a process of its own. It tells what happens, and can be told to lose a
 * worker.
 *
 * @module
 */

import { ListenError, serve } from "../../lib/server/serve.ts";
import type { RunningWorker, WorkerListener } from "../../lib/server/workers.ts";
import { readEvents, tellTest as tell } from "./child.ts";
import { type ConfigFile, DATA_SET, readTestConfig } from "./fixture.ts";

/** What the server is to be, in its one argument. */
export interface Orders {
  readonly config: ConfigFile;
  readonly files?: { readonly cert: string; readonly key: string };
  /** What it finds when it reads its configuration again, one after another, or why it cannot. */
  readonly rereads?: readonly (ConfigFile | string)[];
  /** How often its data set is fetched, in hours, when a file may not say so. */
  readonly refreshH?: number;
  /** Whether its clock is broken, so that it fails when it has to remember something. */
  readonly brokenClock?: boolean;
  /** Whether nobody reads its pull log. */
  readonly unread?: boolean;
  /** Whether its workers never answer, or tell all that there is to tell, and do nothing. */
  readonly puppets?: "deaf" | "talking";
}

const orders: Orders = JSON.parse(Deno.args[0]!);
const { config, files, brokenClock, refreshH } = orders;
const rereads = [...orders.rereads ?? []];
const threads: Worker[] = [];

function spawn(listener: WorkerListener): RunningWorker {
  if (orders.puppets !== undefined) return createPuppet(listener, orders.puppets === "talking");
  const thread = new Worker(new URL("worker_thread.ts", import.meta.url), { type: "module" });
  threads.push(thread);
  thread.onmessage = ({ data }) => listener.report(data);
  thread.onerror = (event) => {
    event.preventDefault();
    listener.died(event.message);
  };
  return {
    order: (order) => thread.postMessage(order),
    terminate: () => thread.terminate(),
  };
}

function createPuppet({ report }: WorkerListener, talking: boolean): RunningWorker {
  const answers = {
    async start() {
      await new Promise((resolve) => setTimeout(resolve, 0));
      report({ kind: "ready" });
      await new Promise((resolve) => setTimeout(resolve, 0));
      report({ kind: "failed", reason: "a worker's fault" });
      report({ kind: "unanswered", url: "https://worker.example/", reason: "a worker's" });
      report({ kind: "sample", mirror: 0, sample: { digest: "a:worker", found: true } });
      report({ kind: "pulls", lines: new Uint8Array(new TextEncoder().encode("a worker's\n")) });
      report({ kind: "mirror_down", mirror: "only", answer: 500 });
    },
    change: () => report({ kind: "changed" }),
    stop: () => report({ kind: "stopped" }),
  };
  return { order: ({ kind }) => void (talking && answers[kind]()), terminate() {} };
}

function readConfig(file: ConfigFile) {
  const config = readTestConfig(file);
  return refreshH === undefined
    ? config
    : { ...config, ranges: { ...config.ranges, refresh_h: refreshH } };
}

async function obey(): Promise<void> {
  for await (const _ of readEvents(Deno.stdin.readable)) threads.at(-1)!.postMessage("die");
}
obey();

const serving = serve(readConfig(config), {
  dataSet: DATA_SET,
  tls: files,
  versions: { version: "1" },
  cores: 2,
  spawn,
  reread() {
    const next = rereads.shift()!;
    return typeof next === "string"
      ? { kind: "refused", reason: next }
      : { kind: "config", config: readConfig(next) };
  },
  writePulls(bytes) {
    if (orders.unread) return Promise.reject(new Deno.errors.BrokenPipe());
    tell({ pulls: new TextDecoder().decode(bytes) });
    return Promise.resolve();
  },
  log: {
    listening: ({ port }, { admin, isolates }) =>
      tell({ listening: port, admin: admin?.port, isolates }),
    stopping: (signal) => tell({ stopping: signal }),
    unanswered: (url) => tell({ unanswered: url }),
    failed: (error) => tell({ failed: String(error) }),
    mirrorDown: (mirror, answer) => tell({ mirrorDown: mirror, answer }),
    mirrorUp: (mirror) => tell({ mirrorUp: mirror }),
    mirrorLost: (mirror, digest) => tell({ mirrorLost: mirror, digest }),
    reloaded: (_, later) => tell({ reloaded: later }),
    reloadRefused: (reason) => tell({ reloadRefused: reason }),
    refreshed: (changes) => tell({ refreshed: changes.map(({ provider }) => provider) }),
    refreshFailed: (reasons) => tell({ refreshFailed: reasons }),
    workerReplaced: (reason) => tell({ workerReplaced: reason }),
  },
  fetch,
  now() {
    if (brokenClock) throw new Error("the clock is broken");
    return performance.now();
  },
  timeOfDay: Date.now,
  random: Math.random,
});
try {
  await serving;
  tell({ ended: true });
} catch (error) {
  if (!(error instanceof ListenError)) throw error;
  tell({ cannotListen: error.key, cause: String(error.cause) });
}
for (const thread of threads) thread.terminate();
// The program would exit here. When nothing is left open, this one comes to its end by
// itself, for some Denos tell what code was reached only then.
Deno.unrefTimer(setTimeout(() => Deno.exit(0), 1000));
