/**
 * What would come of a search for a blob now, without anybody being asked.
 *
 * @module
 */

import type { Mirror, Upstream } from "../routing/policy.ts";
import type { Board } from "./board.ts";
import { recallBlob } from "./find_blob.ts";
import type { Known, KnownBlobs } from "./known.ts";
import type { Probes } from "./probes.ts";
import type { PulledBlob } from "./template.ts";
import type { UpstreamCheck, UpstreamPresence } from "./upstream_check.ts";

/** The current state of mirrors and upstreams. */
export interface Foresight {
  /** Whether a mirror is down. */
  isDown(mirror: Mirror): boolean;
  /** What is known about a blob at a mirror. */
  recall(mirror: Mirror, blob: PulledBlob): Known;
  /** Whether a mirror would be asked for a blob of which nothing is known. */
  mayProbe(mirror: Mirror, blob: PulledBlob): boolean;
  /** Whether a mirror would take a client from one that is down. */
  mayDivert(mirror: Mirror): boolean;
  /** Whether an upstream counts as having what is at a URL; `undefined` if it would be asked. */
  presence(upstream: Upstream, url: string): UpstreamPresence | undefined;
}

/** What foresight needs. */
export interface ForesightOptions {
  /** Which mirrors are down. */
  readonly board: Board;
  /** What is known of blobs. */
  readonly known: () => KnownBlobs;
  /** Probes mirrors. */
  readonly probes: Pick<Probes, "mayAsk">;
  /** Finds out what upstreams have. */
  readonly upstreams: Pick<UpstreamCheck, "foresee">;
  /** The time in whole seconds, the same in every isolate. */
  readonly nowS: () => number;
}

/** Makes the foresight of an isolate. */
export function createForesight(
  { board, known, probes, upstreams, nowS }: ForesightOptions,
): Foresight {
  return {
    isDown: ({ number }) => board.isDown(number),
    recall: (mirror, blob) => recallBlob(known(), mirror, blob),
    mayProbe: probes.mayAsk,
    mayDivert: ({ number, fallbackLimit }) => board.mayDivert(number, fallbackLimit, nowS()),
    presence: upstreams.foresee,
  };
}

/** What would come of a search. */
export interface ForeseenBlob {
  /**
   * The mirror that a client would be sent to, if the first that is asked has the blob;
   * `undefined` for none.
   */
  readonly mirror: Mirror | undefined;
  /** The mirrors that would be asked, in order, until one has the blob. */
  readonly asks: readonly Mirror[];
}

/** Foresees what {@linkcode BlobFinder} would find. */
export function foreseeBlob(
  mirrors: readonly Mirror[],
  blob: PulledBlob,
  { isDown, recall, mayProbe, mayDivert }: Foresight,
): ForeseenBlob {
  const up = mirrors.filter((mirror) => !isDown(mirror));
  const known = up.map((mirror) => recall(mirror, blob));
  const found = up[known.findIndex((what) => what === "found" || what === "stale")];
  const asks = found !== undefined
    ? []
    : up.filter((mirror, at) => known[at] === "unknown" && mayProbe(mirror, blob));
  const serving = found ?? asks[0];
  const isDiverted = mirrors.slice(0, serving && mirrors.indexOf(serving)).some(isDown);
  return { mirror: serving && isDiverted && !mayDivert(serving) ? undefined : serving, asks };
}
