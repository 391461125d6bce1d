/**
 * The mirror state of one isolate: the parts of this folder, put together. It lives as long
 * as the isolate. It reads the limits from the setup in use each time, so a reload keeps
 * everything that is cached or in flight.
 *
 * @module
 */

import type { Mirror, Upstream } from "../routing/policy.ts";
import type { Answer, Verdict } from "./answer.ts";
import { createAsker } from "./asker.ts";
import type { Board } from "./board.ts";
import { createDoubts, type Doubts } from "./doubts.ts";
import { type BlobFinder, createBlobFinder } from "./find_blob.ts";
import { createForesight, type Foresight } from "./foresight.ts";
import { createGate, type Gate } from "./gate.ts";
import { type Answers, createAnswers, createKnownBlobs, type KnownBlobs } from "./known.ts";
import type { Places } from "./places.ts";
import { createProbes, type Probed, type ProbesOptions } from "./probes.ts";
import { createRepeats, type Repeats } from "./repeats.ts";
import { createCoarseClock, createWait, createWithin, type World } from "./time.ts";
import { createUpstreamCheck, type UpstreamCheck } from "./upstream_check.ts";

/** The limits on what is remembered, and on requests to other servers. */
export interface ProbeBounds {
  /** The timeout of a request, and of a whole search, in milliseconds. */
  readonly timeoutMs: number;
  /** How long a blob that was found is remembered, in milliseconds. */
  readonly foundTtlMs: number;
  /** After how long a blob that was found must be rechecked, in milliseconds. */
  readonly recheckMs: number;
  /** How long a missing blob is remembered, in milliseconds. */
  readonly missingTtlMs: number;
  /** How many answers are remembered. */
  readonly maxEntries: number;
  /** How many probes of all isolates may be in flight or wait. */
  readonly maxInFlight: number;
  /** How many probes this isolate may begin in a second. */
  readonly maxPerS: number;
}

/** What the mirror state of an isolate needs. */
export interface MirrorsOptions extends World {
  /** Which mirrors are down. */
  readonly board: Board;
  /** The places of probes in flight. */
  readonly places: Places;
  /** The limits in use. */
  readonly bounds: () => ProbeBounds;
  /**
   * The same time as {@linkcode World.now}, but cheap to read. By default it is made with a
   * timer; give one where timers do not run between requests.
   */
  readonly coarseNow?: (() => number) | undefined;
  /** Once it is aborted, requests to other servers end without an answer. */
  readonly stop: AbortSignal;
  /** Notified of findings. */
  readonly log: MirrorsLog;
  /** Whether a blob is about to be deleted from a mirror. */
  readonly isLeaving?: ProbesOptions["isLeaving"];
}

/** Notified of what is found out about mirrors and upstreams. */
export interface MirrorsLog {
  /** Called when a probe has ended. */
  readonly onProbed: (mirror: Mirror, probed: Probed) => void;
  /** Called with a mirror that may have failed and should be checked. */
  readonly onSuspect: (mirror: Mirror) => void;
  /** Called when an upstream was asked by HEAD. */
  readonly onAsked: (upstream: Upstream, answer: Answer, verdict: Verdict, tookMs: number) => void;
}

/** The mirror state of one isolate. */
export interface Mirrors {
  /** Finds the mirror to send a client to. */
  readonly find: BlobFinder;
  /** Detects clients that repeat a request. */
  readonly repeats: Repeats;
  /** Takes second looks at a mirror. */
  readonly doubts: Doubts;
  /** Finds out what upstreams have. */
  readonly upstreams: UpstreamCheck;
  /** Admits requests to other servers. */
  readonly gate: Gate;
  /** What is known of blobs. */
  known(): KnownBlobs;
  /** What would be done now, to explain how a request would be answered. */
  readonly foresight: Foresight;
  /** The time in milliseconds, up to 100 ms late, and cheap to read. */
  readonly coarseNow: () => number;
}

// Entries live for seconds, so this resolution suffices.
const COARSE_MS = 100;

/** Makes the mirror state of an isolate, with nothing known. */
export function createMirrors(options: MirrorsOptions): Mirrors {
  const { bounds, log, board, now, later, timeOfDay } = options;
  const wait = createWait(later);
  const within = createWithin(later);
  const coarseNow = options.coarseNow ?? createCoarseClock(now, later, COARSE_MS);
  const asker = createAsker(options);
  const gate = createGate({ ...options, wait });
  const { known, answers } = createMemories(options, coarseNow);
  const timeoutMs = () => bounds().timeoutMs;
  const shared = { asker, gate, known, board, now, within, wait, later, timeoutMs };
  const probes = createProbes({ ...shared, isLeaving: options.isLeaving, log });
  const nowS = () => Math.floor(timeOfDay() / 1000);
  const upstreams = createUpstreamCheck({
    ...shared,
    answers,
    remembering: bounds,
    onAsked: log.onAsked,
  });
  return {
    find: createBlobFinder({ ...shared, probes, nowS }),
    repeats: createRepeats({ now: coarseNow }),
    doubts: createDoubts({ ...shared, onSuspect: log.onSuspect }),
    upstreams,
    gate,
    known,
    foresight: createForesight({ ...shared, probes, upstreams, nowS }),
    coarseNow,
  };
}

// Upstreams are asked about signatures only.
const UPSTREAM_SHARE = 1 / 8;

interface Memories {
  readonly maxEntries: number;
  readonly known: KnownBlobs;
  readonly answers: Answers;
}

/** Replaces the memories when their configured size changes. */
function createMemories({ bounds, board, random }: MirrorsOptions, now: () => number) {
  let held: Memories | undefined;

  function memories(): Memories {
    const { maxEntries } = bounds();
    if (held?.maxEntries === maxEntries) return held;
    held = {
      maxEntries,
      known: createKnownBlobs({ maxEntries, now, random, board, remembering: bounds }),
      answers: createAnswers({
        maxEntries: Math.max(2, maxEntries * UPSTREAM_SHARE | 0),
        now,
        random,
      }),
    };
    return held;
  }

  return { known: () => memories().known, answers: () => memories().answers };
}
