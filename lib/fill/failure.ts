/**
 * Why a request to a registry or a store came to nothing: an expected outcome, not an
 * exception.
 *
 * @module
 */

import { describeReason } from "../mirrors/asker.ts";

/** Why something was not done. */
export interface Failure {
  /** Tells it from a success. */
  readonly kind: "failed";
  /** The reason, as text that follows a colon. It contains no secret. */
  readonly reason: string;
  /** How long the server asked to be left alone, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  /** Whether the same request would fail again: access denied, no such bucket, no space. */
  readonly lasting: boolean;
  /** Whether this is about one blob, and says nothing of the server. */
  readonly ofBlob?: boolean;
}

/** Makes a failure that may pass. */
export function failed(reason: string, retryAfterMs?: number): Failure {
  return { kind: "failed", reason, retryAfterMs, lasting: false };
}

/** Makes a failure that repeating does not mend. */
export function failedForGood(reason: string): Failure {
  return { kind: "failed", reason, lasting: true };
}

/** Makes a failure that is about one blob. */
export function wrongBlob(reason: string, lasting = false): Failure {
  return { kind: "failed", reason, lasting, ofBlob: true };
}

/** Makes a failure of an exception: a connection that broke, a timeout. */
export function failedBy(error: unknown): Failure {
  return failed(describeReason(error));
}

/** Makes a failure of an answer's status. */
export function failedByStatus(
  { status, headers }: Pick<Response, "status" | "headers">,
  reason: string,
  timeOfDay: number,
): Failure {
  const passes = status === 408 || status === 425 || status === 429 || status >= 500 &&
      status !== 501 && status !== 505 && status !== 507;
  const retryAfterMs = readRetryAfter(headers.get("retry-after"), timeOfDay);
  return { kind: "failed", reason, retryAfterMs, lasting: !passes };
}

// Longer than this, a server is not waited for: the blob is left to the next run.
const LONGEST_MS = 300_000;

/**
 * Reads a `Retry-After` header, in either of its forms
 * ([RFC 9110, section 10.2.3](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3)).
 *
 * @returns milliseconds, 5 minutes at most, or `undefined` if there is none
 */
export function readRetryAfter(value: string | null, timeOfDay: number): number | undefined {
  if (value === null) return undefined;
  const ms = /^\d{1,9}$/.test(value) ? Number(value) * 1000 : Date.parse(value) - timeOfDay;
  return Number.isNaN(ms) ? undefined : Math.min(LONGEST_MS, Math.max(0, ms));
}
