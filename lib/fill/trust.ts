/**
 * When to give a host up: one that refuses is not asked ten thousand times more.
 *
 * @module
 */

import type { Failure } from "./failure.ts";

/** What is thought of hosts, by their names. */
export interface Trust {
  /** Notes a success. */
  good(name: string): void;
  /** Notes a failure. Returns whether the host is given up because of it. */
  bad(name: string, failure: Failure): boolean;
  /** Why a host was given up, or `undefined`. */
  whyGivenUp(name: string): string | undefined;
}

const MOST_LASTING = 3;
const MOST_IN_A_ROW = 12;

/** Makes a trust in all hosts. */
export function createTrust(): Trust {
  const counts = new Map<string, { lasting: number; all: number }>();
  const givenUp = new Map<string, string>();
  return {
    good: (name) => void counts.delete(name),
    bad(name, { reason, lasting, ofBlob }) {
      if (ofBlob) return false;
      const count = counts.get(name) ?? { lasting: 0, all: 0 };
      counts.set(name, count);
      count.all++;
      if (lasting) count.lasting++;
      if (givenUp.has(name)) return false;
      if (count.lasting < MOST_LASTING && count.all < MOST_IN_A_ROW) return false;
      givenUp.set(name, reason);
      return true;
    },
    whyGivenUp: (name) => givenUp.get(name),
  };
}
