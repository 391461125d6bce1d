/**
 * Sources and stores in memory, which fail as they are told to.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { failed, type Failure } from "../../lib/fill/failure.ts";
import type { CreateHash } from "../../lib/fill/hash.ts";
import type { ManifestCache } from "../../lib/fill/manifests.ts";
import type { Listed, Opened, Source } from "../../lib/fill/source.ts";
import { DONE, type Done, type Store } from "../../lib/fill/store.ts";

/** Bytes that can be sent. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** Running hashes of Node. */
export const hashes: CreateHash = (algorithm) => {
  const hash = createHash(algorithm);
  return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest("hex") };
};

/** The digest of bytes. */
export function digestOf(bytes: Uint8Array, algorithm: "sha256" | "sha512" = "sha256"): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;
}

/** The bytes of a text. */
export function bytesOf(text: string): Bytes {
  return new TextEncoder().encode(text);
}

/** Bytes that look random, the same for the same seed. */
export function createBytes(size: number, seed: number): Bytes {
  const bytes = new Uint8Array(size);
  let state = seed * 2654435761 >>> 0 || 1;
  for (let at = 0; at < size; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[at] = state;
  }
  return bytes;
}

/**
 * A stream of pieces, which breaks off with an error if there is one. `onEnd` is called when it
 * has ended or is cancelled.
 */
export function streamOf(
  pieces: Iterable<Bytes>,
  error?: Error,
  onEnd = () => {},
): ReadableStream<Bytes> {
  const iterator = pieces[Symbol.iterator]();
  return new ReadableStream({
    pull(controller) {
      const { done, value } = iterator.next();
      if (!done) return controller.enqueue(value);
      onEnd();
      if (error === undefined) controller.close();
      else controller.error(error);
    },
    cancel: onEnd,
  });
}

/** Bytes in pieces of some size. */
export function* piecesOf(bytes: Bytes, size: number): Generator<Bytes> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
}

/** A repository in memory. */
export interface MemoryRepository {
  readonly tags: Map<string, string>;
  readonly manifests: Map<string, Bytes>;
  readonly blobs: Map<string, Bytes>;
  /** The manifests that refer to others, by the digest of these. */
  readonly referrers: Map<string, string[]>;
}

/** Makes an empty repository. */
export function createRepository(): MemoryRepository {
  return { tags: new Map(), manifests: new Map(), blobs: new Map(), referrers: new Map() };
}

/** What goes wrong with a request. */
export type SourceFault =
  | Failure
  | { readonly kind: "missing" }
  /** Breaks off after so many bytes. */
  | { readonly kind: "break"; readonly after: number }
  /** Changes a byte, by its place in the blob. */
  | { readonly kind: "wrong"; readonly at: number }
  /** Sends fewer or more bytes than it should, saying so or not. */
  | { readonly kind: "length"; readonly by: number; readonly told: boolean };

/** A source in memory. */
export interface MemorySource extends Source {
  /** What is in it. */
  readonly repositories_: Map<string, MemoryRepository>;
  /** What it was asked: `blob app sha256:…`. */
  readonly asked: string[];
  /** How many of the blobs that it opened are neither read to the end nor cancelled. */
  opened: number;
  /** Called with each request: what goes wrong with it. */
  fault: (request: string) => SourceFault | undefined;
  /** Whether it has an API for referrers. */
  hasReferrers: boolean;
}

/** Makes a source in memory. */
export function createMemorySource(
  repositories: Record<string, MemoryRepository>,
  host = "registry.example",
): MemorySource {
  const all = new Map(Object.entries(repositories));
  const source: MemorySource = {
    host,
    repositories_: all,
    asked: [],
    opened: 0,
    fault: () => undefined,
    hasReferrers: true,
    repositories: () => answer("repositories", () => [...all.keys()]),
    tags: (name) =>
      answer(
        `tags ${name}`,
        () => all.has(name) ? { tags: [...all.get(name)!.tags.keys()] } : undefined,
      ),
    digestOf: (name, tag) => answer(`digest ${name} ${tag}`, () => all.get(name)?.tags.get(tag)),
    manifest: (name, reference) =>
      answer(`manifest ${name} ${reference}`, () => {
        const repository = all.get(name);
        return repository?.manifests.get(repository.tags.get(reference) ?? reference);
      }),
    referrers: (name, digest) =>
      answer(
        `referrers ${name} ${digest}`,
        () =>
          source.hasReferrers
            ? (all.get(name)?.referrers.get(digest) ?? []).map((digest) => ({
              digest,
              size: undefined,
              mediaType: "application/vnd.oci.image.manifest.v1+json",
            }))
            : undefined,
      ),
    blob: (name, digest, from) => Promise.resolve(open(name, digest, from)),
  };

  function answer<Value>(request: string, find: () => Value | undefined): Promise<Listed<Value>> {
    source.asked.push(request);
    const fault = source.fault(request);
    if (fault?.kind === "failed" || fault?.kind === "missing") return Promise.resolve(fault);
    const value = find();
    return Promise.resolve(value === undefined ? { kind: "missing" } : { kind: "found", value });
  }

  function open(name: string, digest: string, from: number): Opened {
    const request = `blob ${name} ${digest}${from === 0 ? "" : ` from ${from}`}`;
    source.asked.push(request);
    const bytes = all.get(name)?.blobs.get(digest);
    const fault = source.fault(request);
    if (fault?.kind === "failed" || fault?.kind === "missing") return fault;
    if (bytes === undefined) return { kind: "missing" };
    source.opened++;
    return openWith(bytes, from, fault, () => void source.opened--);
  }

  return source;
}

const PIECE = 10_000;

function openWith(
  bytes: Bytes,
  from: number,
  fault: Exclude<SourceFault, Failure | { readonly kind: "missing" }> | undefined,
  onEnd: () => void,
): Opened {
  const size = bytes.length;
  let body = bytes.slice(from);
  switch (fault?.kind) {
    case undefined:
      return { kind: "open", from, size, body: streamOf(piecesOf(body, PIECE), undefined, onEnd) };
    case "break": {
      const pieces = piecesOf(body.slice(0, fault.after), PIECE);
      return {
        kind: "open",
        from,
        size,
        body: streamOf(pieces, new Error("connection reset"), onEnd),
      };
    }
    case "wrong":
      if (fault.at >= from && fault.at < size) body[fault.at - from]! ^= 1;
      return { kind: "open", from, size, body: streamOf(piecesOf(body, PIECE), undefined, onEnd) };
    case "length": {
      const more = new Uint8Array(Math.max(0, fault.by));
      body = new Uint8Array([...body.slice(0, body.length + Math.min(0, fault.by)), ...more]);
      const told = fault.told ? from + body.length : undefined;
      return {
        kind: "open",
        from,
        size: told,
        body: streamOf(piecesOf(body, PIECE), undefined, onEnd),
      };
    }
  }
}

/** What goes wrong in a store. */
export type StoreFault =
  | Failure
  /** The blob arrives, but the answer gets lost. */
  | { readonly kind: "unanswered" }
  /** It takes no more bytes after so many. */
  | { readonly kind: "stall"; readonly after: number };

/** A store in memory. */
export interface MemoryStore extends Store {
  /** Its objects. */
  readonly objects: Map<string, Bytes>;
  /** Called with each write: what goes wrong with it. */
  fault: (digest: string) => StoreFault | undefined;
  /** How often it was listed, and written to. */
  listed: number;
  written: number;
  /** What was ever in it although it should not have been. */
  readonly wrong: string[];
}

/** Makes a store in memory. */
export function createMemoryStore(
  host: string,
  wait: (digest: string) => Promise<void> = () => Promise.resolve(),
): MemoryStore {
  const objects = new Map<string, Bytes>();
  const store: MemoryStore = {
    host,
    place: host,
    objects,
    fault: () => undefined,
    listed: 0,
    written: 0,
    wrong: [],
    begin: (digest, size) => begin(digest, size),
    async put(digest, bytes) {
      const upload = begin(digest, bytes.length);
      const written = await upload.write(bytes);
      return written.kind === "failed" ? written : await upload.finish();
    },
    list({ onBlob }) {
      store.listed++;
      for (const [digest, { length }] of objects) onBlob({ digest, size: length, writtenMs: 0 });
      return Promise.resolve(DONE);
    },
    tidy: () => Promise.resolve(DONE),
    tryWrite: () => Promise.resolve(DONE),
    remove(digests) {
      for (const digest of digests) objects.delete(digest);
      return Promise.resolve(DONE);
    },
  };

  function commit(digest: string, bytes: Bytes): void {
    store.written++;
    objects.set(digest, bytes);
    if (digestOf(bytes, digest.startsWith("sha512") ? "sha512" : "sha256") !== digest) {
      store.wrong.push(digest);
    }
  }

  function begin(digest: string, size: number) {
    const fault = store.fault(digest);
    const got: Bytes[] = [];
    let length = 0;
    let isAborted = false;
    return {
      async write(bytes: Bytes): Promise<Done | Failure> {
        await wait(digest);
        if (fault?.kind === "failed") return fault;
        if (fault?.kind === "stall" && length >= fault.after) await new Promise(() => {});
        got.push(bytes.slice());
        length += bytes.length;
        return DONE;
      },
      finish(): Promise<Done | Failure> {
        if (isAborted || length !== size) return Promise.resolve(failed("not all bytes came"));
        if (fault?.kind === "failed") return Promise.resolve(fault);
        const bytes = new Uint8Array(length);
        let at = 0;
        for (const piece of got) {
          bytes.set(piece, at);
          at += piece.length;
        }
        commit(digest, bytes);
        return Promise.resolve(fault?.kind === "unanswered" ? failed("connection reset") : DONE);
      },
      abort(): Promise<void> {
        isAborted = true;
        return Promise.resolve();
      },
    };
  }

  return store;
}

/** A cache of manifests in memory. */
export function createMemoryCache(): ManifestCache & { readonly kept: Map<string, Bytes> } {
  const kept = new Map<string, Bytes>();
  return {
    kept,
    get: (digest) => Promise.resolve(kept.get(digest)),
    put(digest, bytes) {
      kept.set(digest, bytes);
      return Promise.resolve();
    },
  };
}

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const INDEX = "application/vnd.oci.image.index.v1+json";

/** Adds an image with some layers to a repository; returns the digest of its manifest. */
export function addImage(
  { manifests, blobs }: MemoryRepository,
  layers: readonly Bytes[],
  more: object = {},
): string {
  const describe = (bytes: Bytes) => {
    const digest = digestOf(bytes);
    blobs.set(digest, bytes);
    return { mediaType: "application/octet-stream", digest, size: bytes.length };
  };
  const config = describe(bytesOf(`{"layers":${layers.length}}`));
  const text = JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config,
    layers: layers.map(describe),
    ...more,
  });
  return addManifest(manifests, text);
}

/** Adds an index of manifests to a repository; returns its digest. */
export function addIndex(
  { manifests }: MemoryRepository,
  digests: readonly string[],
  more: object = {},
): string {
  const listed = digests.map((digest) => {
    const bytes = manifests.get(digest);
    const isIndex = bytes !== undefined && new TextDecoder().decode(bytes).includes('"manifests"');
    return { mediaType: isIndex ? INDEX : MANIFEST, digest, size: bytes?.length ?? 1 };
  });
  const text = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: listed, ...more });
  return addManifest(manifests, text);
}

/** Adds a manifest; returns its digest. */
export function addManifest(manifests: Map<string, Bytes>, text: string): string {
  const bytes = bytesOf(text);
  const digest = digestOf(bytes);
  manifests.set(digest, bytes);
  return digest;
}
