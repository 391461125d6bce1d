/**
 * A store's lane of a copy: what it has yet to take of the bytes that go to all stores. It has
 * room for a bounded number of bytes, so the source is read no faster than they go out.
 *
 * @module
 */

import { createWithin, type Later } from "../mirrors/time.ts";
import { failed, failedBy, type Failure } from "./failure.ts";
import type { Done, Upload } from "./store.ts";

/** What a lane needs. */
export interface LaneOptions {
  /** Waits until so many more bytes may go to the store. */
  readonly mayGo: (count: number) => Promise<void>;
  /** Called with each number of bytes that went out. */
  readonly onSent: (count: number) => void;
  /** Runs timers. */
  readonly later: Later;
}

/** A store's lane. */
export interface Lane {
  /** Adds bytes. */
  push(bytes: Uint8Array<ArrayBuffer>): void;
  /** Whether it has no room. */
  isFull(): boolean;
  /** Resolves once it has room, or has ended. */
  room(): Promise<void>;
  /** Completes the upload, after everything that was added. */
  finish(): Promise<Done | Failure>;
  /** Gives the upload up. Resolves once nothing of it is left, with the first reason for it. */
  abort(failure: Failure): Promise<Failure>;
  /** Why it was given up, or `undefined`. */
  failure(): Failure | undefined;
}

const ROOM_BYTES = 1024 * 1024;
// A store that takes nothing for so long has stopped.
const STALL_MS = 60_000;
// It may have to put the parts of a large blob together.
const FINISH_MS = 300_000;

/** Makes the lane of an upload. */
export function createLane(upload: Upload, { mayGo, onSent, later }: LaneOptions): Lane {
  const within = createWithin(later);
  const queue: Uint8Array<ArrayBuffer>[] = [];
  let queued = 0;
  let failure: Failure | undefined;
  let sending: Promise<void> | undefined;
  let aborting: Promise<unknown> | undefined;
  let changed = Promise.withResolvers<void>();

  const isFull = () => failure === undefined && queued >= ROOM_BYTES;

  function signal(): void {
    changed.resolve();
    changed = Promise.withResolvers();
  }

  async function send(): Promise<void> {
    for (let bytes = queue.shift(); bytes !== undefined; bytes = queue.shift()) {
      const outcome = await sendOne(bytes);
      if (outcome.kind === "failed") await abort(outcome);
      if (failure !== undefined) break;
      queued -= bytes.length;
      onSent(bytes.length);
      signal();
    }
    sending = undefined;
  }

  async function sendOne(bytes: Uint8Array<ArrayBuffer>): Promise<Done | Failure> {
    try {
      await mayGo(bytes.length);
      // It may have been given up meanwhile: nothing may be begun then.
      if (failure !== undefined) return failure;
      return await within(STALL_MS, upload.write(bytes)) ?? failed("it takes no more bytes");
    } catch (error) {
      return failedBy(error);
    }
  }

  async function abort(reason: Failure): Promise<Failure> {
    if (failure === undefined) {
      failure = reason;
      queue.length = 0;
      queued = 0;
      signal();
      aborting = within(STALL_MS, upload.abort());
    }
    // Whoever asks is told once nothing of it is left.
    await aborting;
    return failure;
  }

  return {
    push(bytes) {
      if (failure !== undefined) return;
      queue.push(bytes);
      queued += bytes.length;
      sending ??= send();
    },
    isFull,
    async room() {
      while (isFull()) await changed.promise;
    },
    async finish() {
      await sending;
      if (failure !== undefined) return failure;
      const outcome = await within(FINISH_MS, upload.finish());
      return outcome ?? await abort(failed("it does not say whether the blob arrived"));
    },
    abort,
    failure: () => failure,
  };
}
