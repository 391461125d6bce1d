/**
 * Other servers, for tests: they answer by a virtual clock, and do what they are told.
 *
 * @module
 */

import type { VirtualClock } from "./virtual_clock.ts";

/** A request that was sent. */
export interface Sent {
  /** When. */
  readonly atMs: number;
  readonly method: string;
  readonly url: string;
  /** Whether it was sent on a connection of its own. */
  readonly anew: boolean;
  readonly init: RequestInit;
}

/** What a server does with a request; a number is a status. */
export type Reply =
  | number
  | "hangs"
  | "refuses"
  | { readonly error: unknown }
  | {
    readonly status: number;
    readonly headers?: Readonly<Record<string, string>>;
    /** By default one byte, for GET. */
    readonly body?: "empty" | "stalls" | "none";
    /** How long it takes. */
    readonly afterMs?: number;
  };

/** Why a connection fails, as the platform's `fetch` tells it. */
export const REFUSED = "Connection refused (os error 111)";

/** A promise that is rejected when a signal is aborted, and else waits forever. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason));
  });
}

/**
 * Makes servers that do as `reply` says, at the time of the request and again at the time of
 * the answer: one that comes to hang in between does not answer any more.
 */
export function createFakeServers(
  clock: VirtualClock,
  reply: (sent: Sent) => Reply,
  { latencyMs = 0 } = {},
) {
  const sent: Sent[] = [];
  let cancelled = 0;

  function bodyOf(kind: "byte" | "empty" | "stalls", signal: AbortSignal) {
    return new ReadableStream<Uint8Array<ArrayBuffer>>({
      start(controller) {
        if (kind === "byte") controller.enqueue(new Uint8Array(1));
        else if (kind === "empty") controller.close();
        else signal.addEventListener("abort", () => controller.error(signal.reason));
      },
      cancel: () => void cancelled++,
    });
  }

  async function send(url: string, anew: boolean, init: RequestInit): Promise<Response> {
    const request = { atMs: clock.now(), method: init.method!, url, anew, init };
    const signal = init.signal!;
    sent.push(request);
    let answer = reply(request);
    if (latencyMs > 0 && answer !== "hangs") {
      await pause(latencyMs, signal);
      answer = reply(request);
    }
    if (answer === "hangs") return await untilAborted(signal);
    if (answer === "refuses") {
      throw new TypeError("error sending request", { cause: new Error(REFUSED) });
    }
    if (typeof answer === "object" && "error" in answer) throw answer.error;
    const { status, headers = {}, body = undefined, afterMs = 0 } = typeof answer === "number"
      ? { status: answer }
      : answer;
    if (afterMs > 0) await pause(afterMs, signal);
    const isEmpty = request.method === "HEAD" || body === "none" || status === 204;
    return new Response(isEmpty ? null : bodyOf(body ?? "byte", signal), { status, headers });
  }

  async function pause(ms: number, signal: AbortSignal): Promise<void> {
    const over = Promise.withResolvers<void>();
    const cancel = clock.later(ms, over.resolve);
    await Promise.race([over.promise, untilAborted(signal)]).finally(cancel);
  }

  const fetchBy = (anew: boolean): typeof fetch => (input, init) =>
    send(String(input), anew, init!);
  return {
    fetch: fetchBy(false),
    fetchAnew: fetchBy(true),
    sent,
    /** How many bodies were cancelled before their end. */
    get cancelled() {
      return cancelled;
    },
  };
}
