/**
 * Probes: HEAD requests that find out whether a mirror has a blob that a client asks for.
 * Concurrent requests for a blob share one probe, across reloads too.
 *
 * @module
 */

import type { Mirror } from "../routing/policy.ts";
import { type Answer, judgeProbe, type Verdict } from "./answer.ts";
import type { Asker } from "./asker.ts";
import type { Board } from "./board.ts";
import type { Gate } from "./gate.ts";
import type { KnownBlobs } from "./known.ts";
import { blobKey, blobUrl, type PulledBlob } from "./template.ts";
import type { Later } from "./time.ts";

/** Sends probes. */
export interface Probes {
  /**
   * Asks a mirror for a blob, or joins the probe that is in flight for it. The promise
   * resolves with the verdict and never rejects.
   *
   * @returns `undefined` when the probe is turned away
   */
  ask(mirror: Mirror, blob: PulledBlob): Promise<Verdict> | undefined;
  /** Whether {@linkcode Probes.ask} would return a promise. */
  mayAsk(mirror: Mirror, blob: PulledBlob): boolean;
}

/** What probes need. */
export interface ProbesOptions {
  /** Sends HEAD requests. */
  readonly asker: Pick<Asker, "head">;
  /** The timeout of a request in milliseconds. */
  readonly timeoutMs: () => number;
  /** Admits probes. */
  readonly gate: Gate;
  /** The generations of mirrors. */
  readonly board: Board;
  /** Where findings are remembered. */
  readonly known: () => KnownBlobs;
  /** The time in milliseconds, of any monotonic clock. */
  readonly now: () => number;
  /** Waits, in milliseconds. */
  readonly wait: (ms: number) => Promise<void>;
  /** Runs the timer that detects slow answers. */
  readonly later: Later;
  /** Whether a blob is about to be deleted from a mirror, and so counts as missing. */
  readonly isLeaving?: ((mirror: Mirror, blob: PulledBlob) => boolean) | undefined;
  /** Notified of each probe. */
  readonly log: ProbesLog;
}

/** Notified of probes. */
export interface ProbesLog {
  /** Called when a probe has ended. */
  readonly onProbed: (mirror: Mirror, probed: Probed) => void;
  /** Called when a mirror may have failed: a probe failed or is slow. */
  readonly onSuspect: (mirror: Mirror) => void;
}

/** A completed probe. */
export interface Probed {
  /** The blob, and the repository that the client who was first asked for it in. */
  readonly blob: PulledBlob;
  /** The answer. */
  readonly answer: Answer;
  /** What the answer means. */
  readonly verdict: Verdict;
  /** How long it took, in milliseconds. */
  readonly tookMs: number;
}

// After how long without an answer a mirror is suspected to hang.
const SLOW_MS = 1000;

/** Makes probes. */
export function createProbes(options: ProbesOptions): Probes {
  const { asker, timeoutMs, gate, board, now, wait, later, isLeaving, log } = options;
  const inFlight = new Map<string, Promise<Verdict>>();
  const pauses = createPauses(now);

  async function send(key: string, mirror: Mirror, blob: PulledBlob, delayMs: number) {
    if (delayMs > 0) await wait(delayMs);
    const beganMs = now();
    const generation = board.generation(mirror.number);
    const cancel = later(SLOW_MS, () => log.onSuspect(mirror));
    const answer = await asker.head(blobUrl(mirror, blob), timeoutMs());
    cancel();
    inFlight.delete(key);
    gate.leave(mirror.number);
    const found = judgeProbe(answer, blob.digest);
    const verdict = found === "found" && isLeaving?.(mirror, blob) ? "missing" : found;
    // An answer from before the mirror's generation was incremented is invalid.
    if (board.generation(mirror.number) === generation) {
      remember(mirror.number, blobKey(mirror, blob), verdict);
    }
    if (verdict === "slow_down") pauses.extend(mirror.number, answer);
    else if (verdict !== "unsent") pauses.end(mirror.number);
    if (verdict === "failed" || verdict === "slow_down") log.onSuspect(mirror);
    log.onProbed(mirror, { blob, answer, verdict, tookMs: now() - beganMs });
    return verdict;
  }

  function remember(number: number, key: string, verdict: Verdict): void {
    const blobs = options.known();
    if (verdict === "found") blobs.found(number, key);
    else if (verdict === "missing") blobs.missing(number, key);
    // A failure says nothing about a blob that was there: a check decides.
    else if (verdict === "failed" && blobs.recall(number, key) === "unknown") {
      blobs.failed(number, key);
    }
  }

  function keyOf(mirror: Mirror, blob: PulledBlob): string {
    return `${mirror.number}.${board.generation(mirror.number)} ${blobKey(mirror, blob)}`;
  }

  return {
    mayAsk: (mirror, blob) =>
      inFlight.has(keyOf(mirror, blob)) ||
      !pauses.isPaused(mirror.number) && gate.hasRoom(mirror.number),
    ask(mirror, blob) {
      const key = keyOf(mirror, blob);
      const asked = inFlight.get(key);
      if (asked !== undefined) return asked;
      if (pauses.isPaused(mirror.number)) return undefined;
      const delayMs = gate.enter(mirror.number);
      if (delayMs === undefined) return undefined;
      const probe = send(key, mirror, blob, delayMs);
      inFlight.set(key, probe);
      return probe;
    },
  };
}

const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 30_000;

/** The pauses of mirrors that ask for fewer requests; each is twice as long as the last. */
function createPauses(now: () => number) {
  const pauses = new Map<number, { readonly untilMs: number; readonly lengthMs: number }>();
  return {
    isPaused(mirror: number): boolean {
      const pause = pauses.get(mirror);
      return pause !== undefined && now() < pause.untilMs;
    },
    extend(mirror: number, answer: Answer): void {
      const before = pauses.get(mirror);
      // Probes that were in flight when the pause began do not extend it.
      if (before !== undefined && now() < before.untilMs) return;
      const lengthMs = Math.min(MAX_PAUSE_MS, (before?.lengthMs ?? FIRST_PAUSE_MS / 2) * 2);
      const told = answer.kind === "answered" ? answer.retryAfterMs ?? 0 : 0;
      pauses.set(mirror, {
        lengthMs,
        untilMs: now() + Math.max(lengthMs, Math.min(told, MAX_PAUSE_MS)),
      });
    },
    end(mirror: number): void {
      if (pauses.size === 0) return;
      // Nor do they end it.
      const pause = pauses.get(mirror);
      if (pause !== undefined && now() >= pause.untilMs) pauses.delete(mirror);
    },
  };
}
