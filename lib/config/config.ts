/**
 * The configuration as the rest of the program sees it: validated, with all defaults filled
 * in. `schema.ts` defines what a file may contain.
 *
 * @module
 */

import type { ProviderName } from "../locations/providers.ts";
import type { FillConfig, StoreConfig } from "./config_of_filling.ts";
import type { AdminConfig, ListenConfig, PagesConfig } from "./config_of_listeners.ts";

/** A configuration. */
export interface Config {
  /** Where to listen. */
  readonly listen: ListenConfig;
  /** How many isolates serve, each on up to one core; `auto` for as many as there are cores. */
  readonly workers: number | "auto";
  /** The listener for operators; without it, there is none. */
  readonly admin?: AdminConfig | undefined;
  /** What is logged. */
  readonly log: LogConfig;
  /** Where the client address comes from. */
  readonly client_address: ClientAddressConfig;
  /** Where `/` and `/privacy` redirect to. */
  readonly pages: PagesConfig;
  /**
   * The registries, by name: at least one, and one named `main` if there are several and some
   * repositories are in no other.
   */
  readonly upstreams: Readonly<Record<string, UpstreamConfig>>;
  /**
   * The repositories that there are, by name or by the beginning of names and a `*`; without
   * it, every name is the main upstream's.
   */
  readonly repositories?: Readonly<Record<string, RepositoryConfig>> | undefined;
  /** The name of the upstream that alone holds signatures. */
  readonly signature_upstream?: string | undefined;
  /** The blob stores, by name. */
  readonly mirrors: Readonly<Record<string, MirrorConfig>>;
  /** What is copied into the stores of mirrors. */
  readonly fill?: FillConfig | undefined;
  /** The operator's own prefixes, such as `192.0.2.0/24`, by `<cloud>/<region>`. */
  readonly locations: Readonly<Record<string, readonly string[] | PrefixFileConfig>>;
  /** Which servers serve which clients. The first rule that matches applies. */
  readonly rules: readonly RuleConfig[];
  /** How relaying upstreams are used. */
  readonly relay: RelayConfig;
  /** How a pull is followed through all logs. */
  readonly trace: TraceConfig;
  /** How mirrors are probed, and how long answers are remembered. */
  readonly probe: ProbeConfig;
  /** How mirrors are checked. */
  readonly health: HealthConfig;
  /** How the data set is kept up to date. */
  readonly ranges: RangesConfig;
}

/** The log levels, the most verbose first. */
export const LOG_LEVELS = ["debug", "info", "warning", "error"] as const;

/** The name of a log level. */
export type LogLevel = typeof LOG_LEVELS[number];

/** What is logged. */
export interface LogConfig {
  /** The lowest level of the events that are logged. */
  readonly level: LogLevel;
  /** Whether a line is written for each pull. */
  readonly pulls: boolean;
}

/** Where the client address comes from. */
export interface ClientAddressConfig {
  /** The name of the header that a load balancer sets; `null` to use the peer's address. */
  readonly header: string | null;
  /** Which entry of the header to use, 1 for the last. */
  readonly from_end: number;
}

/** A registry. */
export interface UpstreamConfig {
  /** Its base URL, such as `https://registry.example`. */
  readonly endpoint: string;
  /** The path there that repository names are appended to, such as `project/images`, or empty. */
  readonly path: string;
  /** Whether clients are redirected there, as by default, or what they pull is fetched for them. */
  readonly pull?: "redirect" | "relay" | undefined;
  /** The same for lists of tags alone; by default as `pull`. */
  readonly tags?: "redirect" | "relay" | undefined;
  /** Who it is asked as, where that is not anybody. */
  readonly credentials?: CredentialsConfig | undefined;
  /** Other hosts that issue tokens for it, each with or without a port. */
  readonly token_hosts?: readonly string[] | undefined;
  /** Private hosts that it may redirect clients to, each with or without a port. */
  readonly redirect_hosts?: readonly string[] | undefined;
}

/** Who a registry is asked as: a user with a password, or by an identity token. */
export interface CredentialsConfig {
  /** The user's name. */
  readonly username?: string | undefined;
  /** The path of a file with the password. */
  readonly password_file?: string | undefined;
  /** The path of a file with a refresh token of OAuth 2.0. */
  readonly identity_token_file?: string | undefined;
}

/** Where repositories are. */
export interface RepositoryConfig {
  /** The name of the upstream; the main one by default. */
  readonly upstream?: string | undefined;
  /** Their name there, with a `*` for that of the pattern; the same by default. */
  readonly as?: string | undefined;
  /** Whether everybody may pull them, though the upstream has credentials. */
  readonly public?: boolean | undefined;
}

/** A blob store. */
export interface MirrorConfig {
  /** A URL template (`mirrors/template.ts`); or a base URL, and a blob is at `<url>/<digest>`. */
  readonly url: string;
  /**
   * How many redirects a second it takes in place of mirrors that are down; above it, the
   * upstream serves. Without it, there is no limit.
   */
  readonly fallback_limit?: number | undefined;
  /** How it is written to; without it, it is not. */
  readonly store?: StoreConfig | undefined;
}

/** A file of prefixes. */
export interface PrefixFileConfig {
  /** The path of a plain list, a geofeed, or a JSON list. */
  readonly file: string;
}

/** Which servers serve the clients of some locations. */
export interface RuleConfig {
  /** Location patterns: `*`, or `<cloud>/<region>` in which each `*` stands for any text. */
  readonly clients: readonly string[];
  /** The names of the mirrors to ask, in order. */
  readonly mirrors: readonly string[];
  /** The name of the upstream that serves the rest; the main one by default. */
  readonly upstream?: string | undefined;
}

/** How relaying upstreams are used. */
export interface RelayConfig {
  /** How many MiB of manifests each isolate remembers. */
  readonly memory_mib: number;
  /** How long a tag is remembered, in seconds. */
  readonly tag_ttl_s: number;
  /** How long after it was last seen a tag is served while the upstream fails, in seconds. */
  readonly stale_s: number;
  /** The timeout of a request, in milliseconds. */
  readonly timeout_ms: number;
  /** Whether blobs that the upstream serves itself are streamed to clients. */
  readonly stream: boolean;
  /** How many blobs are streamed at the same time. */
  readonly max_streams: number;
}

/** How a pull is followed through all logs. */
export interface TraceConfig {
  /** Whether each request has an id, which stands in its answer's `X-Request-ID`. */
  readonly request_id: boolean;
  /** Whether clients get a token at `/token`, so that all requests of a pull have one id. */
  readonly session: boolean;
  /** The query parameter of redirects that the id is in; `null` for none. */
  readonly redirect_parameter: string | null;
  /** The name of the header with the number of the client's network; `null` for none. */
  readonly client_asn_header: string | null;
}

/** How mirrors are probed. */
export interface ProbeConfig {
  /** The timeout of a probe, in milliseconds. */
  readonly timeout_ms: number;
  /** How long a blob that was found is remembered, in seconds. */
  readonly found_ttl_s: number;
  /**
   * How long after it was last found in a mirror a blob is rechecked there, in seconds.
   */
  readonly recheck_s: number;
  /** How long a missing blob is remembered, in seconds. */
  readonly missing_ttl_s: number;
  /** How many answers each isolate remembers. */
  readonly max_entries: number;
  /** How many probes are in flight or wait at the same time; above it, the upstream serves. */
  readonly max_in_flight: number;
  /** How many probes begin in a second; above it, they wait for their turn. */
  readonly max_per_s: number;
}

/** How mirrors are checked. */
export interface HealthConfig {
  /** How long to wait from one check of a mirror to the next, in milliseconds. */
  readonly interval_ms: number;
  /** How many failed checks in a row take a mirror down. */
  readonly down_after: number;
  /** How many good checks in a row bring it up again. */
  readonly up_after: number;
  /** The longest wait between checks of a mirror that is down, in milliseconds. */
  readonly max_interval_ms: number;
}

/** How the data set is kept up to date. */
export interface RangesConfig {
  /** How often the providers' files are fetched, in hours; never without it. */
  readonly refresh_h?: number | undefined;
  /** URLs to fetch them from instead of from the providers, by provider. */
  readonly sources: Readonly<Partial<Record<ProviderName, string | undefined>>>;
}
