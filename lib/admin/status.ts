/**
 * The state of the program as JSON: everything that the page shows. `status_schema.ts` has the
 * same as a schema.
 *
 * Times are in ISO 8601, in UTC; `null` stands for what is not known or does not exist. Fields
 * are added in later versions, and none is removed or changes its meaning.
 *
 * @module
 */

import type { EventKind } from "../observe/journal.ts";
import type { Backend } from "../redirect/backends.ts";
import type { ClientsStatus, RuleStatus } from "./client_status.ts";
import type { HistoryStatus } from "./history_status.ts";
import type { FillStatus } from "./fill_status.ts";
import type { MirrorStatus, RelayStatus, UpstreamStatus } from "./server_status.ts";

export type * from "./client_status.ts";
export type * from "./fill_status.ts";
export type * from "./history_status.ts";
export type * from "./server_status.ts";

/** The state of the program. */
export interface Status {
  /** The time at which all of this was so. */
  readonly time: string;
  /** The program and its process. */
  readonly program: ProgramStatus;
  /** What an operator should look at, the worst first. */
  readonly problems: readonly Problem[];
  /** Requests and redirects. */
  readonly traffic: TrafficStatus;
  /** The mirrors, in the order of the configuration. */
  readonly mirrors: readonly MirrorStatus[];
  /** Where clients are. */
  readonly clients: ClientsStatus;
  /** What became of pulls, by rule. */
  readonly rules: readonly RuleStatus[];
  /** What the last fill of the mirrors found; `null` if that is not known. */
  readonly fill: FillStatus | null;
  /** The upstreams, in the order of the configuration. */
  readonly upstreams: readonly UpstreamStatus[];
  /** What is relayed; `null` if no upstream is relaying. */
  readonly relay: RelayStatus | null;
  /** The most pulled repositories, the most pulled first. */
  readonly repositories: readonly RepositoryStatus[];
  /** The prefixes of each cloud. */
  readonly data: readonly DataStatus[];
  /** The last events, the last first. */
  readonly events: readonly EventStatus[];
  /** The hosts that a client may be sent to. */
  readonly backends: readonly Backend[];
  /** The configuration in effect, without secrets. */
  readonly configuration: unknown;
  /** What was measured; absent where it was not asked for. */
  readonly history?: HistoryStatus;
}

/** The program and its process. */
export interface ProgramStatus {
  /** Its version. */
  readonly version: string;
  /** The version of its runtime. */
  readonly deno: string;
  /** When it started. */
  readonly started: string;
  /** Why it is not ready for requests; `null` when it is. */
  readonly unready: string | null;
  /** How many isolates serve. */
  readonly isolates: number;
  /** How many cores it uses now. */
  readonly cpu_cores: number | null;
  /** Its resident memory, in bytes. */
  readonly resident_bytes: number;
}

/** The kinds of problems. */
export const PROBLEM_KINDS = [
  "mirror_down",
  "mirror_has_nothing",
  "mirror_unfilled",
  "not_ready",
  "reload_refused",
  "certificate_refused",
  "refresh_failed",
  "data_old",
  "internal_error",
] as const;

/** Something that an operator should look at. */
export interface Problem {
  /** How bad it is: clients are served otherwise than configured, or something needs a look. */
  readonly severity: "critical" | "warning";
  /** What it is. */
  readonly kind: typeof PROBLEM_KINDS[number];
  /** What it is about: the name of a mirror or a cloud; `null` for the program. */
  readonly subject: string | null;
  /** A sentence about it. */
  readonly text: string;
  /** Since when. */
  readonly since: string | null;
}

/** Requests and redirects since the start. */
export interface TrafficStatus {
  /** All requests. */
  readonly requests: number;
  /** Requests a second now. */
  readonly requests_per_s: number | null;
  /** Blobs that clients were redirected for. */
  readonly blobs: number;
  /** Of these, those that were redirected to a mirror. */
  readonly blobs_from_mirrors: number;
  /** Of these, those that were redirected to an upstream. */
  readonly blobs_from_upstreams: number;
  /** The mean size of the blobs that probes found, in bytes. */
  readonly mean_blob_bytes: number | null;
  /** An estimate of what mirrors send in a day: redirects of the last day times the mean size. */
  readonly estimated_bytes_from_mirrors_per_day: number | null;
  /** The same of upstreams. */
  readonly estimated_bytes_from_upstreams_per_day: number | null;
  /** Probes in flight. */
  readonly probes_in_flight: number;
  /** Answers of mirrors that are remembered, of all isolates. */
  readonly remembered: { readonly found: number; readonly missing: number };
}

/** A repository. */
export interface RepositoryStatus {
  /** Its name, as clients ask for it. */
  readonly name: string;
  /** Pulls of it since the start. */
  readonly pulls: number;
  /** By how much `pulls` may be too high; if pulls were sampled, it may be too low as well. */
  readonly error: number;
}

/** The prefixes of a cloud. */
export interface DataStatus {
  /** The cloud's name. */
  readonly provider: string;
  /** Where the prefixes are published. */
  readonly source: string;
  /** The day they were published. */
  readonly date: string | null;
  /** How old they are, in days. */
  readonly age_days: number | null;
  /** How many there are. */
  readonly prefixes: number;
  /** How many locations there are. */
  readonly locations: number;
}

/** An event. */
export interface EventStatus {
  /** When it happened last. */
  readonly time: string;
  /** What happened. */
  readonly kind: EventKind;
  /** What it happened to: the name of a mirror; `null` for the program. */
  readonly subject: string | null;
  /** A sentence about it. */
  readonly text: string;
  /** How often it happened within a while. */
  readonly count: number;
}
