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
import { readCounters } from "../observe/readings.ts";
import { createStanding } from "../observe/standing.ts";
import type { Asked } from "../oci/request.ts";
import { healthOf, openMirrorChecks } from "../redirect/mirror_checks.ts";
import type { SetupFiles } from "../redirect/setup.ts";
import { type Changes, type ChangesOptions, createChanges } from "./changes.ts";
import type { Isolate, Tls } from "./isolate.ts";
import type { Isolates, Spawn } from "./isolates.ts";
import { createRecordingLog, type ServerLog } from "./log.ts";
import type { Listen } from "./listener.ts";
import { createLeavingWatch, type LeavingWatch } from "./leaving.ts";
import { createProgramMemory, type ProgramMemory } from "./memory.ts";
import { openIsolates } from "./open_isolates.ts";
import type { SetupOwner } from "./owner.ts";
import { createRecords, type Records } from "./records.ts";

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
  /** The CPU time of the process, in seconds. */
  readonly cpuS: () => number;
  /** The token that operators must present, or `undefined` when none is needed. */
  readonly adminToken?: (() => string | undefined) | undefined;
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
  /** What is kept for operators. */
  readonly records: Records;
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

/** Assembles the parts; nothing runs before {@linkcode Program.start}. */
export function openProgram(config: Config, options: ProgramOptions): Program {
  const { events, later } = options;
  const count = config.workers === "auto" ? options.cores : config.workers;
  const memory = createProgramMemory(count);
  const records = createRecords({ ...options, counters: () => readCounters(standing()) });
  const log = createRecordingLog(options.log, { events, ...records });
  const board = createBoard(memory.board);
  const pulls = createLineSink({
    write: options.writePulls,
    onLost: (lines) => void (events.lostPullLines += lines),
    later,
  });
  const forget = (mirror: number, digest: string) =>
    isolates.tell({ kind: "forget", mirror, digest });
  const checks = openMirrorChecks({ ...options, board, log, forget });
  const check = () => {
    const { mirrors, config: { health } } = isolates.owner.current();
    records.states.enter(mirrors);
    checks.restart(mirrors, healthOf(health));
    leaving.start();
  };
  const misses = createMissTable();
  const parts = { options, memory, log, checks, pulls, records, misses };
  const isolates = openIsolates(config, { ...parts, onTaken: check });
  const { main, others, owner } = isolates;
  const standing = openStanding({ memory, board, checks, owner, options });
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
    standing,
    records,
    leaving,
    misses,
    pulls,
    log,
    async start() {
      const address = await isolates.start();
      check();
      changes.start();
      if (config.admin !== undefined) records.start();
      return address;
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
    located: memory.located,
    board,
    startedS: options.timeOfDay() / 1000,
    isolates: memory.numbers.length,
    lastCheck: checks.last,
    probesInFlight: memory.probesInFlight,
    setup() {
      const { dataSet, ...setup } = owner.current();
      return { ...setup, dataSet: dataSet ?? options.dataSet };
    },
  });
}
