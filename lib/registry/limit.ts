/**
 * Time limits of requests to other servers.
 *
 * @module
 */

import type { Later } from "../mirrors/time.ts";

/** The time limit of some work. */
export interface Limit {
  /** Aborted when the limit is reached, or one of its other reasons comes first. */
  readonly signal: AbortSignal;
  /**
   * Resolves or rejects like `work`, and rejects when the signal is aborted: work on a stalled
   * body does not necessarily react to the signal.
   */
  race<T>(work: Promise<T>): Promise<T>;
  /** Starts the time anew. */
  renew(): void;
  /** Ends the work at once, for a reason. */
  abort(reason: unknown): void;
  /** Stops the timer. Call it when the work is done. */
  end(): void;
}

/** What a limit needs. */
export interface LimitOptions {
  /** How long the work may take, in milliseconds. */
  readonly timeoutMs: number;
  /** Runs the timer. */
  readonly later: Later;
  /** Other reasons to end the work. */
  readonly signals?: readonly AbortSignal[];
}

/** Starts a time limit. */
export function startLimit({ timeoutMs, later, signals = [] }: LimitOptions): Limit {
  const controller = new AbortController();
  const { signal } = controller;
  const expired = new Promise<never>((_, reject) =>
    signal.addEventListener("abort", () => reject(signal.reason), { once: true })
  );
  expired.catch(() => {});
  const start = () =>
    later(timeoutMs, () => controller.abort(new DOMException(told(timeoutMs), "TimeoutError")));
  let cancel = start();

  function onAbort({ target }: Event): void {
    controller.abort((target as AbortSignal).reason);
  }

  for (const other of signals) {
    if (other.aborted) controller.abort(other.reason);
    other.addEventListener("abort", onAbort);
  }
  return {
    signal,
    race: (work) => Promise.race([work, expired]),
    renew() {
      cancel();
      cancel = start();
    },
    abort: (reason) => controller.abort(reason),
    end() {
      cancel();
      for (const other of signals) other.removeEventListener("abort", onAbort);
    },
  };
}

function told(timeoutMs: number): string {
  return `no answer in ${Math.max(1, Math.round(timeoutMs))} ms`;
}
