/**
 * Assembles a server: the isolates and their shared memory, the setup in use, the checks of
 * mirrors, and the counters and logs.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import { type Board, createBoard } from "../mirrors/board.ts";
import type { Checks } from "../mirrors/checks.ts";
import type { World } from "../mirrors/time.ts";
import type { Events } from "../observe/events.ts";
import { createLineSink, type LineSink } from "../observe/line_sink.ts";
import { createMissTable, type MissTable } from "../observe/misses.ts";
import type { Standing } from "../observe/metrics.ts";
import { createStanding } from "../observe/standing.ts";
import type { Asked } from "../oci/request.ts";
import { healthOf, openMirrorChecks } from "../redirect/mirror_checks.ts";
import { createNumbering, type SetupFiles } from "../redirect/setup.ts";
import { type Changes, type ChangesOptions, createChanges } from "./changes.ts";
import { isShared, listening } from "./claim.ts";
import { createIsolate, type Isolate, type Order, type Start, type Tls } from "./isolate.ts";
import { createIsolates, type Isolates, type Spawn } from "./isolates.ts";
import { createCountingLog, type ServerLog } from "./log.ts";
import type { Listen } from "./listener.ts";
import { createLeavingWatch, type LeavingWatch } from "./leaving.ts";
import { createProgramMemory, type ProgramMemory } from "./memory.ts";
import { createSetupOwner, type SetupOwner } from "./owner.ts";
import { createReportReader } from "./reports.ts";

/** What a program needs beside its configuration. */
export interface ProgramOptions extends World, Pick<ChangesOptions, "reread"> {
  /** The text of the embedded data set. */
  readonly dataSet: string;
  /** The PEM texts of `listen.tls`. */
  readonly tls?: Tls | undefined;
  /** What the configuration's files say. */
  readonly files?: SetupFiles | undefined;
  /** The versions to report. */
  readonly versions: Readonly<Record<string, string>>;
  /** Notified of events. */
  readonly log: ServerLog;
  /** The event counters. */
  readonly events: Events;
  /** How many isolates can run in parallel. */
  readonly cores: number;
  /** Opens a listener. */
  readonly listen: Listen;
  /** Starts another isolate. */
  readonly spawn: Spawn;
  /** Writes lines of the pull log. */
  readonly writePulls: (bytes: Uint8Array) => Promise<void>;
  /** Called with the kind of each request, for traces. */
  readonly tellRoute?: ((asked: Asked, method: string) => void) | undefined;
  /** The resident memory of the process, in bytes. */
  readonly residentBytes: () => number;
}

/** The parts of a server. */
export interface Program {
  /** Holds the setup in use. */
  readonly owner: SetupOwner;
  /** The main isolate, which runs all of this and serves as well. */
  readonly main: Isolate;
  /** The other isolates. */
  readonly others: Isolates;
  /** The checks of all mirrors. */
  readonly checks: Checks;
  /** Applies changes while the program serves. */
  readonly changes: Changes;
  /** The state of the program. */
  readonly standing: () => Standing;
  /** Watches what is about to be deleted from mirrors. */
  readonly leaving: LeavingWatch;
  /** What mirrors lacked. */
  readonly misses: MissTable;
  /** The output of the pull log. */
  readonly pulls: LineSink;
  /** The event log, which also counts. */
  readonly log: ServerLog;
  /**
   * Starts everything, the main isolate first.
   *
   * @returns the address it listens at
   * @throws {ListenError} when it cannot listen
   */
  start(): Promise<Deno.NetAddr>;
}

// Far longer than any order takes.
const PATIENCE_MS = 10_000;

/** Assembles the parts; nothing runs before {@linkcode Program.start}. */
export function openProgram(config: Config, options: ProgramOptions): Program {
  const { events, later } = options;
  const count = config.workers === "auto" ? options.cores : config.workers;
  const memory = createProgramMemory(count);
  const log = createCountingLog(options.log, events);
  const board = createBoard(memory.board);
  const pulls = createLineSink({
    write: options.writePulls,
    onLost: (lines) => void (events.lostPullLines += lines),
    later,
  });
  const checks = openMirrorChecks({
    ...options,
    board,
    log,
    forget: (mirror, digest) => isolates.tell({ kind: "forget", mirror, digest }),
  });
  const check = () => {
    const { mirrors, config: { health } } = isolates.owner.current();
    checks.restart(mirrors, healthOf(health));
    leaving.start();
  };
  const misses = createMissTable();
  const parts = { options, memory, log, checks, pulls, misses };
  const isolates = openIsolates(config, { ...parts, onTaken: check });
  const { main, others, owner } = isolates;
  const leaving = createLeavingWatch({
    config: () => owner.current().config,
    later,
    tell: (leaving) => isolates.tell({ kind: "leave", leaving }),
  });
  const changes = createChanges({ ...options, owner, log, certify: isolates.certify });
  return {
    owner,
    main,
    others,
    checks,
    changes,
    standing: openStanding({ memory, board, checks, owner, options }),
    leaving,
    misses,
    pulls,
    log,
    async start() {
      const address = await isolates.start();
      check();
      changes.start();
      return address;
    },
  };
}

/** What the isolates need. */
interface IsolatesParts {
  readonly options: ProgramOptions;
  readonly memory: ProgramMemory;
  readonly log: ServerLog;
  readonly checks: Checks;
  readonly pulls: LineSink;
  readonly misses: MissTable;
  readonly onTaken: () => void;
}

/** Makes the isolates and the owner of their setup. */
function openIsolates(config: Config, parts: IsolatesParts) {
  const { options, memory, log, onTaken } = parts;
  const count = memory.numbers.length;
  let { tls } = options;
  let address: Deno.NetAddr | undefined;
  const report = createReportReader({ ...parts, onReady: (at) => address ??= at });
  const main = createIsolate({ ...options, report });
  const owner = createSetupOwner({
    numbering: createNumbering(memory),
    config,
    files: options.files,
    isolates: count,
    tryOut: (setup) => main.take({ kind: "change", setup }),
    spread: () => others.sync(),
    onTaken,
  });
  const { host, port } = config.listen;
  const startOf = (slot: number, port: number): Start => ({
    setup: owner.current(),
    listener: { host, port, tls, shared: isShared(count, tls) },
    memory: memory.of(slot),
  });
  const others = createIsolates({
    ...options,
    start: (slot) => startOf(slot, address!.port),
    slots: Array.from({ length: count - 1 }, (_, at) => at + 1),
    setup: owner.current,
    patienceMs: PATIENCE_MS,
    onReport: report,
    onReplaced: log.onIsolateReplaced,
  });

  function tell(order: Order): void {
    main.take(order).catch(log.onFailed);
    others.tell(order);
  }

  return {
    main,
    others,
    owner,
    tell,
    async start(): Promise<Deno.NetAddr> {
      await listening("listen", () => main.take({ kind: "start", ...startOf(0, port) }));
      others.start();
      return address!;
    },
    async certify(next: Tls): Promise<void> {
      // The main isolate first: if it cannot use the certificate, the others do not get it.
      await main.take({ kind: "certify", tls: next });
      tls = next;
      others.tell({ kind: "certify", tls: next });
    },
  };
}

/** What the state of the program is read from. */
interface StandingParts {
  readonly memory: ProgramMemory;
  readonly board: Board;
  readonly checks: Checks;
  readonly owner: SetupOwner;
  readonly options: ProgramOptions;
}

function openStanding({ memory, board, checks, owner, options }: StandingParts) {
  return createStanding({
    ...options,
    numbers: memory.numbers,
    board,
    startedS: options.timeOfDay() / 1000,
    isolates: memory.numbers.length,
    lastCheck: checks.last,
    probesInFlight: memory.probesInFlight,
    setup() {
      const { mirrors, upstreams, dataSet } = owner.current();
      return { mirrors, upstreams, dataSet: dataSet ?? options.dataSet };
    },
  });
}
