/**
 * A configuration, as the rest of the program sees it: checked, and with every default
 * in its place. What a file may say is in `schema.ts`.
 *
 * @module
 */

import type { ProviderName } from "../locations/providers.ts";

/** A configuration. */
export interface Config {
  /** Where to listen. */
  readonly listen: ListenConfig;
  /** How many isolates serve, each on a core of its own; `auto` for as many as there are cores. */
  readonly workers: number | "auto";
  /** Where operators ask; without it, nowhere. */
  readonly admin?: AdminConfig | undefined;
  /** What is logged. */
  readonly log: LogConfig;
  /** What tells a client's address. */
  readonly client_address: ClientAddressConfig;
  /** Where `/` and `/privacy` lead. */
  readonly pages: PagesConfig;
  /** The registries, by name: at least one, and one named `main` when there are more. */
  readonly upstreams: Readonly<Record<string, UpstreamConfig>>;
  /** The name of the upstream that alone holds signatures. */
  readonly signature_upstream?: string | undefined;
  /** The blob stores, by name. */
  readonly mirrors: Readonly<Record<string, MirrorConfig>>;
  /** Prefixes of the operator's own, such as `192.0.2.0/24`, by `<cloud>/<region>`. */
  readonly locations: Readonly<Record<string, readonly string[]>>;
  /** What serves which clients. The first that matches counts. */
  readonly rules: readonly RuleConfig[];
  /** How mirrors are asked, and how long their answers count. */
  readonly probe: ProbeConfig;
  /** How it is found out that a mirror is down, and that it is back. */
  readonly health: HealthConfig;
  /** How the data set is kept up to date. */
  readonly ranges: RangesConfig;
}

/** The levels of the log, the most talkative first. */
export const LOG_LEVELS = ["debug", "info", "warning", "error"] as const;

/** The name of a log level. */
export type LogLevel = typeof LOG_LEVELS[number];

/** Where to listen. */
export interface ListenConfig {
  /** An IP address or a host name. */
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** For a machine with no load balancer before it: what makes it speak HTTPS. */
  readonly tls?: TlsConfig | undefined;
}

/** A certificate and its key. */
export interface TlsConfig {
  /** The path of a PEM file with the certificate and those it is signed by. */
  readonly cert: string;
  /** The path of a PEM file with the private key. */
  readonly key: string;
}

/** Where operators ask: for health, metrics and explanations. */
export interface AdminConfig {
  /** An IP address or a host name. */
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
}

/** What is logged. */
export interface LogConfig {
  /** From which level on events are written. */
  readonly level: LogLevel;
  /** Whether a line is written for each pull. */
  readonly pulls: boolean;
}

/** What tells a client's address. */
export interface ClientAddressConfig {
  /** The name of the header that a load balancer sets; `null` to take the peer's address. */
  readonly header: string | null;
  /** Which of the header's entries it is, 1 for the last. */
  readonly from_end: number;
}

/** Where requests for people lead: URLs. */
export interface PagesConfig {
  /** Where `/` leads. */
  readonly info?: string | undefined;
  /** Where `/privacy` leads. */
  readonly privacy?: string | undefined;
}

/** A registry. */
export interface UpstreamConfig {
  /** Its base URL, such as `https://registry.example`. */
  readonly endpoint: string;
  /** What stands there before each repository's name, such as `project/images`, or nothing. */
  readonly path: string;
}

/** A blob store. */
export interface MirrorConfig {
  /** Its base URL: a blob stands at `<url>/<digest>`. */
  readonly url: string;
  /**
   * How many redirects a second it takes in place of mirrors that are down; past it, the
   * upstream serves. Without it, all.
   */
  readonly fallback_limit?: number | undefined;
}

/** What serves the clients of some locations. */
export interface RuleConfig {
  /** Location patterns: `*`, `<cloud>/*` or `<cloud>/<region>`. */
  readonly clients: readonly string[];
  /** The names of the mirrors to ask, in order. */
  readonly mirrors: readonly string[];
  /** The name of the upstream that serves the rest, when it is not the main one. */
  readonly upstream?: string | undefined;
}

/** How mirrors are asked. */
export interface ProbeConfig {
  /** How long a mirror may take to answer, in milliseconds. */
  readonly timeout_ms: number;
  /** How long a blob that was found is remembered, in seconds. */
  readonly found_ttl_s: number;
  /** How long it is remembered that a blob is missing, in seconds. */
  readonly missing_ttl_s: number;
  /** How many answers are remembered by each isolate. */
  readonly max_entries: number;
  /** How many probes are under way or wait at the same time; past it, the upstream serves. */
  readonly max_in_flight: number;
  /** How many probes are begun in a second; past it, they wait for their turn. */
  readonly max_per_s: number;
}

/** How it is found out that a mirror is down, and that it is back. */
export interface HealthConfig {
  /** How long to wait from one check of a mirror to the next, in milliseconds. */
  readonly interval_ms: number;
  /** After how many failures in a row a mirror is down. */
  readonly down_after: number;
  /** After how many good checks in a row it is up again. */
  readonly up_after: number;
  /** The longest wait between the checks of a mirror that is down, in milliseconds. */
  readonly max_interval_ms: number;
}

/** How the data set is kept up to date. */
export interface RangesConfig {
  /** How long to wait before the providers' files are fetched again, in hours. */
  readonly refresh_h?: number | undefined;
  /** Where to fetch them instead of from the providers: URLs, by provider. */
  readonly sources: Readonly<Partial<Record<ProviderName, string | undefined>>>;
}
