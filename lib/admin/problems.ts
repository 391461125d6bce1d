/**
 * What an operator should look at, found in the state of the program.
 *
 * @module
 */

import type { Problem, Status } from "./status.ts";

/** A part of the state that problems are found in. */
export type Troubled = Pick<
  Status,
  "time" | "program" | "mirrors" | "rules" | "data" | "events"
>;

// As many blobs in a row as the log warns after.
const NOTHING_FOUND = 100;
const OLD_DAYS = 90;

/** Finds what an operator should look at, the worst first. */
export function findProblems(status: Troubled): Problem[] {
  return [
    ...findUnready(status),
    ...findMirrorsDown(status),
    ...findEmptyMirrors(status),
    ...findUnfilledMirrors(status),
    ...findFailedChanges(status),
    ...findOldData(status),
  ];
}

function* findUnready({ program: { unready } }: Troubled): Generator<Problem> {
  if (unready === null) return;
  yield {
    severity: "critical",
    kind: "not_ready",
    subject: null,
    text: `The program is not ready for requests: it is ${unready}.`,
    since: null,
  };
}

function* findMirrorsDown({ mirrors, rules }: Troubled): Generator<Problem> {
  const down = mirrors.filter(({ state }) => state === "down")
    .toSorted((one, other) => one.since < other.since ? 1 : -1);
  for (const { name, reason, since, last_check } of down) {
    yield {
      severity: "critical",
      kind: "mirror_down",
      subject: name,
      text: `Mirror ${name} is down: ${reason ?? last_check?.reason ?? "its checks fail"}. ` +
        `Its clients are sent to ${listSubstitutes(name, { rules, down })}.`,
      since,
    };
  }
}

/** Who serves the clients of a mirror that is down. */
function listSubstitutes(
  name: string,
  { rules, down }: Pick<Troubled, "rules"> & { readonly down: Troubled["mirrors"] },
): string {
  const isUp = (mirror: string) => !down.some((one) => one.name === mirror);
  const substitutes = rules.filter(({ mirrors }) => mirrors.includes(name))
    .map(({ mirrors, upstream }) => mirrors.find(isUp) ?? `the upstream ${upstream}`);
  return [...new Set(substitutes)].join(", ");
}

function* findEmptyMirrors({ mirrors }: Troubled): Generator<Problem> {
  for (const { name, state, not_found_in_a_row: count } of mirrors) {
    if (state === "down" || count < NOTHING_FOUND) continue;
    yield {
      severity: "warning",
      kind: "mirror_has_nothing",
      subject: name,
      text: `Mirror ${name} had none of the last ${count} blobs that it was asked for: ` +
        "is its URL right, and is it filled?",
      since: null,
    };
  }
}

const UNFILLED_MS = 86_400_000;

function* findUnfilledMirrors({ mirrors, time }: Troubled): Generator<Problem> {
  for (const { name, fill } of mirrors) {
    const since = fill?.missing_since ?? null;
    if (since === null || Date.parse(time) - Date.parse(since) < UNFILLED_MS) continue;
    const missing = fill!.missing === null ? "blobs" : `${fill!.missing} blobs`;
    yield {
      severity: "warning",
      kind: "mirror_unfilled",
      subject: name,
      text: `Mirror ${name} lacks ${missing} that filling should have copied to it.`,
      since,
    };
  }
}

/** Changes that failed, by the events of a failure and of the success that ends it. */
const CHANGES = [
  { kind: "reload_refused", ended: "configuration_reloaded" },
  { kind: "certificate_refused", ended: "certificate_renewed" },
  { kind: "refresh_failed", ended: "data_refreshed" },
] as const;

const ERROR_MS = 3_600_000;

function* findFailedChanges({ events, program }: Troubled): Generator<Problem> {
  for (const { kind, ended } of CHANGES) {
    const last = events.find((event) => event.kind === kind || event.kind === ended);
    if (last?.kind !== kind) continue;
    yield { severity: "warning", kind, subject: null, text: last.text, since: last.time };
  }
  const error = events.find(({ kind }) => kind === "error");
  const newest = events[0]?.time ?? program.started;
  if (error === undefined || Date.parse(newest) - Date.parse(error.time) > ERROR_MS) return;
  const { text, time: since } = error;
  yield { severity: "warning", kind: "internal_error", subject: null, text, since };
}

function* findOldData({ data }: Troubled): Generator<Problem> {
  const old = data.filter(({ age_days }) => age_days !== null && age_days >= OLD_DAYS);
  if (old.length === 0) return;
  const oldest = Math.max(...old.map(({ age_days }) => age_days!));
  const providers = old.map(({ provider }) => provider);
  yield {
    severity: "warning",
    kind: "data_old",
    subject: providers[0]!,
    text:
      `The prefixes of ${providers.join(", ")} are up to ${oldest} days old: clients in newer ` +
      "prefixes count as being in no known location.",
    since: null,
  };
}
