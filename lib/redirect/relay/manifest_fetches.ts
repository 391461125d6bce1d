/**
 * Asks relaying upstreams for manifests, and remembers them.
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
import { readManifest } from "./read_manifest.ts";
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

/** A tag to ask for. */
export interface Renewal {
  /** The upstream. */
  readonly source: Source;
  /** The tag. */
  readonly asked: ByTag;
  /** Its key in what is remembered. */
  readonly key: string;
  /** Who waits for it. */
  readonly waiting: Waiting;
}

/** The request for a tag's manifest by its digest. */
export function byDigestOf({ name }: ByTag, digest: string): ByDigest {
  return { kind: "manifest_by_digest", name, digest, registered: true, query: "" };
}

/** What asking for manifests needs. */
export interface FetchesOptions {
  /** Asks upstreams. */
  readonly ask: Ask;
  /** Judges answers. */
  readonly judge: Judge;
  /** What is remembered. */
  readonly memory: () => RelayMemory;
  /** The time in milliseconds, of any monotonic clock. */
  readonly now: () => number;
}

/** Asks for manifests. The promises never reject. */
export interface Fetches {
  /** Fetches a manifest by its digest, once for all who wait for it. */
  byDigest(
    source: Source,
    asked: ByDigest,
    waiting: Waiting,
    known: "known" | "new_reference",
  ): Promise<Outcome>;
  /** Asks for a tag's digest, and for the manifest if it is not remembered. */
  byTag(renewal: Renewal, before: Tagged | undefined): Promise<Outcome>;
}

/** Makes what asks for manifests. */
export function createFetches({ ask, judge, memory, now }: FetchesOptions): Fetches {
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
