/**
 * Where blobs are copied from, as filling sees it: a registry, or a folder.
 *
 * @module
 */

import type { Failure } from "./failure.ts";
import type { Descriptor } from "./manifest.ts";

/** A place that blobs are copied from. */
export interface Source {
  /** What its limits are counted by: a host with its port, or a folder. */
  readonly host: string;
  /** The repositories that it lists; `missing` if it lists none. */
  repositories(signal: AbortSignal): Promise<Listed<readonly string[]>>;
  /** The tags of a repository. */
  tags(repository: string, signal: AbortSignal): Promise<Listed<TagList>>;
  /** The digest of a tag, by a request without a body. */
  digestOf(repository: string, tag: string, signal: AbortSignal): Promise<Listed<string>>;
  /** A manifest's bytes, unchecked. */
  manifest(
    repository: string,
    reference: string,
    signal: AbortSignal,
  ): Promise<Listed<Uint8Array<ArrayBuffer>>>;
  /** The manifests that refer to one; `missing` if it has no API for that. */
  referrers(
    repository: string,
    digest: string,
    signal: AbortSignal,
  ): Promise<Listed<readonly Descriptor[]>>;
  /** Opens a blob, at a byte. */
  blob(repository: string, digest: string, from: number, signal: AbortSignal): Promise<Opened>;
}

/** What a source answers. */
export type Listed<Value> =
  | { readonly kind: "found"; readonly value: Value }
  | { readonly kind: "missing" }
  | Failure;

/** The tags of a repository. */
export interface TagList {
  /** The tags. */
  readonly tags: readonly string[];
  /** Their digests, of a registry that lists them along. */
  readonly digests?: ReadonlyMap<string, string> | undefined;
}

/** A blob's bytes from some byte on. */
export type Opened =
  | {
    readonly kind: "open";
    /** The first byte that comes. */
    readonly from: number;
    /** The size of the whole blob, if it is told. */
    readonly size: number | undefined;
    /** The bytes. */
    readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  }
  | { readonly kind: "missing" }
  | Failure;

/** A repository of a source. */
export interface Origin {
  /** The source's name: that of an upstream. */
  readonly source: string;
  /** The repository's name there. */
  readonly repository: string;
  /** Its name as clients know it. */
  readonly name: string;
}
