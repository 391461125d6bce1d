/**
 * The body of an error answer: the OCI distribution specification's "Error codes"
 * (https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes).
 *
 * @module
 */

/**
 * The error codes in use. All are the specification's own but `UNKNOWN`, as other
 * registries have it, and `CLIENT_ADDRESS_INVALID`, which nothing there stands for.
 */
export type ErrorCode =
  | "CLIENT_ADDRESS_INVALID"
  | "DIGEST_INVALID"
  | "MANIFEST_INVALID"
  | "NAME_INVALID"
  | "UNKNOWN"
  | "UNSUPPORTED";

/** One error, as it stands in the body. */
export interface OciError {
  /** What kind of error it is, for programs. */
  readonly code: ErrorCode;
  /** What is wrong and what is allowed, for people; the same for every such error. */
  readonly message: string;
  /** The value that was found wrong. */
  readonly detail?: string;
}

// What a client sent is given back to it, but not by the kilobyte.
const DETAIL_LENGTH = 256;

/** The JSON body that tells a client of one error. */
export function formatErrorBody({ code, message, detail }: OciError): string {
  const shown = detail === undefined ? {} : { detail: detail.slice(0, DETAIL_LENGTH) };
  return JSON.stringify({ errors: [{ code, message, ...shown }] });
}
