/**
 * What is known of where blobs are: asked for once by HEAD, then remembered.
 *
 * @module
 */

import type { Gate } from "./gate.ts";
import { createMemory, type Memory, type MemoryOptions } from "./memory.ts";

/** Whether something is there; `unknown` when too much is being asked to find out. */
export type Presence = "found" | "missing" | "unknown";

/**
 * What came of a HEAD request: the answer's status; `failed` when none came in time;
 * `unsent` when this machine could not send it, which says nothing of the other.
 */
export type HeadAnswer = number | "failed" | "unsent";

/** What an answer to a HEAD request means. */
export interface Verdict {
  /** Whether what was asked for is there. */
  readonly found: boolean;
  /** How long to remember it, in milliseconds. */
  readonly ttlMs: number;
  /** Whether it stays so: what does not is remembered apart, and never in its place. */
  readonly lasting: boolean;
}

/** A server that is asked. */
export interface Server {
  /** Gives the meaning of an answer. */
  readonly judge: (answer: HeadAnswer) => Verdict;
  /** Told of each answer. */
  readonly answered: (answer: HeadAnswer, so: Answered) => void;
}

/** What goes with an answer. */
export interface Answered {
  /** What was asked about. */
  readonly url: string;
  /** Whether it means that it is there. */
  readonly found: boolean;
  /** How long the answer took, in milliseconds. */
  readonly tookMs: number;
}

/** Finds out whether something is there. */
export interface PresenceCheck {
  /**
   * Whether something is there: at once when that is known, else a promise of the
   * answer. The promise is never rejected.
   *
   * @param key what it is remembered by
   * @param url where to ask when it is not known
   */
  ask(key: string, url: string, server: Server): Presence | Promise<Presence>;
  /** What is known already. */
  recall(key: string): Presence;
}

/** What a check depends on. */
export interface PresenceOptions {
  /** Sends a HEAD request. The promise is never rejected. */
  readonly head: (url: string) => Promise<HeadAnswer>;
  /** Where answers are remembered. */
  readonly memory: Answers;
  /** Lets HEAD requests through. */
  readonly gate: Gate;
  /** The time in milliseconds, of any clock that does not run backwards. */
  readonly now: () => number;
  /** Waits, in milliseconds. */
  readonly wait: (ms: number) => Promise<void>;
}

// A repository name has no longest length: past this one, whatever is remembered would
// be bounded in entries, but not in bytes.
const MAX_URL_LENGTH = 1024;

/** Makes a check. What is at a URL of more than 1024 characters is always `unknown`. */
export function createPresenceCheck(options: PresenceOptions): PresenceCheck {
  const { head, memory, gate, now, wait } = options;
  const inFlight = new Map<string, Promise<Presence>>();

  async function send(
    key: string,
    url: string,
    server: Server,
    delayMs: number,
  ): Promise<Presence> {
    if (delayMs > 0) await wait(delayMs);
    const began = now();
    const answer = await head(url);
    const verdict = server.judge(answer);
    inFlight.delete(key);
    gate.leave();
    const tookMs = now() - began;
    if (answer !== "unsent") memory.set(key, verdict);
    server.answered(answer, { url, found: verdict.found, tookMs });
    return verdict.found ? "found" : "missing";
  }

  async function unknown(held: Promise<void>): Promise<Presence> {
    await held;
    return "unknown";
  }

  return {
    ask(key, url, server) {
      const known = memory.get(key);
      if (known !== undefined) return known ? "found" : "missing";
      const asked = inFlight.get(key);
      if (asked !== undefined) return asked;
      if (url.length > MAX_URL_LENGTH) return "unknown";
      const delayMs = gate.enter();
      if (delayMs === undefined) {
        const held = gate.turnAway();
        return held === undefined ? "unknown" : unknown(held);
      }
      const answer = send(key, url, server, delayMs);
      inFlight.set(key, answer);
      return answer;
    },
    recall(key) {
      const known = memory.get(key);
      return known === undefined ? "unknown" : known ? "found" : "missing";
    },
  };
}

/** What is remembered of answers. */
export interface Answers {
  /** Whether something was found under a key; `undefined` when that is not remembered. */
  get(key: string): boolean | undefined;
  /** Remembers under a key what an answer meant. */
  set(key: string, verdict: Verdict): void;
  /** What lasts. */
  readonly lasting: Pick<Memory, "size">;
  /** What does not. */
  readonly passing: Pick<Memory, "size">;
}

// So much of the memory is for what does not last. What is not there can be asked for
// without end, and would push out all that is.
const PASSING_SHARE = 1 / 4;

/** Makes a bounded, empty memory of answers. */
export function createAnswers({ maxEntries, now }: MemoryOptions): Answers {
  const forPassing = Math.max(1, Math.floor(maxEntries * PASSING_SHARE));
  const lasting = createMemory({ maxEntries: Math.max(1, maxEntries - forPassing), now });
  const passing = createMemory({ maxEntries: forPassing, now });
  return {
    get: (key) => lasting.get(key) ?? passing.get(key),
    set: (key, verdict) =>
      (verdict.lasting ? lasting : passing).set(key, verdict.found, verdict.ttlMs),
    lasting,
    passing,
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
export function createMirrorJudge({ foundTtlMs, missingTtlMs }: Remembering): Server["judge"] {
  const found: Verdict = { found: true, ttlMs: foundTtlMs, lasting: true };
  const missing: Verdict = { found: false, ttlMs: missingTtlMs, lasting: false };
  return (answer) => answer === 200 ? found : missing;
}

/**
 * Judges the upstream: only 404 says that it does not have something. One that
 * fails has everything, and is asked again soon.
 */
export function createUpstreamJudge({ foundTtlMs, missingTtlMs }: Remembering): Server["judge"] {
  const found: Verdict = { found: true, ttlMs: foundTtlMs, lasting: true };
  const failed: Verdict = { found: true, ttlMs: missingTtlMs, lasting: false };
  const missing: Verdict = { found: false, ttlMs: missingTtlMs, lasting: false };
  return (answer) => {
    if (answer === 404) return missing;
    return typeof answer === "number" && answer < 400 ? found : failed;
  };
}

/**
 * Whether an answer is a failure of the server, rather than an answer of one that works:
 * none at all, an error of its own, or that it has too much to do.
 */
export function isFailure(answer: HeadAnswer): boolean {
  return answer === "failed" || (typeof answer === "number" && (answer >= 500 || answer === 429));
}
