/**
 * Runs isolates as worker threads, which load the program's module again.
 *
 * @module
 */

import { EMBEDDED } from "../locations/embedded.ts";
import { createIsolate, type Order, type Report } from "../server/isolate.ts";
import { listenOnFamilies } from "../server/families.ts";
import type { IsolateListener, RunningIsolate } from "../server/isolates.ts";
import type { Context } from "./command.ts";
import { createRouteTeller } from "./telemetry.ts";
import { createWorld } from "./world.ts";

/** The first message to a thread, before all orders. */
export interface Hello {
  /** Whether to name each request's route in its trace. */
  readonly traced: boolean;
}

/** Starts an isolate: the program's module in another thread. */
export function spawnIsolate(
  program: string,
  listener: IsolateListener,
  hello: Hello,
): RunningIsolate {
  const worker = new Worker(program, { type: "module" });
  worker.onmessage = ({ data }: MessageEvent<Report>) => listener.onReport(data);
  worker.onerror = (event) => {
    // Otherwise the error would end the whole program.
    event.preventDefault();
    listener.onDied(event.message);
  };
  worker.postMessage(hello);
  return {
    order: (order) => worker.postMessage(order),
    terminate: () => worker.terminate(),
  };
}

/** The channel between a thread and the main isolate. */
export interface Channel {
  /** Sends a report, and transfers the buffers it owns. */
  postMessage(report: Report, owned: Transferable[]): void;
  /** Called with the hello, then with each order. */
  onmessage: ((event: MessageEvent) => void) | null;
}

/** Executes the main isolate's orders for the lifetime of the thread. */
export function runIsolate(channel: Channel, context: Pick<Context, "fetch" | "now">): void {
  const { promise: begun, resolve: begin } = Promise.withResolvers<Hello>();
  const isolate = begun.then(async ({ traced }) =>
    createIsolate({
      ...createWorld(context),
      dataSet: EMBEDDED,
      listen: listenOnFamilies,
      report: (report) => channel.postMessage(report, ownedBy(report)),
      tellRoute: traced ? await createRouteTeller() : undefined,
    })
  );
  channel.onmessage = ({ data: hello }: MessageEvent<Hello>) => {
    channel.onmessage = async ({ data: order }: MessageEvent<Order>) => (await isolate).take(order);
    begin(hello);
  };
}

// Lines are many, so they are transferred, not copied.
function ownedBy(report: Report): Transferable[] {
  return report.kind === "pulls" ? [report.lines.buffer] : [];
}
