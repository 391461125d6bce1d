/**
 * What a fill has done so far, in numbers: for the display, the report and the state file.
 *
 * @module
 */

import type { CopyLog } from "./copy.ts";
import { NOT_THERE } from "./copy_once.ts";
import type { Estimate } from "./estimate.ts";
import type { Comparison, PlannedBlob } from "./plan.ts";
import { sizeOf } from "./plan.ts";
import type { WalkLog } from "./walk.ts";

/** What became of a mirror's blobs. */
export interface MirrorTally {
  /** The blobs that it had. */
  had: number;
  /** Their bytes. */
  hadBytes: number;
  /** The blobs that it lacked. */
  missing: number;
  /** Their bytes as far as manifests tell. */
  missingBytes: number;
  /** The blobs that were copied to it. */
  copied: number;
  /** Their bytes. */
  copiedBytes: number;
  /** The bytes that went out, those of failed tries too. */
  sentBytes: number;
  /** The blobs that could not be copied. */
  failed: number;
  /** The blobs that were not tried. */
  left: number;
  /** Why blobs failed or were left, and how many for each reason. */
  readonly reasons: Map<string, number>;
  /** Why nothing could be found out about it, or `undefined`. */
  unknown?: string | undefined;
  /** Whether it has no store, so that it can only be compared. */
  isReadOnly: boolean;
}

/** What was told about a place. */
export interface Remark {
  /** A repository, a tag, a digest. */
  readonly place: string;
  /** What about it. */
  readonly reason: string;
}

/** What a fill has done so far. */
export interface Tally {
  /** Each mirror, by its name. */
  readonly mirrors: Map<string, MirrorTally>;
  /** Whether it is known what mirrors have of the plan. */
  isCompared: boolean;
  /** The manifests that were read. */
  manifests: number;
  /** The blobs in the plan. */
  blobs: number;
  /** Their bytes. */
  bytes: number;
  /** The layers that are fetched from elsewhere. */
  foreign: number;
  /** The bytes that came from the upstreams. */
  readBytes: number;
  /** How many things are odd in manifests. */
  warnings: number;
  /** The first of them. */
  readonly firstWarnings: Remark[];
  /** The manifests of no known form. */
  unreadable: number;
  /** How many places could not be read. */
  failures: number;
  /** How many places could not be read or copied. */
  failedPlaces: number;
  /** The first of them. */
  readonly firstFailures: Remark[];
  /** What copying takes, once that is known. */
  estimate?: Estimate | undefined;
  /** The sizes of blobs whose manifests give others. */
  readonly trueSizes: Map<string, number>;
}

/** Makes an empty tally. */
export function createTally(): Tally {
  return {
    mirrors: new Map(),
    isCompared: false,
    manifests: 0,
    blobs: 0,
    bytes: 0,
    foreign: 0,
    readBytes: 0,
    warnings: 0,
    unreadable: 0,
    firstWarnings: [],
    failures: 0,
    failedPlaces: 0,
    firstFailures: [],
    trueSizes: new Map(),
  };
}

/** Adds a mirror to a tally. */
export function addMirror(tally: Tally, name: string, isReadOnly: boolean): MirrorTally {
  const mirror: MirrorTally = {
    had: 0,
    hadBytes: 0,
    missing: 0,
    missingBytes: 0,
    copied: 0,
    copiedBytes: 0,
    sentBytes: 0,
    failed: 0,
    left: 0,
    reasons: new Map(),
    isReadOnly,
  };
  tally.mirrors.set(name, mirror);
  return mirror;
}

/** Notes what mirrors have. */
export function noteComparison(tally: Tally, mirrors: ReadonlyMap<string, Comparison>): void {
  tally.isCompared = true;
  for (const [name, { had, hadBytes, missing, missingBytes }] of mirrors) {
    Object.assign(tally.mirrors.get(name)!, { had, hadBytes, missing, missingBytes });
  }
}

// What a report names one by one.
const MOST_REMARKS = 20;

/** Makes what a walk is told to. */
export function createWalkTally(tally: Tally): WalkLog {
  return {
    onManifest: () => void tally.manifests++,
    onForeign: (count) => void (tally.foreign += count),
    onWarning: (place, reason) => noteWarning(tally, { place, reason }),
    onUnreadable(place, reason) {
      tally.unreadable++;
      noteWarning(tally, { place, reason });
    },
    onFailure(place, reason) {
      tally.failures++;
      noteFailure(tally, { place, reason });
    },
  };
}

function noteWarning(tally: Tally, remark: Remark): void {
  tally.warnings++;
  if (tally.firstWarnings.length < MOST_REMARKS) tally.firstWarnings.push(remark);
}

function noteFailure(tally: Tally, remark: Remark): void {
  tally.failedPlaces++;
  if (tally.firstFailures.length < MOST_REMARKS) tally.firstFailures.push(remark);
}

// One reason with a digest or a number of bytes in it is not many reasons.
const MOST_REASONS = 50;

/** How copying is counted. */
export interface CopyTallyOptions {
  /**
   * Whether a blob that the upstreams do not have is lacked by nobody: clients may ask for any
   * digest, while a manifest should name what there is.
   */
  readonly mayBeNowhere: boolean;
}

/** Makes what copying is told to. */
export function createCopyTally(tally: Tally, { mayBeNowhere }: CopyTallyOptions): CopyLog {
  const of = (mirror: string) => tally.mirrors.get(mirror)!;

  function note(mirror: string, reason: string): void {
    const { reasons } = of(mirror);
    const told = reasons.has(reason) || reasons.size < MOST_REASONS ? reason : "other reasons";
    reasons.set(told, (reasons.get(told) ?? 0) + 1);
  }

  return {
    onSent: (mirror, bytes) => void (of(mirror).sentBytes += bytes),
    onRead: (_, bytes) => void (tally.readBytes += bytes),
    onCopied(mirror, blob, size) {
      const own = of(mirror);
      own.copied++;
      own.copiedBytes += size;
      // What was counted by the manifest's size goes by the true one.
      own.missingBytes += size - sizeOf(blob);
      if (!isTold(blob, size)) tally.trueSizes.set(blob.digest, size);
    },
    onFailed(mirror, blob, reason) {
      const { digest } = blob;
      if (mayBeNowhere && reason === NOT_THERE) {
        of(mirror).missing--;
        noteWarning(tally, { place: digest, reason });
        return;
      }
      of(mirror).failed++;
      note(mirror, reason);
      noteFailure(tally, { place: `${digest} to ${mirror}`, reason });
    },
    onLeft(mirror, _, reason) {
      of(mirror).left++;
      note(mirror, reason);
    },
  };
}

function isTold({ sizes }: PlannedBlob, size: number): boolean {
  return sizes.length === 0 || sizes.includes(size);
}

/** How many blobs a mirror lacks still. */
export function lackOf({ missing, copied }: MirrorTally): number {
  return missing - copied;
}

/** Whether every mirror has all that the upstreams have. */
export function isComplete(tally: Tally): boolean {
  return tally.failures === 0 &&
    tally.mirrors.values().every((mirror) => mirror.unknown === undefined && lackOf(mirror) === 0);
}
