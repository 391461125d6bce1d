/**
 * The pauses of upstreams that ask for fewer requests, or do not answer.
 *
 * @module
 */

import { readRetryAfter } from "../../mirrors/asker.ts";
import type { RegistryAnswer } from "../../registry/registry.ts";

/** The pauses of upstreams, each given by its identity. */
export interface Pauses {
  /** The answer to give without asking; `undefined` outside a pause. */
  answer(identity: string): RegistryAnswer | undefined;
  /** Takes note of an answer. */
  note(identity: string, answer: RegistryAnswer): void;
}

interface Pause {
  failures: number;
  untilMs: number;
  answer: RegistryAnswer;
}

const MAX_PAUSE_MS = 60_000;
// When a registry says "too many requests" without saying for how long.
const USUAL_PAUSE_MS = 1000;
const FAILURES_IN_A_ROW = 5;
const FIRST_REST_MS = 1000;
const MAX_REST_MS = 15_000;

/** Makes pauses; no upstream has one. */
export function createPauses(now: () => number): Pauses {
  const pauses = new Map<string, Pause>();

  function extend(identity: string, answer: RegistryAnswer, ms: number): void {
    const failures = pauses.get(identity)?.failures ?? 0;
    pauses.set(identity, { failures, answer, untilMs: now() + ms });
  }

  function fail(identity: string, answer: RegistryAnswer): void {
    const held = pauses.get(identity);
    // Requests that were in flight when the pause began say nothing new.
    if (held !== undefined && now() < held.untilMs) return;
    const failures = (held?.failures ?? 0) + 1;
    const doublings = failures - FAILURES_IN_A_ROW;
    const restMs = doublings < 0 ? 0 : Math.min(MAX_REST_MS, FIRST_REST_MS * 2 ** doublings);
    pauses.set(identity, { failures, answer, untilMs: now() + restMs });
  }

  return {
    answer(identity) {
      const held = pauses.get(identity);
      if (held === undefined || now() >= held.untilMs) return undefined;
      if (held.answer.kind !== "slow_down") return held.answer;
      const leftS = Math.ceil((held.untilMs - now()) / 1000);
      return { kind: "slow_down", retryAfter: String(leftS) };
    },
    note(identity, answer) {
      if (answer.kind === "slow_down") {
        const toldMs = readRetryAfter(answer.retryAfter ?? null) ?? USUAL_PAUSE_MS;
        return extend(identity, answer, Math.min(MAX_PAUSE_MS, toldMs));
      }
      // A status may be that of one repository. No answer is that of the server.
      if (answer.kind === "failed" && answer.fault === "registry" && answer.status === undefined) {
        return fail(identity, answer);
      }
      if (now() >= (pauses.get(identity)?.untilMs ?? 0)) pauses.delete(identity);
    },
  };
}
