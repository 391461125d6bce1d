/**
 * One try at copying a blob: places at all hosts, a source that has it, the fan-out.
 *
 * @module
 */

import { type Copied, copyBlob, type Target } from "./copy_blob.ts";
import { failedBy, type Failure, wrongBlob } from "./failure.ts";
import { createPause, type Limits } from "./limits.ts";
import type { PlannedBlob } from "./plan.ts";
import { openReading, type Reading, type ReadOptions } from "./read_blob.ts";
import type { Origin, Source } from "./source.ts";
import type { Done, Store, Upload } from "./store.ts";

/** Why a blob is not copied that no place has. */
export const NOT_THERE = "the upstream does not have it";

/** What a try needs. */
export interface CopyOnceOptions extends ReadOptions {
  /** The sources, by name. */
  readonly sources: ReadonlyMap<string, Source>;
  /** The stores, by the names of their mirrors. */
  readonly stores: ReadonlyMap<string, Store>;
  /** The limits; sources and stores wait by themselves for the turns of their requests. */
  readonly limits: Limits;
  /** Told of the bytes. */
  readonly log: {
    /** Bytes went out to a mirror's store. */
    readonly onSent: (mirror: string, bytes: number) => void;
    /** Bytes came from a source. */
    readonly onRead: (source: string, bytes: number) => void;
  };
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** What became of a try. */
export interface Tried extends Copied {
  /** Where it was read from, or last failed to be; `undefined` where nothing was asked. */
  readonly origin: Origin | undefined;
  /** The blob's true size, once it is copied. */
  readonly size: number;
}

/** Tries once to copy a blob to some mirrors. `tries` is how often that was done before. */
export type CopyOnce = (
  blob: PlannedBlob,
  to: readonly string[],
  tries: number,
) => Promise<Tried>;

/** Makes a function that copies a blob once. Its promises do not reject. */
export function createCopyOnce(options: CopyOnceOptions): CopyOnce {
  const { sources, stores, limits, later, signal } = options;
  const pause = createPause(later);

  return async function copyOnce(blob, to, tries) {
    let origin: Origin | undefined;
    try {
      for (const at of blob.origins.keys()) {
        origin = blob.origins[(tries + at) % blob.origins.length]!;
        const tried = await copyFrom(origin, blob, to);
        if (tried !== undefined) return tried;
      }
      return failedTry(origin, wrongBlob(NOT_THERE, true));
    } catch (error) {
      return failedTry(origin, failedBy(error));
    }
  };

  /** Copies from one place; `undefined` if the blob is not there. */
  async function copyFrom(
    origin: Origin,
    blob: PlannedBlob,
    to: readonly string[],
  ): Promise<Tried | undefined> {
    const source = sources.get(origin.source)!;
    const hosts = [source.host, ...to.map((mirror) => stores.get(mirror)!.host)];
    for (const host of hosts) await pause(limits.pausedMs(host), signal);
    const leave = await limits.enter(hosts, signal);
    try {
      const reading = await open(origin, source, blob);
      if (reading.kind === "missing") return undefined;
      if (reading.kind === "failed") return failedTry(origin, reading);
      return { ...await copyTo(reading), origin, size: reading.size };
    } finally {
      leave();
    }

    /** Whatever ends it, nothing is left of the reading. */
    async function copyTo(reading: Reading): Promise<Copied> {
      try {
        return await copyBlob(
          counted(reading, origin, source),
          to.map((mirror) => targetOf(mirror, blob.digest)),
          options,
        );
      } finally {
        reading.cancel();
      }
    }
  }

  function open({ repository }: Origin, source: Source, { digest, sizes }: PlannedBlob) {
    const blob = {
      digest,
      claimed: sizes[0],
      open: async (from: number) => {
        const opened = await source.blob(repository, digest, from, signal);
        if (opened.kind === "failed") heed(source.host, opened);
        return opened;
      },
    };
    return openReading(blob, options, signal);
  }

  function counted(reading: Reading, origin: Origin, { host }: Source): Reading {
    return {
      ...reading,
      async next() {
        const bytes = await reading.next();
        if (bytes === undefined || "kind" in bytes) return bytes;
        options.log.onRead(origin.source, bytes.length);
        await limits.bytes(host, bytes.length, signal);
        return bytes;
      },
    };
  }

  function targetOf(mirror: string, digest: string): Target {
    const store = stores.get(mirror)!;
    const heeded = (outcome: Done | Failure) => {
      if (outcome.kind === "failed") heed(store.host, outcome);
      return outcome;
    };
    return {
      mirror,
      begin: (size) => heedful(store.begin(digest, size, signal), heeded),
      put: async (bytes) => heeded(await store.put(digest, bytes, signal)),
      mayGo: (count) => limits.bytes(store.host, count, signal),
      onSent: (count) => options.log.onSent(mirror, count),
    };
  }

  function heed(host: string, { retryAfterMs }: Failure): void {
    if (retryAfterMs !== undefined) limits.pause(host, retryAfterMs);
  }
}

function heedful(upload: Upload, heeded: (outcome: Done | Failure) => Done | Failure): Upload {
  return {
    write: async (bytes) => heeded(await upload.write(bytes)),
    finish: async () => heeded(await upload.finish()),
    abort: upload.abort,
  };
}

function failedTry(origin: Origin | undefined, source: Failure): Tried {
  return { origin, source, stores: new Map(), slow: [], size: 0 };
}
