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
import type { Outcomes } from "../observe/located.ts";
import type { Verdict } from "../mirrors/answer.ts";
import type { Backend } from "../redirect/backends.ts";

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
  /** The upstreams, in the order of the configuration. */
  readonly upstreams: readonly UpstreamStatus[];
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

/** A mirror. */
export interface MirrorStatus {
  /** Its name in the configuration. */
  readonly name: string;
  /** Its URL. */
  readonly url: string;
  /** Whether it gets clients. */
  readonly state: "up" | "down";
  /** Since when: the last change, or when it was configured. */
  readonly since: string;
  /** Why it is down. */
  readonly reason: string | null;
  /** The last check. */
  readonly last_check: CheckStatus | null;
  /** Redirects to it since the start. */
  readonly redirects: number;
  /** Redirects to it a second, now. */
  readonly redirects_per_s: number | null;
  /** Redirects to it within the last day. */
  readonly redirects_last_day: number | null;
  /** Redirects to it in place of a mirror that is down or failed a client, since the start. */
  readonly fallback_redirects: number;
  /** Probes of it, by result, since the start. */
  readonly probes: Readonly<Record<Verdict, number>>;
  /** The share of the blobs asked for that it had, from 0 to 1. */
  readonly found_share: number | null;
  /** How many blobs in a row it did not have. */
  readonly not_found_in_a_row: number;
  /** How many redirects a second it takes for others; `null` for any number. */
  readonly fallback_limit: number | null;
}

/** A check of a mirror. */
export interface CheckStatus {
  /** When it ended. */
  readonly time: string;
  /** Its result. */
  readonly result: "good" | "lost" | "bad" | "has_all" | "unsent";
  /** The HTTP status code of the answer. */
  readonly status: number | null;
  /** What was wrong. */
  readonly reason: string | null;
  /** How long the answer took, in milliseconds. */
  readonly ms: number;
}

/** Where clients are: pulls since the start. */
export interface ClientsStatus {
  /** The locations that clients came from, the most pulls first. */
  readonly locations: readonly LocationStatus[];
  /** Pulls of clients in no known location. */
  readonly nowhere: number;
  /** Pulls of clients in locations that are not counted apart. */
  readonly others: number;
  /** Pulls whose answer did not depend on where the client is, which was then not looked up. */
  readonly not_looked_up: number;
}

/** A location. */
export interface LocationStatus {
  /** Its name: `aws/eu-west-3`. */
  readonly location: string;
  /** Its latitude and longitude in degrees, where the provider tells the place. */
  readonly coordinates: readonly [latitude: number, longitude: number] | null;
  /** Pulls from there. */
  readonly pulls: number;
  /** Of these, those that a mirror served. */
  readonly from_mirrors: number;
  /** Of these, those that an upstream served. */
  readonly from_upstreams: number;
  /** The position of its rule in the configuration, 1 for the first. */
  readonly rule: number | null;
}

/** What became of the pulls of a rule's clients, since the start. */
export interface RuleStatus {
  /** Its position in the configuration, 1 for the first; `null` for clients without a rule. */
  readonly rule: number | null;
  /** Its location patterns. */
  readonly clients: readonly string[];
  /** The names of its mirrors, in order. */
  readonly mirrors: readonly string[];
  /** The name of its upstream. */
  readonly upstream: string;
  /** Pulls by what became of them: why a mirror or an upstream served. */
  readonly outcomes: Outcomes;
}

/** An upstream. */
export interface UpstreamStatus {
  /** Its name in the configuration. */
  readonly name: string;
  /** The URL that repository names are appended to. */
  readonly url: string;
  /** Redirects to it since the start, by reason. */
  readonly redirects: Readonly<Record<string, number>>;
  /** Redirects to it a second, now. */
  readonly redirects_per_s: number | null;
  /** HEAD requests to it about signatures, by result, since the start. */
  readonly asked: Readonly<Record<Verdict, number>>;
  /** How long these took on average, in milliseconds. */
  readonly mean_ms: number | null;
}

/** A repository. */
export interface RepositoryStatus {
  /** Its name, as clients ask for it. */
  readonly name: string;
  /** Pulls of it since the start, at most. */
  readonly pulls: number;
  /** By how much `pulls` may be too high. */
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

/** What was measured. */
export interface HistoryStatus {
  /** Within the last hour. */
  readonly hour: SpanStatus;
  /** Within the last day. */
  readonly day: SpanStatus;
}

/** What was measured within a span. */
export interface SpanStatus {
  /** When the first step begins. */
  readonly begins: string;
  /** The time of a step, in seconds. */
  readonly step_s: number;
  /**
   * The values of each step by the name of their series, `null` where nothing was measured:
   * rates a second; `cpu` in cores, `memory` in bytes.
   */
  readonly series: Readonly<Record<string, readonly (number | null)[]>>;
}
