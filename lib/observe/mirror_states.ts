/**
 * Since when each mirror is up or down, and why it is down.
 *
 * @module
 */

import type { Mirror } from "../routing/policy.ts";

/** The state of a mirror. */
export interface MirrorState {
  /** Since when, in milliseconds since 1970: a change, or else when the mirror was first known. */
  readonly sinceMs: number;
  /** Why it is down; `null` when it is up. */
  readonly reason: string | null;
}

/** Keeps the states of mirrors. */
export interface MirrorStates {
  /** Keeps these mirrors and no others. One that is new is up. */
  enter(mirrors: readonly Mirror[]): void;
  /** Records that a mirror went down. */
  down(mirror: Mirror, reason: string): void;
  /** Records that a mirror came up. */
  up(mirror: Mirror): void;
  /** The state of a mirror; `undefined` for one that was not entered. */
  of(mirror: Mirror): MirrorState | undefined;
}

/** Makes an empty record of states. */
export function createMirrorStates(timeOfDay: () => number): MirrorStates {
  let states = new Map<string, MirrorState>();

  function change(mirror: Mirror, reason: string | null): void {
    if (states.has(keyOf(mirror))) states.set(keyOf(mirror), { sinceMs: timeOfDay(), reason });
  }

  return {
    enter(mirrors) {
      const sinceMs = timeOfDay();
      states = new Map(
        mirrors.map(keyOf).map((key) => [key, states.get(key) ?? { sinceMs, reason: null }]),
      );
    },
    down: change,
    up: (mirror) => change(mirror, null),
    of: (mirror) => states.get(keyOf(mirror)),
  };
}

// Numbers are reused; a mirror that moves to another URL is another mirror.
function keyOf({ name, number, url }: Mirror): string {
  return `${number} ${name} ${url}`;
}
