/**
 * A registry's client: asks registries for manifests, tags, referrers and blobs, with a token
 * where they want one. Redirects are not followed.
 *
 * @module
 */

import { describeReason } from "../mirrors/asker.ts";
import type { World } from "../mirrors/time.ts";
import { formatPath, type Pulled } from "../oci/request.ts";
import { createAuthority, type Granted } from "./authority.ts";
import type { Limit } from "./limit.ts";
import { dropBody } from "./read_body.ts";
import { judgeLocation, type RegistryServer } from "./server.ts";
import { createTokenService } from "./token_service.ts";
import { createTokens, type TokensOptions } from "./tokens.ts";

/** What a registry can be asked for: what clients pull, and the list of its repositories. */
export type RegistryAsked =
  | Pulled
  | { readonly kind: "catalog"; readonly name: ""; readonly query: string };

/** What to ask a registry. */
export interface RegistryRequest {
  /** The registry. */
  readonly server: RegistryServer;
  /** What is asked for, by the registry's own name of the repository, below its base. */
  readonly asked: RegistryAsked;
  /** The method. */
  readonly method: "GET" | "HEAD";
  /** Other headers: `accept`, `range`, `if-none-match`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The time limit of the request, until the headers have come, and its other ends. */
  readonly limit: Limit;
}

/** The answer of a registry. */
export type RegistryAnswer =
  /** 200, 206, 304 or 416. The caller reads the body or drops it. */
  | { readonly kind: "answered"; readonly response: Response }
  /** A redirect to a place that a client can be sent to. */
  | { readonly kind: "redirect"; readonly location: string }
  /** 404. */
  | { readonly kind: "missing" }
  /**
   * 401 or 403, with a token for just what is asked for, or where anybody is served; or the
   * token service gives nobody a token for it.
   */
  | { readonly kind: "refused"; readonly by: "registry" | "token_service" }
  /** 429, of the registry or of its token service; `retryAfter` is the header as it came. */
  | { readonly kind: "slow_down"; readonly retryAfter: string | undefined }
  | RegistryFailure;

/** No answer that says anything about what was asked for. */
export interface RegistryFailure {
  /** The discriminant. */
  readonly kind: "failed";
  /** What failed: the registry, its token service, or that refuses the credentials. */
  readonly fault: "registry" | "token" | "credentials";
  /** The status, if there was an answer. */
  readonly status?: number;
  /** The `Retry-After` of the answer, as it came. */
  readonly retryAfter?: string;
  /** For people; without secrets. */
  readonly reason: string;
}

/** Asks registries. The promise never rejects. */
export type Registry = (request: RegistryRequest) => Promise<RegistryAnswer>;

/** What a registry's client needs. */
export interface RegistryOptions extends Pick<World, "fetch" | "fetchAnew" | "later" | "now"> {
  /** The time limit of a request to a token service, in milliseconds. */
  readonly tokenTimeoutMs: () => number;
  /** Once it is aborted, requests to token services end without an answer. */
  readonly stop: AbortSignal;
  /** Called with each answer of a token service. */
  readonly onToken?: TokensOptions["onAnswer"];
  /** Called with each answer of a registry, challenges too, and how long it took. */
  readonly onResponse?: ((server: RegistryServer, told: RegistryResponse) => void) | undefined;
}

/** What is told of an answer. */
export interface RegistryResponse {
  /** The status. */
  readonly status: number;
  /** The headers. */
  readonly headers: Headers;
  /** How long it took until they came, in milliseconds. */
  readonly tookMs: number;
}

/** Makes a registry's client, with no token. */
export function createRegistry(options: RegistryOptions): Registry {
  const { fetch, later, now, stop } = options;
  const ask = createTokenService({ fetch, later, stop, timeoutMs: options.tokenTimeoutMs });
  const authority = createAuthority(createTokens({ ask, now, onAnswer: options.onToken }));
  const send = createSend(options);

  async function exchange(request: RegistryRequest): Promise<RegistryAnswer> {
    const { server, asked: { name }, limit } = request;
    const guess = await limit.race(authority.guess(server, name));
    if (guess !== undefined && guess.kind !== "granted") return guess;
    const response = await send(request, guess?.authorization);
    if (response.status !== 401) return judge(request, response, guess);
    const challenge = response.headers.get("www-authenticate");
    dropBody(response);
    const granted = await limit.race(authority.answer(server, name, challenge, guess));
    if (granted.kind !== "granted") return granted;
    return judge(request, await send(request, granted.authorization), granted);
  }

  return async (request) => {
    try {
      return await exchange(request);
    } catch (error) {
      return { kind: "failed", fault: "registry", reason: describeReason(error) };
    }
  };
}

function createSend({ fetch, fetchAnew, now, onResponse }: RegistryOptions) {
  return async function send(
    { server, asked, method, headers, limit }: RegistryRequest,
    authorization: string | undefined,
  ): Promise<Response> {
    limit.signal.throwIfAborted();
    const init: RequestInit = {
      method,
      headers: { ...HEADERS, ...headers, ...(authorization && { authorization }) },
      redirect: "manual",
      signal: limit.signal,
    };
    const url = formatUrl(server, asked);
    const beganMs = now();
    let response: Response;
    try {
      response = await limit.race(fetch(url, init));
    } catch (error) {
      if (limit.signal.aborted) throw error;
      // A server may close an idle connection at the moment a request is sent on it (RFC 9112,
      // section 9.3.1).
      response = await limit.race(fetchAnew(url, init));
    }
    const { status } = response;
    onResponse?.(server, { status, headers: response.headers, tookMs: now() - beganMs });
    return response;
  };
}

// Lengths, ranges and digests refer to the unencoded bytes.
const HEADERS = { "user-agent": "archeio", "accept-encoding": "identity" };

function formatUrl({ base }: RegistryServer, asked: RegistryAsked): string {
  // The list is the host's, whatever path its repositories have.
  if (asked.kind === "catalog") return `${new URL(base).origin}/v2/_catalog${asked.query}`;
  return base + formatPath(asked) + asked.query;
}

// With 304 to a conditional request, and 416 to one for a range that does not exist.
const ANSWERS = [200, 206, 304, 416];

function judge(
  request: RegistryRequest,
  response: Response,
  sent: Granted | undefined,
): RegistryAnswer {
  const { status, headers } = response;
  if (ANSWERS.includes(status)) return { kind: "answered", response };
  dropBody(response);
  switch (status) {
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
      return judgeRedirect(request, response, sent);
    case 404:
      return { kind: "missing" };
    case 401:
      return sent?.way.kind === "basic"
        ? { kind: "failed", fault: "credentials", status, reason: "it refuses the credentials" }
        : { kind: "refused", by: "registry" };
    case 403:
      return { kind: "refused", by: "registry" };
    case 429:
      return { kind: "slow_down", retryAfter: headers.get("retry-after") ?? undefined };
    default:
      return { ...failed(status, `it answered ${status}`), ...retryAfterOf(headers) };
  }
}

function judgeRedirect(
  { server, asked }: RegistryRequest,
  { status, headers }: Response,
  sent: Granted | undefined,
): RegistryAnswer {
  const url = formatUrl(server, asked);
  const judged = judgeLocation(headers.get("location"), url, server);
  if (judged.kind === "refused") return failed(status, judged.reason);
  const { origin, pathname } = new URL(judged.url, url);
  // Whoever follows it has no token.
  return sent !== undefined && origin === new URL(url).origin && pathname.startsWith("/v2/")
    ? failed(status, "it redirects to itself, where a client has no token")
    : { kind: "redirect", location: judged.url };
}

function retryAfterOf(headers: Headers): { retryAfter?: string } {
  const retryAfter = headers.get("retry-after");
  return retryAfter === null ? {} : { retryAfter };
}

function failed(status: number, reason: string): RegistryFailure {
  return { kind: "failed", fault: "registry", status, reason };
}
