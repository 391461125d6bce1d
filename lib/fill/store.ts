/**
 * What a mirror's blobs are written to, as filling sees it.
 *
 * @module
 */

import type { Failure } from "./failure.ts";

/** A store. */
export interface Store {
  /** What its limits are counted by: a host with its port, or a folder. */
  readonly host: string;
  /** Where it is, for people: `s3://blobs` or a folder. */
  readonly place: string;
  /** Lists all blobs in it; other objects are passed over. */
  list(options: ListOptions): Promise<Done | Failure>;
  /** Begins to write a blob. */
  begin(digest: string, size: number, signal: AbortSignal): Upload;
  /** Writes a blob whose bytes are checked already. */
  put(digest: string, bytes: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<Done | Failure>;
  /** Removes what runs before this one left unfinished. */
  tidy(signal: AbortSignal): Promise<Done | Failure>;
  /** Begins to write, and gives it up: nothing is left of it. */
  tryWrite(signal: AbortSignal): Promise<Done | Failure>;
  /** Deletes blobs. Only for pruning. */
  remove(digests: readonly string[], signal: AbortSignal): Promise<Done | Failure>;
}

/** It is done. */
export interface Done {
  /** Tells it from a failure. */
  readonly kind: "done";
}

/** The value of something done. */
export const DONE: Done = { kind: "done" };

/** How a store is listed. */
export interface ListOptions {
  /** Called with each blob. */
  readonly onBlob: (blob: StoredBlob) => void;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** A blob in a store. */
export interface StoredBlob {
  /** Its digest, by its key. */
  readonly digest: string;
  /** Its size in bytes. */
  readonly size: number;
  /** When it was written, in milliseconds since 1970. */
  readonly writtenMs: number;
}

/**
 * A blob on its way into a store. Nothing is there under its key until `finish` resolves with
 * success.
 */
export interface Upload {
  /** Sends some bytes. Resolves once more are wanted, or with why none are. */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<Done | Failure>;
  /** Completes it: all bytes are written, and right. */
  finish(): Promise<Done | Failure>;
  /** Gives it up: nothing is left of it. */
  abort(): Promise<void>;
}
