/**
 * What the last fill of the mirrors found, a part of the state of the program.
 *
 * @module
 */

/** The last fill of all mirrors. */
export interface FillStatus {
  /** When it began. */
  readonly began: string;
  /** When it ended. */
  readonly ended: string;
  /** When every mirror last had all; `null` for never. */
  readonly last_complete: string | null;
  /** The blobs that mirrors should have. */
  readonly blobs: number;
  /** Their bytes. */
  readonly bytes: number;
  /** The bytes that were read from upstreams. */
  readonly read_bytes: number;
  /** How many places of upstreams could not be read. */
  readonly unreadable: number;
}

/** The last fill of a mirror. */
export interface MirrorFillStatus {
  /** The planned blobs that it has. */
  readonly blobs: number;
  /** The planned blobs that it lacks; `null` if that could not be found out. */
  readonly missing: number | null;
  /** Since when it lacks any; `null` if it lacks none. */
  readonly missing_since: string | null;
  /** The blobs that were copied to it. */
  readonly copied: number;
  /** Their bytes. */
  readonly copied_bytes: number;
  /** The blobs that could not be copied. */
  readonly failed: number;
}
