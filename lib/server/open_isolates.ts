/**
 * Opens the isolates of a server, and brings what they report to where it belongs.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import type { Checks } from "../mirrors/checks.ts";
import type { LineSink } from "../observe/line_sink.ts";
import type { MissTable } from "../observe/misses.ts";
import type { SeenHost } from "../redirect/seen_hosts.ts";
import { createNumbering } from "../redirect/setup.ts";
import { isShared, listening } from "./claim.ts";
import { createIsolate, type Isolate, type Order, type Start, type Tls } from "./isolate.ts";
import { createIsolates, type Isolates } from "./isolates.ts";
import type { ServerLog } from "./log.ts";
import type { ProgramMemory } from "./memory.ts";
import { createSetupLocations, createSetupOwner, type SetupOwner } from "./owner.ts";
import type { ProgramOptions } from "./program.ts";
import type { Records } from "./records.ts";
import { createReportReader } from "./reports.ts";

/** What the isolates need. */
export interface IsolatesParts {
  /** What the program needs. */
  readonly options: ProgramOptions;
  /** The memory that they share. */
  readonly memory: ProgramMemory;
  /** The event log. */
  readonly log: ServerLog;
  /** The checks of all mirrors. */
  readonly checks: Checks;
  /** The output of the pull log. */
  readonly pulls: LineSink;
  /** What is kept for operators. */
  readonly records: Records;
  /** What mirrors lacked. */
  readonly misses: MissTable;
  /** Called whenever another setup is in use. */
  readonly onTaken: () => void;
}

/** The isolates, and the owner of their setup. */
export interface OpenIsolates {
  /** The main isolate. */
  readonly main: Isolate;
  /** The other isolates. */
  readonly others: Isolates;
  /** Holds the setup in use. */
  readonly owner: SetupOwner;
  /** Gives an order to all of them. */
  tell(order: Order): void;
  /** Starts them, the main one first; resolves with the address it listens at. */
  start(): Promise<Deno.NetAddr>;
  /** Makes them serve with another certificate. */
  certify(next: Tls): Promise<void>;
}

// Far longer than any order takes.
const PATIENCE_MS = 10_000;

/** Makes the isolates and the owner of their setup. */
export function openIsolates(config: Config, parts: IsolatesParts): OpenIsolates {
  const { options, memory, log, onTaken } = parts;
  const count = memory.numbers.length;
  let { tls } = options;
  let address: Deno.NetAddr | undefined;
  const { seenHosts } = parts.records;
  const onReady = (at: Deno.NetAddr) => void (address ??= at);
  const onRedirectHost = (seen: SeenHost) =>
    void (seenHosts.add(seen) && tell({ kind: "see", seen }));
  const report = createReportReader({ ...parts, onReady, onRedirectHost });
  const main = createIsolate({ ...options, report });
  const owner = createSetupOwner({
    numbering: createNumbering(memory),
    config,
    files: options.files,
    isolates: count,
    numberLocations: createSetupLocations(options.dataSet),
    tryOut: (setup) => main.take({ kind: "change", setup }),
    spread: () => others.sync(),
    onTaken,
  });
  const { host, port } = config.listen;
  const startOf = (slot: number, port: number): Start => ({
    setup: owner.current(),
    listener: { host, port, tls, shared: isShared(count, tls) },
    memory: memory.of(slot),
    seen: seenHosts.list(),
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
