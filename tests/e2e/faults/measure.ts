/**
 * Plays all faults at the default settings, and prints the table of docs/faults.md. It takes
 * about six minutes; `FAULTS` plays those alone whose name holds that text.
 *
 * @module
 */

import { formatCells } from "../table.ts";
import { createFaults, type Fault } from "./faults.ts";
import { type Outcome, playFault } from "./play_fault.ts";
import { startClients } from "./real_clients.ts";

const INTERVAL_MS = 5000;
const PROMISED_MS = 3 * INTERVAL_MS;
const FAILS_MS = PROMISED_MS + 3000;
const AT_ONCE = 3;
// Few clients, for the more there are, the sooner one of them brings a check forward.
const PAUSE_MS = 500;
const CLIENTS = "clients that try again";
const ONLY = Deno.env.get("FAULTS") ?? "";

await using started = await startClients();
const { clients, certificate } = started;
const faults = createFaults(INTERVAL_MS).filter(({ name }) => name.includes(ONLY));
const left = faults.entries();
const rows: string[][] = [];
// One iterator for all, so that each takes the next fault when it has played one.
await Promise.all(Array.from({ length: AT_ONCE }, async () => {
  for (const [at, fault] of left) {
    const options = {
      clients,
      certificate,
      config: "",
      failsMs: FAILS_MS,
      imagesEach: 18,
      pauseMs: PAUSE_MS,
    };
    rows[at] = toRow(fault, await playFault(fault, options));
    console.error(rows[at].join(" | "));
  }
}));

const HEAD = ["a mirror that …", "is noticed by", "gets clients for", "is used again after"];
const names = [CLIENTS, ...clients.map(({ name }) => name)];
console.log(formatCells([[...HEAD, ...names], ...rows]));

function toRow({ name }: Fault, { noticedBy, sentMs, backMs, pulls, runs }: Outcome): string[] {
  return [
    name,
    noticedBy === "" ? "nothing: it delivers" : shorten(noticedBy),
    noticedBy === "" ? "all the time" : formatSeconds(sentMs),
    noticedBy === "" ? "" : formatSeconds(backMs),
    `${pulls.failures.length} of ${pulls.done}`,
    ...runs.map((run) => {
      const lost = run.failures.length + run.spoiled;
      return `${run.failedFirst} of ${run.pulls}${lost === 0 ? "" : `, ${lost} for good`}`;
    }),
  ];
}

function formatSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

// What the runtime says of a connection that failed begins with the URL.
function shorten(noticedBy: string): string {
  return noticedBy.replace(/error sending request for url \(.*?\): /, "").replace(
    / \(os error \d+\)/,
    "",
  );
}
