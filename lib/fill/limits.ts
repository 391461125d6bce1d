/**
 * The limits on what filling asks of each host: requests at once, requests a second, bytes a
 * second. A registry's quota is its clients' as well, and a store that says "slow down" means
 * it.
 *
 * A copy needs a place at the source and at each store before it begins, all at once: copies
 * that hold one place and wait for another would wait for each other for ever.
 *
 * @module
 */

import type { Later } from "../mirrors/time.ts";

/** The limits for each host. */
export interface Bounds {
  /** The most requests at once. */
  readonly inFlight: number;
  /** The most requests that begin in a second. */
  readonly requestsPerS: number;
  /** The most bytes in a second, in either direction; `undefined` for no limit. */
  readonly bytesPerS?: number | undefined;
}

/** What limits need. */
export interface LimitsOptions {
  /** The limits. */
  readonly bounds: Bounds;
  /** The time in milliseconds, of a monotonic clock. */
  readonly now: () => number;
  /** Runs timers. */
  readonly later: Later;
}

/** The limits of all hosts. */
export interface Limits {
  /**
   * Takes a place at each host, all of them at once.
   *
   * @returns a function that gives the places back
   * @throws the signal's reason, once it is aborted
   */
  enter(hosts: readonly string[], signal: AbortSignal): Promise<() => void>;
  /** Waits for a host's next request. */
  turn(host: string, signal: AbortSignal): Promise<void>;
  /** Waits until so many more bytes may go to a host, or come from it. */
  bytes(host: string, count: number, signal: AbortSignal): Promise<void>;
  /** Begins no request to a host for some milliseconds. */
  pause(host: string, ms: number): void;
  /** How long a host is still paused, in milliseconds. */
  pausedMs(host: string): number;
}

/** Waits, unless the signal is aborted. */
export function createPause(
  later: Later,
): (ms: number, signal: AbortSignal) => Promise<void> {
  return (ms, signal) => {
    signal.throwIfAborted();
    if (ms <= 0) return Promise.resolve();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = () => {
      cancel();
      reject(signal.reason);
    };
    const cancel = later(ms, () => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    });
    signal.addEventListener("abort", onAbort, { once: true });
    return promise;
  };
}

interface Host {
  taken: number;
  /** When its next request may begin. */
  nextRequestMs: number;
  /** When the bytes so far are paid for. */
  nextByteMs: number;
  /** When it may be asked again, as it said. */
  pausedUntilMs: number;
}

/** Makes the limits. */
export function createLimits({ bounds, now, later }: LimitsOptions): Limits {
  const hosts = new Map<string, Host>();
  const pause = createPause(later);
  const paceMs = 1000 / bounds.requestsPerS;

  function of(name: string): Host {
    const host = hosts.get(name) ??
      { taken: 0, nextRequestMs: 0, nextByteMs: 0, pausedUntilMs: 0 };
    hosts.set(name, host);
    return host;
  }

  const pausedMs = (name: string) => Math.max(0, of(name).pausedUntilMs - now());

  return {
    pausedMs,
    enter: createEntrance(of, bounds.inFlight),
    async turn(name, signal) {
      const host = of(name);
      const time = now();
      const turn = Math.max(time, host.nextRequestMs);
      host.nextRequestMs = turn + paceMs;
      await pause(turn - time, signal);
      while (pausedMs(name) > 0) await pause(pausedMs(name), signal);
    },
    async bytes(name, count, signal) {
      if (bounds.bytesPerS === undefined) return;
      const host = of(name);
      const time = now();
      host.nextByteMs = Math.max(time, host.nextByteMs) + 1000 * count / bounds.bytesPerS;
      await pause(host.nextByteMs - time, signal);
    },
    pause(name, ms) {
      const host = of(name);
      host.pausedUntilMs = Math.max(host.pausedUntilMs, now() + ms);
    },
  };
}

/** Somebody who waits for places. */
interface Waiting {
  readonly hosts: readonly Host[];
  readonly resolve: (leave: () => void) => void;
}

function createEntrance(of: (name: string) => Host, inFlight: number): Limits["enter"] {
  const waiting = new Set<Waiting>();

  function take(hosts: readonly Host[]): () => void {
    for (const host of hosts) host.taken++;
    return () => {
      for (const host of hosts) host.taken--;
      // In the order in which they came; one that must go on waiting holds up no other.
      for (const next of waiting) {
        if (!next.hosts.every(isFree)) continue;
        waiting.delete(next);
        next.resolve(take(next.hosts));
      }
    };
  }

  const isFree = ({ taken }: Host) => taken < inFlight;

  return async (names, signal) => {
    signal.throwIfAborted();
    // A host that is source and store at once counts as one: else one place were too few.
    const hosts = [...new Set(names)].map(of);
    if (hosts.every(isFree)) return take(hosts);
    const { promise, resolve, reject } = Promise.withResolvers<() => void>();
    const own: Waiting = { hosts, resolve };
    waiting.add(own);
    const onAbort = () => {
      waiting.delete(own);
      reject(signal.reason);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  };
}
