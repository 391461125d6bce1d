/**
 * The workers, as the main isolate sees them: started together, told together, each
 * replaced when it dies.
 *
 * @module
 */

import { within } from "./within.ts";
import type { Setup } from "./setup.ts";
import type { Order, Report, Start } from "./worker.ts";

/** A worker that runs. */
export interface RunningWorker {
  /** Gives it an order. */
  order(order: Order): void;
  /** Ends it at once. */
  terminate(): void;
}

/** Told by a worker. */
export interface WorkerListener {
  /** It tells something. */
  readonly report: (report: Report) => void;
  /** It has died. */
  readonly died: (reason: string) => void;
}

/** What workers need. */
export interface WorkersOptions {
  /** Runs a worker. */
  readonly spawn: (listener: WorkerListener) => RunningWorker;
  /** What each begins with, beside its numbers. */
  readonly start: Omit<Start, "numbers">;
  /** The memories of their numbers: as many workers as there are memories. */
  readonly numbers: readonly SharedArrayBuffer[];
  /** After how long a worker that does not do what it is told is replaced, in milliseconds. */
  readonly patienceMs: number;
  /** Told what workers tell of requests. */
  readonly report: (report: Report) => void;
  /** Told that a worker died and another one takes its place. */
  readonly replaced: (reason: string) => void;
}

/** The workers. */
export interface Workers {
  /** Kept when all of them serve. */
  readonly ready: Promise<void>;
  /** Has all of them serve by another setup; kept when they do, or are replaced. */
  change(setup: Setup): Promise<void>;
  /** Has all of them stop; kept when they have. */
  stop(giveUpMs: number): Promise<void>;
}

// A worker that dies as soon as it lives must not keep the others from serving: the wait
// for its replacement doubles until one serves.
const REPLACE_AFTER_MS = 100;
const REPLACE_AT_LATEST_MS = 10_000;

/** Starts workers. */
export function startWorkers(options: WorkersOptions): Workers {
  let setup = options.start.setup;
  let stopping: number | undefined;
  const slots = options.numbers.map(createSlot);

  // A place for a worker, with what is waited for from it. What a dead one has not told,
  // its replacement tells by being ready.
  function createSlot(numbers: SharedArrayBuffer) {
    const ready = Promise.withResolvers<void>();
    const stopped = Promise.withResolvers<void>();
    let changing: PromiseWithResolvers<void> | undefined;
    let waitMs = REPLACE_AFTER_MS;
    let worker = run();

    function run(): RunningWorker {
      const begunWith = setup;
      const running = options.spawn({
        report(report) {
          switch (report.kind) {
            case "ready":
              ready.resolve();
              waitMs = REPLACE_AFTER_MS;
              // One that began with the setup before is still to tell that it has changed.
              if (begunWith === setup) changing?.resolve();
              return;
            case "changed":
              return changing?.resolve();
            case "stopped":
              return stopped.resolve();
            default:
              return options.report(report);
          }
        },
        died,
      });
      running.order({ kind: "start", ...options.start, setup, numbers });
      return running;
    }

    function died(reason: string): void {
      worker.terminate();
      if (stopping !== undefined) return stopped.resolve();
      options.replaced(reason);
      setTimeout(() => {
        if (stopping !== undefined) return stopped.resolve();
        worker = run();
      }, waitMs);
      waitMs = Math.min(REPLACE_AT_LATEST_MS, 2 * waitMs);
    }

    return {
      ready: ready.promise,
      async change(): Promise<void> {
        const { promise } = changing = Promise.withResolvers<void>();
        worker.order({ kind: "change", setup });
        const { patienceMs } = options;
        if (await within(patienceMs, promise)) return;
        // Its replacement begins with what it did not take.
        died(`it took no order for ${patienceMs} ms`);
      },
      stop(giveUpMs: number): Promise<void> {
        worker.order({ kind: "stop", giveUpMs });
        return stopped.promise;
      },
    };
  }

  return {
    ready: Promise.all(slots.map((slot) => slot.ready)).then(() => {}),
    async change(next) {
      setup = next;
      await Promise.all(slots.map((slot) => slot.change()));
    },
    async stop(giveUpMs) {
      stopping = giveUpMs;
      await Promise.all(slots.map((slot) => slot.stop(giveUpMs)));
    },
  };
}
