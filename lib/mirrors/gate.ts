/**
 * How much may be asked of other servers. A flood of requests for blobs that nobody
 * knows must not become a flood of probes, nor keep those waiting who ask for known ones.
 *
 * @module
 */

/** What a gate needs. */
export interface GateOptions {
  /** The most probes under way or waiting for their turn at the same time. */
  readonly maxInFlight: number;
  /** The most probes begun in a second, but for a few at once after a pause. */
  readonly maxPerS: number;
  /** The time in milliseconds, of any clock that does not run backwards. */
  readonly now: () => number;
  /** Waits, in milliseconds. */
  readonly wait: (ms: number) => Promise<void>;
  /** Gives a number from 0 to below 1. */
  readonly random: () => number;
  /** Told how many probes are under way or wait, whenever that changes. */
  readonly told: (inFlight: number) => void;
}

/** Lets probes through, or turns them away. */
export interface Gate {
  /**
   * Lets one more probe in: how long it has to wait for its turn, in milliseconds, or
   * `undefined` when it is turned away. Whoever was let in leaves when the probe has ended.
   */
  enter(): number | undefined;
  /** Ends a probe. */
  leave(): void;
  /**
   * What to wait for before the request whose probe was turned away is answered:
   * `undefined`, for it is answered at once, unless very many are turned away.
   */
  turnAway(): Promise<void> | undefined;
  /** How many probes are under way or wait for their turn. */
  readonly inFlight: number;
}

// An image's layers are asked for at once, and are not to wait for each other.
const AT_ONCE = 25;
// A client whose probe would have to wait longer is better served by the upstream.
const MOST_WAIT_MS = 1000;

// A client that sends the next request when it has the answer to the last sends the
// fewer, the longer that takes. Past so many turned away in a window, each is held back,
// for half to one and a half times as long, lest all come back together.
const WINDOW_MS = 100;
const TURNED_AWAY_AT_ONCE = 25;
const HOLD_MS = 1000;
// Past this many, holding back would cost more than it spares.
const MOST_HELD = 10_000;

/** Makes a gate. */
export function createGate(options: GateOptions): Gate {
  const { maxInFlight, maxPerS, now, wait, random, told } = options;
  const paceMs = 1000 / maxPerS;
  let inFlight = 0;
  let nextTurn = 0;
  let windowEnd = 0;
  let turnedAway = 0;
  let held = 0;

  async function hold(): Promise<void> {
    held++;
    await wait(HOLD_MS * (0.5 + random()));
    held--;
  }

  return {
    enter() {
      if (inFlight >= maxInFlight) return undefined;
      // The generic cell rate algorithm: turns are a pace apart, and may be taken early.
      const time = now();
      const turn = Math.max(time, nextTurn);
      const delayMs = Math.max(0, turn - time - AT_ONCE * paceMs);
      if (delayMs > MOST_WAIT_MS) return undefined;
      nextTurn = turn + paceMs;
      told(++inFlight);
      return delayMs;
    },
    leave: () => told(--inFlight),
    turnAway() {
      const time = now();
      if (time >= windowEnd) {
        windowEnd = time + WINDOW_MS;
        turnedAway = 0;
      }
      turnedAway++;
      return turnedAway <= TURNED_AWAY_AT_ONCE || held >= MOST_HELD ? undefined : hold();
    },
    get inFlight() {
      return inFlight;
    },
  };
}
