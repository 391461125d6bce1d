/**
 * Walks all manifests of repositories, and plans the blobs that they name: indexes in indexes,
 * every platform, attestations, referrers, signatures by tag.
 *
 * @module
 */

import { isRegisteredDigest, isSignatureTag } from "../oci/grammar.ts";
import { joinAll } from "./join.ts";
import { createLines } from "./lines.ts";
import { type Descriptor, excerpt, isManifestType } from "./manifest.ts";
import { createManifests, type ManifestsOptions } from "./manifests.ts";
import type { Plan } from "./plan.ts";
import { chooseTags, type TagChoice } from "./selection.ts";
import type { Origin, Source } from "./source.ts";

/** A repository to walk. */
export interface Repository {
  /** Its name, as clients know it. */
  readonly name: string;
  /** Where it is. */
  readonly origin: Origin;
  /** Where its signatures are; by default in the same place. */
  readonly signatures?: Origin | undefined;
}

/** What walking needs. */
export interface WalkOptions extends ManifestsOptions {
  /** The sources, by name. */
  readonly sources: ReadonlyMap<string, Source>;
  /** Which tags. */
  readonly tags: readonly TagChoice[];
  /** Whether to walk signatures, attestations and other referrers. */
  readonly referrers: boolean;
  /** How many manifests are walked at once. */
  readonly inFlight: number;
  /** Told of what is found. */
  readonly log: WalkLog;
}

/** Told of what is found. */
export interface WalkLog {
  /** A manifest was read. */
  readonly onManifest: () => void;
  /** Something is wrong in a manifest; all that can be copied is. */
  readonly onWarning: (place: string, reason: string) => void;
  /** A manifest is of no known form, so what it names is not known. */
  readonly onUnreadable: (place: string, reason: string) => void;
  /** Something could not be read, so blobs may be missing from the plan. */
  readonly onFailure: (place: string, reason: string) => void;
  /** Layers that are fetched from elsewhere. */
  readonly onForeign: (count: number) => void;
}

/** A manifest to walk. */
interface Visit {
  readonly repository: Repository;
  readonly origin: Origin;
  /** The tag that it was found by, or an empty text. */
  readonly tag: string;
  readonly descriptor: Descriptor;
}

/** Walks repositories, and adds what they name to a plan. */
export async function walk(
  repositories: readonly Repository[],
  plan: Plan,
  options: WalkOptions,
): Promise<void> {
  const { signal, inFlight, log } = options;
  const signatures = createSignatures(options);
  const visits = createVisits(plan, options, (visit) => lines.push("", () => walkOne(visit)));
  const lines = createLines<() => Promise<void>>(inFlight, async (job) => {
    if (!signal.aborted) await job();
  });

  async function walkOne(visit: Visit): Promise<void> {
    const isManifest = await visits.visit(visit);
    if (!isManifest || !options.referrers) return;
    signatures.noteSubject(visit);
    for (const referrer of await signatures.referrersOf(visit)) {
      visits.begin({ ...visit, ...referrer });
    }
  }

  async function walkTag(repository: Repository, origin: Origin, tag: string, known?: string) {
    const source = options.sources.get(origin.source)!;
    const answer = known === undefined
      ? await source.digestOf(origin.repository, tag, signal)
      : { kind: "found", value: known } as const;
    const place = `${repository.name}:${tag}`;
    if (answer.kind === "failed") return log.onFailure(place, answer.reason);
    // Deleted since the tags were listed.
    if (answer.kind === "missing") return log.onWarning(place, "the upstream does not have it");
    if (!isRegisteredDigest(answer.value)) {
      return log.onFailure(place, `its digest is "${excerpt(answer.value)}"`);
    }
    const descriptor = { digest: answer.value, size: undefined, mediaType: "" };
    visits.begin({ repository, origin, tag, descriptor });
  }

  async function walkRepository(repository: Repository): Promise<void> {
    const { origin, name } = repository;
    const answer = await options.sources.get(origin.source)!.tags(origin.repository, signal);
    if (answer.kind === "missing") return log.onFailure(name, "there is no such repository");
    if (answer.kind === "failed") return log.onFailure(name, answer.reason);
    const { tags, digests } = answer.value;
    signatures.note(repository, origin, tags);
    const chosen = chooseTags(tags.filter((tag) => !isSignatureTag(tag)), options.tags);
    for (const tag of chosen) {
      lines.push("", () => walkTag(repository, origin, tag, digests?.get(tag)));
    }
  }

  for (const repository of repositories) lines.push("", () => walkRepository(repository));
  await lines.idle();
  if (!options.referrers) return;
  await joinAll(repositories.map((repository) => signatures.list(repository, log)));
  // A signature may be signed as well.
  for (let found = true; found;) {
    found = false;
    for (const { repository, origin, tag } of signatures.fresh()) {
      found = true;
      lines.push("", () => walkTag(repository, origin, tag));
    }
    await lines.idle();
  }
}

/** Visits manifests, each once in each repository. */
function createVisits(plan: Plan, options: WalkOptions, push: (visit: Visit) => void) {
  const { sources, log } = options;
  const get = createManifests(options);
  const seen = new Set<string>();

  // Blobs are in the place that the manifest is in, and each repository walks its own.
  const keyOf = ({ name }: Repository, { source, repository }: Origin, digest: string) =>
    `${name} ${source} ${repository} ${digest}`;

  function begin(visit: Visit): void {
    const key = keyOf(visit.repository, visit.origin, visit.descriptor.digest);
    if (seen.has(key)) return;
    seen.add(key);
    push(visit);
  }

  return {
    begin,
    /** Adds what a manifest names; returns whether it is one. */
    async visit({ repository, origin, tag, descriptor }: Visit): Promise<boolean> {
      const { digest, mediaType } = descriptor;
      const place = `${repository.name}${tag === "" ? "" : `:${tag}`}@${digest}`;
      const got = await get(sources.get(origin.source)!, origin.repository, digest);
      switch (got.kind) {
        case "failed":
          log.onFailure(place, got.reason);
          return false;
        case "unknown":
          log.onUnreadable(place, got.reason);
          return true;
        case "missing":
          // An index may list blobs.
          if (mediaType !== "" && !isManifestType(mediaType)) plan.add(descriptor, origin);
          else log.onWarning(place, "the upstream does not have this manifest");
          return false;
        case "manifest": {
          const { blobs, manifests, foreign, wrong } = got.content;
          log.onManifest();
          if (foreign > 0) log.onForeign(foreign);
          for (const reason of wrong.slice(0, MOST_WRONG)) log.onWarning(place, reason);
          for (const blob of blobs) plan.add(blob, origin);
          for (const child of manifests) begin({ repository, origin, tag, descriptor: child });
          return true;
        }
      }
    },
  };
}

// What is told of one manifest.
const MOST_WRONG = 5;

/** Finds what refers to manifests: by the API for that, and by tags. */
function createSignatures({ sources, signal, log }: WalkOptions) {
  let tagged: { repository: Repository; origin: Origin; tag: string }[] = [];
  const subjects = new Set<string>();
  // Whether each source has the API; the first request finds out for all.
  const apis = new Map<string, Promise<boolean>>();

  function note(repository: Repository, origin: Origin, tags: readonly string[]): void {
    const found = tags.filter(isSignatureTag);
    tagged.push(...found.map((tag) => ({ repository, origin, tag })));
  }

  return {
    note,
    /** Notes a manifest, which signatures may be of. */
    noteSubject({ repository, descriptor: { digest } }: Visit): void {
      const whole = digest.replace(":", "-");
      // A tag has at most 128 characters, so some clients cut the hash off.
      for (const tag of [whole, whole.slice(0, "sha512-".length + 64)]) {
        subjects.add(`${repository.name} ${tag}`);
      }
    },
    /** Lists the signatures of a repository whose signatures are elsewhere. */
    async list(repository: Repository, log: WalkLog): Promise<void> {
      const { signatures, name } = repository;
      if (signatures === undefined || signal.aborted) return;
      const answer = await sources.get(signatures.source)!.tags(signatures.repository, signal);
      if (answer.kind === "found") note(repository, signatures, answer.value.tags);
      if (answer.kind === "failed") log.onFailure(`the signatures of ${name}`, answer.reason);
    },
    /** The tags whose subjects were visited, each once. */
    fresh() {
      const isReady = ({ repository, tag }: typeof tagged[number]) =>
        subjects.has(`${repository.name} ${tag.replace(/\..*/, "")}`);
      const ready = tagged.filter(isReady);
      tagged = tagged.filter((one) => !isReady(one));
      return ready;
    },
    /** The manifests that refer to one. */
    async referrersOf({ repository, origin: own, descriptor }: Visit) {
      const origin = repository.signatures ?? own;
      const known = apis.get(origin.source);
      if (known !== undefined && !await known) return [];
      const source = sources.get(origin.source)!;
      const { digest } = descriptor;
      const asking = source.referrers(origin.repository, digest, signal);
      // The specification wants 200 where there is the API, whether or not there are referrers.
      if (known === undefined) {
        apis.set(origin.source, asking.then(({ kind }) => kind !== "missing", () => true));
      }
      const answer = await asking;
      if (answer.kind === "failed") {
        log.onFailure(`the referrers of ${repository.name}@${digest}`, answer.reason);
      }
      return answer.kind === "found"
        ? answer.value.map((found) => ({ origin, descriptor: found }))
        : [];
    },
  };
}
