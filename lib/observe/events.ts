/**
 * Counts events of the program as a whole, in the main isolate.
 *
 * @module
 */

/** How often events of the program as a whole happened. */
export interface Events {
  /** Configurations that were read again and applied. */
  reloads: number;
  /** Configurations that were read again and rejected because of mistakes. */
  refusedReloads: number;
  /** Data sets that were fetched and applied. */
  refreshes: number;
  /** Data sets that could not be fetched, or were rejected. */
  failedRefreshes: number;
  /**
   * When each provider's file was last fetched and taken, or first could not be, in seconds
   * since 1970; empty while nothing is fetched.
   */
  readonly fetchedS: Map<string, number>;
  /** How often a mirror went down. */
  mirrorsDown: number;
  /** How often a mirror came up again. */
  mirrorsUp: number;
  /** Isolates that died and were replaced. */
  replacedIsolates: number;
  /** Lines of the pull log that were dropped because they could not be written in time. */
  lostPullLines: number;
  /** Lines of the event log that were dropped because they could not be written in time. */
  lostEventLines: number;
}

/** Makes event counters, all 0. */
export function createEvents(): Events {
  return {
    reloads: 0,
    refusedReloads: 0,
    refreshes: 0,
    failedRefreshes: 0,
    fetchedS: new Map(),
    mirrorsDown: 0,
    mirrorsUp: 0,
    replacedIsolates: 0,
    lostPullLines: 0,
    lostEventLines: 0,
  };
}
