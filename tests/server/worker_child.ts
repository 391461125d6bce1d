/**
 * A worker in the main isolate of a process of its own, for it shares a port. It takes
 * orders, and tells its reports.
 *
 * @module
 */

import { createBoardMemory } from "../../lib/mirrors/board.ts";
import { addNumbers, createNumbersMemory } from "../../lib/server/numbers.ts";
import { createRoster } from "../../lib/server/setup.ts";
import { createWorker, type Report } from "../../lib/server/worker.ts";
import { readEvents, tellTest } from "./child.ts";
import { type ConfigFile, createSetup, DATA_SET } from "./fixture.ts";

/** What it is told: what a worker is, with a configuration in place of a setup. */
export type ChildOrder =
  | { readonly kind: "start"; readonly config: ConfigFile; readonly port: number }
  | { readonly kind: "change"; readonly config: ConfigFile }
  | { readonly kind: "stop"; readonly giveUpMs: number }
  /** To have some milliseconds pass by its clock, which else stands still. */
  | { readonly kind: "pass"; readonly ms: number }
  /** To tell how many requests for blobs it has redirected. */
  | { readonly kind: "count" };

/** What it is to be, in its one argument. */
export interface ChildWorker {
  /** Whether its requests fail. */
  readonly broken?: boolean;
}

const { broken }: ChildWorker = JSON.parse(Deno.args[0]!);
const roster = createRoster();
const board = createBoardMemory();
const numbers = createNumbersMemory();
let nowMs = 1;
const take = createWorker({
  dataSet: DATA_SET,
  report: (report) => tellTest(legible(report)),
  tellRoute() {
    if (broken) throw new Error("the routes are broken");
  },
  fetch,
  now: () => nowMs,
  timeOfDay: Date.now,
  random: Math.random,
});

for await (const event of readEvents(Deno.stdin.readable)) {
  const order = event as ChildOrder;
  switch (order.kind) {
    case "start": {
      const setup = createSetup(order.config, { roster, isolates: 2 });
      const listener = { host: "127.0.0.1", port: order.port };
      await take({ kind: "start", setup, listener, board, numbers });
      break;
    }
    case "change":
      await take({ kind: "change", setup: createSetup(order.config, { roster, isolates: 2 }) });
      break;
    case "stop":
      await take(order);
      tellTest({ ended: true });
      break;
    case "pass":
      nowMs += order.ms;
      tellTest({ passed: order.ms });
      break;
    case "count":
      tellTest({ blobs: addNumbers([numbers]).requests("blob", 307) });
  }
}

function legible(report: Report): Readonly<Record<string, unknown>> {
  if (report.kind !== "pulls") return { ...report };
  return { ...report, lines: new TextDecoder().decode(report.lines) };
}
