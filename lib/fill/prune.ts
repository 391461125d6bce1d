/**
 * Finds what is in stores and not in the plan: the blobs of what upstreams have no more.
 * Nothing else here can be undone, so nothing is to be deleted if there is any doubt about the
 * plan or a listing.
 *
 * @module
 */

import { joinAll } from "./join.ts";
import { createLines } from "./lines.ts";
import { createPlan } from "./plan.ts";
import type { Store, StoredBlob } from "./store.ts";
import { createTally, createWalkTally, type Tally } from "./tally.ts";
import { type Repository, walk, type WalkOptions } from "./walk.ts";

/** What may be deleted. */
export interface PruneBounds {
  /** What was written later than this is kept, in milliseconds since 1970. */
  readonly writtenBeforeMs: number;
  /** Nothing is deleted from a store of which more than this share would be: 0 to 1. */
  readonly maxShare: number;
}

/** What is found in a store. */
export interface Surplus {
  /** How many blobs it has. */
  readonly blobs: number;
  /** How many of them are in no plan, and too young to be deleted. */
  readonly young: number;
  /** The blobs to delete. */
  readonly surplus: readonly StoredBlob[];
  /** Why none of them is to be deleted; `undefined` where nothing is against it. */
  readonly refusal: string | undefined;
}

/** What is in stores and not in the plan, or why that is not known. */
export type FoundSurplus =
  | { readonly kind: "found"; readonly stores: ReadonlyMap<string, Surplus> }
  | { readonly kind: "refused"; readonly tally: Tally };

/** What finding it needs. */
export interface FindSurplusOptions extends Omit<WalkOptions, "log"> {
  /** Lists the repositories to walk; tells the tally what cannot be listed. */
  readonly list: (tally: Tally) => Promise<readonly Repository[]>;
  /** The stores, by the names of their mirrors. */
  readonly stores: ReadonlyMap<string, Store>;
  /** What may be deleted. */
  readonly bounds: PruneBounds;
}

/** Finds what is in stores and not in the plan. */
export async function findSurplus(options: FindSurplusOptions): Promise<FoundSurplus> {
  const { list, stores, bounds, signal } = options;
  const tally = createTally();
  const log = createWalkTally(tally);
  const plan = createPlan();
  const listings = new Map<string, readonly StoredBlob[]>();
  await joinAll([
    list(tally).then((repositories) => walk(repositories, plan, { ...options, log })),
    ...stores.entries().map(async ([mirror, store]) => {
      const blobs: StoredBlob[] = [];
      const outcome = await store.list({ onBlob: (blob) => void blobs.push(blob), signal });
      if (outcome.kind === "done") listings.set(mirror, blobs);
      else log.onFailure(mirror, `it cannot be listed: ${outcome.reason}`);
    }),
  ]);
  if (signal.aborted) log.onFailure("the run", "it was interrupted");
  // A manifest that cannot be read may name any blob.
  if (tally.failures > 0 || tally.unreadable > 0) return { kind: "refused", tally };
  const planned = new Set(plan.blobs().map(({ digest }) => digest));
  return {
    kind: "found",
    stores: new Map(
      stores.keys().map((mirror) => [mirror, compare(listings.get(mirror)!, planned, bounds)]),
    ),
  };
}

function compare(
  blobs: readonly StoredBlob[],
  planned: ReadonlySet<string>,
  { writtenBeforeMs, maxShare }: PruneBounds,
): Surplus {
  const others = blobs.filter(({ digest }) => !planned.has(digest));
  // One whose time is not known is young.
  const surplus = others.filter(({ writtenMs }) => writtenMs < writtenBeforeMs);
  const share = blobs.length === 0 ? 0 : surplus.length / blobs.length;
  const told = (part: number) => `${Math.round(part * 1000) / 10} %`;
  return {
    blobs: blobs.length,
    young: others.length - surplus.length,
    surplus,
    refusal: share > maxShare
      ? `that is ${told(share)} of all, and more than ${told(maxShare)} are deleted only if told so`
      : undefined,
  };
}

/** What was deleted from a store. */
export interface Pruned {
  /** How many blobs. */
  readonly deleted: number;
  /** Their bytes. */
  readonly bytes: number;
  /** Why the others were not. */
  readonly reason?: string | undefined;
}

// Of which each is a request of its own.
const AT_ONCE = 8;
const MOST_FAILURES = 3;

/** Deletes blobs from a store, until several in a row cannot be. */
export async function deleteBlobs(
  store: Store,
  blobs: readonly StoredBlob[],
  signal: AbortSignal,
): Promise<Pruned> {
  let deleted = 0;
  let bytes = 0;
  let failures = 0;
  let reason: string | undefined;
  const lines = createLines<StoredBlob>(AT_ONCE, async ({ digest, size }) => {
    if (failures >= MOST_FAILURES) return;
    if (signal.aborted) return void (reason ??= "it was interrupted");
    const outcome = await store.remove([digest], signal);
    if (outcome.kind === "failed") {
      failures++;
      reason = outcome.reason;
      return;
    }
    failures = 0;
    deleted++;
    bytes += size;
  });
  for (const blob of blobs) lines.push("", blob);
  await lines.idle();
  return { deleted, bytes, reason };
}

/** Those of some blobs that are found again. */
export function stillSurplus(before: Surplus, now: Surplus): readonly StoredBlob[] {
  const again = new Set(now.surplus.map(({ digest }) => digest));
  return before.surplus.filter(({ digest }) => again.has(digest));
}
