/**
 * The hosts that relaying upstreams have sent clients to. Which these are is known only from
 * their redirects.
 *
 * @module
 */

/** A host that an upstream has sent clients to. */
export interface SeenHost {
  /** The name of the upstream. */
  readonly upstream: string;
  /** `host:port`. */
  readonly authority: string;
}

/** Keeps the hosts that upstreams have sent clients to. */
export interface SeenHosts {
  /** Takes note of a redirect of an upstream. */
  note(upstream: string, location: string): void;
  /** Takes a host that another isolate has seen; returns whether it is new here. */
  add(seen: SeenHost): boolean;
  /** The hosts; the same list until there is another one. */
  list(): readonly SeenHost[];
}

// An upstream may send each client to a host of its own, and its redirects may be hostile.
const MAX_HOSTS = 64;
const AUTHORITY = /^(?:[a-z0-9.-]{1,253}|\[[0-9a-f:.]+\]):\d+$/;

/**
 * Makes an empty list.
 *
 * @param onSeen called with each host that is noted for the first time
 */
export function createSeenHosts(onSeen: (seen: SeenHost) => void = () => {}): SeenHosts {
  let hosts: readonly SeenHost[] = [];

  function add(seen: SeenHost): boolean {
    const isKnown = hosts.some(({ upstream, authority }) =>
      upstream === seen.upstream && authority === seen.authority
    );
    if (isKnown || hosts.length >= MAX_HOSTS || !AUTHORITY.test(seen.authority)) return false;
    hosts = [...hosts, seen];
    return true;
  }

  return {
    note(upstream, location) {
      // A relative one is at the upstream itself.
      if (!URL.canParse(location)) return;
      const seen = { upstream, authority: authorityOf(location) };
      if (add(seen)) onSeen(seen);
    },
    add,
    list: () => hosts,
  };
}

/** The host of a URL, with its port. */
export function authorityOf(url: string): string {
  const { hostname, port, protocol } = new URL(url);
  return `${hostname}:${port || (protocol === "https:" ? 443 : 80)}`;
}
