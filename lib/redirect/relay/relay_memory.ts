/**
 * What is remembered of relaying upstreams, bounded in bytes.
 *
 * Manifests and what tags stand for cannot be evicted by what is missing: clients can ask for
 * any number of names that there are not.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import { createMemory } from "../../mirrors/memory.ts";

/** A manifest, checked against its digest. */
export interface Manifest {
  /** Its digest. */
  readonly digest: string;
  /** Its media type. */
  readonly type: string;
  /** Its bytes, or the text that they encode if that is ASCII: a text is sent for less. */
  readonly body: string | Uint8Array<ArrayBuffer>;
  /** How many bytes it has. */
  readonly size: number;
}

/** What a tag stood for when the upstream was last asked. */
export interface Tagged {
  /** The digest of its manifest. */
  readonly digest: string;
  /** When the upstream was asked, in milliseconds. */
  readonly seenMs: number;
  /** Until when the upstream, which failed, is not asked again. */
  readonly restsUntilMs?: number;
}

/** The memory of what upstreams have. Keys begin with the upstream's identity. */
export interface RelayMemory {
  /** The manifest with a key. */
  manifest(key: string): Manifest | undefined;
  /** Remembers a manifest. */
  addManifest(key: string, manifest: Manifest): void;
  /** What a tag stands for. */
  tag(key: string): Tagged | undefined;
  /** Remembers what a tag stands for; `undefined` forgets it. */
  setTag(key: string, tagged: Tagged | undefined): void;
  /** Whether it is remembered that something is missing. */
  isMissing(key: string): boolean;
  /** Remembers that something is missing. */
  addMissing(key: string): void;
  /** When a repository last had something that was asked for; `undefined` for never. */
  answeredMs(repository: string): number | undefined;
  /** Remembers that a repository had something that was asked for. */
  noteAnswered(repository: string): void;
}

/** What a memory needs. */
export interface RelayMemoryOptions {
  /** How many bytes may be remembered. */
  readonly maxBytes: number;
  /** How long it is remembered that something is missing, in milliseconds. */
  readonly missingTtlMs: () => number;
  /** The time in milliseconds, of any monotonic clock. */
  readonly now: () => number;
  /** Returns a random number from 0 to below 1. */
  readonly random: () => number;
  /** Called with how many bytes are remembered, when that changes. */
  readonly onChange: (bytes: number) => void;
}

// What an entry takes beside its key and its bytes.
const ENTRY_BYTES = 256;
// Tags and repositories are small, and there are as many as upstreams have.
const SMALL_SHARE = 1 / 8;
// Names have no longest length; what is longer is not remembered.
const LONGEST_KEY = 1024;
const MAX_MISSING = 10_000;
const MISSING_SHARE = 1 / 8;

/** Makes an empty memory. */
export function createRelayMemory(options: RelayMemoryOptions): RelayMemory {
  const { maxBytes, missingTtlMs, now, random, onChange } = options;
  const small = Math.floor(maxBytes * SMALL_SHARE);
  const manifests = new LRUCache<string, Manifest>({
    maxSize: maxBytes - 2 * small,
    sizeCalculation: ({ size }, key) => ENTRY_BYTES + key.length + size,
  });
  const tags = createSmall<Tagged>(small);
  const repositories = createSmall<{ readonly atMs: number }>(small);
  const maxEntries = Math.min(MAX_MISSING, Math.ceil(maxBytes * MISSING_SHARE / LONGEST_KEY));
  const missing = createMemory({ maxEntries, now, random });
  const tell = () =>
    onChange(manifests.calculatedSize + tags.calculatedSize + repositories.calculatedSize);
  return {
    manifest: (key) => manifests.get(key),
    addManifest(key, manifest) {
      manifests.set(key, manifest);
      tell();
    },
    tag: (key) => tags.get(key),
    setTag(key, tagged) {
      if (tagged === undefined) tags.delete(key);
      else if (key.length <= LONGEST_KEY) tags.set(key, tagged);
    },
    isMissing: (key) => missing.get(key) !== undefined,
    addMissing(key) {
      if (key.length <= LONGEST_KEY) missing.set(key, false, missingTtlMs());
    },
    answeredMs: (repository) => repositories.get(repository)?.atMs,
    noteAnswered(repository) {
      if (repository.length <= LONGEST_KEY) repositories.set(repository, { atMs: now() });
    },
  };
}

function createSmall<Value extends object>(maxSize: number): LRUCache<string, Value> {
  return new LRUCache({ maxSize, sizeCalculation: (_, key) => ENTRY_BYTES + key.length });
}
