/**
 * The body of an error response: the OCI distribution specification's "Error codes"
 * (https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes).
 *
 * @module
 */

/**
 * The error codes in use. All come from the specification except `UNKNOWN` and `UNAVAILABLE`,
 * which other registries use, and `CLIENT_ADDRESS_INVALID`, for which it has no equivalent.
 */
export type ErrorCode =
  | "BLOB_UNKNOWN"
  | "CLIENT_ADDRESS_INVALID"
  | "DIGEST_INVALID"
  | "MANIFEST_INVALID"
  | "MANIFEST_UNKNOWN"
  | "NAME_INVALID"
  | "NAME_UNKNOWN"
  | "TOOMANYREQUESTS"
  | "UNAVAILABLE"
  | "UNAUTHORIZED"
  | "UNKNOWN"
  | "UNSUPPORTED";

/** An error, as it appears in the body. */
export interface OciError {
  /** What kind of error it is, for programs. */
  readonly code: ErrorCode;
  /** What is wrong and what is allowed, for people; constant for each kind of error. */
  readonly message: string;
  /** The invalid value. */
  readonly detail?: string;
}

// Limits how much of a client's input is echoed.
const DETAIL_LENGTH = 256;

/** Formats the JSON body for an error. */
export function formatErrorBody({ code, message, detail }: OciError): string {
  const shown = detail === undefined ? {} : { detail: detail.slice(0, DETAIL_LENGTH) };
  return JSON.stringify({ errors: [{ code, message, ...shown }] });
}
