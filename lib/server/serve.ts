/**
 * The server: isolates behind one port, until a signal comes. The main one serves as the
 * others do, and beside that takes signals, checks mirrors, and tells operators.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import type { Asked } from "../oci/request.ts";
import { createAdminHandler } from "./admin.ts";
import { type Changes, type ChangesLog, type ChangesOptions, createChanges } from "./changes.ts";
import { createFront, type Front, type FrontLog } from "./front.ts";
import { type Checks, createChecks, type HealthLog } from "./health.ts";
import { listen, type Listener } from "./listener.ts";
import { createPullLog, type PullLog } from "./pull_log.ts";
import { createLineSink, type LineSink } from "./line_sink.ts";
import { createShared, type Shared } from "./shared.ts";
import { onSignals } from "./signals.ts";
import { createStanding } from "./standing.ts";
import { within } from "./within.ts";
import { createClocks, type Report } from "./worker.ts";
import { startWorkers, type Workers, type WorkersOptions } from "./workers.ts";

/** What a server tells of. */
export interface ServerLog extends FrontLog, HealthLog, ChangesLog {
  /** It can be asked now, and told things by signals. */
  readonly listening: (address: Deno.NetAddr, so: Listening) => void;
  /** A signal came. */
  readonly stopping: (signal: string) => void;
  /** A handler threw, or a socket failed. */
  readonly failed: (error: unknown) => void;
  /** A worker died; another one takes its place. */
  readonly workerReplaced: (reason: string) => void;
}

/** What is told with the address. */
export interface Listening {
  /** Where operators ask. */
  readonly admin: Deno.NetAddr | undefined;
  /** How many isolates serve. */
  readonly isolates: number;
}

/** What a server needs beside its configuration. */
export interface ServerOptions
  extends Pick<ChangesOptions, "dataSet" | "reread" | "fetch" | "timeOfDay" | "random"> {
  /** The PEM texts of `listen.tls`. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** The versions to tell. */
  readonly versions: Readonly<Record<string, string>>;
  /** Where it tells of what happens. */
  readonly log: ServerLog;
  /** How many isolates can work at the same time. */
  readonly cores: number;
  /** Runs a worker. */
  readonly spawn: WorkersOptions["spawn"];
  /** Writes lines of the pull log. */
  readonly writePulls: (bytes: Uint8Array) => Promise<void>;
  /** Told what each request is for, for traces. */
  readonly tellRoute?: ((asked: Asked, method: string) => void) | undefined;
  /** The time in milliseconds, above 0, of any clock that does not run backwards. */
  readonly now: () => number;
}

// An end within 5 s, whatever clients do: requests that wait for a HEAD get their
// redirect to the upstream at 3 s, connections that are still open are cut at 4 s.
const GIVE_UP_MS = 3000;
const CUT_MS = 4000;
const LAST_ANSWER_MS = 500;
// Far longer than any order takes.
const PATIENCE_MS = 10_000;

/**
 * Listens, and serves until SIGINT or SIGTERM comes. Then it accepts nothing more, lets
 * what is in flight finish, and cuts off what has not finished in time. At SIGHUP it
 * reads the configuration again.
 *
 * @returns a promise that is kept when the last request is answered, or when those that
 * are left are to be cut off, which the end of the process does
 * @throws {ListenError} when it cannot listen
 */
export async function serve(config: Config, options: ServerOptions): Promise<void> {
  const state: State = { unready: "starting" };
  const parts = openParts(config, options, state);
  const { shared, log, listener, admin, workers, checks, changes } = parts;
  const ended = Promise.withResolvers<void>();
  const forget = onSignals({
    reload: changes.reload,
    stop(signal) {
      state.unready = "stopping";
      log.stopping(signal);
      return drain(parts, ended);
    },
  });
  try {
    // A signal may come before all workers serve, and some of them may never do so.
    await Promise.race([workers.ready, ended.promise]);
    if (state.unready === "starting") {
      state.unready = undefined;
      checks.restart();
      changes.start();
      const { isolates } = shared.setup;
      log.listening(listener.address, { admin: admin?.address, isolates });
    }
    await ended.promise;
  } finally {
    forget();
    parts.pulls.flush();
    admin?.stopAtOnce();
    // An operator that does not read what it asked for must not keep the program from its end.
    await Promise.all([within(LAST_ANSWER_MS, admin?.finished), parts.sink.drained()]);
  }
}

/** How far a server has come. */
interface State {
  /** Why it is not to get requests, or `undefined` when it is. */
  unready: string | undefined;
}

/** What a server consists of. */
interface Parts {
  readonly shared: Shared;
  readonly log: ServerLog;
  readonly pulls: PullLog;
  readonly sink: LineSink;
  readonly listener: Listener;
  readonly admin: Listener | undefined;
  readonly workers: Workers;
  readonly checks: Checks;
  readonly changes: Changes;
  /** Ends all HEAD requests of the main isolate. */
  readonly giveUp: AbortController;
}

function openParts(config: Config, options: ServerOptions, state: State): Parts {
  const shared = createShared(config, options.cores);
  const log = countingLog(options.log, shared);
  const clocks = createClocks(options.now);
  const giveUp = new AbortController();
  const { pulls, sink } = openPullLog(shared, options);
  const asking = { ...options, ...clocks, log, stop: giveUp.signal };
  const front = createFront(shared.setup, {
    ...asking,
    pulls,
    board: shared.boardMemory,
    numbers: shared.numbers[0]!,
    sample: shared.noteSample,
  });
  const listener = openListener(config, front, options);
  const admin = openAdmin(config, { shared, front, options, unready: () => state.unready });
  const workers = openWorkers(listener, { shared, options, log, sink });
  const checks = createChecks({ ...asking, shared, onFailure: log.unanswered });
  const changes = createChanges({
    ...options,
    shared,
    log,
    async take(setup) {
      // First this one: what it cannot use, the others are not given.
      await front.change(setup);
      await workers.change(setup);
      shared.setup = setup;
      checks.restart();
    },
  });
  return { shared, log, pulls, sink, listener, admin, workers, checks, changes, giveUp };
}

// Gives a function that forgets the deadlines.
function drain(
  { listener, workers, checks, changes, giveUp }: Parts,
  ended: PromiseWithResolvers<void>,
): () => void {
  checks.stop();
  changes.stop();
  const timers = [
    setTimeout(() => giveUp.abort(), GIVE_UP_MS),
    setTimeout(ended.resolve, CUT_MS),
  ];
  listener.stop();
  Promise.all([listener.finished, workers.stop(GIVE_UP_MS)])
    .then(() => ended.resolve(), ended.reject);
  return () => timers.forEach((timer) => clearTimeout(timer));
}

/** A place to listen at could not be had; the cause says why. */
export class ListenError extends Error {
  /** The class's name. */
  override readonly name = "ListenError";
  /** Which key of the configuration says where to listen. */
  readonly key: "listen" | "admin";

  /** Makes one. */
  constructor(key: "listen" | "admin", cause: unknown) {
    super(`cannot listen as ${key} says`, { cause });
    this.key = key;
  }
}

function openListener({ listen: { host, port } }: Config, front: Front, options: ServerOptions) {
  const { tls, log } = options;
  const isolates = front.setup().isolates;
  try {
    // Where a port may be shared, another program that shares it, too, would go unseen.
    if (isolates > 1 && port !== 0) Deno.listen({ hostname: host, port }).close();
    return listen(front.handle, {
      host,
      port,
      shared: isolates > 1,
      tls,
      failed: log.failed,
      threw: front.threw,
    });
  } catch (error) {
    throw new ListenError("listen", error);
  }
}

/** What the admin listener tells of. */
interface AdminWorld {
  readonly shared: Shared;
  readonly front: Front;
  readonly options: ServerOptions;
  readonly unready: () => string | undefined;
}

function openAdmin({ admin }: Config, world: AdminWorld): Listener | undefined {
  if (admin === undefined) return undefined;
  const { shared, front, options, unready } = world;
  const startedS = options.timeOfDay() / 1000;
  const handler = createAdminHandler({
    unready,
    standing: createStanding(shared, { ...options, startedS }),
    routing: front.routing,
    isDown: shared.isDown,
  });
  try {
    return listen(handler, { ...admin, failed: options.log.failed });
  } catch (error) {
    throw new ListenError("admin", error);
  }
}

/** What workers are started with, and tell. */
interface WorkersWorld {
  readonly shared: Shared;
  readonly options: ServerOptions;
  readonly log: ServerLog;
  readonly sink: LineSink;
}

function openWorkers({ address }: Listener, { shared, options, log, sink }: WorkersWorld): Workers {
  const { setup, boardMemory, numbers } = shared;
  const { host } = setup.config.listen;
  return startWorkers({
    spawn: options.spawn,
    start: { setup, listener: { host, port: address.port, tls: options.tls }, board: boardMemory },
    numbers: numbers.slice(1),
    patienceMs: PATIENCE_MS,
    replaced: log.workerReplaced,
    report(report: Report) {
      switch (report.kind) {
        case "unanswered":
          return log.unanswered(report.url, report.reason);
        case "mirror_down":
          return log.mirrorDown(report.mirror, report.answer);
        case "failed":
          return log.failed(report.reason);
        case "sample":
          return shared.noteSample(report.mirror, report.sample);
        case "pulls":
          return sink.take(report.lines);
      }
    },
  });
}

function openPullLog(
  { events }: Shared,
  { writePulls, timeOfDay }: ServerOptions,
): { pulls: PullLog; sink: LineSink } {
  const sink = createLineSink({
    write: writePulls,
    lost: (lines) => void (events.lostLines += lines),
  });
  const pulls = createPullLog({
    send: sink.take,
    now: timeOfDay,
    later: (work, ms) => void setTimeout(work, ms),
  });
  return { pulls, sink };
}

// What is told is counted, too.
function countingLog(log: ServerLog, { events }: Shared): ServerLog {
  return {
    ...log,
    mirrorDown(mirror, answer) {
      events.mirrorsDown++;
      log.mirrorDown(mirror, answer);
    },
    mirrorUp(mirror) {
      events.mirrorsUp++;
      log.mirrorUp(mirror);
    },
    workerReplaced(reason) {
      events.replacedWorkers++;
      log.workerReplaced(reason);
    },
  };
}
