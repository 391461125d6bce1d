/**
 * The part of a configuration that is about listeners, and what they answer beside pulls.
 *
 * @module
 */

/** Where to listen. */
export interface ListenConfig {
  /**
   * An IP address or a host name; `::` is every address of both families, or of IPv4 alone if
   * the machine has no IPv6.
   */
  readonly host: string;
  /** The port; 0 for any free one. */
  readonly port: number;
  /** Enables HTTPS, for a machine without a load balancer in front of it. */
  readonly tls?: TlsConfig | undefined;
}

/** A certificate and its key. */
export interface TlsConfig {
  /** The path of a PEM file with the certificate and its intermediate certificates. */
  readonly cert: string;
  /** The path of a PEM file with the private key. */
  readonly key: string;
}

/** The listener for operators: health, metrics, the page. */
export interface AdminConfig {
  /** An IP address or a host name. */
  readonly host: string;
  /** The port; 0 for any free one. */
  readonly port: number;
  /** The path of a file with the token that operators present; without it, anyone can ask. */
  readonly token_file?: string | undefined;
  /** Names in `Host` headers that are answered, beside IP addresses and `localhost`. */
  readonly hosts?: readonly string[] | undefined;
}

/** Where requests for pages redirect to: URLs. */
export interface PagesConfig {
  /** Where `/` redirects to. */
  readonly info?: string | undefined;
  /** Where `/privacy` redirects to. */
  readonly privacy?: string | undefined;
  /** Whether `/backends` lists the hosts that a client may be sent to, and what it adds. */
  readonly backends?: boolean | BackendsConfig | undefined;
}

/** What the list of hosts at `/backends` has beside the servers of the configuration. */
export interface BackendsConfig {
  /** Hosts, such as `objects.example`, or `*.objects.example` for those below one. */
  readonly also: readonly string[];
}
