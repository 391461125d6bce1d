/**
 * The redirector as a library: turns a configuration into a `fetch` function that answers
 * requests, as `Deno.serve`, Bun, Node's adapters and Workers accept it.
 *
 * @example
 * ```ts
 * import { createRedirector } from "@archeio/archeio/redirect";
 * import { assertEquals } from "@std/assert";
 *
 * const redirector = createRedirector({
 *   upstreams: { main: { endpoint: "https://registry.example", path: "images" } },
 * });
 * // Served by `Deno.serve(redirector.fetch)`, or `export default redirector`.
 * const response = await redirector.fetch(new Request("https://old.example/v2/pause/tags/list"));
 * redirector.stop();
 *
 * assertEquals(response.status, 307);
 * assertEquals(
 *   response.headers.get("location"),
 *   "https://registry.example/v2/images/pause/tags/list",
 * );
 * ```
 *
 * @module
 */

import { EMBEDDED } from "../locations/embedded.ts";
import { createBoard, createBoardMemory } from "../mirrors/board.ts";
import type { Checks } from "../mirrors/checks.ts";
import { createPlacesMemory } from "../mirrors/places.ts";
import type { Later, World } from "../mirrors/time.ts";
import { SERVER_NUMBERS } from "../mirrors/upstream_check.ts";
import { createLocatedMemory } from "../observe/located.ts";
import { createNumbersMemory } from "../observe/numbers.ts";
import type { Credentials } from "../registry/server.ts";
import { createPullLog, type PullLog } from "../observe/pull_log.ts";
import type { PeerInfo } from "./client.ts";
import type { Handler } from "./handler.ts";
import { healthOf, type MirrorsLog, openMirrorChecks } from "./mirror_checks.ts";
import { readSetup } from "./read_setup.ts";
import { createRedirector as createIsolated } from "./redirector.ts";
import type { RedirectorLog } from "./redirector_log.ts";
import type { Setup } from "./setup.ts";

export type { Credentials, Later, MirrorsLog, PeerInfo, World };

/** Notified of events in a redirector. */
export type EventLog = MirrorsLog & Omit<RedirectorLog, "onSuspect" | "onSample">;

/** What a redirector runs on; by default what the platform provides. */
export interface RedirectorOptions extends Partial<World> {
  /** Reads a file of prefixes, or throws. Without it, `locations` can name no file. */
  readonly readFile?: (path: string) => string;
  /** The text of a data set, made by `archeio ranges update`. Default: the embedded one. */
  readonly dataSet?: string;
  /** Notified of events. */
  readonly log?: Partial<EventLog>;
  /** Called with whole lines of the pull log, if the configuration's `log.pulls` is set. */
  readonly writePulls?: (lines: string) => void;
  /** The credentials of upstreams, by their names, in place of files that cannot be read. */
  readonly credentials?: Readonly<Record<string, Credentials>>;
}

/** A redirector. */
export interface Redirector {
  /**
   * Answers a request.
   *
   * @param info what the server knows about the connection. `info.remoteAddr.hostname`, as
   * `Deno.serve` provides it, is the peer's address. Anything else is ignored; clients then
   * need the header of the configuration's `client_address`.
   */
  fetch(request: Request, info?: unknown): Promise<Response>;
  /** Stops the checks of mirrors, and all timers. */
  stop(): void;
}

/**
 * Makes a redirector. It sends no requests before its first `fetch`; from then on, it checks
 * the mirrors until it is stopped. A platform that runs no timers between requests, such as
 * Workers, checks no mirrors: there, clients are sent to a mirror that is down until a probe
 * or a second look detects that.
 *
 * @param config the content of a configuration file, as a value. `listen`, `admin`, `workers`,
 * `log.level` and `ranges` concern the program, and are ignored here.
 * @throws {TypeError} when it has mistakes; the message lists all of them
 */
export function createRedirector(config: unknown, options: RedirectorOptions = {}): Redirector {
  const stopping = new AbortController();
  const { dataSet = EMBEDDED, fetch: send = fetch, later = startTimer } = options;
  const timers = createTimers(later);
  const setup = readSetup(config, dataSet, options);
  let started: Started | undefined;
  const startOnce = () =>
    started ??= start(setup, {
      fetchAnew: send,
      now: () => performance.timeOrigin + performance.now(),
      timeOfDay: Date.now,
      random: Math.random,
      ...options,
      dataSet,
      fetch: send,
      later: timers.later,
      stop: stopping.signal,
    });
  return {
    async fetch(request, info) {
      const { handle, pulls } = startOnce();
      const answer = await handle(request, toPeerInfo(info));
      // The platform may run no timer before the next request.
      pulls.flush();
      // Redirects are cached and reused, and servers may add to an answer's headers.
      const own = new Response(answer.body, answer);
      // Not every server adds it.
      if (own.body === null && !own.headers.has("content-length")) {
        own.headers.set("content-length", "0");
      }
      return own;
    },
    stop() {
      stopping.abort();
      started?.checks.stop();
      timers.end();
    },
  };
}

/** The state of a redirector after its first request. */
interface Started {
  readonly handle: Handler;
  readonly pulls: PullLog;
  readonly checks: Checks;
}

/** What the start needs. */
interface Start extends World, Pick<RedirectorOptions, "log" | "writePulls"> {
  readonly dataSet: string;
  readonly stop: AbortSignal;
}

/** Starts what the program's isolate does, and what its main isolate does for all. */
function start(setup: Setup, world: Start): Started {
  const log: EventLog = { ...SILENT, ...world.log };
  const memory = {
    board: createBoardMemory(),
    places: createPlacesMemory(setup.isolates, SERVER_NUMBERS),
    streams: createPlacesMemory(setup.isolates, 1),
    numbers: createNumbersMemory(),
    located: createLocatedMemory(),
    slot: 0,
  };
  const pulls = createPullLog({
    send: (lines) => world.writePulls?.(new TextDecoder().decode(lines)),
    now: world.timeOfDay,
    later: world.later,
  });
  const redirector = createIsolated(setup, {
    ...world,
    coarseNow: world.now,
    memory,
    pulls,
    log: {
      ...log,
      onSuspect: (mirror) => checks.suspect(mirror),
      onSample: (mirror, digest) => checks.addSample(mirror, digest),
    },
  });
  const { forget } = redirector;
  const checks = openMirrorChecks({ ...world, board: createBoard(memory.board), log, forget });
  if (!world.stop.aborted) checks.restart(setup.mirrors, healthOf(setup.config.health));
  return { handle: redirector.fetch, pulls, checks };
}

const ignore = () => {};
const SILENT: EventLog = {
  onDown: ignore,
  onUp: ignore,
  onLost: ignore,
  onForgotten: ignore,
  onNothingFound: ignore,
  onUnanswered: ignore,
  onStale: ignore,
  onNoAddress: ignore,
  onMisses: ignore,
  onFailed: ignore,
};

function toPeerInfo(info: unknown): PeerInfo {
  const { remoteAddr } = (info ?? {}) as PeerInfo;
  return typeof remoteAddr?.hostname === "string" ? { remoteAddr } : {};
}

function startTimer(ms: number, work: () => void): () => void {
  const timer = setTimeout(work, Math.max(0, ms));
  return () => clearTimeout(timer);
}

/** Makes timers that can be ended together: their pending work is then done at once. */
function createTimers(later: Later): { readonly later: Later; readonly end: () => void } {
  const waiting = new Set<() => void>();
  let ended = false;
  return {
    later(ms, work) {
      const cancel = later(ended ? 0 : ms, run);
      function run(): void {
        forget();
        work();
      }
      function forget(): void {
        cancel();
        waiting.delete(run);
      }
      waiting.add(run);
      return forget;
    },
    end() {
      ended = true;
      for (const run of waiting) run();
    },
  };
}
