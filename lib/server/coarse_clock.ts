/**
 * A clock that is read seldom.
 *
 * @module
 */

/**
 * Makes a clock of another, that reads it at most once in `resolutionMs` however
 * often it is asked: a reading costs more than all else that a known blob takes. A
 * timer runs only while it is asked, so an idle server sleeps.
 *
 * @returns a function that gives the time, up to `resolutionMs` ago
 */
export function createCoarseClock(now: () => number, resolutionMs: number): () => number {
  let time: number | undefined;
  const forget = () => {
    time = undefined;
  };
  return () => {
    if (time !== undefined) return time;
    setTimeout(forget, resolutionMs);
    return time = now();
  };
}
