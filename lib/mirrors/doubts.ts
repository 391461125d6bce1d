/**
 * Second looks. When a client asks for a blob again soon after it was sent to a mirror for it,
 * the mirror is asked for the blob's first byte before the client is sent there again. So one
 * of the first clients to meet a dead mirror fails once, rather than until the checks notice.
 *
 * Clients may repeat requests on purpose, and thousands may share an address. So looks are
 * shared and rate limited, a good result is reused for a while, and only 1 % of the clients
 * that would be sent to a mirror may be sent elsewhere.
 *
 * @module
 */

import type { Mirror } from "../routing/policy.ts";
import { isWhole, judgeCheck, type Verdict } from "./answer.ts";
import type { Asker } from "./asker.ts";
import type { KnownBlobs } from "./known.ts";
import { blobKey, blobUrl, type PulledBlob } from "./template.ts";
import type { Within } from "./time.ts";

/** What second looks need. */
export interface DoubtsOptions {
  /** Sends requests to mirrors. */
  readonly asker: Pick<Asker, "firstByte">;
  /** What is known of blobs. */
  readonly known: () => KnownBlobs;
  /** The time in milliseconds, of any monotonic clock. */
  readonly now: () => number;
  /** Waits for a promise, up to a limit. */
  readonly within: Within;
  /** Called with a mirror that did not deliver. */
  readonly onSuspect: (mirror: Mirror) => void;
}

/** Takes second looks. */
export interface Doubts {
  /** Records that a client was sent to a mirror. */
  noteSent(mirror: Mirror): void;
  /**
   * Checks whether a mirror delivers a blob.
   *
   * @returns whether to send the client there; not a promise when that is known
   */
  look(mirror: Mirror, blob: PulledBlob): boolean | Promise<boolean>;
}

const WAIT_MS = 300;
// A mirror that takes longer is left to the checks. One that delivers within this time, though too
// late to be waited for, works: no more clients are sent elsewhere until a look fails.
const TIMEOUT_MS = 2000;
const GOOD_FOR_MS = 2000;
const MAX_IN_FLIGHT = 4;
const MAX_PER_S = 20;
// The budget: this share of a mirror's redirects, and at most this many at once.
const SHARE = 0.01;
const AT_ONCE = 20;
const MAX_KEPT = 1000;

/** Makes second looks. */
export function createDoubts(options: DoubtsOptions): Doubts {
  const { asker, known, now, within, onSuspect } = options;
  const budgets: number[] = [];
  const inFlight = new Map<string, Promise<Verdict>>();
  const looking: number[] = [];
  const deliversLate: boolean[] = [];
  const goodUntil = new Map<string, number>();
  const mayBegin = createPace(now);

  async function ask(key: string, mirror: Mirror, blob: PulledBlob): Promise<Verdict> {
    looking[mirror.number] = (looking[mirror.number] ?? 0) + 1;
    const beganMs = now();
    const answer = await asker.firstByte(blobUrl(mirror, blob), TIMEOUT_MS);
    inFlight.delete(key);
    looking[mirror.number]!--;
    const verdict = judgeCheck(answer, blob.digest);
    deliversLate[mirror.number] = verdict === "found" && now() - beganMs >= WAIT_MS;
    if (verdict === "missing") known().missing(mirror.number, blobKey(mirror, blob));
    // Only a check can tell a whole blob from a page that is sent for every URL.
    if (verdict === "failed" || isWhole(answer)) onSuspect(mirror);
    if (verdict === "found" || verdict === "unsent") {
      if (goodUntil.size >= MAX_KEPT) goodUntil.clear();
      goodUntil.set(key, now() + GOOD_FOR_MS);
    }
    return verdict;
  }

  async function waitFor(mirror: Mirror, look: Promise<Verdict>): Promise<boolean> {
    const verdict = await within(WAIT_MS, look);
    if (verdict === "found" || verdict === "unsent") return true;
    // Clients are no longer sent there for this blob, so this needs no budget.
    if (verdict === "missing") return false;
    if (verdict === undefined) {
      onSuspect(mirror);
      if (deliversLate[mirror.number]) return true;
    }
    const budget = budgets[mirror.number] ?? AT_ONCE;
    if (budget < 1) return true;
    budgets[mirror.number] = budget - 1;
    return false;
  }

  return {
    noteSent({ number }) {
      const budget = budgets[number];
      if (budget !== undefined && budget < AT_ONCE) budgets[number] = budget + SHARE;
    },
    look(mirror, blob) {
      const key = `${mirror.number} ${blobKey(mirror, blob)}`;
      const until = goodUntil.get(key);
      if (until !== undefined && now() < until) return true;
      let look = inFlight.get(key);
      if (look === undefined) {
        if ((looking[mirror.number] ?? 0) >= MAX_IN_FLIGHT || !mayBegin(mirror.number)) return true;
        look = ask(key, mirror, blob);
        inFlight.set(key, look);
      }
      return waitFor(mirror, look);
    },
  };
}

/** Makes a function that says whether another look at a mirror may begin in this second. */
function createPace(now: () => number): (mirror: number) => boolean {
  const windowEnds: number[] = [];
  const counts: number[] = [];
  return (mirror) => {
    const time = now();
    if (time >= (windowEnds[mirror] ?? 0)) {
      windowEnds[mirror] = time + 1000;
      counts[mirror] = 0;
    }
    return ++counts[mirror]! <= MAX_PER_S;
  };
}
