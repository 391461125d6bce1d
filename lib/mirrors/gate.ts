/**
 * The limits on requests to other servers. A flood of requests for unknown blobs must not
 * become a flood of probes, a server that hangs must not take the places of the others, and
 * requests for known blobs must wait for neither.
 *
 * Places are shared by dynamic thresholds (Choudhury and Hahne, "Dynamic queue length
 * thresholds for shared-memory packet switches", 1998): a server may hold as many places as
 * are free. One server that hangs gets at most half of them, two get a third each, and there
 * is always room for one more. Shares need no configuration, and no place is reserved for a
 * server that is not in use.
 *
 * @module
 */

import type { Places } from "./places.ts";

/** What a gate needs. */
export interface GateOptions {
  /** The places of probes in flight. */
  readonly places: Places;
  /** The limits in use. */
  readonly bounds: () => GateBounds;
  /** The time in milliseconds, of any monotonic clock. */
  readonly now: () => number;
  /** Waits, in milliseconds. */
  readonly wait: (ms: number) => Promise<void>;
  /** Returns a random number in [0, 1). */
  readonly random: () => number;
}

/** The limits on probes. */
export interface GateBounds {
  /** The most probes, of all isolates, that are in flight or wait for their turn. */
  readonly maxInFlight: number;
  /** The most probes that this isolate begins in a second, apart from a short burst. */
  readonly maxPerS: number;
}

/** Admits probes, or turns them away. */
export interface Gate {
  /**
   * Admits one more probe. The caller must call `leave` when the probe has ended.
   *
   * @param server the number of the server to ask
   * @returns how long to wait for its turn, in milliseconds, or `undefined` when it is turned
   * away
   */
  enter(server: number): number | undefined;
  /** Whether {@linkcode Gate.enter} would admit a probe. */
  hasRoom(server: number): boolean;
  /** Releases the place of a probe that has ended. */
  leave(server: number): void;
  /**
   * The delay before answering a request whose probe was turned away: `undefined` for none,
   * unless very many are turned away.
   */
  turnAway(): Promise<void> | undefined;
}

// An image's layers are requested together and should not wait for each other.
const BURST = 25;
// The upstream serves a client better than a longer wait for a probe.
const MAX_WAIT_MS = 1000;

// A client that sends its next request after the last answer slows down when answers are
// delayed. Past this many turned away in a window, each is delayed by half to one and a half
// times `HOLD_MS`, at random, so that they do not return together.
const WINDOW_MS = 100;
const TURNED_AWAY_AT_ONCE = 25;
const HOLD_MS = 1000;
// Delaying more requests than this costs more than it saves.
const MAX_HELD = 10_000;

/** Makes a gate. */
export function createGate(options: GateOptions): Gate {
  const { places, bounds, now } = options;
  const turnAway = createHold(options);
  let nextTurn = 0;

  function tryTurn(
    server: number,
  ): { readonly delayMs: number; readonly next: number } | undefined {
    const { maxInFlight, maxPerS } = bounds();
    const total = places.total();
    const own = places.of(server);
    if (own >= maxInFlight - total) return undefined;
    // The generic cell rate algorithm: turns are `paceMs` apart, and may be taken early.
    const paceMs = 1000 / maxPerS;
    const time = now();
    // A reload may have raised the rate: bring a turn assigned at the slower rate forward.
    nextTurn = Math.min(nextTurn, time + (BURST + 1) * paceMs + MAX_WAIT_MS);
    const turn = Math.max(time, nextTurn);
    const delayMs = Math.max(0, turn - time - BURST * paceMs);
    // The queue is shared like the places: a server that fills it may wait only half as long.
    if (delayMs > MAX_WAIT_MS * (1 - own / (2 * total + 1))) return undefined;
    return { delayMs, next: turn + paceMs };
  }

  return {
    enter(server) {
      const turn = tryTurn(server);
      if (turn === undefined) return undefined;
      nextTurn = turn.next;
      places.add(server, 1);
      return turn.delayMs;
    },
    hasRoom: (server) => tryTurn(server) !== undefined,
    leave: (server) => places.add(server, -1),
    turnAway,
  };
}

function createHold({ now, wait, random }: GateOptions): Gate["turnAway"] {
  let windowEnd = 0;
  let turnedAway = 0;
  let held = 0;

  async function hold(): Promise<void> {
    held++;
    await wait(HOLD_MS * (0.5 + random()));
    held--;
  }

  return () => {
    const time = now();
    if (time >= windowEnd) {
      windowEnd = time + WINDOW_MS;
      turnedAway = 0;
    }
    turnedAway++;
    return turnedAway <= TURNED_AWAY_AT_ONCE || held >= MAX_HELD ? undefined : hold();
  };
}
