/**
 * What answers requests in one isolate: a handler, and another one when the
 * configuration or the data set has changed.
 *
 * @module
 */

import type { Config, ProbeConfig } from "../config/config.ts";
import { createRouting, type Routing } from "../config/create_routing.ts";
import { type Board, createBoard } from "../mirrors/board.ts";
import { ANY_SAMPLE, type Sample } from "../mirrors/checks.ts";
import { createBlobFinder, type MirrorState } from "../mirrors/find_blob.ts";
import { createGate, type Gate } from "../mirrors/gate.ts";
import {
  type Answers,
  createAnswers,
  createMirrorJudge,
  createPresenceCheck,
  createUpstreamJudge,
  type HeadAnswer,
  isFailure,
  type Server,
} from "../mirrors/presence.ts";
import type { Asked } from "../oci/request.ts";
import { createHandler, type Handler } from "./handler.ts";
import { createHead } from "./head.ts";
import { createNumbers, type Result } from "./numbers.ts";
import type { PullLog } from "./pull_log.ts";
import type { Setup } from "./setup.ts";

/** What a front tells of. */
export interface FrontLog {
  /** A HEAD request got no answer. */
  readonly unanswered: (url: string, reason: unknown) => void;
  /** Probes took a mirror down. */
  readonly mirrorDown: (mirror: string, answer: HeadAnswer) => void;
}

/** What a front has for as long as its isolate lives. */
export interface FrontOptions {
  /** The text of the embedded data set. */
  readonly dataSet: string;
  /** The memory of the board that all isolates share. */
  readonly board: SharedArrayBuffer;
  /** The memory of the isolate's own numbers. */
  readonly numbers: SharedArrayBuffer;
  /** Where it tells of what happens. */
  readonly log: FrontLog;
  /** Where pulls are written down, when the configuration says so. */
  readonly pulls: PullLog;
  /** Told of a blob that a mirror can be asked for, by the mirror's number. */
  readonly sample: (mirror: number, sample: Sample) => void;
  /** Told what each request is for, for traces. */
  readonly tellRoute?: ((asked: Asked, method: string) => void) | undefined;
  /** Sends HEAD requests, as the platform's does. */
  readonly fetch: typeof fetch;
  /** The time in milliseconds, above 0, of a clock that does not run backwards. */
  readonly now: () => number;
  /** The same, up to a tenth of a second late, and cheaper to read. */
  readonly coarseNow: () => number;
  /** The time of day in milliseconds since 1970. */
  readonly timeOfDay: () => number;
  /** Waits, in milliseconds. */
  readonly wait: (ms: number) => Promise<void>;
  /** Gives a number from 0 to below 1. */
  readonly random: () => number;
  /** When it is aborted, HEAD requests in flight end without an answer. */
  readonly stop: AbortSignal;
}

/** What answers requests in one isolate. */
export interface Front {
  /** Answers requests by the setup that was last made ready. */
  readonly handle: Handler;
  /** Counts a request that it could not answer. */
  readonly threw: () => void;
  /** What it serves by. */
  readonly setup: () => Setup;
  /** What requests are decided by. */
  readonly routing: () => Routing;
  /**
   * Makes another setup ready, in steps between which requests are answered by the one
   * before, and takes it.
   */
  change(setup: Setup): Promise<void>;
}

/** Makes a front. Its data set is read in steps, so that the first requests need not wait. */
export function createFront(setup: Setup, options: FrontOptions): Front {
  const numbers = createNumbers(options.numbers);
  // They may be those of an isolate that died, and what it knew is gone.
  numbers.known(0, 0);
  numbers.inFlight(0);
  let made = make(setup, options);
  prepare(made.routing);

  return {
    handle: (request, info) => made.handle(request, info),
    threw: () => numbers.answered("nothing", 500),
    setup: () => made.setup,
    routing: () => made.routing,
    async change(setup) {
      const next = make(setup, options, made);
      await prepare(next.routing);
      made = next;
    },
  };
}

/** What is made of a setup. */
interface Made {
  readonly setup: Setup;
  readonly routing: Routing;
  readonly bounds: Bounds;
  readonly handle: Handler;
}

/** What bounds how much is remembered, and how much is asked of other servers. */
interface Bounds {
  readonly probe: ProbeConfig;
  readonly answers: Answers;
  readonly gate: Gate;
}

async function prepare({ locator }: Routing): Promise<void> {
  do await new Promise((resolve) => setTimeout(resolve, 0)); while (locator.prepare());
}

function make(setup: Setup, options: FrontOptions, before?: Made): Made {
  const { config } = setup;
  const { client_address: client } = config;
  const routing = createRouting(config, setup.dataSet ?? options.dataSet);
  const bounds = makeBounds(setup, options, before?.bounds);
  const asking = createAsking(setup, bounds, options);
  const { policy, locator } = routing;
  const handle = createHandler({
    policy,
    locator,
    clientAddress: { header: client.header, fromEnd: client.from_end },
    findBlob: createBlobFinder({
      ...asking,
      timeoutMs: config.probe.timeout_ms,
      stateOf: ({ place }) => asking.states[place]!,
      now: options.now,
      nowS: () => Math.floor(options.timeOfDay() / 1000),
    }),
    check: asking.check,
    upstreamServer: asking.upstream,
    numbers: createNumbers(options.numbers),
    numberOf: setup,
    pulls: config.log.pulls ? options.pulls : undefined,
    tellRoute: options.tellRoute,
  });
  return { setup, routing, bounds, handle };
}

// Those that stay as wide go on as they are, or each reload would have as much asked again
// as may be asked at once.
function makeBounds(
  { config: { probe }, isolates }: Setup,
  options: FrontOptions,
  old?: Bounds,
): Bounds {
  const keepsAnswers = old?.probe.max_entries === probe.max_entries;
  const answers = keepsAnswers
    ? old.answers
    : createAnswers({ maxEntries: probe.max_entries, now: options.coarseNow });
  const keepsGate = old?.probe.max_in_flight === probe.max_in_flight &&
    old.probe.max_per_s === probe.max_per_s;
  const gate = keepsGate ? old.gate : createGate({
    maxInFlight: Math.max(1, Math.floor(probe.max_in_flight / isolates)),
    maxPerS: probe.max_per_s / isolates,
    now: options.now,
    wait: options.wait,
    random: options.random,
    told: createNumbers(options.numbers).inFlight,
  });
  return { probe, answers, gate };
}

// How mirrors and the upstream are asked, and what is done with their answers.
function createAsking(setup: Setup, { answers, gate }: Bounds, options: FrontOptions) {
  const { config } = setup;
  const { log, now } = options;
  const board = createBoard(options.board, thresholdsOf(config));
  const numbers = createNumbers(options.numbers);
  const head = createHead({ fetch: options.fetch, stop: options.stop, onFailure: log.unanswered });
  const check = createPresenceCheck({
    head: (url) => head(url, config.probe.timeout_ms),
    memory: answers,
    gate,
    now,
    wait: options.wait,
  });
  const remembering = {
    foundTtlMs: config.probe.found_ttl_s * 1000,
    missingTtlMs: config.probe.missing_ttl_s * 1000,
  };

  function count(mirror: number | undefined, result: Result, tookMs: number): void {
    numbers.asked(mirror, result, tookMs);
    numbers.known(answers.lasting.size, answers.passing.size);
  }

  const upstream: Server = {
    judge: createUpstreamJudge(remembering),
    answered: (answer, { found, tookMs }) => count(undefined, resultOf(answer, found), tookMs),
  };
  const judge = createMirrorJudge(remembering);
  const states = Object.entries(config.mirrors).map(([name, mirror], place): MirrorState => {
    const number = setup.mirrors[place]!;
    return {
      number,
      fallbackLimit: mirror.fallback_limit ?? Infinity,
      server: {
        judge,
        answered(answer, { url, found, tookMs }) {
          count(number, resultOf(answer, found), tookMs);
          noteOnBoard(board, number, answer, () => log.mirrorDown(name, answer));
          if (answer === "unsent") return;
          const digest = url.slice(url.lastIndexOf("/") + 1);
          options.sample(number, isFailure(answer) ? ANY_SAMPLE : { digest, found });
        },
      },
    };
  });
  return { board, check, upstream, states };
}

/** After how many failures and good checks a mirror is down and up, by a configuration. */
export function thresholdsOf({ health }: Config): { downAfter: number; upAfter: number } {
  return { downAfter: health.down_after, upAfter: health.up_after };
}

function noteOnBoard(board: Board, mirror: number, answer: HeadAnswer, down: () => void): void {
  if (answer === "unsent") return;
  if (!isFailure(answer)) board.answered(mirror);
  else if (board.failed(mirror)) down();
}

function resultOf(answer: HeadAnswer, found: boolean): Result {
  if (answer === "unsent") return "unsent";
  if (isFailure(answer)) return "failed";
  return found ? "found" : "missing";
}
