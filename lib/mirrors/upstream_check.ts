/**
 * What an upstream has, found out by HEAD and then remembered. An upstream that fails is
 * assumed to have everything: it is the source, and clients then get its own answer.
 *
 * @module
 */

import type { Upstream } from "../routing/policy.ts";
import { type Answer, judgeUpstream, type Verdict } from "./answer.ts";
import type { Asker } from "./asker.ts";
import { MIRROR_NUMBERS } from "./board.ts";
import type { Gate } from "./gate.ts";
import type { Answers, Remembering } from "./known.ts";
import type { Within } from "./time.ts";

/** Whether an upstream has something. */
export type UpstreamPresence = "found" | "missing";

/** Finds out what upstreams have. */
export interface UpstreamCheck {
  /**
   * Whether an upstream has what is at one of its URLs. Returns a promise, which never
   * rejects, unless that is known.
   *
   * @param waitMs how long to wait for the answer; after that, the upstream counts as having it
   */
  ask(
    upstream: Upstream,
    url: string,
    waitMs?: number,
  ): UpstreamPresence | Promise<UpstreamPresence>;
  /** What {@linkcode UpstreamCheck.ask} would return; `undefined` if the upstream would be asked. */
  foresee(upstream: Upstream, url: string): UpstreamPresence | undefined;
}

/** What an upstream check needs. */
export interface UpstreamCheckOptions {
  /** Sends HEAD requests. */
  readonly asker: Pick<Asker, "head">;
  /** The timeout of a request in milliseconds. */
  readonly timeoutMs: () => number;
  /** Admits HEAD requests. */
  readonly gate: Gate;
  /** Where answers are remembered. */
  readonly answers: () => Answers;
  /** How long answers are remembered. */
  readonly remembering: () => Remembering;
  /** The time in milliseconds, of any monotonic clock. */
  readonly now: () => number;
  /** Waits, in milliseconds. */
  readonly wait: (ms: number) => Promise<void>;
  /** Waits for a promise, up to a limit. */
  readonly within: Within;
  /** Called with each answer. */
  readonly onAsked: (upstream: Upstream, answer: Answer, verdict: Verdict, tookMs: number) => void;
}

/** How many upstreams a configuration may have. */
export const MAX_UPSTREAMS = 64;
/** How many numbers there are: while a setup is replaced, the upstreams of both have one. */
export const UPSTREAM_NUMBERS: number = 2 * MAX_UPSTREAMS;
/** How many servers have numbers: first the mirrors, then the upstreams. */
export const SERVER_NUMBERS: number = MIRROR_NUMBERS + UPSTREAM_NUMBERS;

// Repository names have no length limit. Remembering longer URLs would bound the memory in
// entries, but not in bytes.
const MAX_URL_LENGTH = 1024;

/** Makes a check. A URL of more than 1024 characters is assumed to be there. */
export function createUpstreamCheck(options: UpstreamCheckOptions): UpstreamCheck {
  const { asker, timeoutMs, gate, answers, now, wait, within, onAsked } = options;
  const inFlight = new Map<string, Promise<UpstreamPresence>>();
  const breakers = createBreakers(now);

  async function send(upstream: Upstream, url: string, delayMs: number) {
    if (delayMs > 0) await wait(delayMs);
    const beganMs = now();
    const answer = await asker.head(url, timeoutMs());
    inFlight.delete(url);
    gate.leave(MIRROR_NUMBERS + upstream.number);
    const verdict = judgeUpstream(answer);
    // A request that could not be sent says nothing.
    if (verdict !== "unsent") breakers.note(upstream.number, verdict === "failed");
    remember(url, verdict);
    onAsked(upstream, answer, verdict, now() - beganMs);
    return verdict === "missing" ? "missing" : "found";
  }

  function remember(url: string, verdict: Verdict): void {
    const { foundTtlMs, missingTtlMs } = options.remembering();
    if (verdict === "found") answers().found(url, foundTtlMs);
    else if (verdict === "missing") answers().missing(url, missingTtlMs);
    else if (verdict === "failed") answers().found(url, missingTtlMs);
  }

  async function waitFor(probe: Promise<UpstreamPresence>, waitMs: number) {
    return await within(waitMs, probe) ?? "found";
  }

  async function foundAfter(held: Promise<void>, waitMs?: number): Promise<UpstreamPresence> {
    await (waitMs === undefined ? held : within(waitMs, held));
    return "found";
  }

  function recall(url: string): UpstreamPresence | undefined {
    const foundAt = answers().get(url);
    return foundAt === undefined ? undefined : foundAt > 0 ? "found" : "missing";
  }

  return {
    foresee(upstream, url) {
      const isAsked = inFlight.has(url) || url.length <= MAX_URL_LENGTH &&
          !breakers.isOpen(upstream.number) && gate.hasRoom(MIRROR_NUMBERS + upstream.number);
      return recall(url) ?? (isAsked ? undefined : "found");
    },
    ask(upstream, url, waitMs) {
      const known = recall(url);
      if (known !== undefined) return known;
      let probe = inFlight.get(url);
      if (probe === undefined) {
        if (url.length > MAX_URL_LENGTH || breakers.isOpen(upstream.number)) return "found";
        const delayMs = gate.enter(MIRROR_NUMBERS + upstream.number);
        if (delayMs === undefined) {
          const held = gate.turnAway();
          return held === undefined ? "found" : foundAfter(held, waitMs);
        }
        probe = send(upstream, url, delayMs);
        inFlight.set(url, probe);
      }
      return waitMs === undefined ? probe : waitFor(probe, waitMs);
    },
  };
}

const FAILURES_IN_A_ROW = 5;
const FIRST_REST_MS = 5000;
const MAX_REST_MS = 60_000;

/** A circuit breaker for each upstream: after several failures in a row it is not asked. */
function createBreakers(now: () => number) {
  const failures: number[] = [];
  const until: number[] = [];
  return {
    isOpen: (upstream: number) => now() < (until[upstream] ?? 0),
    note(upstream: number, failed: boolean): void {
      if (!failed) {
        failures[upstream] = 0;
        return;
      }
      // Requests that were in flight when it opened say nothing new.
      if (now() < (until[upstream] ?? 0)) return;
      const count = failures[upstream] = (failures[upstream] ?? 0) + 1;
      if (count < FAILURES_IN_A_ROW) return;
      const doublings = Math.min(count - FAILURES_IN_A_ROW, 10);
      until[upstream] = now() + Math.min(MAX_REST_MS, FIRST_REST_MS * 2 ** doublings);
    },
  };
}
