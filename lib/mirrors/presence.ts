/**
 * What is known of where blobs are: asked for once by HEAD, then remembered.
 *
 * @module
 */

import type { Memory } from "./memory.ts";

/** Whether something is there; `unknown` when too much is being asked to find out. */
export type Presence = "found" | "missing" | "unknown";

/** What an answer to a HEAD request means. */
export interface Verdict {
  /** Whether what was asked for is there. */
  readonly found: boolean;
  /** How long to remember it, in milliseconds. */
  readonly ttlMs: number;
}

/** Gives the meaning of a status, or of `undefined` when none came. */
export type Judge = (status: number | undefined) => Verdict;

/** Finds out whether something is there. */
export interface PresenceCheck {
  /**
   * Whether something is there: at once when that is known, else a promise of the
   * answer. The promise is never rejected.
   *
   * @param key what it is remembered by
   * @param url where to ask when it is not known
   */
  (key: string, url: string, judge: Judge): Presence | Promise<Presence>;
}

/** What a check depends on. */
export interface PresenceOptions {
  /**
   * Sends a HEAD request and gives the status of its answer, or `undefined` when
   * none came in time. The promise is never rejected.
   */
  readonly head: (url: string) => Promise<number | undefined>;
  /** Where answers are remembered. */
  readonly memory: Memory;
  /** The most HEAD requests in flight; past it an answer is `unknown`. */
  readonly maxInFlight: number;
}

// A repository name has no longest length: past this one, whatever is remembered would
// be bounded in entries, but not in bytes.
const MAX_URL_LENGTH = 1024;

/** Makes a check. What is at a URL of more than 1024 characters is always `unknown`. */
export function createPresenceCheck(options: PresenceOptions): PresenceCheck {
  const { head, memory, maxInFlight } = options;
  const inFlight = new Map<string, Promise<Presence>>();

  async function ask(key: string, url: string, judge: Judge): Promise<Presence> {
    const { found, ttlMs } = judge(await head(url));
    inFlight.delete(key);
    memory.set(key, found, ttlMs);
    return found ? "found" : "missing";
  }

  return function check(key, url, judge) {
    const found = memory.get(key);
    if (found !== undefined) return found ? "found" : "missing";
    const asked = inFlight.get(key);
    if (asked !== undefined) return asked;
    if (inFlight.size >= maxInFlight || url.length > MAX_URL_LENGTH) return "unknown";
    const answer = ask(key, url, judge);
    inFlight.set(key, answer);
    return answer;
  };
}

/** How long what was found out is remembered, in milliseconds. */
export interface Remembering {
  /** For what is there, which stays there. */
  readonly foundTtlMs: number;
  /** For what is not there yet, and for a server that fails. */
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
