/**
 * Copies all that mirrors lack: each blob is read once, retried where it failed, and a host
 * that fails for good is given up. Nothing of this can leave a wrong object, for that is the
 * promise of `copy_blob.ts`; the promise here is that it ends, and that what it tells is true.
 *
 * A store that is too slow for the others, or that asked to be left alone for a while, gets its
 * blobs apart from them: in a line of its own, at the price of reading them once more.
 *
 * @module
 */

import { type CopyOnceOptions, createCopyOnce } from "./copy_once.ts";
import type { Failure } from "./failure.ts";
import { createPause } from "./limits.ts";
import { createLines } from "./lines.ts";
import { type Copy, type PlannedBlob, sizeOf } from "./plan.ts";
import { createTrust } from "./trust.ts";

/** Told of what happens to blobs. */
export interface CopyLog {
  /** Bytes went out to a mirror's store. */
  readonly onSent: (mirror: string, bytes: number) => void;
  /** Bytes came from a source. */
  readonly onRead: (source: string, bytes: number) => void;
  /** A mirror has a blob more; `size` is its true one. */
  readonly onCopied: (mirror: string, blob: PlannedBlob, size: number) => void;
  /** A blob could not be copied to a mirror, for a reason. */
  readonly onFailed: (mirror: string, blob: PlannedBlob, reason: string) => void;
  /** A blob was not tried, for a reason that is the same for many. */
  readonly onLeft: (mirror: string, blob: PlannedBlob, reason: string) => void;
}

/** What copying needs. */
export interface CopyOptions extends CopyOnceOptions {
  /** How many copies may run at once in each line. */
  readonly inFlight: number;
  /** Ends it before more bytes than this are read. */
  readonly maxBytes?: number | undefined;
  /** Returns a random number in [0, 1). */
  readonly random: () => number;
  /** Told of what happens. */
  readonly log: CopyLog;
}

/** A copy, and how often it was tried. */
interface Job extends Copy {
  readonly tries: number;
}

const MOST_TRIES = 4;
const RETRY_MS = 1000;
// How often a store may be too slow, and for how long it may be paused, before its blobs are
// copied apart from those of the others.
const MOST_SLOW = 3;
const PAUSED_MS = 2000;
const SHARED = "";
const INTERRUPTED = "it was interrupted";

/** Copies all that is to be copied. Resolves once everything is copied, failed or left. */
export async function copyAll(copies: readonly Copy[], options: CopyOptions): Promise<void> {
  const { log, signal, stores, limits, later, random } = options;
  const copyOnce = createCopyOnce(options);
  const pause = createPause(later);
  const trust = createTrust();
  const slowness = new Map<string, number>();
  const mayBegin = createBudget(options.maxBytes ?? Infinity);
  const lines = createLines<Job>(options.inFlight, run);

  const isApart = (mirror: string) =>
    (slowness.get(mirror) ?? 0) >= MOST_SLOW ||
    limits.pausedMs(stores.get(mirror)!.host) > PAUSED_MS;

  async function run(job: Job, line: string): Promise<void> {
    let to = leave(job);
    for (let { tries } = job; to.length > 0; tries++) {
      if (line === SHARED) to = keepTogether({ ...job, to, tries });
      if (to.length === 0) return;
      to = leave({ ...job, to: await attempt({ ...job, to, tries }) });
      if (to.length === 0) return;
      await pause(RETRY_MS * 2 ** tries * (0.5 + random()), signal).catch(() => {});
    }
  }

  /** Tells of those that are not to be tried; returns the others. */
  function leave({ blob, to }: Copy): readonly string[] {
    const reason = signal.aborted ? INTERRUPTED : whyNoSource(blob) ?? mayBegin(blob);
    return to.filter((mirror) => {
      const why = reason ?? trust.whyGivenUp(`to ${mirror}`);
      if (why !== undefined) log.onLeft(mirror, blob, why);
      return why === undefined;
    });
  }

  function whyNoSource({ origins }: PlannedBlob): string | undefined {
    const reasons = origins.map(({ source }) => trust.whyGivenUp(`from ${source}`));
    return reasons.includes(undefined) ? undefined : `upstream given up: ${reasons[0]}`;
  }

  /** Moves the slow ones to lines of their own; returns the others. */
  function keepTogether(job: Job): readonly string[] {
    for (const mirror of job.to.filter(isApart)) lines.push(mirror, { ...job, to: [mirror] });
    return job.to.filter((mirror) => !isApart(mirror));
  }

  /** Tries once; returns the mirrors to try again. */
  async function attempt({ blob, to, tries }: Job): Promise<readonly string[]> {
    const { origin, size, source, stores, slow } = await copyOnce(blob, to, tries);
    for (const mirror of slow) slowness.set(mirror, (slowness.get(mirror) ?? 0) + 1);
    const isLast = tries + 1 >= MOST_TRIES;
    // Another place may have what this one does not give.
    const hasOthers = source !== undefined && tries + 1 < blob.origins.length;
    const again = to.filter((mirror) => {
      const outcome = source ?? stores.get(mirror)!;
      if (outcome.kind === "failed") {
        if (slow.includes(mirror)) return true;
        if (signal.aborted || !isLast && (!outcome.lasting || hasOthers)) return true;
        if (source === undefined) trust.bad(`to ${mirror}`, outcome);
        log.onFailed(mirror, blob, outcome.reason);
        return false;
      }
      trust.good(`to ${mirror}`);
      log.onCopied(mirror, blob, size);
      return false;
    });
    if (origin !== undefined) noteSource(origin.source, source, again.length === 0);
    return again;
  }

  function noteSource(name: string, failure: Failure | undefined, isOver: boolean): void {
    if (failure === undefined) trust.good(`from ${name}`);
    else if (isOver) trust.bad(`from ${name}`, failure);
  }

  for (const copy of copies) lines.push(SHARED, { ...copy, tries: 0 });
  await lines.idle();
}

// A blob counts once, however often it is tried.
function createBudget(maxBytes: number): (blob: PlannedBlob) => string | undefined {
  const begun = new Set<PlannedBlob>();
  let left = maxBytes;
  return (blob) => {
    if (begun.has(blob)) return undefined;
    if (sizeOf(blob) > left) return "it is more than --max-bytes allows";
    left -= sizeOf(blob);
    begun.add(blob);
    return undefined;
  };
}
