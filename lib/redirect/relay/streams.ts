/**
 * The blobs that are being streamed from an upstream to clients. Nothing is buffered: what is
 * read from the upstream is what the client takes.
 *
 * @module
 */

import type { Places } from "../../mirrors/places.ts";
import type { Later } from "../../mirrors/time.ts";

/** The streams of an isolate. */
export interface Streams {
  /**
   * Opens a stream of an answer's body to a client.
   *
   * @returns `undefined` when there are as many as may be
   */
  open(response: Response): ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
}

/** What streams need. */
export interface StreamsOptions {
  /** The places of streams, of all isolates. */
  readonly places: Places;
  /** How many there may be. */
  readonly maxStreams: () => number;
  /** How long the upstream may be silent, in milliseconds. */
  readonly timeoutMs: () => number;
  /** Runs the timeouts. */
  readonly later: Later;
  /** Called when a stream has begun or ended, with the bytes of one that has ended. */
  readonly onChange: (count: number, bytes: number) => void;
}

// A client that takes less holds the place of others: 512 KiB a minute, as by a modem.
const WINDOW_MS = 60_000;
const LEAST_BYTES = 512 * 1024;

/** Makes streams, with none open. */
export function createStreams(options: StreamsOptions): Streams {
  const { places, maxStreams, onChange } = options;
  let count = 0;

  function change(by: 1 | -1, bytes: number): void {
    count += by;
    places.add(0, by);
    onChange(count, bytes);
  }

  return {
    open({ body }) {
      if (places.total() >= maxStreams()) return undefined;
      change(1, 0);
      return pass(body ?? new Response("").body!, options, (bytes) => change(-1, bytes));
    },
  };
}

/** Passes a body on while it moves. */
function pass(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  options: StreamsOptions,
  onEnd: (bytes: number) => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const reader = body.getReader();
  const watch = watchOver(options, (reason) => end(() => controller.error(reason)));
  let controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  let ended = false;

  function end(last: () => void): void {
    if (ended) return;
    ended = true;
    watch.end();
    // Closes the connection if there is more to come.
    void reader.cancel().catch(() => {});
    last();
    onEnd(watch.bytes());
  }

  return new ReadableStream({
    start(its) {
      controller = its;
    },
    async pull() {
      watch.onPull();
      try {
        const { done, value } = await reader.read();
        if (done) return end(() => controller.close());
        watch.onChunk(value.length);
        if (!ended) controller.enqueue(value);
      } catch (error) {
        end(() => controller.error(error));
      }
    },
    cancel: () => end(() => {}),
  }, { highWaterMark: 0 });
}

/** Watches over a stream: the upstream must not be silent, nor the client slow. */
function watchOver(
  { timeoutMs, later }: Pick<StreamsOptions, "timeoutMs" | "later">,
  onLate: (reason: DOMException) => void,
) {
  let total = 0;
  let before = 0;
  let isPulled = false;
  // Whether it was pulled, and nothing came, when the upstream was last looked at.
  let wasPulledAt = -1;

  function look(): void {
    if (isPulled && wasPulledAt === total) return onLate(late("the upstream sends no more"));
    wasPulledAt = isPulled ? total : -1;
    cancelLook = later(timeoutMs(), look);
  }

  function measure(): void {
    if (total - before < LEAST_BYTES) return onLate(late("the client takes too little"));
    before = total;
    cancelMeasure = later(WINDOW_MS, measure);
  }

  let cancelLook = later(timeoutMs(), look);
  let cancelMeasure = later(WINDOW_MS, measure);
  return {
    bytes: () => total,
    onPull(): void {
      isPulled = true;
    },
    onChunk(length: number): void {
      isPulled = false;
      total += length;
    },
    end(): void {
      cancelLook();
      cancelMeasure();
    },
  };
}

function late(reason: string): DOMException {
  return new DOMException(reason, "TimeoutError");
}
