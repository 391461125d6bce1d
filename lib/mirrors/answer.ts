/**
 * What another server's answer to a HEAD or ranged GET request means.
 *
 * @module
 */

/** The outcome of a request. */
export type Answer =
  | Answered
  /** No answer came in time, or the connection failed; `reason` is for people. */
  | { readonly kind: "failed"; readonly reason: string }
  /** This machine could not send the request, which says nothing about the other server. */
  | { readonly kind: "unsent"; readonly reason: string };

/** The parts of an answer that matter here. */
export interface Answered {
  /** The discriminant. */
  readonly kind: "answered";
  /** The HTTP status code. */
  readonly status: number;
  /** The value of `Content-Length`, or `undefined` without one. */
  readonly length: number | undefined;
  /** Whether the object must be restored from an archive before it can be read. */
  readonly archived: boolean;
  /** How long to send no more requests, in milliseconds, from `Retry-After`. */
  readonly retryAfterMs: number | undefined;
}

/** The digest of the empty blob. */
export const EMPTY_DIGEST =
  "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const EMPTY_SHA512 = "sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce" +
  "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e";

/** Whether a digest is that of the empty blob. */
export function isEmptyDigest(digest: string): boolean {
  return digest === EMPTY_DIGEST || digest === EMPTY_SHA512;
}

/** What an answer says about a blob. */
export type Verdict =
  /** The server has it. */
  | "found"
  /** The server works and does not have it. */
  | "missing"
  /** The server asks for fewer requests. */
  | "slow_down"
  /** The server does not work, as far as one blob can show. */
  | "failed"
  /** Nothing: see {@linkcode Answer}. */
  | "unsent";

/** What a mirror's answer to a probe, a HEAD request, says about a blob. */
export function judgeProbe(answer: Answer, digest: string): Verdict {
  if (answer.kind !== "answered") return answer.kind;
  const { status } = answer;
  if (status === 200) return isReadable(answer, digest) ? "found" : "missing";
  if (isGone(status)) return "missing";
  return status === 429 || status === 503 ? "slow_down" : "failed";
}

/** What a mirror's answer to a check, a GET request for one byte, says about a blob it had. */
export function judgeCheck(answer: Answer, digest: string): Exclude<Verdict, "slow_down"> {
  if (answer.kind !== "answered") return answer.kind;
  const { status } = answer;
  if (status === 206) return answer.length === 0 ? "missing" : "found";
  if (status === 200) return isReadable(answer, digest) ? "found" : "missing";
  return isGone(status) ? "missing" : "failed";
}

/** Whether a server that was asked for the first byte only sent the whole blob. */
export function isWhole(answer: Answer): boolean {
  return answer.kind === "answered" && answer.status === 200;
}

/** Whether the upstream has something: only 404 means that it does not. */
export function judgeUpstream(answer: Answer): Verdict {
  if (answer.kind !== "answered") return answer.kind;
  if (answer.status === 404) return "missing";
  return answer.status < 400 ? "found" : "failed";
}

/** Describes an answer in a few words: the status, or why there is none. */
export function describeAnswer(answer: Answer): string {
  return answer.kind === "answered" ? `status ${answer.status}` : answer.reason;
}

function isReadable({ length, archived }: Answered, digest: string): boolean {
  return !archived && (length !== 0 || isEmptyDigest(digest));
}

// S3 answers 403 for a missing object when the caller may not list the bucket
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html).
function isGone(status: number): boolean {
  return status === 404 || status === 403 || status === 410;
}
