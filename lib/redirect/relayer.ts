/**
 * Relays pulls from upstreams that clients cannot be redirected to: makes the response, counts
 * it, and logs the pull.
 *
 * @module
 */

import type { Numbers, UpstreamReason } from "../observe/numbers.ts";
import type { RelayResult } from "../observe/relay_numbers.ts";
import type { FromMirror, FromUpstream } from "../routing/decide.ts";
import type { Upstream } from "../routing/policy.ts";
import type { Client } from "./client.ts";
import type { Failure, Outcome } from "./relay/outcome.ts";
import type { Relay } from "./relay/relay.ts";
import { answerTo } from "./relay/relay_answers.ts";
import type { Source } from "./relay/source.ts";
import type { Sender } from "./sender.ts";

/** Relays pulls. */
export interface Relayer {
  /**
   * Relays a pull from an upstream.
   *
   * @param orElse answers instead if the upstream does not have what is pulled
   */
  serve(
    decision: FromMirror | FromUpstream,
    upstream: Upstream,
    reason: UpstreamReason,
    client: Client,
    orElse?: () => Response | Promise<Response>,
  ): Response | Promise<Response>;
}

/** What a relayer needs. */
export interface RelayerOptions {
  /** Fetches what is pulled. */
  readonly relay: Relay;
  /** The relaying upstreams. */
  readonly sourceOf: (upstream: Upstream) => Source;
  /** How long a tag is remembered, in milliseconds. */
  readonly tagTtlMs: number;
  /** Whether the platform compresses answers, unless they are said to be left as they are. */
  readonly compresses?: boolean | undefined;
  /** The counters. */
  readonly numbers: Numbers;
  /** Called with the name of an upstream and where it sends a client. */
  readonly onRedirect: (upstream: string, location: string) => void;
  /** Called when an upstream did not serve a pull; `isStale` when it was served nevertheless. */
  readonly onNotServed: (upstream: Upstream, reason: string, isStale: boolean) => void;
}

/** Makes a relayer. */
export function createRelayer(options: RelayerOptions, sender: Sender): Relayer {
  const { relay, sourceOf, tagTtlMs, compresses, numbers, onNotServed, onRedirect } = options;

  function finish(
    outcome: Outcome,
    { asked, byClient }: FromMirror | FromUpstream,
    { upstream, reason }: { readonly upstream: Upstream; readonly reason: UpstreamReason },
    client: Client,
  ): Response {
    const { request } = client;
    const response = answerTo(outcome, { asked, request, byClient, tagTtlMs, compresses });
    const result = resultOf(outcome);
    numbers.answered(asked.kind, response.status);
    numbers.relay.relayed(upstream.number, result);
    sender.writeRelayed(asked, upstream, { reason, relayed: result }, client);
    if (outcome.kind === "redirect") onRedirect(upstream.name, outcome.location);
    if (outcome.kind === "failed") tellFailure(upstream, outcome, false);
    else if (outcome.kind === "manifest" && outcome.why !== undefined) {
      tellFailure(upstream, outcome.why, true);
    }
    return response;
  }

  function tellFailure(
    upstream: Upstream,
    why: Failure | { readonly kind: "slow_down" },
    isStale: boolean,
  ): void {
    const reason = why.kind === "failed" ? why.reason : "it was asked too often";
    onNotServed(upstream, reason, isStale);
  }

  return {
    serve(decision, upstream, reason, client, orElse) {
      const { asked, name } = decision;
      const outcome = relay.pull(sourceOf(upstream), { asked, name, request: client.request });
      const serve = (outcome: Outcome) =>
        outcome.kind === "missing" && orElse !== undefined
          ? orElse()
          : finish(outcome, decision, { upstream, reason }, client);
      return outcome instanceof Promise ? outcome.then(serve) : serve(outcome);
    },
  };
}

function resultOf(outcome: Outcome): RelayResult {
  switch (outcome.kind) {
    case "manifest":
      return outcome.how;
    case "list":
      return "fetched";
    case "blob":
      // Of no other response: one whose body is looked at is sent as a stream, at twice the cost.
      return outcome.response.body === null ? "fetched" : "stream";
    case "failed":
      return outcome.fault === "busy" || outcome.fault === "streams" ? "busy" : "failed";
    default:
      return outcome.kind;
  }
}
