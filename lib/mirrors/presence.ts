/**
 * What is known of where blobs are: asked for once by HEAD, then remembered.
 *
 * @module
 */

import { LRUCache } from "lru-cache";

/** Whether something is there; `unknown` when too much is being asked to find out. */
export type Presence = "found" | "missing" | "unknown";

/** What an answer to a HEAD request means. */
export interface Verdict {
  readonly found: boolean;
  /** How long to remember it, in milliseconds. */
  readonly ttlMs: number;
}

/** Gives the meaning of a status, or of `undefined` when none came. */
export type Judge = (status: number | undefined) => Verdict;

/** Finds out whether something is there. */
export interface PresenceCheck {
  /**
   * Whether what is at `url` is there: at once when that is known, else a promise
   * of the answer. The promise is never rejected.
   */
  (url: string, judge: Judge): Presence | Promise<Presence>;
}

/** What a check depends on, and its bounds. */
export interface PresenceOptions {
  /**
   * Sends a HEAD request and gives the status of its answer, or `undefined` when
   * none came in time. The promise is never rejected.
   */
  readonly head: (url: string) => Promise<number | undefined>;
  /** The time in milliseconds, of any clock that does not run backwards. */
  readonly now: () => number;
  /**
   * For how long, in milliseconds of real time, one reading of the clock may serve: a
   * reading costs more than all else that a known blob takes.
   */
  readonly clockResolutionMs: number;
  /** The most that is remembered; past it the least recently used is forgotten. */
  readonly maxEntries: number;
  /** The most HEAD requests in flight; past it an answer is `unknown`. */
  readonly maxInFlight: number;
}

/** Makes a check with a memory of its own. */
export function createPresenceCheck(options: PresenceOptions): PresenceCheck {
  const { head, now, clockResolutionMs, maxEntries, maxInFlight } = options;
  const remembered = new LRUCache<string, boolean>({
    max: maxEntries,
    ttl: 1, // each entry brings its own
    ttlResolution: clockResolutionMs,
    perf: { now },
  });
  const inFlight = new Map<string, Promise<Presence>>();

  async function ask(url: string, judge: Judge): Promise<Presence> {
    const { found, ttlMs } = judge(await head(url));
    inFlight.delete(url);
    remembered.set(url, found, { ttl: ttlMs });
    return found ? "found" : "missing";
  }

  return function check(url, judge) {
    const found = remembered.get(url);
    if (found !== undefined) return found ? "found" : "missing";
    const asked = inFlight.get(url);
    if (asked !== undefined) return asked;
    if (inFlight.size >= maxInFlight) return "unknown";
    const answer = ask(url, judge);
    inFlight.set(url, answer);
    return answer;
  };
}

/** How long what was found out is remembered, in milliseconds. */
export interface Remembering {
  readonly foundTtlMs: number;
  readonly missingTtlMs: number;
}

/**
 * Judges a mirror: only 200 says that it has the blob. A mirror that fails is one
 * that has not, and is asked again soon.
 */
export function createMirrorJudge({ foundTtlMs, missingTtlMs }: Remembering): Judge {
  const found = { found: true, ttlMs: foundTtlMs };
  const missing = { found: false, ttlMs: missingTtlMs };
  return (status) => status === 200 ? found : missing;
}

/**
 * Judges the upstream: only 404 says that it does not have something. One that
 * fails has everything, and is asked again soon.
 */
export function createUpstreamJudge({ foundTtlMs, missingTtlMs }: Remembering): Judge {
  const found = { found: true, ttlMs: foundTtlMs };
  const failed = { found: true, ttlMs: missingTtlMs };
  const missing = { found: false, ttlMs: missingTtlMs };
  return (status) => {
    if (status === 404) return missing;
    return status !== undefined && status < 400 ? found : failed;
  };
}
