/**
 * What a copy will take: requests, and the time that the limits make it last at least.
 *
 * @module
 */

import type { Bounds } from "./limits.ts";
import { type Copy, sizeOf } from "./plan.ts";

/** What a copy will take. */
export interface Estimate {
  /** How many requests, to upstreams and stores. */
  readonly requests: number;
  /** How long at least, in seconds, by the limits on requests and bytes. */
  readonly seconds: number;
}

/** How hosts are found. */
export interface EstimateOptions {
  /** The host of a source, by its name. */
  readonly hostOfSource: (source: string) => string;
  /** The host of a mirror's store, by the mirror's name. */
  readonly hostOfMirror: (mirror: string) => string;
  /** The limits. */
  readonly bounds: Bounds;
}

/** Estimates what copies will take. A blob is one request at each host. */
export function estimate(copies: readonly Copy[], options: EstimateOptions): Estimate {
  const { hostOfSource, hostOfMirror, bounds } = options;
  const hosts = new Map<string, { requests: number; bytes: number }>();
  let requests = 0;

  function add(host: string, bytes: number): void {
    const own = hosts.get(host) ?? { requests: 0, bytes: 0 };
    hosts.set(host, own);
    own.requests++;
    own.bytes += bytes;
    requests++;
  }

  for (const { blob, to } of copies) {
    add(hostOfSource(blob.origins[0]!.source), sizeOf(blob));
    for (const mirror of to) add(hostOfMirror(mirror), sizeOf(blob));
  }
  const seconds = hosts.values().map((host) =>
    Math.max(host.requests / bounds.requestsPerS, host.bytes / (bounds.bytesPerS ?? Infinity))
  );
  return { requests, seconds: Math.max(0, ...seconds) };
}
