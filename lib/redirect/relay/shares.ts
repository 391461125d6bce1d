/**
 * The shares of an upstream's places and requests a second. Clients can ask for any number of
 * names that there are not: what an upstream has never had gets a part of its places only, so
 * that what it has is served.
 *
 * @module
 */

/** How much is known of what is asked for. */
export type Rank =
  /** The upstream has had it. */
  | "known"
  /** The upstream has had something else of the same repository. */
  | "new_reference"
  /** The upstream has not had anything of the repository. */
  | "new_name";

/** The limits of one upstream. */
export interface ShareBounds {
  /** How many requests may be in flight. */
  readonly maxInFlight: number;
  /** How many may begin in a second. */
  readonly maxPerS: number;
}

/** Admits requests by their rank, or turns them away. */
export interface Shares {
  /** Takes a place, if there is one. The caller must call `leave` when it is done. */
  enter(upstream: number, rank: Rank): boolean;
  /** Gives a place back. */
  leave(upstream: number, rank: Rank): void;
}

const PARTS: Readonly<Record<Rank, number>> = { known: 1, new_reference: 1 / 2, new_name: 1 / 4 };
// The first requests of a pull come together.
const BURST_S = 0.25;

/**
 * Makes shares with no place taken.
 *
 * @param bounds the limits in use
 * @param now the time in milliseconds, of any monotonic clock
 */
export function createShares(bounds: () => ShareBounds, now: () => number): Shares {
  const taken = new Map<string, { places: number; nextTurn: number }>();

  function takenBy(upstream: number, rank: Rank) {
    const key = `${upstream} ${rank}`;
    let held = taken.get(key);
    if (held === undefined) taken.set(key, held = { places: 0, nextTurn: 0 });
    return held;
  }

  return {
    enter(upstream, rank) {
      const held = takenBy(upstream, rank);
      const { maxInFlight, maxPerS } = bounds();
      if (held.places >= Math.max(1, Math.floor(maxInFlight * PARTS[rank]))) return false;
      // The generic cell rate algorithm, as in `mirrors/gate.ts`.
      const paceMs = 1000 / (maxPerS * PARTS[rank]);
      const time = now();
      const turn = Math.max(time, Math.min(held.nextTurn, time + BURST_S * 1000 + paceMs));
      if (turn - time > Math.max(BURST_S * 1000, paceMs)) return false;
      held.nextTurn = turn + paceMs;
      held.places++;
      return true;
    },
    leave(upstream, rank) {
      takenBy(upstream, rank).places--;
    },
  };
}
