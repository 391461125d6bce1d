/**
 * The network of the model: mirrors and an upstream that answer anything, at any time.
 *
 * @module
 */

import { EMPTY_DIGEST } from "../../lib/mirrors/answer.ts";
import type { ModelClock } from "./clock.ts";

/** How a server answers. */
export type Mode =
  /** As it should. */
  | { readonly kind: "works" }
  /** Every request with one status. */
  | { readonly kind: "status"; readonly status: number; readonly method: "all" | "GET" | "HEAD" }
  /** Not at all. */
  | { readonly kind: "hangs"; readonly method: "all" | "GET" | "HEAD" }
  /** With a refused connection, or one that breaks. */
  | { readonly kind: "refuses" }
  /** GET with a head and no body. */
  | { readonly kind: "stalls" }
  /** HEAD 200 to whatever is asked. */
  | { readonly kind: "has_all" }
  /** HEAD 200 with no bytes to whatever is asked. */
  | { readonly kind: "empty_all" }
  /** 502 to whatever it does not have, but for the blob of no bytes. */
  | { readonly kind: "fails_unknown" }
  /** No answer to whatever it does not have, but for the blob of no bytes. */
  | { readonly kind: "hangs_unknown" };

/** How a server has a blob. */
export type Copy =
  /** As it should. */
  | "whole"
  /** As an object of no bytes. */
  | "empty"
  /** As an object that must be restored from an archive first. */
  | "archived";

/** A server of the model. */
export interface ModelServer {
  /** Its origin. */
  readonly origin: string;
  /** How it answers. */
  mode: Mode;
  /** What it has, by digest. */
  readonly blobs: Map<string, Copy>;
  /** How long it takes to answer. */
  latencyMs: number;
}

/** The network. */
export interface Network {
  /** Sends a request, as the platform does. */
  readonly fetch: typeof fetch;
  /**
   * Waits for an answer that comes after so many milliseconds, or never when there is none, and
   * no longer than until it is aborted.
   */
  wait(
    ms: number,
    signal: AbortSignal | null | undefined,
    respond: () => Response | undefined,
  ): Promise<Response>;
  /** The servers, by origin. */
  readonly servers: Map<string, ModelServer>;
}

/** Whether a server delivers a blob to a client that is sent to it now. */
export function delivers({ mode, blobs }: ModelServer, digest: string): boolean {
  if (blobs.get(digest) !== "whole") return false;
  switch (mode.kind) {
    case "works":
    case "fails_unknown":
    case "hangs_unknown":
    case "empty_all":
      return true;
    case "status":
    case "hangs":
      return mode.method === "HEAD";
    default:
      return false;
  }
}

/** Whether a server works, as far as it concerns what it has. */
export function isHealthy({ mode, latencyMs }: ModelServer): boolean {
  const kinds = ["works", "fails_unknown", "hangs_unknown"];
  return kinds.includes(mode.kind) && latencyMs <= 100;
}

/** Makes a network without servers. */
export function createNetwork({ later }: ModelClock): Network {
  const servers = new Map<string, ModelServer>();

  async function wait(
    ms: number,
    signal: AbortSignal | null | undefined,
    respond: () => Response | undefined,
  ): Promise<Response> {
    const aborted = new Promise<never>((_, reject) => {
      const onAbort = () => reject(signal!.reason);
      if (signal?.aborted) onAbort();
      else signal?.addEventListener("abort", onAbort, { once: true });
    });
    const arrived = new Promise<void>((resolve) => void later(ms, resolve));
    await Promise.race([arrived, aborted]);
    return await (respond() ?? aborted);
  }

  async function answer(url: string, init: RequestInit = {}): Promise<Response> {
    const { origin, pathname } = new URL(url);
    const server = servers.get(origin);
    const digest = decodeURIComponent(pathname.slice(pathname.lastIndexOf("/") + 1));
    if (server === undefined) throw new TypeError("tcp connect error: Connection refused");
    const { method = "GET", signal } = init;
    return await wait(server.latencyMs, signal, () => respond(server, method, digest));
  }

  return { servers, wait, fetch: (input, init) => answer(String(input), init) };
}

/** What a server answers; `undefined` for never. */
function respond(server: ModelServer, method: string, digest: string): Response | undefined {
  const { mode, blobs } = server;
  const concerns = "method" in mode && (mode.method === "all" || mode.method === method);
  if (mode.kind === "refuses") throw new TypeError("client error (Connect): Connection refused");
  if (mode.kind === "hangs" && concerns) return undefined;
  if (mode.kind === "status" && concerns) return reply(mode.status, 0, method);
  if (mode.kind === "has_all" && method === "HEAD") return reply(200, 10, method);
  if (mode.kind === "empty_all" && method === "HEAD") return reply(200, 0, method);
  if (mode.kind === "has_all") return reply(404, 0, method);
  if (mode.kind === "stalls" && method === "GET") {
    return new Response(new ReadableStream({ pull: () => new Promise(() => {}) }), { status: 206 });
  }
  const copy = blobs.get(digest);
  if (copy !== undefined) return respondWith(copy, method);
  if (mode.kind === "hangs_unknown" && digest !== EMPTY_DIGEST) return undefined;
  return reply(mode.kind === "fails_unknown" && digest !== EMPTY_DIGEST ? 502 : 404, 0, method);
}

// S3 says 403 to a GET of an archived object.
function respondWith(copy: Copy, method: string): Response {
  const isGet = method === "GET";
  switch (copy) {
    case "whole":
      return reply(isGet ? 206 : 200, isGet ? 1 : 10, method);
    case "empty":
      return reply(200, 0, method);
    case "archived": {
      const response = reply(isGet ? 403 : 200, isGet ? 0 : 10, method);
      response.headers.set("x-amz-storage-class", "GLACIER");
      return response;
    }
  }
}

function reply(status: number, length: number, method: string): Response {
  const isNull = status === 204 || status === 304;
  const body = method === "HEAD" || length === 0 || isNull ? null : streamOf(length);
  return new Response(body, { status, headers: { "content-length": String(length) } });
}

// A text's bytes would come by the runtime's own time.
function streamOf(length: number): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new Uint8Array(length));
      controller.close();
    },
  });
}
