/**
 * The policy: the routing part of a configuration, prepared for lookups.
 *
 * @module
 */

import type { Pulled } from "../oci/request.ts";
import { createLocationMatcher } from "./location_pattern.ts";
import { createRepositories, type RepositoryEntry, type RepositoryFinder } from "./repositories.ts";

/** A registry that requests are redirected to, or that what they ask for is fetched from. */
export interface Upstream {
  /** Its number, under which it is counted. */
  readonly number: number;
  /** Its key among the configuration's `upstreams`. */
  readonly name: string;
  /** The URL that repository names are appended to: `https://registry.example/v2/project/`. */
  readonly base: string;
  /** What is fetched from it for clients; without it, they are redirected for everything. */
  readonly relayed?: "pulls" | "tags";
}

/** Whether what is asked for is fetched from an upstream for clients. */
export function isRelayed({ relayed }: Upstream, { kind }: Pick<Pulled, "kind">): boolean {
  return relayed !== undefined && (relayed === "pulls" || kind === "tags");
}

/** A part of a URL template: a text, or what of a blob is in its place. */
export type TemplatePart =
  | string
  | { readonly of: "digest" | "algorithm" | "hex" | "name" }
  /** So many of the first hexadecimal digits. */
  | { readonly digits: number };

/** A URL template, parsed. */
export interface Template {
  /** The parts of the URL. */
  readonly parts: readonly TemplatePart[];
  /** Whether the repository's name is one of them. */
  readonly named: boolean;
}

/** A blob store. */
export interface Mirror {
  /** Its number, under which it is known and counted. */
  readonly number: number;
  /** Its key among the configuration's `mirrors`. */
  readonly name: string;
  /** Its URL template; or a URL without a trailing slash, and a blob is at `<url>/<digest>`. */
  readonly url: string;
  /** The URL template, parsed; `undefined` for a URL without one. */
  readonly template?: Template | undefined;
  /** How many redirects a second may be diverted to it from other mirrors; `Infinity` for any. */
  readonly fallbackLimit: number;
}

/** Which servers serve the clients of some locations. */
export interface Rule {
  /** Its position in the configuration, 1 for the first; 0 when no rule matches. */
  readonly number: number;
  /** Location patterns: `*`, or a location in which each `*` stands for any text. */
  readonly clients: readonly string[];
  /** The mirrors to ask, in order. */
  readonly mirrors: readonly Mirror[];
  /** The upstream that serves everything that no mirror does. */
  readonly upstream: Upstream;
}

/** What a policy is made of. */
export interface PolicyParts {
  /** The URL that `/` redirects to; without it, `/` is not found. */
  readonly infoPage?: string;
  /** The URL that `/privacy` redirects to; without it, `/privacy` is not found. */
  readonly privacyPage?: string;
  /** Whether `/backends` lists the hosts that a client may be sent to. */
  readonly listsBackends?: boolean;
  /** The upstream of clients that no rule matches; rules may have others. */
  readonly upstream: Upstream;
  /**
   * The registry that alone holds signatures of repositories in the main upstream; without it,
   * upstreams hold their own.
   */
  readonly signatureUpstream?: Upstream;
  /** The repositories that there are; without it, every name is the main upstream's. */
  readonly repositories?: readonly RepositoryEntry[];
  /** The rules, in the order in which they are tried. */
  readonly rules: readonly Rule[];
}

/** Everything that decisions depend on. */
export interface Policy extends Omit<PolicyParts, "repositories"> {
  /** Finds a repository; without it, every name is the main upstream's. */
  readonly findRepository: RepositoryFinder | undefined;
  /** Whether the mirrors for a blob depend on the client's location. */
  readonly mirrorsVary: boolean;
  /** Whether the upstream depends on the client's location. */
  readonly upstreamVaries: boolean;
  /** The rule for clients without a location; it suits all clients where rules do not differ. */
  readonly unlocated: Rule;
  /**
   * The rule for a client's location: the first that matches, or one without mirrors if none
   * does.
   *
   * @param location its index in the list the policy was made with, -1 for none
   */
  ruleFor(location: number): Rule;
}

/**
 * Makes a policy.
 *
 * @param locations all locations; rules are looked up by an index in this list
 */
export function createPolicy(parts: PolicyParts, locations: readonly string[]): Policy {
  const none: Rule = { number: 0, clients: [], mirrors: [], upstream: parts.upstream };
  const rules = parts.rules.map((rule) => ({
    rule,
    matchers: rule.clients.map(createLocationMatcher),
  }));
  const first = (location: string | undefined) =>
    rules.find(({ matchers }) => matchers.some((matches) => matches(location)))?.rule ?? none;
  const byLocation = locations.map(first);
  const unlocated = first(undefined);
  // Rules that match no location distinguish no clients.
  const inUse = [...new Set(byLocation)];
  const { repositories, ...rest } = parts;
  return {
    ...rest,
    findRepository: repositories && createRepositories(repositories),
    mirrorsVary: inUse.some(({ mirrors }) => !isSameList(mirrors, unlocated.mirrors)),
    upstreamVaries: inUse.some(({ upstream }) => upstream !== unlocated.upstream),
    unlocated,
    // Looking up -1 in an array costs more than the rest of a decision.
    ruleFor: (location) => location < 0 ? unlocated : byLocation[location] ?? unlocated,
  };
}

function isSameList(one: readonly Mirror[], other: readonly Mirror[]): boolean {
  return one.length === other.length && one.every((mirror, at) => mirror === other[at]);
}
