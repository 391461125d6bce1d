/**
 * Finds the mirror to send a client to.
 *
 * @module
 */

import type { Mirror } from "../routing/policy.ts";
import type { Board } from "./board.ts";
import type { Gate } from "./gate.ts";
import type { Known, KnownBlobs } from "./known.ts";
import type { Probes } from "./probes.ts";
import { blobKey, mayHave, type PulledBlob } from "./template.ts";
import type { Within } from "./time.ts";

/** Why no mirror serves a blob. */
export type NoMirror =
  /** None of the mirrors that are up has it. */
  | "missing"
  /** There were too many probes, or they took too long. */
  | "busy"
  /** All mirrors are down. */
  | "down"
  /** The mirror that has it reached its limit of redirects diverted from mirrors that are down. */
  | "fallback_limit";

/** Where a blob is. */
export type FoundBlob =
  | {
    readonly kind: "mirror";
    /** The mirror that has it. */
    readonly mirror: Mirror;
    /** Whether the client would have been sent to another mirror that is down. */
    readonly diverted: boolean;
  }
  | { readonly kind: "none"; readonly reason: NoMirror };

/**
 * Finds the first of some mirrors that is up and has a blob. Returns a promise only when a
 * mirror has to be probed; it never rejects.
 *
 * @param except a mirror to skip, because it failed the client
 * @param withinMs the time limit in milliseconds; by default that of the configuration
 */
export type BlobFinder = (
  mirrors: readonly Mirror[],
  blob: PulledBlob,
  except?: Mirror,
  withinMs?: number,
) => FoundBlob | Promise<FoundBlob>;

/** What a finder needs. */
export interface BlobFinderOptions {
  /** What is known of blobs. */
  readonly known: () => KnownBlobs;
  /** Probes mirrors. */
  readonly probes: Probes;
  /** Delays answers during a flood of requests. */
  readonly gate: Pick<Gate, "turnAway">;
  /** Which mirrors are down. */
  readonly board: Board;
  /** The time limit of a search in milliseconds. */
  readonly timeoutMs: () => number;
  /** The time in milliseconds, of any monotonic clock. */
  readonly now: () => number;
  /** The time in whole seconds, the same in every isolate. */
  readonly nowS: () => number;
  /** Waits for a promise, up to a limit. */
  readonly within: Within;
}

const NONE = {
  missing: { kind: "none", reason: "missing" },
  busy: { kind: "none", reason: "busy" },
  down: { kind: "none", reason: "down" },
  fallback_limit: { kind: "none", reason: "fallback_limit" },
} as const;

/** Makes a finder. */
export function createBlobFinder(options: BlobFinderOptions): BlobFinder {
  const { board, probes, nowS } = options;
  const search = createSearch(options, take);

  function take(mirror: Mirror, diverted: boolean): FoundBlob {
    const { number, fallbackLimit } = mirror;
    if (diverted && fallbackLimit !== Infinity && !board.divert(number, fallbackLimit, nowS())) {
      return NONE.fallback_limit;
    }
    return { kind: "mirror", mirror, diverted };
  }

  return function find(mirrors, blob, except, withinMs) {
    const known = options.known();
    let skipped = 0;
    let unknown = -1;
    for (let at = 0; at < mirrors.length; at++) {
      const mirror = mirrors[at]!;
      if (mirror === except || board.isDown(mirror.number)) {
        skipped++;
        continue;
      }
      const held = recallBlob(known, mirror, blob);
      if (held === "unknown" && unknown < 0) unknown = at;
      if (!isFound(held)) continue;
      // Earlier mirrors that may have it, and one with a stale entry, are probed in the background.
      const last = held === "stale" ? at : at - 1;
      for (let behind = unknown < 0 ? at : unknown; behind <= last; behind++) {
        askBehind(mirrors[behind]!, blob);
      }
      return take(mirror, skipped > 0);
    }
    if (unknown >= 0) return search(mirrors, blob, { from: unknown, except, withinMs });
    return skipped > 0 && skipped === mirrors.length ? NONE.down : NONE.missing;
  };

  function askBehind(mirror: Mirror, blob: PulledBlob): void {
    if (board.isDown(mirror.number)) return;
    const held = recallBlob(options.known(), mirror, blob);
    if (held === "unknown" || held === "stale") void probes.ask(mirror, blob);
  }
}

/** Where a search begins, and its limits. */
interface Search {
  readonly from: number;
  readonly except: Mirror | undefined;
  readonly withinMs: number | undefined;
}

/** Makes the search through mirrors for which nothing is cached. */
function createSearch(
  options: BlobFinderOptions,
  take: (mirror: Mirror, diverted: boolean) => FoundBlob,
) {
  const { board, probes, gate, now, within } = options;

  async function endBusy(leftMs: number): Promise<FoundBlob> {
    const held = gate.turnAway();
    if (held !== undefined && leftMs > 0) await within(leftMs, held);
    return NONE.busy;
  }

  return async function search(
    mirrors: readonly Mirror[],
    blob: PulledBlob,
    { from, except, withinMs }: Search,
  ): Promise<FoundBlob> {
    const deadline = now() + (withinMs ?? options.timeoutMs());
    const isOut = (mirror: Mirror) => mirror === except || board.isDown(mirror.number);
    const recall = (mirror: Mirror) => recallBlob(options.known(), mirror, blob);
    let skipped = mirrors.slice(0, from).filter(isOut).length;
    let busy = false;
    let turnedAway = false;
    for (const [at, mirror] of mirrors.entries()) {
      if (at < from) continue;
      if (isOut(mirror)) {
        skipped++;
        continue;
      }
      const rest = mirrors.slice(at).filter((one) => !isOut(one));
      // Another request may have found out in the meantime.
      const known = rest.find((one) => isFound(recall(one)));
      if (known !== undefined) return take(known, skipped > 0);
      if (recall(mirror) === "missing") continue;
      const leftMs = deadline - now();
      const probe = leftMs > 0 ? probes.ask(mirror, blob) : undefined;
      if (probe === undefined) {
        turnedAway = true;
        continue;
      }
      // A mirror that hangs leaves the later ones their share of the time.
      const share = rest.filter((one) => recall(one) === "unknown").length;
      const verdict = await within(leftMs / share, probe);
      if (verdict === undefined || verdict === "unsent") busy = true;
      // It may have gone down in the meantime.
      if (isOut(mirror)) skipped++;
      else if (verdict === "found") return take(mirror, skipped > 0);
    }
    if (skipped === mirrors.length) return NONE.down;
    if (turnedAway) return await endBusy(deadline - now());
    return busy ? NONE.busy : NONE.missing;
  };
}

/** What is known of a blob at a mirror. A mirror that cannot have it counts as lacking it. */
export function recallBlob(known: KnownBlobs, mirror: Mirror, blob: PulledBlob): Known {
  return mayHave(mirror, blob) ? known.recall(mirror.number, blobKey(mirror, blob)) : "missing";
}

function isFound(known: Known): boolean {
  return known === "found" || known === "stale";
}
