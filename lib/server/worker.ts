/**
 * A worker: an isolate that serves on the same port as the main one, and does what that
 * one says.
 *
 * @module
 */

import type { Sample } from "../mirrors/checks.ts";
import type { HeadAnswer } from "../mirrors/presence.ts";
import type { Asked } from "../oci/request.ts";
import { createCoarseClock } from "./coarse_clock.ts";
import { createFront, type Front } from "./front.ts";
import { listen, type Listener, type ListenerOptions } from "./listener.ts";
import { createPullLog } from "./pull_log.ts";
import type { Setup } from "./setup.ts";

/** What a worker is told. */
export type Order =
  /** To begin; the first. */
  | ({ readonly kind: "start" } & Start)
  /** To serve by another setup. */
  | { readonly kind: "change"; readonly setup: Setup }
  /** To accept nothing more, and to end what is waited for after some milliseconds. */
  | { readonly kind: "stop"; readonly giveUpMs: number };

/** What a worker begins with. */
export interface Start {
  /** What it serves by. */
  readonly setup: Setup;
  /** Where it listens. */
  readonly listener: Pick<ListenerOptions, "host" | "port" | "tls">;
  /** The memory of the board that all isolates share. */
  readonly board: SharedArrayBuffer;
  /** The memory of its own numbers. */
  readonly numbers: SharedArrayBuffer;
}

/** What a worker tells. */
export type Report =
  /** It serves. */
  | { readonly kind: "ready" }
  /** It serves by the setup that it was told last. */
  | { readonly kind: "changed" }
  /** It has answered its last request. */
  | { readonly kind: "stopped" }
  /** Something went wrong that should not. */
  | { readonly kind: "failed"; readonly reason: string }
  /** A HEAD request got no answer. */
  | { readonly kind: "unanswered"; readonly url: string; readonly reason: string }
  /** Probes took a mirror down. */
  | { readonly kind: "mirror_down"; readonly mirror: string; readonly answer: HeadAnswer }
  /** A mirror can be asked for a blob. */
  | { readonly kind: "sample"; readonly mirror: number; readonly sample: Sample }
  /** Lines of the pull log. */
  | { readonly kind: "pulls"; readonly lines: Uint8Array<ArrayBuffer> };

/** What a worker runs on. */
export interface WorkerOptions {
  /** The text of the embedded data set. */
  readonly dataSet: string;
  /** Tells the main isolate. */
  readonly report: (report: Report) => void;
  /** Told what each request is for, for traces. */
  readonly tellRoute?: ((asked: Asked, method: string) => void) | undefined;
  /** Sends HEAD requests, as the platform's does. */
  readonly fetch: typeof fetch;
  /** The time in milliseconds of a clock that does not run backwards. */
  readonly now: () => number;
  /** The time of day in milliseconds since 1970. */
  readonly timeOfDay: () => number;
  /** Gives a number from 0 to below 1. */
  readonly random: () => number;
}

// One blob of a mirror is as good as another to check it by.
const SAMPLE_EVERY_MS = 1000;

/** Makes a worker: a function that takes the main isolate's orders, one after another. */
export function createWorker(options: WorkerOptions): (order: Order) => Promise<void> {
  const { report } = options;
  const giveUp = new AbortController();
  const pulls = createPullLog({
    send: (lines) => report({ kind: "pulls", lines }),
    now: options.timeOfDay,
    later: (work, ms) => void setTimeout(work, ms),
  });
  let front: Front | undefined;
  let listener: Listener | undefined;

  function start({ setup, listener: where, board, numbers }: Start): void {
    front = createFront(setup, {
      ...options,
      ...createClocks(options.now),
      board,
      numbers,
      pulls,
      log: {
        unanswered: (url, reason) =>
          report({ kind: "unanswered", url, reason: describeReason(reason) }),
        mirrorDown: (mirror, answer) => report({ kind: "mirror_down", mirror, answer }),
      },
      sample: createSampler(
        (mirror, sample) => report({ kind: "sample", mirror, sample }),
        options,
      ),
      stop: giveUp.signal,
    });
    listener = listen(front.handle, {
      ...where,
      shared: true,
      threw: front.threw,
      failed: (error) => report({ kind: "failed", reason: describeFailure(error) }),
    });
    report({ kind: "ready" });
  }

  return async function take(order) {
    switch (order.kind) {
      case "start":
        return start(order);
      case "change":
        await front?.change(order.setup);
        return report({ kind: "changed" });
      case "stop": {
        const timer = setTimeout(() => giveUp.abort(), order.giveUpMs);
        listener?.stop();
        await listener?.finished;
        clearTimeout(timer);
        pulls.flush();
        return report({ kind: "stopped" });
      }
    }
  };
}

/** The clocks that an isolate serves by, of one that is exact. */
export function createClocks(
  now: () => number,
): { now: () => number; coarseNow: () => number; wait: (ms: number) => Promise<void> } {
  // What is remembered is remembered for seconds.
  const coarseNow = createCoarseClock(now, 100);
  return { now, coarseNow, wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)) };
}

function createSampler(
  send: (mirror: number, sample: Sample) => void,
  { now }: WorkerOptions,
): (mirror: number, sample: Sample) => void {
  const sentAt: number[] = [];
  return (mirror, sample) => {
    const last = sentAt[mirror];
    if (last !== undefined && (!sample.found || now() - last < SAMPLE_EVERY_MS)) return;
    if (sample.found) sentAt[mirror] = now();
    send(mirror, sample);
  };
}

/** Why a request failed, in a few words: what it was caused by says more than "fetch failed". */
export function describeReason(reason: unknown): string {
  if (!(reason instanceof Error)) return String(reason);
  return reason.cause instanceof Error ? reason.cause.message : reason.message;
}

/** What went wrong that should not, with where. */
export function describeFailure(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}
