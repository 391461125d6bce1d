/**
 * The plan: which blobs there are to be in mirrors, and which of them are to be copied from
 * where to where. Values alone, no effects.
 *
 * @module
 */

import { isEmptyDigest } from "../mirrors/answer.ts";
import type { Descriptor } from "./manifest.ts";
import type { Origin } from "./source.ts";

/** A blob that mirrors should have. */
export interface PlannedBlob {
  /** Its digest. */
  readonly digest: string;
  /**
   * The sizes that manifests give for it, in bytes: none where no manifest does, several where
   * one lies.
   */
  readonly sizes: readonly number[];
  /** Where it is, the first few places. */
  readonly origins: readonly Origin[];
}

/** Collects the blobs of manifests. */
export interface Plan {
  /** Adds the blob of a manifest of a repository. */
  add(blob: Pick<Descriptor, "digest" | "size">, origin: Origin): void;
  /** The blobs, in the order in which they came. */
  blobs(): readonly PlannedBlob[];
}

// A blob that is not where the first manifest says may be where another one does.
const MOST_ORIGINS = 3;
const MOST_SIZES = 3;

/** Makes an empty plan. */
export function createPlan(): Plan {
  const blobs = new Map<string, { digest: string; sizes: number[]; origins: Origin[] }>();

  return {
    add({ digest, size }, origin) {
      const known = blobs.get(digest);
      if (known === undefined) {
        blobs.set(digest, { digest, sizes: size === undefined ? [] : [size], origins: [origin] });
        return;
      }
      const { sizes, origins } = known;
      if (size !== undefined && !sizes.includes(size) && sizes.length < MOST_SIZES) {
        sizes.push(size);
      }
      if (!origins.includes(origin) && origins.length < MOST_ORIGINS) origins.push(origin);
    },
    blobs: () => [...blobs.values()],
  };
}

/** The size that a blob is taken to have until it is read; 0 if nothing is known. */
export function sizeOf({ sizes }: PlannedBlob): number {
  return sizes[0] ?? 0;
}

/** A blob to copy. */
export interface Copy {
  /** The blob. */
  readonly blob: PlannedBlob;
  /** The names of the mirrors that lack it. */
  readonly to: readonly string[];
}

/** What a mirror has of the plan. */
export interface Comparison {
  /** How many blobs it has. */
  had: number;
  /** Their bytes. */
  hadBytes: number;
  /** How many it lacks. */
  missing: number;
  /** Their bytes, as far as manifests tell. */
  missingBytes: number;
  /** How many of those it has with a wrong size. */
  wrongSize: number;
}

/** What there is to do. */
export interface Compared {
  /** The copies, in the plan's order. */
  readonly copies: readonly Copy[];
  /** What each mirror has, by its name. */
  readonly mirrors: ReadonlyMap<string, Comparison>;
}

/** What mirrors have: the sizes of blobs by their digests, by the mirror's name. */
export type Listings = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** How to compare. */
export interface CompareOptions {
  /** Sizes that were found by reading blobs whose manifests lie. */
  readonly trueSizes?: ReadonlyMap<string, number>;
}

/**
 * Compares a plan with what mirrors have. A blob with another size than every manifest gives
 * is taken for missing, because it was cut off: `trueSizes` tells the others.
 */
export function compare(
  blobs: readonly PlannedBlob[],
  listings: Listings,
  { trueSizes = new Map() }: CompareOptions = {},
): Compared {
  const mirrors = new Map([...listings.keys()].map((name) => [name, createComparison()]));
  const copies: Copy[] = [];
  for (const blob of blobs) {
    const to = [];
    for (const [name, listing] of listings) {
      const found = listing.get(blob.digest);
      const isRight = found !== undefined && isSizeOf(blob, found, trueSizes);
      note(mirrors.get(name)!, found, isRight, sizeOf(blob));
      if (!isRight) to.push(name);
    }
    if (to.length > 0) copies.push({ blob, to });
  }
  return { copies, mirrors };
}

function createComparison(): Comparison {
  return { had: 0, hadBytes: 0, missing: 0, missingBytes: 0, wrongSize: 0 };
}

function note(
  comparison: Comparison,
  found: number | undefined,
  isRight: boolean,
  size: number,
): void {
  if (found !== undefined && isRight) {
    comparison.had++;
    comparison.hadBytes += found;
    return;
  }
  comparison.missing++;
  comparison.missingBytes += size;
  if (found !== undefined) comparison.wrongSize++;
}

function isSizeOf(
  { digest, sizes }: PlannedBlob,
  found: number,
  trueSizes: ReadonlyMap<string, number>,
): boolean {
  if (found === 0 || isEmptyDigest(digest)) return found === 0 && isEmptyDigest(digest);
  const known = trueSizes.get(digest);
  if (known !== undefined) return found === known;
  return sizes.length === 0 || sizes.includes(found);
}
