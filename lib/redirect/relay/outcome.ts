/**
 * What came of relaying a pull.
 *
 * @module
 */

import type { Manifest } from "./relay_memory.ts";

/** How what is served was had. */
export type Had = "memory" | "fetched" | "stale";

/** What came of relaying a pull, before it is made an answer. */
export type Outcome =
  | {
    readonly kind: "manifest";
    readonly manifest: Manifest;
    readonly how: Had;
    /** Why it is stale. */
    readonly why?: Failure | { readonly kind: "slow_down" };
  }
  | {
    readonly kind: "list";
    readonly bytes: Uint8Array<ArrayBuffer>;
    /** `content-type`, `link` and others. */
    readonly headers: Readonly<Record<string, string>>;
  }
  /** The upstream has it elsewhere, where the client can fetch it. */
  | { readonly kind: "redirect"; readonly location: string }
  /** The answer to a request for a blob, whose body is being streamed. */
  | { readonly kind: "blob"; readonly response: Response }
  /** The upstream does not have it, or shows it to nobody. */
  | { readonly kind: "missing" }
  /** The upstream was asked too often; `retryAfter` as it said it. */
  | { readonly kind: "slow_down"; readonly retryAfter: string | undefined }
  | Failure;

/** Why there is none. */
export interface Failure {
  /** The discriminant. */
  readonly kind: "failed";
  /**
   * The upstream or its token service gave no good answer, the credentials are refused, what a
   * repository has shown lately is refused, too much is being asked, or streams are full or not
   * configured.
   */
  readonly fault:
    | "upstream"
    | "token"
    | "credentials"
    | "refused"
    | "busy"
    | "streams"
    | "no_streams";
  /** For people; without secrets. */
  readonly reason: string;
}

/** Makes a failure. */
export function failed(fault: Failure["fault"], reason: string): Failure {
  return { kind: "failed", fault, reason };
}

/** The failure of a request that was turned away. */
export const BUSY: Failure = failed("busy", "too many requests to it are in flight");
