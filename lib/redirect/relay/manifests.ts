/**
 * Manifests of relaying upstreams: fetched once, checked against their digests, remembered.
 *
 * A tag's digest is remembered for a while, then asked for by HEAD. Only what is not remembered
 * is fetched, by its digest.
 *
 * @module
 */

import { isRegisteredDigest } from "../../oci/grammar.ts";
import type { ByDigest, Pulled } from "../../oci/request.ts";
import type { Limit } from "../../registry/limit.ts";
import { dropBody } from "../../registry/read_body.ts";
import { createFlights } from "./flights.ts";
import { type Judge, keyOf } from "./judge.ts";
import { failed, type Outcome } from "./outcome.ts";
import { hashOf, readManifest } from "./read_manifest.ts";
import type { RelayBounds } from "./relay_bounds.ts";
import type { RelayMemory, Tagged } from "./relay_memory.ts";
import type { Ask, Source, SourceAnswer } from "./source.ts";

/** A request for a manifest by tag. */
export type ByTag = Extract<Pulled, { readonly kind: "manifest_by_tag" }>;

/** A client that waits. */
export interface Waiting {
  /** The types that the upstream is asked for. */
  readonly accept: string;
  /** Aborted when the client has left. */
  readonly signal: () => AbortSignal | undefined;
}

/** Serves manifests. Returns a promise only when the upstream is asked; it never rejects. */
export interface Manifests {
  /** A manifest by its digest. */
  byDigest(source: Source, asked: ByDigest, waiting: Waiting): Outcome | Promise<Outcome>;
  /** A manifest by a tag. */
  byTag(source: Source, asked: ByTag, waiting: Waiting): Outcome | Promise<Outcome>;
}

/** What serving manifests needs. */
export interface ManifestsOptions {
  /** Asks upstreams. */
  readonly ask: Ask;
  /** Judges answers. */
  readonly judge: Judge;
  /** What is remembered. */
  readonly memory: () => RelayMemory;
  /** The limits in use. */
  readonly bounds: () => RelayBounds;
  /** The time in milliseconds, of any monotonic clock. */
  readonly now: () => number;
}

// After a failure, what is remembered is served for so long without asking again.
const RETRY_MS = 5000;

/** Makes a server of manifests. */
export function createManifests(options: ManifestsOptions): Manifests {
  const { judge, memory, bounds, now } = options;
  const fetches = createFetches(options);
  const flights = createFlights<Outcome>();
  // Tags whose upstream failed lately, and until when they are not asked for.
  const resting = new Map<string, number>();

  function byDigest(source: Source, asked: ByDigest, waiting: Waiting) {
    const manifest = memory().manifest(keyOf(source, asked));
    if (manifest !== undefined) return { kind: "manifest", manifest, how: "memory" } as const;
    // Its bytes could not be checked.
    if (!asked.registered || judge.isMissing(source, asked)) return MISSING;
    return fetches.byDigest(source, asked, waiting, "new_reference");
  }

  function byTag(source: Source, asked: ByTag, waiting: Waiting): Outcome | Promise<Outcome> {
    if (judge.isMissing(source, asked)) return MISSING;
    const key = `${keyOf(source, asked)} ${waiting.accept}`;
    const tagged = memory().tag(key);
    if (tagged !== undefined) {
      const manifest = memory().manifest(keyOf(source, byDigestOf(asked, tagged.digest)));
      const isFresh = now() < tagged.seenMs + bounds().tagTtlMs;
      if (manifest !== undefined && isFresh) return { kind: "manifest", manifest, how: "memory" };
      if (manifest !== undefined && now() < (resting.get(key) ?? 0) && isServable(tagged)) {
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
    if (outcome.kind === "manifest") resting.delete(key);
    if (outcome.kind !== "failed" && outcome.kind !== "slow_down") return outcome;
    const manifest = before && memory().manifest(keyOf(source, byDigestOf(asked, before.digest)));
    if (manifest === undefined || !isServable(before!)) return outcome;
    if (resting.size >= MOST_RESTING) resting.clear();
    resting.set(key, now() + RETRY_MS);
    return { kind: "manifest", manifest, how: "stale", why: outcome };
  }

  return { byDigest, byTag };
}

const MISSING: Outcome = { kind: "missing" };
const MOST_RESTING = 10_000;

/** A tag to ask for. */
interface Renewal {
  readonly source: Source;
  readonly asked: ByTag;
  /** Its key in what is remembered. */
  readonly key: string;
  readonly waiting: Waiting;
}

function byDigestOf({ name }: ByTag, digest: string): ByDigest {
  return { kind: "manifest_by_digest", name, digest, registered: true, query: "" };
}

/** Makes what asks for manifests, and remembers them. */
function createFetches({ ask, judge, memory, now }: ManifestsOptions) {
  const flights = createFlights<Outcome>();

  /** Fetches a manifest by its digest, once for all who wait for it. */
  function byDigest(
    source: Source,
    asked: ByDigest,
    { accept, signal: whenLeft }: Waiting,
    known: "known" | "new_reference",
  ): Promise<Outcome> {
    const rank = judge.rankOf(source, asked, known === "known");
    return flights.join(keyOf(source, asked), whenLeft(), (signal) =>
      ask(
        source,
        { asked, method: "GET", headers: { accept }, rank, signal },
        (answer, limit) => take({ source, asked, digest: asked.digest }, answer, limit),
      ));
  }

  /** Takes an answer to GET. */
  async function take(
    { source, asked, digest }: Taking,
    answer: SourceAnswer,
    limit: Limit,
  ): Promise<Outcome> {
    if (answer.kind === "redirect") return failed("upstream", "it redirects what is no blob");
    if (answer.kind !== "answered") return judge.judge(source, asked, answer);
    const read = await readManifest(answer.response, digest, limit);
    if (read.kind === "failed") return read;
    const { manifest } = read;
    const name = { kind: "manifest_by_digest", registered: true, query: "" } as const;
    const key = keyOf(source, { ...name, name: asked.name, digest: manifest.digest });
    memory().addManifest(key, manifest);
    judge.noteAnswered(source, asked);
    return { kind: "manifest", manifest, how: "fetched" };
  }

  /** Fetches a tag's manifest by the tag. */
  async function byName(renewal: Renewal, isKnown: boolean, seenMs: number): Promise<Outcome> {
    const { source, asked, key, waiting: { accept, signal: whenLeft } } = renewal;
    const rank = judge.rankOf(source, asked, isKnown);
    const signal = whenLeft();
    const outcome = await ask(
      source,
      { asked, method: "GET", headers: { accept }, rank, signal },
      (answer, limit) => take({ source, asked, digest: undefined }, answer, limit),
    );
    if (outcome.kind === "manifest") {
      memory().setTag(key, { digest: outcome.manifest.digest, seenMs });
    }
    return outcome;
  }

  /** Asks for a tag's digest, and for the manifest if it is not remembered. */
  async function byTag(renewal: Renewal, before: Tagged | undefined): Promise<Outcome> {
    const { source, asked, key, waiting } = renewal;
    const { accept, signal: whenLeft } = waiting;
    const isKnown = before !== undefined;
    // What is there later is not older than what is asked for now.
    const seenMs = now();
    const rank = judge.rankOf(source, asked, isKnown);
    const question = {
      asked,
      method: "HEAD",
      headers: { accept },
      rank,
      signal: whenLeft(),
    } as const;
    const told = await ask(source, question, readDigest);
    if (told.kind === "unknown") return await byName(renewal, isKnown, seenMs);
    if (told.kind !== "digest") return judge.judge(source, asked, told);
    const wanted = byDigestOf(asked, told.digest);
    const manifest = memory().manifest(keyOf(source, wanted));
    const outcome: Outcome = manifest === undefined
      ? await byDigest(source, wanted, waiting, isKnown ? "known" : "new_reference")
      : { kind: "manifest", manifest, how: "fetched" };
    if (outcome.kind === "manifest") memory().setTag(key, { digest: told.digest, seenMs });
    judge.noteAnswered(source, asked);
    // A registry that has the tag and not its manifest has just lost it.
    return outcome;
  }

  return { byDigest, byTag };
}

/** What an answer is for. */
interface Taking {
  readonly source: Source;
  readonly asked: Pulled;
  /** The digest that it must have; `undefined` for a tag's. */
  readonly digest: string | undefined;
}

type Told =
  | { readonly kind: "digest"; readonly digest: string }
  /** HEAD says none; GET may. */
  | { readonly kind: "unknown" }
  | Exclude<SourceAnswer, { readonly kind: "answered" | "redirect" }>;

function readDigest(answer: SourceAnswer): Told {
  if (answer.kind === "redirect") return { kind: "unknown" };
  // Some registries have no HEAD.
  if (answer.kind === "failed" && answer.status === 405) return { kind: "unknown" };
  if (answer.kind !== "answered") return answer;
  const { response } = answer;
  dropBody(response);
  const digest = response.headers.get("docker-content-digest");
  return digest !== null && isRegisteredDigest(digest)
    ? { kind: "digest", digest }
    : { kind: "unknown" };
}
