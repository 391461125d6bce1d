/**
 * Turns what is asked for into a decision. Everything here is pure.
 *
 * @module
 */

import { type Asked, type ByDigest, formatPath, type Pulled } from "../oci/request.ts";
import type { Mirror, Policy, Rule, Upstream } from "./policy.ts";
import {
  METHOD_NOT_ALLOWED,
  NO_CATALOG,
  NO_END_POINT,
  type NoAddress,
  NOT_FOUND,
  type Refusal,
  refuseAddress,
  refuseInvalid,
  refuseRepository,
} from "./refusals.ts";

export { type NoAddress, type Refusal, refuseAddress };

/** How to answer a request. */
export type Decision =
  /** The answer to the API version check. */
  | { readonly kind: "version" }
  /** The list of the hosts that a client may be sent to. */
  | { readonly kind: "backends" }
  | RedirectToPage
  | FromMirror
  | FromUpstream
  | Refusal;

/** A redirect to a page for people. */
export interface RedirectToPage {
  /** The discriminant. */
  readonly kind: "page";
  /** The page's URL. */
  readonly location: string;
}

/** A redirect to the first mirror that has a blob, or as {@linkcode FromUpstream} says. */
export interface FromMirror extends Omit<FromUpstream, "kind"> {
  /** The discriminant. */
  readonly kind: "mirror";
  /** The blob. */
  readonly asked: ByDigest;
  /** The mirrors to ask, in order; at least one. */
  readonly mirrors: readonly Mirror[];
}

/** A redirect to a registry. */
export interface FromUpstream {
  /** The discriminant. */
  readonly kind: "upstream";
  /** What is pulled. */
  readonly asked: Pulled;
  /** The repository's name at the registries. */
  readonly name: string;
  /** The registry. */
  readonly upstream: Upstream;
  /** The registry to redirect to instead if `upstream` does not have what is pulled. */
  readonly signatures: Upstream | undefined;
  /** Whether the decision depends on the client. */
  readonly byClient: boolean;
}

/**
 * Decides how to answer a request.
 *
 * @param ruleOf returns the rule for the location of `client`, or the result of
 * {@linkcode refuseAddress} when its address cannot be read; called only when the decision
 * depends on the location
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { createPolicy } from "./policy.ts";
 *
 * const upstream = { number: 0, name: "main", base: "https://registry.example/v2/project/" };
 * const policy = createPolicy({ upstream, rules: [] }, []);
 * const asked = { kind: "tags", name: "etcd", query: "?n=50" } as const;
 * assertEquals(decide(asked, policy, policy.ruleFor, -1), {
 *   kind: "upstream",
 *   asked,
 *   name: "etcd",
 *   upstream,
 *   signatures: undefined,
 *   byClient: false,
 * });
 * assertEquals(
 *   locationAt(upstream, asked),
 *   "https://registry.example/v2/project/etcd/tags/list?n=50",
 * );
 * ```
 */
export function decide<Client>(
  asked: Asked,
  policy: Policy,
  ruleOf: (client: Client) => Rule | Refusal,
  client: Client,
): Decision {
  switch (asked.kind) {
    case "blob":
    case "manifest_by_digest":
    case "manifest_by_tag":
    case "referrers":
    case "tags":
      return decidePull(asked, policy, ruleOf, client);
    case "version":
      return { kind: "version" };
    case "info":
      return toPage(policy.infoPage);
    case "privacy":
      return toPage(policy.privacyPage);
    case "backends":
      return policy.listsBackends === true ? { kind: "backends" } : NOT_FOUND;
    case "catalog":
      return NO_CATALOG;
    case "invalid":
      return refuseInvalid(asked.part, asked.value);
    case "method":
      return METHOD_NOT_ALLOWED;
    case "nothing":
      return asked.api ? NO_END_POINT : NOT_FOUND;
  }
}

/**
 * The URL of what is pulled at an upstream, which clients are redirected to.
 *
 * @param name the repository's name there, by default the one that was asked for
 */
export function locationAt(upstream: Upstream, asked: Pulled, name?: string): string {
  return urlAt(upstream, asked, name) + asked.query;
}

/** The same without the client's query, for requests to the upstream. */
export function urlAt({ base }: Upstream, asked: Pulled, name?: string): string {
  return base + formatPath(asked, name);
}

function decidePull<Client>(
  asked: Pulled,
  policy: Policy,
  ruleOf: (client: Client) => Rule | Refusal,
  client: Client,
): FromMirror | FromUpstream | Refusal {
  const { findRepository } = policy;
  const repository = findRepository?.(asked.name);
  if (repository === undefined && findRepository !== undefined) return refuseRepository(asked.name);
  const name = repository?.name ?? asked.name;
  const elsewhere = repository?.upstream;
  if (elsewhere === undefined && policy.signatureUpstream !== undefined && isOfSignatures(asked)) {
    const upstream = policy.signatureUpstream;
    return { kind: "upstream", asked, name, upstream, signatures: undefined, byClient: false };
  }
  const inMirrors = asked.kind === "blob" && asked.registered;
  const byClient = inMirrors && policy.mirrorsVary ||
    elsewhere === undefined && policy.upstreamVaries;
  const rule = byClient ? ruleOf(client) : policy.unlocated;
  if ("error" in rule) return rule;
  const upstream = elsewhere ?? rule.upstream;
  const signatures = elsewhere === undefined
    ? signaturesBeside(upstream, asked, policy)
    : undefined;
  const { mirrors } = rule;
  return inMirrors && mirrors.length > 0
    ? { kind: "mirror", asked, name, mirrors, upstream, signatures, byClient }
    : { kind: "upstream", asked, name, upstream, signatures, byClient };
}

// Repositories elsewhere have their signatures beside them.
function isOfSignatures(asked: Pulled): boolean {
  return asked.kind === "referrers" || asked.kind === "manifest_by_tag" && asked.signature;
}

// The signature upstream resolves a signature's tag. The signature's manifest and blobs are
// then pulled by digest, which does not show that they belong to a signature.
function signaturesBeside(
  upstream: Upstream,
  asked: Pulled,
  { signatureUpstream }: Policy,
): Upstream | undefined {
  if (signatureUpstream === undefined || signatureUpstream.base === upstream.base) return undefined;
  return "registered" in asked && asked.registered ? signatureUpstream : undefined;
}

function toPage(location: string | undefined): Decision {
  return location === undefined ? NOT_FOUND : { kind: "page", location };
}
