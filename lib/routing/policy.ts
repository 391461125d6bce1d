/**
 * The policy: what a configuration says about routing, made ready to be asked.
 *
 * @module
 */

/** A registry that requests are redirected to. */
export interface Upstream {
  /** Its key among the configuration's `upstreams`. */
  readonly name: string;
  /** What stands before a repository name: `https://registry.example/v2/project/`. */
  readonly base: string;
  /** Its place among the configuration's `upstreams`, from 0. */
  readonly place: number;
}

/** A blob store: a blob stands at `<url>/<digest>`. */
export interface Mirror {
  /** Its key among the configuration's `mirrors`. */
  readonly name: string;
  /** Without a slash at its end. */
  readonly url: string;
  /** Its place among the configuration's `mirrors`, from 0. */
  readonly place: number;
}

/** What serves the clients of some locations. */
export interface Rule {
  /** Its place in the configuration, 1 for the first; 0 for when none matches. */
  readonly number: number;
  /** The patterns of {@linkcode matchesLocation}. */
  readonly clients: readonly string[];
  /** In the order in which they are asked. */
  readonly mirrors: readonly Mirror[];
  /** What serves everything that no mirror does. */
  readonly upstream: Upstream;
}

/** What a policy is made of. */
export interface PolicyParts {
  /** The URL that `/` redirects to; without it, `/` is not found. */
  readonly infoPage?: string;
  /** The URL that `/privacy` redirects to; without it, `/privacy` is not found. */
  readonly privacyPage?: string;
  /** The upstream of clients that no rule matches; rules may have others. */
  readonly upstream: Upstream;
  /** The registry that alone holds signatures; without it, upstreams hold their own. */
  readonly signatureUpstream?: Upstream;
  /** In the order in which they are tried. */
  readonly rules: readonly Rule[];
}

/** All that decisions are made by. */
export interface Policy extends PolicyParts {
  /** Whether rules have upstreams of their own, so that manifests need a rule, too. */
  readonly upstreamVaries: boolean;
  /**
   * The rule for a client's location: the first that matches, or one without
   * mirrors when none does.
   *
   * @param location its number in the list the policy was made with, -1 for none
   */
  ruleFor(location: number): Rule;
}

/**
 * Makes a policy.
 *
 * @param locations every location there is; rules are looked up by the place in this list
 */
export function createPolicy(parts: PolicyParts, locations: readonly string[]): Policy {
  const none: Rule = { number: 0, clients: [], mirrors: [], upstream: parts.upstream };
  const first = (location: string | undefined) =>
    parts.rules.find(({ clients }) =>
      clients.some((pattern) => matchesLocation(pattern, location))
    ) ?? none;
  const byLocation = locations.map(first);
  const unlocated = first(undefined);
  return {
    ...parts,
    upstreamVaries: parts.rules.some(({ upstream }) => upstream !== parts.upstream),
    ruleFor: (location) => byLocation[location] ?? unlocated,
  };
}

/**
 * Whether a pattern of a rule's `clients` matches a location: `*` matches every
 * client, with a location or without; `aws/*` every location of a cloud;
 * `aws/eu-west-3` that location.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(matchesLocation("aws/*", "aws/eu-west-3"), true);
 * assertEquals(matchesLocation("aws/*", "gcp/europe-west9"), false);
 * assertEquals(matchesLocation("*", undefined), true);
 * ```
 */
export function matchesLocation(pattern: string, location: string | undefined): boolean {
  if (pattern === "*") return true;
  if (location === undefined) return false;
  return pattern.endsWith("/*") ? location.startsWith(pattern.slice(0, -1)) : location === pattern;
}
