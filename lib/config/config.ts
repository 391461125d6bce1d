/**
 * A configuration, as the rest of the program sees it: checked, and with every default
 * in its place. What a file may say is in `schema.ts`.
 *
 * @module
 */

/** A configuration. */
export interface Config {
  /** Where to listen. */
  readonly listen: ListenConfig;
  /** The log. */
  readonly log: {
    /** From which level on lines are written. */
    readonly level: LogLevel;
  };
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
  /** How many answers are remembered. */
  readonly max_entries: number;
  /** How many mirrors are asked at the same time; past it, the upstream serves. */
  readonly max_in_flight: number;
}
