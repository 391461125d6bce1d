/**
 * What an S3 store's answers mean.
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 *
 * @module
 */

import { failedByStatus, type Failure } from "../failure.ts";
import { excerpt } from "../manifest.ts";
import { tryElement } from "./s3_xml.ts";

/** An answer of a store. */
export interface S3Answer {
  /** Its status. */
  readonly status: number;
  /** Its headers. */
  readonly headers: Headers;
  /** Its body. */
  readonly text: string;
}

/** How a failure is told. */
export interface FailureContext {
  /** The time of day in milliseconds since 1970. */
  readonly timeOfDay: number;
  /** Secrets that a hostile store may send back. */
  readonly secrets: readonly string[];
}

// Answered with 400 or 403, but passing, or about one blob.
const EXPIRED = ["ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidToken"];
const PASSING = [...EXPIRED, "RequestTimeout", "SlowDown", "OperationAborted", "TooManyRequests"];
const OF_BLOB = ["XAmzContentSHA256Mismatch", "BadDigest", "InvalidDigest", "IncompleteBody"];
// Answered with 5xx by stores that are full.
const FULL = [
  "QuotaExceeded",
  "XMinioStorageFull",
  "InsufficientStorage",
  "XMinioAdminBucketQuotaExceeded",
];

/** Reads a failure from an answer; `undefined` for a success. */
export function tryFailure(answer: S3Answer, context: FailureContext): Failure | undefined {
  const { status, text } = answer;
  const code = tryElement(text, "Code");
  // A multipart upload's completion may fail after it was answered with 200.
  const isError = status < 200 || status >= 300 || /^\s*(?:<\?[^>]*>\s*)?<Error[\s>]/.test(text);
  if (!isError) return undefined;
  const failure = failedByStatus(answer, describe(answer, code, context), context.timeOfDay);
  if (code === undefined) return failure;
  if (OF_BLOB.includes(code)) return { ...failure, lasting: false, ofBlob: true };
  if (FULL.includes(code)) return { ...failure, lasting: true };
  return PASSING.includes(code) || status < 300 ? { ...failure, lasting: false } : failure;
}

/** Whether an answer says that the credentials have expired. */
export function saysExpired({ status, text }: S3Answer): boolean {
  return (status === 400 || status === 403) && EXPIRED.includes(tryElement(text, "Code") ?? "");
}

function describe(
  { status, headers, text }: S3Answer,
  code: string | undefined,
  { secrets }: FailureContext,
): string {
  const message = tryElement(text, "Message");
  const region = headers.get("x-amz-bucket-region") ?? tryElement(text, "Region");
  const isElsewhere = status === 301 || code === "AuthorizationHeaderMalformed";
  const all = [
    `it answered ${status}${code === undefined ? "" : ` ${code}`}`,
    ...message === undefined ? [] : [message],
    ...isElsewhere && region !== undefined ? [`the bucket's region is ${region}`] : [],
  ].join(": ");
  return excerpt(secrets.reduce((told, secret) => told.replaceAll(secret, "…"), all), 300);
}
