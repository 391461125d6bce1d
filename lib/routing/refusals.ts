/**
 * The answers to requests that are refused.
 *
 * @module
 */

import type { OciError } from "../oci/error_body.ts";
import type { InvalidPart } from "../oci/request.ts";

/** An answer that says what is wrong with a request. */
export interface Refusal {
  /** The discriminant. */
  readonly kind: "error";
  /** The HTTP status code. */
  readonly status: 400 | 401 | 404 | 405;
  /** What is wrong, for the body. */
  readonly error: OciError;
  /** Whether the answer has the OCI error body: below `/v2/`, and for every wrong method. */
  readonly api: boolean;
}

/** A header that should contain the client address and does not. */
export interface NoAddress {
  /** Its name. */
  readonly header: string;
  /** Its value. */
  readonly value: string;
  /** Which entry should be the address, 1 for the last. */
  readonly fromEnd: number;
  /** How many entries it has. */
  readonly entries: number;
}

/**
 * The decision for a request whose client address cannot be read.
 *
 * @param forwarded the header; without it, the connection's peer has no IP address
 */
export function refuseAddress(forwarded: NoAddress | undefined): Refusal {
  const code = "CLIENT_ADDRESS_INVALID";
  if (forwarded === undefined) {
    return refuse(400, true, { code, message: "the connection has no client address" });
  }
  const { header, value, fromEnd, entries } = forwarded;
  const has = entries === 1 ? "1 entry" : `${entries} entries`;
  const missing = entries < fromEnd ? "" : ", and that one is no IP address";
  return refuse(400, true, {
    code,
    message:
      `the header ${header} must have the client's IP address as entry ${fromEnd} from its ` +
      `end; it has ${has}${missing}`,
    detail: value,
  });
}

/** The decision for a request with a part that the OCI grammar forbids. */
export function refuseInvalid(part: InvalidPart, value: string): Refusal {
  return refuse(400, true, { ...INVALID[part], detail: value });
}

/** The decision for a repository that the configuration does not have. */
export function refuseRepository(name: string): Refusal {
  const message = "this registry has no such repository";
  return refuse(404, true, { code: "NAME_UNKNOWN", message, detail: name });
}

function refuse(status: Refusal["status"], api: boolean, error: OciError): Refusal {
  return { kind: "error", status, api, error };
}

/** The refusal of a method other than GET and HEAD. */
export const METHOD_NOT_ALLOWED: Refusal = refuse(405, true, {
  code: "UNSUPPORTED",
  message: "only GET and HEAD are supported: this registry is for pulling",
});
/** The challenge that has clients ask for a session's token. */
export const CHALLENGE: Refusal = refuse(401, true, {
  code: "UNAUTHORIZED",
  message: "a token ties the requests of a pull together; it is no login, and none is needed",
});
/** The refusal to list repositories. */
export const NO_CATALOG: Refusal = refuse(404, true, {
  code: "UNSUPPORTED",
  message: "listing repositories is not supported",
});
/** The refusal of a path below `/v2/` that is no end point. */
export const NO_END_POINT: Refusal = refuse(404, true, {
  code: "UNSUPPORTED",
  message: "there is no such end point",
});
/** The refusal of any other unknown path. */
export const NOT_FOUND: Refusal = refuse(404, false, { code: "UNSUPPORTED", message: "not found" });

const INVALID: Readonly<Record<InvalidPart, OciError>> = {
  name: {
    code: "NAME_INVALID",
    message: "a repository name is lower-case components, such as sig-storage/csi-attacher",
  },
  tag: {
    code: "MANIFEST_INVALID",
    message: "a tag is 1 to 128 of A-Z, a-z, 0-9, _, . and -, and begins with none of the last two",
  },
  digest: {
    code: "DIGEST_INVALID",
    message: "a digest is an algorithm, a colon and the hash, such as sha256:<64 lower-case hex>",
  },
};
