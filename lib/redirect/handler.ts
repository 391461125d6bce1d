/**
 * The handler: parses a request, asks routing for a decision, and carries it out.
 *
 * @module
 */

import type { FoundBlob } from "../mirrors/find_blob.ts";
import { blobKey, type PulledBlob } from "../mirrors/template.ts";
import type { Mirrors } from "../mirrors/mirrors.ts";
import type { UpstreamPresence } from "../mirrors/upstream_check.ts";
import type { UpstreamReason } from "../observe/numbers.ts";
import { type Asked, parseRequest } from "../oci/request.ts";
import { decide, type FromMirror, type FromUpstream, urlAt } from "../routing/decide.ts";
import { isRelayed, type Mirror, type Upstream } from "../routing/policy.ts";
import {
  type Client,
  type ClientReader,
  type ClientReaderOptions,
  createClientReader,
  type PeerInfo,
} from "./client.ts";
import type { Backend } from "./backends.ts";
import { backendsResponse } from "./backends_response.ts";
import { errorResponse, versionResponse } from "./responses.ts";
import { createRelayer, type Relayer, type RelayerOptions } from "./relayer.ts";
import { createSender, type Sender, type SenderOptions } from "./sender.ts";

/** What a handler needs. */
export interface HandlerOptions
  extends ClientReaderOptions, SenderOptions, Omit<RelayerOptions, "numbers"> {
  /** Finds the locations of clients, which the policy decides by. */
  readonly locator: ClientReaderOptions["locator"];
  /** What is known about mirrors and upstreams, and how it is found out. */
  readonly mirrors: Pick<Mirrors, "find" | "repeats" | "doubts" | "upstreams">;
  /** The time limit for requests to other servers on behalf of one request, in milliseconds. */
  readonly timeoutMs: number;
  /** The time in milliseconds, of any monotonic clock. */
  readonly now: () => number;
  /** Called with the key of each blob that a client is sent to a mirror for. */
  readonly noteSample: (mirror: number, key: string) => void;
  /** The hosts that a client may be sent to. */
  readonly backends: () => readonly Backend[];
  /** Called with each blob that no mirror had. */
  readonly noteMiss?: ((blob: PulledBlob) => void) | undefined;
  /** Called with the kind of each request, for traces. */
  readonly tellRoute?: ((asked: Asked, method: string) => void) | undefined;
}

/**
 * Answers requests. Returns a promise only when another server has to be asked first, because
 * a promise costs more than the decision itself.
 */
export type Handler = (request: Request, info: PeerInfo) => Response | Promise<Response>;

/** The same, for requests that have an id. */
export type IdentifiedHandler = (
  request: Request,
  info: PeerInfo,
  id?: string,
) => Response | Promise<Response>;

/** Makes a handler. */
export function createHandler(options: HandlerOptions): IdentifiedHandler {
  const { policy, numbers, tellRoute } = options;
  const clients = createClientReader(options);
  const sender = createSender(options, clients);
  const relayer = createRelayer(options, sender);
  const { toMirror, toUpstream } = createPulls(options, clients, { sender, relayer });

  return function handle(request, info, id) {
    const { method } = request;
    // `Deno.serve` builds the URL from what the client sent, without normalising it. `new URL`
    // would normalise it, and would cost more than everything else here.
    const asked = parseRequest(method, request.url);
    tellRoute?.(asked, method);
    const client: Client = { request, info, address: undefined, location: undefined, id };
    const decision = decide(asked, policy, clients.ruleOf, client);
    switch (decision.kind) {
      case "mirror":
        return toMirror(decision, client);
      case "upstream":
        return toUpstream(decision, client, asked.kind === "blob" ? "no_mirror" : "registry");
      case "page":
        numbers.redirected(asked.kind);
        return sender.toPage(decision.location, method);
      case "backends":
        numbers.answered(asked.kind, 200);
        return backendsResponse(options.backends(), request);
      case "version":
        numbers.answered(asked.kind, 200);
        return versionResponse();
      case "error":
        numbers.answered(asked.kind, decision.status);
        return errorResponse(decision, method);
    }
  };
}

/** Carries out decisions that may require asking other servers. */
function createPulls(
  { mirrors, timeoutMs, now, noteSample, noteMiss }: HandlerOptions,
  clients: ClientReader,
  { sender, relayer }: { readonly sender: Sender; readonly relayer: Relayer },
) {
  const { find, repeats, doubts, upstreams } = mirrors;

  function toMirror(decision: FromMirror, client: Client): Response | Promise<Response> {
    const found = find(decision.mirrors, decision.asked);
    if (!(found instanceof Promise)) return toFound(found, decision, client, timeoutMs);
    const deadlineMs = now() + timeoutMs;
    return found.then((found) => toFound(found, decision, client, deadlineMs - now()));
  }

  function toFound(
    found: FoundBlob,
    decision: FromMirror,
    client: Client,
    leftMs: number,
  ): Response | Promise<Response> {
    if (found.kind === "none") {
      if (found.reason === "missing") noteMiss?.(decision.asked);
      return toUpstream(decision, client, found.reason, leftMs);
    }
    const { mirror, diverted } = found;
    const { asked } = decision;
    const good = isRepeated(client, mirror, asked) ? doubts.look(mirror, asked) : true;
    return good === true
      ? deliver(decision, mirror, diverted, client)
      : afterLook(good, found, decision, client, now() + leftMs);
  }

  function deliver(decision: FromMirror, mirror: Mirror, diverted: boolean, client: Client) {
    doubts.noteSent(mirror);
    noteSample(mirror.number, blobKey(mirror, decision.asked));
    return sender.toMirror(decision, mirror, diverted, client);
  }

  // A HEAD followed by a GET is not a retry.
  function isRepeated(client: Client, mirror: Mirror, blob: PulledBlob): boolean {
    if (client.request.method !== "GET") return false;
    const address = clients.addressOf(client);
    return address !== undefined && repeats.note(address, blobKey(mirror, blob));
  }

  async function afterLook(
    look: boolean | Promise<boolean>,
    { mirror, diverted }: FoundBlob & { readonly kind: "mirror" },
    decision: FromMirror,
    client: Client,
    deadlineMs: number,
  ): Promise<Response> {
    if (await look) return deliver(decision, mirror, diverted, client);
    const { mirrors, asked } = decision;
    repeats.expect(clients.addressOf(client)!, blobKey(mirror, asked));
    const other = await find(mirrors, asked, mirror, deadlineMs - now());
    return other.kind === "none"
      ? await toUpstream(decision, client, "retry", deadlineMs - now())
      : deliver(decision, other.mirror, true, client);
  }

  function toUpstream(
    decision: FromMirror | FromUpstream,
    client: Client,
    reason: UpstreamReason,
    leftMs = timeoutMs,
  ): Response | Promise<Response> {
    const { asked, name, upstream, signatures } = decision;
    if (isRelayed(upstream, asked)) {
      const orElse = signatures && (() => serve(decision, signatures, "signature", client));
      return relayer.serve(decision, upstream, reason, client, orElse);
    }
    if (signatures === undefined) return sender.toUpstream(decision, upstream, reason, client);
    const presence = upstreams.ask(upstream, urlAt(upstream, asked, name), leftMs);
    const sendTo = (answer: UpstreamPresence) =>
      answer === "missing"
        ? serve(decision, signatures, "signature", client)
        : sender.toUpstream(decision, upstream, reason, client);
    return typeof presence === "string" ? sendTo(presence) : presence.then(sendTo);
  }

  function serve(
    decision: FromMirror | FromUpstream,
    upstream: Upstream,
    reason: UpstreamReason,
    client: Client,
  ): Response | Promise<Response> {
    return isRelayed(upstream, decision.asked)
      ? relayer.serve(decision, upstream, reason, client)
      : sender.toUpstream(decision, upstream, reason, client);
  }

  return { toMirror, toUpstream };
}
