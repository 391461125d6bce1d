/**
 * The state of mirrors and upstreams, a part of the state of the program.
 *
 * @module
 */

import type { Verdict } from "../mirrors/answer.ts";

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
