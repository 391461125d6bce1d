/**
 * Copies one blob: reads it once, and writes it to every store that lacks it.
 *
 * **No wrong object**: the last 64 KiB are held back until the hash of all bytes is right. If
 * it is not, the uploads are broken off, and a store that got fewer bytes than were announced
 * makes no object of them, whether or not it checks anything itself.
 *
 * @module
 */

import { createWithin, type Later } from "../mirrors/time.ts";
import { failed, failedBy, type Failure } from "./failure.ts";
import { joinAll } from "./join.ts";
import { createLane, type Lane } from "./lane.ts";
import type { Reading } from "./read_blob.ts";
import type { Done, Upload } from "./store.ts";

/** A store to copy a blob to. */
export interface Target {
  /** The mirror's name. */
  readonly mirror: string;
  /** Begins to write the blob. */
  readonly begin: (size: number) => Upload;
  /** Writes a blob whose bytes are checked already. */
  readonly put: (bytes: Uint8Array<ArrayBuffer>) => Promise<Done | Failure>;
  /** Waits until so many more bytes may go to the store. */
  readonly mayGo: (count: number) => Promise<void>;
  /** Called with each number of bytes that went out. */
  readonly onSent: (count: number) => void;
}

/** What became of a copy. */
export interface Copied {
  /** What went wrong with the source; no store has the blob then. */
  readonly source?: Failure | undefined;
  /** What became of it in each store. */
  readonly stores: ReadonlyMap<string, Done | Failure>;
  /** The stores that were too slow for the others: they are to be copied to on their own. */
  readonly slow: readonly string[];
}

/** What copying needs. */
export interface CopyBlobOptions {
  /** The time in milliseconds, of a monotonic clock. */
  readonly now: () => number;
  /** Runs timers. */
  readonly later: Later;
}

/** How many bytes are held back until the hash is right. */
export const HELD_BACK_BYTES = 64 * 1024;

/** Up to this size, a blob is checked in memory, and then written in one piece. */
export const WHOLE_BYTES = 1024 * 1024;

/** Copies a blob. */
export async function copyBlob(
  reading: Reading,
  targets: readonly Target[],
  options: CopyBlobOptions,
): Promise<Copied> {
  return reading.size <= WHOLE_BYTES
    ? await copyWhole(reading, targets)
    : await copyStreaming(reading, targets, options);
}

const NONE = new Map<string, Done | Failure>();

async function copyWhole(reading: Reading, targets: readonly Target[]): Promise<Copied> {
  const whole = new Uint8Array(reading.size);
  let at = 0;
  for (;;) {
    const bytes = await reading.next();
    if (bytes === undefined) break;
    if ("kind" in bytes) {
      reading.cancel();
      return { source: bytes, stores: NONE, slow: [] };
    }
    whole.set(bytes, at);
    at += bytes.length;
  }
  const outcomes = await joinAll(targets.map(async ({ mirror, put, mayGo, onSent }) => {
    await mayGo(whole.length);
    const outcome = await put(whole);
    if (outcome.kind === "done") onSent(whole.length);
    return [mirror, outcome] as const;
  }));
  return { stores: new Map(outcomes), slow: [] };
}

async function copyStreaming(
  reading: Reading,
  targets: readonly Target[],
  options: CopyBlobOptions,
): Promise<Copied> {
  const lanes = new Map(targets.map((target) => [
    target.mirror,
    createLane(target.begin(reading.size), { ...target, later: options.later }),
  ]));
  const throttle = createThrottle([...lanes.values()], options);
  // Nothing is left of uploads, whatever ends them.
  const source = await pump(reading, [...lanes.values()], throttle.wait).catch(failedBy);
  if (source !== undefined) {
    reading.cancel();
    await joinAll([...lanes.values()].map((lane) => lane.abort(source)));
    return { source, stores: NONE, slow: [] };
  }
  const outcomes = await joinAll(
    [...lanes].map(async ([mirror, lane]) => [mirror, await lane.finish()] as const),
  );
  const slow = lanes.entries().filter(([_, lane]) => throttle.isSlow(lane)).map(([name]) => name);
  return { stores: new Map(outcomes), slow: [...slow] };
}

/**
 * Moves the bytes to all lanes, the last ones only once the hash is right.
 *
 * @returns what went wrong with the source
 */
async function pump(
  reading: Reading,
  lanes: readonly Lane[],
  wait: () => Promise<void>,
): Promise<Failure | undefined> {
  const free = reading.size - HELD_BACK_BYTES;
  const held: Uint8Array<ArrayBuffer>[] = [];
  const push = (bytes: Uint8Array<ArrayBuffer>) => lanes.forEach((lane) => lane.push(bytes));
  for (let at = 0; lanes.some((lane) => lane.failure() === undefined);) {
    const bytes = await reading.next();
    if (bytes === undefined) {
      held.forEach(push);
      return undefined;
    }
    if ("kind" in bytes) return bytes;
    const ready = Math.min(bytes.length, Math.max(0, free - at));
    at += bytes.length;
    if (ready > 0) push(bytes.subarray(0, ready));
    if (ready < bytes.length) held.push(bytes.subarray(ready));
    await wait();
  }
  // No store wants it any more.
  reading.cancel();
  return undefined;
}

// A store may make the others wait for so long, or for half of the time that the copy takes.
const PATIENCE_MS = 10_000;

/** Waits for lanes that are full, and drops those that the others waited for too long. */
function createThrottle(lanes: readonly Lane[], { now, later }: CopyBlobOptions) {
  const within = createWithin(later);
  const heldUpMs = new Map<Lane, number>();
  const slow = new Set<Lane>();
  const began = now();

  const patienceMs = () => Math.max(PATIENCE_MS, (now() - began) / 2);
  const left = (lane: Lane) => patienceMs() - (heldUpMs.get(lane) ?? 0);

  async function waitFor(full: readonly Lane[]): Promise<void> {
    const from = now();
    const leastMs = Math.max(0, Math.min(...full.map(left)));
    await within(leastMs, Promise.all(full.map((lane) => lane.room())));
    for (const lane of full) {
      heldUpMs.set(lane, (heldUpMs.get(lane) ?? 0) + now() - from);
      if (left(lane) > 0) continue;
      slow.add(lane);
      await lane.abort(failed("it is too slow to be written to together with the others"));
    }
  }

  return {
    isSlow: (lane: Lane) => slow.has(lane),
    async wait(): Promise<void> {
      for (;;) {
        const full = lanes.filter((lane) => lane.isFull());
        if (full.length === 0) return;
        const isAll = lanes.every((lane) => lane.isFull() || lane.failure() !== undefined);
        if (isAll) await Promise.race(full.map((lane) => lane.room()));
        else await waitFor(full);
      }
    },
  };
}
