/**
 * Manifests of relaying upstreams: fetched once, checked against their digests, remembered.
 *
 * A tag's digest is remembered for a while, then asked for by HEAD. Only what is not remembered
 * is fetched, by its digest.
 *
 * @module
 */

import type { ByDigest, Pulled } from "../../oci/request.ts";
import { normalizeAccept } from "../../registry/accept.ts";
import { createFlights } from "./flights.ts";
import { keyOf } from "./judge.ts";
import {
  byDigestOf,
  type ByTag,
  createFetches,
  type FetchesOptions,
  type Renewal,
  type Waiting,
} from "./manifest_fetches.ts";
import type { Outcome } from "./outcome.ts";
import type { RelayBounds } from "./relay_bounds.ts";
import type { Tagged } from "./relay_memory.ts";
import type { Source } from "./source.ts";

/** Serves manifests. Returns a promise only when the upstream is asked; it never rejects. */
export interface Manifests {
  /** A manifest by its digest. `waiting` is called only when the upstream is asked. */
  byDigest(source: Source, asked: ByDigest, waiting: () => Waiting): Outcome | Promise<Outcome>;
  /** A manifest by a tag. */
  byTag(source: Source, asked: ByTag, waiting: Waiting): Outcome | Promise<Outcome>;
  /** Whether it would be served without asking the upstream, to a client of the usual types. */
  remembers(source: Source, asked: Pulled): boolean;
}

/** What serving manifests needs. */
export interface ManifestsOptions extends FetchesOptions {
  /** The limits in use. */
  readonly bounds: () => RelayBounds;
}

// After a failure, what is remembered is served for so long without asking again.
const RETRY_MS = 5000;

/** Makes a server of manifests. */
export function createManifests(options: ManifestsOptions): Manifests {
  const { judge, memory, bounds, now } = options;
  const fetches = createFetches(options);
  const flights = createFlights<Outcome>();

  function byDigest(source: Source, asked: ByDigest, waiting: () => Waiting) {
    const manifest = memory().manifest(keyOf(source, asked));
    if (manifest !== undefined) return { kind: "manifest", manifest, how: "memory" } as const;
    // Its bytes could not be checked.
    if (!asked.registered || judge.isMissing(source, asked)) return MISSING;
    return fetches.byDigest(source, asked, waiting(), "new_reference");
  }

  function byTag(source: Source, asked: ByTag, waiting: Waiting): Outcome | Promise<Outcome> {
    if (judge.isMissing(source, asked)) return MISSING;
    const key = `${keyOf(source, asked)} ${waiting.accept}`;
    const tagged = memory().tag(key);
    if (tagged !== undefined) {
      const manifest = memory().manifest(keyOf(source, byDigestOf(asked, tagged.digest)));
      const isFresh = now() < tagged.seenMs + bounds().tagTtlMs;
      if (manifest !== undefined && isFresh) return { kind: "manifest", manifest, how: "memory" };
      if (manifest !== undefined && now() < (tagged.restsUntilMs ?? 0) && isServable(tagged)) {
        return { kind: "manifest", manifest, how: "stale" };
      }
    }
    return flights.join(key, waiting.signal(), (signal) => {
      const alone: Waiting = { accept: waiting.accept, signal: () => signal };
      return renew({ source, asked, key, waiting: alone });
    });
  }

  function isServable({ seenMs }: Tagged): boolean {
    return now() <= seenMs + bounds().staleMs;
  }

  /** Asks for a tag, and turns to what is remembered when the upstream fails. */
  async function renew(renewal: Renewal): Promise<Outcome> {
    const { source, asked, key } = renewal;
    const before = memory().tag(key);
    const outcome = await fetches.byTag(renewal, before);
    if (outcome.kind === "missing") memory().setTag(key, undefined);
    if (outcome.kind !== "failed" && outcome.kind !== "slow_down") return outcome;
    const manifest = before && memory().manifest(keyOf(source, byDigestOf(asked, before.digest)));
    if (before === undefined || manifest === undefined || !isServable(before)) return outcome;
    memory().setTag(key, { ...before, restsUntilMs: now() + RETRY_MS });
    return { kind: "manifest", manifest, how: "stale", why: outcome };
  }

  function remembers(source: Source, asked: Pulled): boolean {
    if (asked.kind !== "manifest_by_tag") {
      return memory().manifest(keyOf(source, asked)) !== undefined;
    }
    const tagged = memory().tag(`${keyOf(source, asked)} ${normalizeAccept(null)}`);
    return tagged !== undefined && now() < tagged.seenMs + bounds().tagTtlMs &&
      remembers(source, byDigestOf(asked, tagged.digest));
  }

  return { byDigest, byTag, remembers };
}

const MISSING: Outcome = { kind: "missing" };
