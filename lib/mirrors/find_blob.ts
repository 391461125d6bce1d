/**
 * Which mirror to send a client to.
 *
 * @module
 */

import type { Mirror } from "../routing/policy.ts";
import type { Board } from "./board.ts";
import type { Presence, PresenceCheck, Server } from "./presence.ts";

/** Why no mirror serves a blob. */
export type NoMirror =
  /** None of those that are up has it. */
  | "missing"
  /** Too much is being asked to find out, or it took too long. */
  | "busy"
  /** None is up. */
  | "down"
  /** The one that has it takes no more in place of those that are down. */
  | "fallback_limit";

/** Where a blob is. */
export type FoundBlob =
  | {
    readonly kind: "mirror";
    readonly mirror: Mirror;
    /** The blob's URL there. */
    readonly url: string;
    /** Whether the client would have been sent to another mirror, which is down. */
    readonly diverted: boolean;
  }
  | { readonly kind: "none"; readonly reason: NoMirror };

/** Finds a blob in mirrors. */
export interface BlobFinder {
  /**
   * The first of the mirrors that is up and has the blob. A promise only when a
   * mirror has to be asked; it is never rejected.
   */
  (mirrors: readonly Mirror[], digest: string): FoundBlob | Promise<FoundBlob>;
}

/** What is known of a mirror beside its place in the policy. */
export interface MirrorState {
  /** Its number on the board. */
  readonly number: number;
  /** How many redirects a second may be diverted to it from others. */
  readonly fallbackLimit: number;
  /** How it is asked. */
  readonly server: Server;
}

/** What a finder needs. */
export interface BlobFinderOptions {
  /** Finds out whether a mirror has a blob. */
  readonly check: PresenceCheck;
  /** Which mirrors are down. */
  readonly board: Board;
  /** What is known of each mirror of the policy. */
  readonly stateOf: (mirror: Mirror) => MirrorState;
  /** How long to look for a mirror, all in all, in milliseconds. */
  readonly timeoutMs: number;
  /** The time in milliseconds, of any clock that does not run backwards. */
  readonly now: () => number;
  /** The time in whole seconds, the same in every isolate. */
  readonly nowS: () => number;
}

const NONE = {
  missing: { kind: "none", reason: "missing" },
  busy: { kind: "none", reason: "busy" },
  down: { kind: "none", reason: "down" },
  fallback_limit: { kind: "none", reason: "fallback_limit" },
} as const;

/** How far a search has come. */
interface Search {
  /** How many mirrors were passed over, for they are down. */
  readonly skipped: number;
  /** When to ask no more, by the clock. */
  readonly deadline: number;
}

const BEGUN: Search = { skipped: 0, deadline: Infinity };

/** Makes a finder. */
export function createBlobFinder(options: BlobFinderOptions): BlobFinder {
  const { check, board, stateOf, timeoutMs, now, nowS } = options;
  const keyOf = createKeys(board);

  function findFrom(
    first: number,
    mirrors: readonly Mirror[],
    digest: string,
    search: Search,
  ): FoundBlob | Promise<FoundBlob> {
    let { skipped, deadline } = search;
    const late = deadline !== Infinity && now() >= deadline;
    for (let at = first; at < mirrors.length; at++) {
      const mirror = mirrors[at]!;
      const state = stateOf(mirror);
      if (board.isDown(state.number)) {
        skipped++;
        continue;
      }
      const url = `${mirror.url}/${digest}`;
      const key = keyOf(state.number, digest);
      const presence = late ? check.recall(key) : check.ask(key, url, state.server);
      if (presence === "found") return take(mirror, state, url, skipped > 0);
      if (presence === "missing") continue;
      if (presence === "unknown") {
        if (late) continue;
        return NONE.busy;
      }
      if (deadline === Infinity) deadline = now() + timeoutMs;
      return presence.then((answer) => goOn(answer, at, mirrors, digest, { skipped, deadline }));
    }
    if (skipped > 0 && skipped === mirrors.length) return NONE.down;
    return late ? NONE.busy : NONE.missing;
  }

  function goOn(
    answer: Presence,
    at: number,
    mirrors: readonly Mirror[],
    digest: string,
    search: Search,
  ): FoundBlob | Promise<FoundBlob> {
    if (answer === "unknown") return NONE.busy;
    const mirror = mirrors[at]!;
    const state = stateOf(mirror);
    // Others may have found out meanwhile that it is down.
    if (board.isDown(state.number)) {
      const { skipped, deadline } = search;
      return findFrom(at + 1, mirrors, digest, { skipped: skipped + 1, deadline });
    }
    return answer === "found"
      ? take(mirror, state, `${mirror.url}/${digest}`, search.skipped > 0)
      : findFrom(at + 1, mirrors, digest, search);
  }

  function take(mirror: Mirror, state: MirrorState, url: string, diverted: boolean): FoundBlob {
    const { number, fallbackLimit } = state;
    if (diverted && fallbackLimit !== Infinity && !board.divert(number, fallbackLimit, nowS())) {
      return NONE.fallback_limit;
    }
    return { kind: "mirror", mirror, url, diverted };
  }

  return (mirrors, digest) => findFrom(0, mirrors, digest, BEGUN);
}

/**
 * Makes the keys by which it is remembered which mirror has which blob: shorter than
 * the URL, for there are many of them. A mirror has another one after each time that
 * what is remembered of it was to be forgotten.
 */
export function createKeys(board: Board): (mirror: number, digest: string) => string {
  const prefixes: string[] = [];
  const generations: number[] = [];
  return (mirror, digest) => {
    const generation = board.generation(mirror);
    if (generations[mirror] !== generation) {
      generations[mirror] = generation;
      prefixes[mirror] = `${mirror.toString(36)}.${generation.toString(36)} `;
    }
    return prefixes[mirror] + digest;
  };
}
