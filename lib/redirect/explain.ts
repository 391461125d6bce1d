/**
 * Explains how a request would be answered, and why.
 *
 * @module
 */

import type { Known } from "../mirrors/known.ts";
import type { UpstreamPresence } from "../mirrors/upstream_check.ts";
import type { Address } from "../net/address.ts";
import { parseRequest } from "../oci/request.ts";
import {
  decide,
  type Decision,
  type FromMirror,
  type FromUpstream,
  locationAt,
  urlAt,
} from "../routing/decide.ts";
import type { Mirror, Rule } from "../routing/policy.ts";
import type { Routing } from "./create_routing.ts";

/** The current state of mirrors and upstreams. */
export interface Present {
  /** Whether a mirror is down. */
  readonly isDown: (mirror: Mirror) => boolean;
  /** What is known about a blob at a mirror. */
  readonly recall: (mirror: Mirror, digest: string) => Known;
  /** What is remembered about one of an upstream's URLs. */
  readonly recallUpstream: (url: string) => UpstreamPresence | undefined;
}

/** A mirror that would be asked. */
export interface ExplainedMirror {
  /** Its name. */
  readonly name: string;
  /** The URL of the blob there. */
  readonly location: string;
  /** Its state; absent when that is not known. */
  readonly state?: "up" | "down";
}

/** How a request would be answered, and why. `null` means that there is none. */
export interface Explanation {
  /** The client's address, as given. */
  readonly address: string;
  /** The path, as given. */
  readonly path: string;
  /** The kind of request. */
  readonly asked: string;
  /** The client's location, `<cloud>/<region>`. */
  readonly location: string | null;
  /** The prefix that determines the location. */
  readonly prefix: string | null;
  /** The rule, by its position in the configuration, 1 for the first. */
  readonly rule: { readonly number: number; readonly clients: readonly string[] } | null;
  /** The mirrors to ask, in order. */
  readonly mirrors: readonly ExplainedMirror[];
  /** The upstream, used when no mirror has the blob or the request is for something else. */
  readonly upstream: string | null;
  /** The upstream used instead when that one does not have what is asked for. */
  readonly signatures: string | null;
  /** The HTTP status code of the answer. */
  readonly status: number;
  /** The redirect, assuming that mirrors and upstreams in an unknown state have everything. */
  readonly redirect: string | null;
  /** What is wrong with the request. */
  readonly error: { readonly code: string; readonly message: string } | null;
}

/**
 * Explains the answer to a client's request.
 *
 * @param present the current state; by default nothing is known
 */
export function explain(
  client: Address,
  { address, path }: { readonly address: string; readonly path: string },
  { locator, policy }: Routing,
  present?: Present,
): Explanation {
  const found = locator.explain(client);
  const rule = policy.ruleFor(locator.locate(client));
  const asked = parseRequest("GET", path);
  const decision = decide(asked, policy, itself, rule);
  return {
    address,
    path,
    asked: asked.kind,
    location: found?.location ?? null,
    prefix: found?.prefix ?? null,
    rule: rule.number > 0 && isByRule(decision)
      ? { number: rule.number, clients: rule.clients }
      : null,
    ...outcome(decision, present),
  };
}

function itself(rule: Rule): Rule {
  return rule;
}

// A blob's rule is shown even when all rules are alike, because it lists the mirrors.
function isByRule(decision: Decision): boolean {
  return decision.kind === "mirror" ||
    decision.kind === "upstream" && (decision.byClient || decision.asked.kind === "blob");
}

type Outcome = Pick<
  Explanation,
  "mirrors" | "upstream" | "signatures" | "status" | "redirect" | "error"
>;

const NO_OUTCOME: Outcome = {
  mirrors: [],
  upstream: null,
  signatures: null,
  status: 307,
  redirect: null,
  error: null,
};

function outcome(decision: Decision, present: Present | undefined): Outcome {
  switch (decision.kind) {
    case "page":
      return { ...NO_OUTCOME, redirect: decision.location };
    case "mirror":
      return mirrorOutcome(decision, present);
    case "upstream":
      return upstreamOutcome(decision, present);
    case "version":
      return { ...NO_OUTCOME, status: 200 };
    case "error": {
      const { code, message } = decision.error;
      return { ...NO_OUTCOME, status: decision.status, error: { code, message } };
    }
  }
}

function mirrorOutcome(decision: FromMirror, present: Present | undefined): Outcome {
  const { digest } = decision.asked;
  const locationOf = ({ url }: Mirror) => `${url}/${digest}`;
  const mirrors = decision.mirrors.map((mirror) => ({
    name: mirror.name,
    location: locationOf(mirror),
    ...(present && { state: present.isDown(mirror) ? "down" as const : "up" as const }),
  }));
  const serving = tryServing(decision, present);
  const upstream = upstreamOutcome(decision, present);
  return { ...upstream, mirrors, redirect: serving ? locationOf(serving) : upstream.redirect };
}

// As the handler does: the first that is known to have the blob, else the first that may.
function tryServing({ mirrors, asked }: FromMirror, present?: Present): Mirror | undefined {
  if (present === undefined) return mirrors[0];
  const up = mirrors.filter((mirror) => !present.isDown(mirror));
  const known = up.map((mirror) => present.recall(mirror, asked.digest));
  const found = known.findIndex((what) => what === "found" || what === "stale");
  const serving = up[found >= 0 ? found : known.indexOf("unknown")];
  if (serving?.fallbackLimit !== 0) return serving;
  const before = mirrors.slice(0, mirrors.indexOf(serving));
  return before.some(present.isDown) ? undefined : serving;
}

function upstreamOutcome(
  { asked, name, upstream, signatures }: FromMirror | FromUpstream,
  present: Present | undefined,
): Outcome {
  const location = locationAt(upstream, asked, name);
  const other = signatures === undefined ? null : locationAt(signatures, asked, name);
  const isMissing = other !== null &&
    present?.recallUpstream(urlAt(upstream, asked, name)) === "missing";
  return {
    ...NO_OUTCOME,
    upstream: location,
    signatures: other,
    redirect: isMissing ? other : location,
  };
}
