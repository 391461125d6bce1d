/**
 * Workers as the runtime has them: the program once more, in a thread of its own.
 *
 * @module
 */

import { EMBEDDED } from "../locations/embedded.ts";
import { createWorker, type Order, type Report } from "../server/worker.ts";
import type { RunningWorker, WorkerListener } from "../server/workers.ts";
import type { Context } from "./command.ts";
import { createRouteTeller } from "./telemetry.ts";

/** What the thread that a worker runs in begins with, sent before all orders. */
export interface Hello {
  /** Whether each request's route is to be named in its trace. */
  readonly traced: boolean;
}

/** Runs a worker: the program's module, in another thread. */
export function spawnWorker(
  program: string,
  listener: WorkerListener,
  hello: Hello,
): RunningWorker {
  const worker = new Worker(program, { type: "module" });
  worker.onmessage = ({ data }: MessageEvent<Report>) => listener.report(data);
  worker.onerror = (event) => {
    // It would end the whole program.
    event.preventDefault();
    listener.died(event.message);
  };
  worker.postMessage(hello);
  return {
    order: (order) => worker.postMessage(order),
    terminate: () => worker.terminate(),
  };
}

/** How a worker and the main isolate reach each other. */
export interface Channel {
  /** Sends a report, and hands over what it owns. */
  postMessage(report: Report, owned: Transferable[]): void;
  /** Called with the hello, then with each order. */
  onmessage: ((event: MessageEvent) => void) | null;
}

/** Does what the main isolate says, for as long as the worker lives. */
export function runWorker(channel: Channel, context: Pick<Context, "fetch" | "now">): void {
  const { promise: begun, resolve: begin } = Promise.withResolvers<Hello>();
  const worker = begun.then(async ({ traced }) =>
    createWorker({
      dataSet: EMBEDDED,
      report: (report) => channel.postMessage(report, ownedBy(report)),
      tellRoute: traced ? await createRouteTeller() : undefined,
      fetch: context.fetch,
      now: () => performance.now(),
      timeOfDay: context.now,
      random: Math.random,
    })
  );
  channel.onmessage = ({ data: hello }: MessageEvent<Hello>) => {
    channel.onmessage = async ({ data: order }: MessageEvent<Order>) => (await worker)(order);
    begin(hello);
  };
}

// Lines are many; they are handed over, not copied.
function ownedBy(report: Report): Transferable[] {
  return report.kind === "pulls" ? [report.lines.buffer] : [];
}
