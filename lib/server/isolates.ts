/**
 * The isolates, seen from the main one: it starts them, sends them orders, and replaces them.
 *
 * Each has a slot, and each slot a state:
 *
 * ```text
 *             ready                     dies, or does not respond in time
 * starting ──────────▶ serving ───────────────────────────────┐
 *  ▲  ▲   └───────────────────────────── dies ───────────────▶ waiting
 *  │  └─────────────── the wait is over ───────────────────────┘
 *  └ the setup has changed: starts again
 *
 * any state ── stop ──▶ stopped
 * ```
 *
 * A report applies to a slot only if it comes from the slot's current isolate; reports of dead
 * or replaced isolates are ignored.
 *
 * @module
 */

import type { Setup } from "../redirect/setup.ts";
import { createWithin, type Later } from "../mirrors/time.ts";
import type { Order, Report, Start } from "./isolate.ts";

/** A running isolate. */
export interface RunningIsolate {
  /** Sends it an order. */
  order(order: Order): void;
  /** Terminates it at once. */
  terminate(): void;
}

/** Receives the messages of an isolate. */
export interface IsolateListener {
  /** Called with each report. */
  readonly onReport: (report: Report) => void;
  /** Called when it has died. */
  readonly onDied: (reason: string) => void;
}

/** Starts an isolate. */
export type Spawn = (listener: IsolateListener) => RunningIsolate;

/** What the isolates need. */
export interface IsolatesOptions {
  /** Starts an isolate. */
  readonly spawn: Spawn;
  /** The start order for the isolate in a slot. */
  readonly start: (slot: number) => Start;
  /** The slots to fill. */
  readonly slots: readonly number[];
  /** The setup in use. */
  readonly setup: () => Setup;
  /** After how long an isolate that does not respond is replaced, in milliseconds. */
  readonly patienceMs: number;
  /** Runs timers. */
  readonly later: Later;
  /** Called with each report about requests. */
  readonly onReport: (report: Report) => void;
  /** Called when an isolate is replaced. */
  readonly onReplaced: (reason: string) => void;
}

/** The isolates. */
export interface Isolates {
  /** Starts all of them. */
  start(): void;
  /** Makes all of them serve by the setup in use; resolves once they do, or are replaced. */
  sync(): Promise<void>;
  /** Sends an order to all that are starting or serving. */
  tell(order: Order): void;
  /** Makes all of them drain; resolves once they have. */
  stop(giveUpMs: number): Promise<void>;
  /** The state of each slot. */
  states(): readonly SlotState["kind"][];
}

/** The state of a slot. */
export type SlotState =
  | { readonly kind: "idle" }
  | {
    readonly kind: "starting" | "serving";
    readonly isolate: RunningIsolate;
    /** The setup of its last order. */
    readonly setup: Setup;
  }
  | { readonly kind: "waiting"; readonly cancel: () => void }
  | { readonly kind: "stopped"; readonly isolate: RunningIsolate | undefined };

/** Makes the isolates, none of which is started. */
export function createIsolates(options: IsolatesOptions): Isolates {
  const slots = options.slots.map((slot) => createSlot(slot, options));
  return {
    start: () => slots.forEach((slot) => slot.start()),
    async sync() {
      await Promise.all(slots.map((slot) => slot.sync()));
    },
    tell: (order) => slots.forEach((slot) => slot.tell(order)),
    async stop(giveUpMs) {
      await Promise.all(slots.map((slot) => slot.stop(giveUpMs)));
    },
    states: () => slots.map((slot) => slot.state()),
  };
}

// An isolate that crashes at its start must not keep the others from serving: the pause before
// its replacement doubles until one serves.
const REPLACE_AFTER_MS = 100;
const REPLACE_AT_LATEST_MS = 10_000;

function createSlot(number: number, options: IsolatesOptions) {
  const { later, patienceMs } = options;
  const within = createWithin(later);
  const changed = createEvent();
  const stopped = createEvent();
  let state: SlotState = { kind: "idle" };
  let waitMs = REPLACE_AFTER_MS;
  let syncing = Promise.resolve();

  function start(): void {
    const setup = options.setup();
    const isOwn = () => "isolate" in state && state.isolate === isolate;
    const isolate: RunningIsolate = options.spawn({
      onReport: (report) => isOwn() && heed(report),
      onDied: (reason) => isOwn() && replace(reason),
    });
    state = { kind: "starting", isolate, setup };
    isolate.order({ kind: "start", ...options.start(number), setup });
  }

  function heed(report: Report): void {
    switch (report.kind) {
      case "ready":
        waitMs = REPLACE_AFTER_MS;
        if (state.kind === "starting") state = { ...state, kind: "serving" };
        // The setup may have changed since this isolate was started.
        return void sync();
      case "changed":
        return changed.happen();
      case "stopped":
        return stopped.happen();
      default:
        return options.onReport(report);
    }
  }

  function replace(reason: string): void {
    changed.happen();
    stopped.happen();
    if (!isRunning(state)) return;
    state.isolate.terminate();
    state = { kind: "waiting", cancel: later(waitMs, start) };
    waitMs = Math.min(REPLACE_AT_LATEST_MS, 2 * waitMs);
    options.onReplaced(reason);
  }

  /** Makes an isolate serve by the setup in use; one that starts later starts with it. */
  async function change(): Promise<void> {
    if (!isRunning(state) || state.setup === options.setup()) return;
    const { isolate } = state;
    if (state.kind === "starting") {
      // It would serve by an old setup, whose numbers may be reused by then.
      isolate.terminate();
      return start();
    }
    state = { ...state, setup: options.setup() };
    const obeyed = within(patienceMs, changed.next().then(() => true));
    isolate.order({ kind: "change", setup: state.setup });
    if (await obeyed || !("isolate" in state) || state.isolate !== isolate) return;
    replace(`it did not respond for ${patienceMs} ms`);
  }

  // One at a time, so that each report belongs to the order before it.
  function sync(): Promise<void> {
    return syncing = syncing.then(change);
  }

  async function stop(giveUpMs: number): Promise<void> {
    if (state.kind === "waiting") state.cancel();
    const isolate = "isolate" in state ? state.isolate : undefined;
    state = { kind: "stopped", isolate };
    changed.happen();
    if (isolate === undefined) return;
    const end = stopped.next();
    isolate.order({ kind: "stop", giveUpMs });
    await end;
  }

  return {
    start,
    sync,
    stop,
    state: () => state.kind,
    tell: (order: Order) => isRunning(state) && state.isolate.order(order),
  };
}

type Running = Extract<SlotState, { readonly kind: "starting" | "serving" }>;

function isRunning(state: SlotState): state is Running {
  return state.kind === "starting" || state.kind === "serving";
}

/** Makes an event that can be awaited repeatedly. */
function createEvent() {
  let waiting = Promise.withResolvers<void>();
  return {
    next: () => waiting.promise,
    happen(): void {
      waiting.resolve();
      waiting = Promise.withResolvers<void>();
    },
  };
}
