/**
 * Explains how a request would be answered, and why.
 *
 * @module
 */

import type { Known } from "../mirrors/known.ts";
import { foreseeBlob, type Foresight } from "../mirrors/foresight.ts";
import { blobUrl } from "../mirrors/template.ts";
import type { Address } from "../net/address.ts";
import { type Asked, parseRequest, type Pulled } from "../oci/request.ts";
import {
  decide,
  type Decision,
  type FromMirror,
  type FromUpstream,
  locationAt,
  urlAt,
} from "../routing/decide.ts";
import { CHALLENGE } from "../routing/refusals.ts";
import { isRelayed, type Policy, type Rule, type Upstream } from "../routing/policy.ts";
import type { Routing } from "./create_routing.ts";

/** A mirror that would be asked. */
export interface ExplainedMirror {
  /** Its name. */
  readonly name: string;
  /** The URL of the blob there. */
  readonly location: string;
  /** Its state; absent when that is not known. */
  readonly state?: "up" | "down";
  /** What is remembered of the blob there; absent when that is not known. */
  readonly blob?: Known;
}

/** The repository that a request is for. */
export interface ExplainedRepository {
  /** The pattern of the configuration that matches it. */
  readonly pattern: string;
  /** The name of the upstream that it is in; `null` for that of the client's rule. */
  readonly upstream: string | null;
  /** Its name there. */
  readonly name: string;
}

/** How a request would be answered, and why. `null` means that there is none. */
export interface Explanation {
  /** The client's address, as given. */
  readonly address: string;
  /** The path. */
  readonly path: string;
  /** The kind of request. */
  readonly asked: string;
  /** The client's location, `<cloud>/<region>`. */
  readonly location: string | null;
  /** The prefix that determines the location. */
  readonly prefix: string | null;
  /** The repository, if the configuration says which there are. */
  readonly repository: ExplainedRepository | null;
  /** The rule, by its position in the configuration, 1 for the first. */
  readonly rule: { readonly number: number; readonly clients: readonly string[] } | null;
  /** The mirrors to ask, in order. */
  readonly mirrors: readonly ExplainedMirror[];
  /** The names of the mirrors for the blobs of the manifest that is asked for, in order. */
  readonly blobs: readonly string[];
  /** The upstream, used when no mirror has the blob or the request is for something else. */
  readonly upstream: string | null;
  /** The upstream used instead when that one does not have what is asked for. */
  readonly signatures: string | null;
  /**
   * The names of the mirrors and the upstream that would be asked before the answer, in order,
   * each unless one before it has the blob. Without any, the answer is certain.
   */
  readonly asks: readonly string[];
  /** The upstream that is fetched from for the client; absent when clients are redirected. */
  readonly relayed?: string;
  /** The HTTP status code of the answer. */
  readonly status: number;
  /** The redirect, assuming that the first one of `asks` has what is asked for. */
  readonly redirect: string | null;
  /** What is wrong with the request. */
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** What would be done now. */
export interface Present extends Foresight {
  /** Whether a manifest of a relaying upstream is remembered; by default none is. */
  readonly remembers?: (upstream: Upstream, asked: Pulled, name: string) => boolean;
}

/**
 * Explains the answer to a client's request.
 *
 * @param present the current state; by default nothing is known, and no mirror is down
 */
export function explain(
  client: Address,
  { address, path }: { readonly address: string; readonly path: string },
  { locator, policy, session }: Routing,
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
    repository: repositoryOf(asked, policy),
    rule: rule.number > 0 && isByRule(decision)
      ? { number: rule.number, clients: rule.clients }
      : null,
    blobs: decision.kind === "upstream" && isManifest(asked)
      ? rule.mirrors.map(({ name }) => name)
      : [],
    ...outcome(decision, present),
    ...(session ? sessionOutcome(asked, path) : {}),
  };
}

// Of a client that does not present a token yet.
function sessionOutcome({ kind }: Asked, path: string): Partial<Explanation> {
  if (kind === "version") {
    const { code, message } = CHALLENGE.error;
    return { status: CHALLENGE.status, error: { code, message } };
  }
  return /^\/token(?:\?|$)/.test(path) ? { asked: "token", status: 200, error: null } : {};
}

function itself(rule: Rule): Rule {
  return rule;
}

function repositoryOf(asked: Asked, { findRepository }: Policy): ExplainedRepository | null {
  const repository = "name" in asked ? findRepository?.(asked.name) : undefined;
  if (repository === undefined) return null;
  const { pattern, upstream, name } = repository;
  return { pattern, upstream: upstream?.name ?? null, name };
}

// A blob's rule is shown even when all rules are alike, because it lists the mirrors.
function isByRule(decision: Decision): boolean {
  return decision.kind === "mirror" ||
    decision.kind === "upstream" && (decision.byClient || decision.asked.kind === "blob");
}

function isManifest({ kind }: Asked): boolean {
  return kind === "manifest_by_tag" || kind === "manifest_by_digest";
}

type Outcome = Pick<
  Explanation,
  "mirrors" | "upstream" | "signatures" | "asks" | "relayed" | "status" | "redirect" | "error"
>;

const NO_OUTCOME: Outcome = {
  mirrors: [],
  upstream: null,
  signatures: null,
  asks: [],
  status: 307,
  redirect: null,
  error: null,
};

const NOTHING_KNOWN: Foresight = {
  isDown: () => false,
  recall: () => "unknown",
  mayProbe: () => true,
  mayDivert: () => true,
  presence: () => undefined,
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
    case "backends":
      return { ...NO_OUTCOME, status: 200 };
    case "error": {
      const { code, message } = decision.error;
      return { ...NO_OUTCOME, status: decision.status, error: { code, message } };
    }
  }
}

function mirrorOutcome(decision: FromMirror, present: Present | undefined): Outcome {
  const { asked } = decision;
  const mirrors = decision.mirrors.map((mirror) => ({
    name: mirror.name,
    location: blobUrl(mirror, asked),
    ...(present && {
      state: present.isDown(mirror) ? "down" as const : "up" as const,
      blob: present.recall(mirror, asked),
    }),
  }));
  const { mirror, asks } = foreseeBlob(decision.mirrors, asked, present ?? NOTHING_KNOWN);
  const upstream = upstreamOutcome(decision, present);
  const isCertain = mirror !== undefined && asks.length === 0;
  return {
    ...upstream,
    mirrors,
    asks: isCertain ? [] : [...asks.map(({ name }) => name), ...upstream.asks],
    ...(mirror === undefined ? {} : { status: 307, redirect: blobUrl(mirror, asked) }),
  };
}

function upstreamOutcome(
  { asked, name, upstream, signatures }: FromMirror | FromUpstream,
  present: Present | undefined,
): Outcome {
  const location = locationAt(upstream, asked, name);
  if (isRelayed(upstream, asked)) {
    return {
      ...NO_OUTCOME,
      upstream: location,
      signatures: signatures === undefined ? null : locationAt(signatures, asked, name),
      asks: present?.remembers?.(upstream, asked, name) ? [] : [upstream.name],
      relayed: upstream.name,
      status: 200,
    };
  }
  if (signatures === undefined) return { ...NO_OUTCOME, upstream: location, redirect: location };
  const other = locationAt(signatures, asked, name);
  const presence = (present ?? NOTHING_KNOWN).presence(upstream, urlAt(upstream, asked, name));
  return {
    ...NO_OUTCOME,
    upstream: location,
    signatures: other,
    asks: presence === undefined ? [upstream.name] : [],
    ...(presence !== "missing"
      ? { redirect: location }
      : isRelayed(signatures, asked)
      ? { relayed: signatures.name, status: 200 }
      : { redirect: other }),
  };
}
