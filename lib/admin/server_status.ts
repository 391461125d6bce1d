/**
 * The state of mirrors and upstreams, a part of the state of the program.
 *
 * @module
 */

import type { Verdict } from "../mirrors/answer.ts";
import type { MirrorFillStatus } from "./fill_status.ts";
import type { RelayResult, TOKEN_RESULTS, UPSTREAM_CODES } from "../observe/relay_numbers.ts";

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
  /** What the last fill found; `null` if it was not filled, or that is not known. */
  readonly fill: MirrorFillStatus | null;
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
  /** What is fetched from it for clients since the start; `null` if clients are sent to it. */
  readonly relayed: RelayedStatus | null;
  /** Pulls that were redirected to it or relayed from it, a second, now. */
  readonly pulls_per_s: number | null;
  /** HEAD requests to it about signatures, by result, since the start. */
  readonly asked: Readonly<Record<Verdict, number>>;
  /** How long these took on average, in milliseconds. */
  readonly mean_ms: number | null;
}

/** What is relayed from an upstream, since the start. */
export interface RelayedStatus {
  /** What of it is relayed: all pulls, or lists of tags alone. */
  readonly what: "pulls" | "tags";
  /** What came of pulls: served from memory, fetched, served although stale, and so on. */
  readonly results: Readonly<Record<RelayResult, number>>;
  /** What it answered, by status; `none` for no answer. */
  readonly answers: Readonly<Record<typeof UPSTREAM_CODES[number], number>>;
  /** How many more requests it takes, if it says so. */
  readonly requests_left: number | null;
}

/** Relaying, from all upstreams together. */
export interface RelayStatus {
  /** The bytes of manifests and tags that are remembered. */
  readonly memory_bytes: number;
  /** How many blobs are being streamed. */
  readonly streams: number;
  /** The bytes of blobs that were streamed since the start. */
  readonly streamed_bytes: number;
  /** What token services answered since the start. */
  readonly tokens: Readonly<Record<typeof TOKEN_RESULTS[number], number>>;
  /** How long requests to relaying upstreams took on average, in milliseconds. */
  readonly mean_ms: number | null;
}
