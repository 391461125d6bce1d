/**
 * Isolates that do nothing but what a test has them do.
 *
 * @module
 */

import type { Setup } from "../../lib/redirect/setup.ts";
import type { Order, Report } from "../../lib/server/isolate.ts";
import {
  createIsolates,
  type IsolateListener,
  type Isolates,
  type RunningIsolate,
} from "../../lib/server/isolates.ts";
import { createSetup } from "../redirect/fixture.ts";
import { CONFIG } from "../redirect/fixture.ts";
import { createVirtualClock, type VirtualClock } from "../mirrors/virtual_clock.ts";
import { BEGUN } from "../redirect/fixture.ts";

/** An isolate that does nothing by itself. */
export interface Puppet {
  /** The orders that it got. */
  readonly orders: Order[];
  /** Has it tell something. */
  readonly report: (report: Report) => void;
  /** Has it die. */
  readonly die: (reason?: string) => void;
  /** Has it say that it serves. */
  readonly ready: () => void;
  /** Whether it runs: it was neither terminated nor did it die. */
  runs: boolean;
}

/** Makes a puppet, and gives it to whoever runs isolates. */
export function createPuppet(
  { onReport, onDied }: IsolateListener,
): { readonly puppet: Puppet; readonly isolate: RunningIsolate } {
  const puppet: Puppet = {
    orders: [],
    report: onReport,
    die(reason = "out of memory") {
      puppet.runs = false;
      onDied(reason);
    },
    ready: () => onReport({ kind: "ready", address: ADDRESS }),
    runs: true,
  };
  return {
    puppet,
    isolate: {
      order: (order) => void puppet.orders.push(order),
      terminate: () => void (puppet.runs = false),
    },
  };
}

const ADDRESS: Deno.NetAddr = { transport: "tcp", hostname: "127.0.0.1", port: 1234 };

/** What a puppet was told last to serve by. */
export function setupOf({ orders }: Puppet): Setup | undefined {
  const last = orders.findLast((order) => "setup" in order);
  return last !== undefined && "setup" in last ? last.setup : undefined;
}

/** Isolates that are puppets, and what they tell. */
export interface Stage {
  readonly isolates: Isolates;
  readonly timers: VirtualClock;
  /** The puppets of each slot, in the order in which they were started. */
  readonly slots: readonly Puppet[][];
  readonly reports: Report[];
  readonly replaced: string[];
  /** The setup in use. */
  setup: Setup;
  /** Puts another setup in use, and has the isolates serve by it. */
  readonly reload: () => Promise<void>;
}

/** After how long a puppet that does not obey is replaced. */
export const PATIENCE_MS = 10_000;

/** Makes so many isolates, none of which is started. */
export function createStage(count: number): Stage {
  const timers = createVirtualClock(BEGUN);
  const slots: Puppet[][] = Array.from({ length: count }, () => []);
  const reports: Report[] = [];
  const replaced: string[] = [];
  let starting = 0;
  const stage: Stage = {
    timers,
    slots,
    reports,
    replaced,
    setup: createSetup(CONFIG),
    async reload() {
      stage.setup = { ...stage.setup };
      await stage.isolates.sync();
    },
    isolates: createIsolates({
      spawn(listener) {
        const { puppet, isolate } = createPuppet(listener);
        return {
          ...isolate,
          order(order) {
            if (order.kind === "start") slots[starting]!.push(puppet);
            isolate.order(order);
          },
        };
      },
      start(slot) {
        starting = slot;
        return { setup: stage.setup, listener: { host: "::", port: 1 }, memory: MEMORY };
      },
      slots: slots.keys().toArray(),
      setup: () => stage.setup,
      patienceMs: PATIENCE_MS,
      later: timers.later,
      onReport: (report) => void reports.push(report),
      onReplaced: (reason) => void replaced.push(reason),
    }),
  };
  return stage;
}

const buffer = new SharedArrayBuffer(8);
const MEMORY = {
  board: buffer,
  places: buffer,
  streams: buffer,
  numbers: buffer,
  located: buffer,
  slot: 0,
};
