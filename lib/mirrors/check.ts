/**
 * One check of a mirror: whether it works, and whether it still has a blob that it had.
 *
 * @module
 */

import type { Mirror } from "../routing/policy.ts";
import {
  type Answer,
  describeAnswer,
  EMPTY_DIGEST,
  isWhole,
  judgeCheck,
  judgeProbe,
} from "./answer.ts";
import type { Asker } from "./asker.ts";
import type { Samples } from "./samples.ts";
import { blobUrl, parseBlobKey } from "./template.ts";

/** The result of a check. */
export type CheckResult =
  /** The mirror works and has the blob, if there was one to ask for. */
  | { readonly kind: "good" }
  /** The mirror works and has lost the blob. */
  | { readonly kind: "lost"; readonly key: string }
  /** The mirror does not work. */
  | { readonly kind: "bad"; readonly reason: string }
  /** The mirror claims to have a random digest, so its answers mean nothing. */
  | { readonly kind: "has_all"; readonly reason: string }
  /** This machine could not send the request. */
  | { readonly kind: "unsent" };

/** A completed check. */
export interface Checked {
  /** Its result. */
  readonly result: CheckResult;
  /** The answer for the known blob, in a few words. */
  readonly answer: string;
  /** The HTTP status code of that answer, or `undefined` without an answer. */
  readonly status: number | undefined;
  /** How long that answer took, in milliseconds. */
  readonly tookMs: number;
}

/** What a check needs. */
export interface CheckOptions {
  /** Sends requests to the mirror. */
  readonly asker: Pick<Asker, "headAnew" | "firstByte">;
  /** Returns a random number in [0, 1). */
  readonly random: () => number;
  /** The time in milliseconds, of any monotonic clock. */
  readonly now: () => number;
}

/** How to make a check. */
export interface CheckPlan {
  /** How long the mirror may take to answer, in milliseconds. */
  readonly timeoutMs: number;
  /** Whether to ask also for a random digest, which no mirror has. */
  readonly withUnknown: boolean;
  /**
   * Whether something was wrong before. If so, HEAD and GET are sent at the same time, which
   * saves time with a slow mirror.
   */
  readonly doubtful: boolean;
}

/** Checks mirrors. Its promises never reject. */
export interface Checker {
  /** Checks a mirror with the next of its samples. */
  check(mirror: Mirror, samples: Samples, plan: CheckPlan): Promise<Checked>;
  /** Asks a mirror for some of the blobs that it had, given by their keys. */
  verify(mirror: Mirror, keys: readonly string[], timeoutMs: number): Promise<Verified>;
}

/** The result of asking for several blobs. */
export interface Verified {
  /** The keys of the blobs that a working mirror no longer has or no longer delivers. */
  readonly lost: readonly string[];
  /** Whether the mirror works: it answers every request, and at most half of them with an error. */
  readonly works: boolean;
}

/** Makes a checker. */
export function createChecker({ asker, random, now }: CheckOptions): Checker {
  async function askUnknown(
    mirror: Mirror,
    samples: Samples,
    timeoutMs: number,
  ): Promise<CheckResult> {
    // A new digest each time, because CDNs cache that a blob is missing.
    const url = blobUrl(mirror, { digest: randomDigest(random), name: nameOf(samples) });
    const answer = await asker.headAnew(url, timeoutMs);
    return answer.kind === "answered" && answer.status === 200
      ? { kind: "has_all", reason: "it answered 200 for a random digest" }
      : { kind: "good" };
  }

  async function askKnown(
    mirror: Mirror,
    samples: Samples,
    { timeoutMs, doubtful }: CheckPlan,
  ): Promise<Asked> {
    const key = samples.next();
    if (key === undefined) {
      const empty = { digest: EMPTY_DIGEST, name: nameOf(samples) };
      const answer = await asker.headAnew(blobUrl(mirror, empty), timeoutMs);
      return { answer, result: toResult(answer, EMPTY_DIGEST, false) };
    }
    const beganMs = now();
    const { digest } = parseBlobKey(key);
    const url = blobUrl(mirror, parseBlobKey(key));
    const headAtOnce = doubtful ? asker.headAnew(url, timeoutMs) : undefined;
    const answer = await asker.firstByte(url, timeoutMs);
    const result = toResult(answer, key, true);
    const leftMs = Math.max(1, beganMs + timeoutMs - now());
    if (result.kind === "good" && isWhole(answer)) {
      // A server that ignores `Range` may send the same page for every URL.
      return { answer, result: await askUnknown(mirror, samples, leftMs) };
    }
    if (result.kind !== "lost") return { answer, result };
    // If HEAD still succeeds, probes would find the blob and clients would be sent to it.
    const head = await (headAtOnce ?? asker.headAnew(url, leftMs));
    if (head.kind === "unsent") return { answer, result: { kind: "unsent" } };
    if (head.kind === "answered" && judgeProbe(head, digest) !== "found") {
      return { answer, result };
    }
    const toHead = head.kind === "answered" ? "but 200" : "and no answer";
    const reason = `${describeAnswer(answer)}, ${toHead} to HEAD`;
    return { answer, result: { kind: "bad", reason } };
  }

  async function timed<Result>(work: Promise<Result>): Promise<Result & { tookMs: number }> {
    const beganMs = now();
    return { ...await work, tookMs: now() - beganMs };
  }

  return {
    async check(mirror, samples, plan) {
      const { timeoutMs, withUnknown } = plan;
      const [known, unknown] = await Promise.all([
        timed(askKnown(mirror, samples, plan)),
        withUnknown ? askUnknown(mirror, samples, timeoutMs) : undefined,
      ]);
      const result = unknown?.kind === "has_all" ? unknown : known.result;
      const { answer, tookMs } = known;
      const status = answer.kind === "answered" ? answer.status : undefined;
      return { result, answer: describeAnswer(answer), status, tookMs };
    },
    async verify(mirror, keys, timeoutMs) {
      const asked = await Promise.all(keys.map(async (key) => {
        const blob = parseBlobKey(key);
        const answer = await asker.firstByte(blobUrl(mirror, blob), timeoutMs);
        return { answer, key, verdict: judgeCheck(answer, blob.digest) };
      }));
      const lost = asked.filter(({ verdict }) => verdict === "missing");
      const failed = asked.filter(({ verdict }) => verdict === "failed");
      // An error for a few of the blobs says nothing about the others.
      const works = 2 * failed.length <= keys.length &&
        failed.every(({ answer }) => answer.kind === "answered");
      return { works, lost: works ? [...lost, ...failed].map(({ key }) => key) : [] };
    },
  };
}

/** The outcome of asking for a blob. */
interface Asked {
  readonly answer: Answer;
  readonly result: CheckResult;
}

function toResult(answer: Answer, key: string, had: boolean): CheckResult {
  switch (judgeCheck(answer, parseBlobKey(key).digest)) {
    case "found":
      return { kind: "good" };
    case "missing":
      return had ? { kind: "lost", key } : { kind: "good" };
    case "failed":
      return { kind: "bad", reason: describeAnswer(answer) };
    case "unsent":
      return { kind: "unsent" };
  }
}

// A registry lacks every blob of a repository that it does not have.
const SOME_NAME = "archeio/check";

/** A repository's name to ask a mirror for, if its URL has one: that of the last sample. */
function nameOf(samples: Samples): string {
  return parseBlobKey(samples.last() ?? "").name || SOME_NAME;
}

function randomDigest(random: () => number): string {
  let hex = "";
  while (hex.length < 64) hex += Math.floor(random() * 0x10000).toString(16).padStart(4, "0");
  return `sha256:${hex}`;
}
