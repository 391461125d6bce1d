/**
 * Asks relaying upstreams, within the bounds on requests to other servers.
 *
 * @module
 */

import { MIRROR_NUMBERS } from "../../mirrors/board.ts";
import type { Gate } from "../../mirrors/gate.ts";
import type { Later } from "../../mirrors/time.ts";
import type { Pulled } from "../../oci/request.ts";
import { type Limit, startLimit } from "../../registry/limit.ts";
import type { Registry, RegistryAnswer } from "../../registry/registry.ts";
import { identityOf, type RegistryServer } from "../../registry/server.ts";
import type { Upstream } from "../../routing/policy.ts";
import { createPauses } from "./pauses.ts";
import type { RelayBounds } from "./relay_bounds.ts";
import type { Rank, Shares } from "./shares.ts";

/** A relaying upstream. */
export interface Source {
  /** The upstream. */
  readonly upstream: Upstream;
  /** How it is asked. */
  readonly server: RegistryServer;
  /** What is remembered of it begins with this. */
  readonly identity: string;
}

/** Makes a source. */
export function createSource(upstream: Upstream, server: RegistryServer): Source {
  return { upstream, server, identity: identityOf(server) };
}

/** What to ask. */
export interface Question {
  /** What is asked for, by the name that the upstream has for the repository. */
  readonly asked: Pulled;
  /** The method. */
  readonly method: "GET" | "HEAD";
  /** Other headers. */
  readonly headers?: Readonly<Record<string, string>>;
  /** How much is known of it. */
  readonly rank: Rank;
  /** Aborted when nobody waits for the answer. */
  readonly signal?: AbortSignal | undefined;
}

/** An answer, or none because too much is being asked. */
export type SourceAnswer = RegistryAnswer | { readonly kind: "busy" };

/**
 * Asks an upstream. The place of the request is held until `use` is done with the answer; the
 * promise resolves with what `use` gives, and never rejects unless `use` throws.
 */
export type Ask = <Used>(
  source: Source,
  question: Question,
  use: (answer: SourceAnswer, limit: Limit) => Used | Promise<Used>,
) => Promise<Used>;

/** What asking upstreams needs. */
export interface AskOptions {
  /** Sends the requests. */
  readonly registry: Registry;
  /** Admits requests to other servers. */
  readonly gate: Gate;
  /** The shares of an upstream. */
  readonly shares: Shares;
  /** The limits in use. */
  readonly bounds: () => RelayBounds;
  /** The time in milliseconds, of any monotonic clock. */
  readonly now: () => number;
  /** Runs the timeouts. */
  readonly later: Later;
  /** Called when an upstream gave no answer. */
  readonly onUnanswered: (upstream: Upstream) => void;
  /** Once it is aborted, requests end without an answer. */
  readonly stop: AbortSignal;
}

/** Makes a function that asks upstreams. */
export function createAsk(options: AskOptions): Ask {
  const { registry, gate, shares, bounds, now, later, stop } = options;
  const pauses = createPauses(now);

  /** Takes a place, and gives how long to wait for its turn. */
  function enter({ number }: Upstream, rank: Rank): number | undefined {
    if (!shares.enter(number, rank)) return undefined;
    const delayMs = gate.enter(MIRROR_NUMBERS + number);
    if (delayMs === undefined) shares.leave(number, rank);
    return delayMs;
  }

  async function send(
    { server, identity, upstream }: Source,
    { asked, method, headers = {} }: Question,
    limit: Limit,
    delayMs: number,
  ): Promise<SourceAnswer> {
    if (delayMs > 0) {
      try {
        await limit.race(new Promise<void>((resolve) => void later(delayMs, resolve)));
      } catch {
        return { kind: "busy" };
      }
    }
    const answer = await registry({ server, asked, method, headers, limit });
    if (isLeft(limit)) return answer;
    pauses.note(identity, answer);
    if (isUnanswered(answer)) options.onUnanswered(upstream);
    return answer;
  }

  return async (source, question, use) => {
    const { timeoutMs } = bounds();
    const { rank, signal } = question;
    const signals = signal === undefined ? [stop] : [stop, signal];
    const limit = startLimit({ timeoutMs, later, signals });
    const paused = pauses.answer(source.identity);
    const delayMs = paused === undefined ? enter(source.upstream, rank) : undefined;
    try {
      if (delayMs === undefined) return await use(paused ?? { kind: "busy" }, limit);
      return await use(await send(source, question, limit, delayMs), limit);
    } finally {
      limit.end();
      if (delayMs !== undefined) {
        gate.leave(MIRROR_NUMBERS + source.upstream.number);
        shares.leave(source.upstream.number, rank);
      }
    }
  };
}

function isUnanswered(answer: SourceAnswer): boolean {
  return answer.kind === "failed" && answer.fault === "registry" && answer.status === undefined;
}

// Whether a request ended because nobody waits for it any more, which says nothing of the
// upstream.
function isLeft({ signal: { reason } }: Limit): boolean {
  return reason instanceof DOMException && reason.name === "AbortError";
}
