/**
 * Asks a token service for a token
 * (https://distribution.github.io/distribution/spec/auth/token/,
 * https://distribution.github.io/distribution/spec/auth/oauth/).
 *
 * @module
 */

import { describeReason, readRetryAfter } from "../mirrors/asker.ts";
import type { Later } from "../mirrors/time.ts";
import { type Limit, startLimit } from "./limit.ts";
import { dropBody, tryReadBody } from "./read_body.ts";
import type { Credentials } from "./server.ts";

/** What a token is for. */
export interface TokenRequest {
  /** The URL of the token service. */
  readonly realm: string;
  /** The service that wants the token, as its challenge names it. */
  readonly service: string | undefined;
  /** What it permits, separated by spaces: `repository:acme/app:pull`. */
  readonly scope: string;
  /** Who asks; anybody without credentials. */
  readonly credentials?: Credentials | undefined;
}

/** The answer of a token service. */
export type TokenAnswer =
  | {
    readonly kind: "token";
    readonly token: string;
    /** How long it is valid, in milliseconds. */
    readonly validMs: number;
  }
  /** The service gives none for this to those who ask. */
  | { readonly kind: "denied" }
  /** It was asked too often. */
  | { readonly kind: "slow_down"; readonly retryAfterMs: number | undefined }
  /** It gave no answer, or one without a token; `reason` is for people. */
  | { readonly kind: "failed"; readonly reason: string };

/** Asks token services. Its promises never reject. */
export type TokenService = (request: TokenRequest) => Promise<TokenAnswer>;

/** What asking token services needs. */
export interface TokenServiceOptions {
  /** Sends a request, like the platform's `fetch`. */
  readonly fetch: typeof fetch;
  /** Runs the timeout. */
  readonly later: Later;
  /** The time limit in milliseconds. */
  readonly timeoutMs: () => number;
  /** Once it is aborted, requests end without an answer. */
  readonly stop: AbortSignal;
}

/** Makes a function that asks token services. Redirects are not followed. */
export function createTokenService(options: TokenServiceOptions): TokenService {
  const { fetch, later, timeoutMs, stop } = options;

  async function send(init: Init, limit: Limit): Promise<Response> {
    const { url, ...rest } = init;
    return await limit.race(fetch(url, { ...rest, redirect: "manual", signal: limit.signal }));
  }

  async function ask(request: TokenRequest, limit: Limit): Promise<TokenAnswer> {
    const { credentials } = request;
    let response = await send(formatRequest(request), limit);
    // Some services have the form of OAuth 2.0 alone.
    if ((response.status === 404 || response.status === 405) && credentials?.kind === "password") {
      dropBody(response);
      response = await send(formatOauth(request, credentials), limit);
    }
    return await readAnswer(response, limit);
  }

  return async (request) => {
    const limit = startLimit({ timeoutMs: timeoutMs(), later, signals: [stop] });
    try {
      return await ask(request, limit);
    } catch (error) {
      return { kind: "failed", reason: describeReason(error) };
    } finally {
      limit.end();
    }
  };
}

type Init = RequestInit & { readonly url: string };

const HEADERS = { "user-agent": "archeio", "accept": "application/json" };

function formatRequest(request: TokenRequest): Init {
  const { realm, service, scope, credentials } = request;
  if (credentials?.kind === "identity_token") return formatOauth(request, credentials);
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.append("service", service);
  for (const one of scope.split(" ")) if (one !== "") url.searchParams.append("scope", one);
  if (credentials === undefined) return { url: url.href, headers: HEADERS };
  return { url: url.href, headers: { ...HEADERS, authorization: formatBasic(credentials) } };
}

function formatOauth({ realm, service, scope }: TokenRequest, credentials: Credentials): Init {
  const form = new URLSearchParams({ client_id: "archeio", scope });
  if (service !== undefined) form.append("service", service);
  if (credentials.kind === "password") {
    form.append("grant_type", "password");
    form.append("username", credentials.username);
    form.append("password", credentials.password);
  } else {
    form.append("grant_type", "refresh_token");
    form.append("refresh_token", credentials.identityToken);
  }
  return { url: realm, method: "POST", headers: HEADERS, body: form };
}

/** The value of `Authorization` for a user and a password (RFC 7617). */
export function formatBasic(
  { username, password }: { readonly username: string; readonly password: string },
): string {
  const bytes = new TextEncoder().encode(`${username}:${password}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}

// A token has at most some kilobytes, or servers refuse the header.
const MAX_BODY_BYTES = 64 * 1024;
// RFC 6750, section 2.1. The tokens of some services have other characters, but no spaces.
const TOKEN = /^[\x21-\x7e]{1,16384}$/;
// https://distribution.github.io/distribution/spec/auth/token/#token-response-fields
const USUAL_VALIDITY_S = 60;
const LONGEST_VALIDITY_S = 3600;

async function readAnswer(response: Response, limit: Limit): Promise<TokenAnswer> {
  const { status, headers } = response;
  if (status !== 200) {
    dropBody(response);
    if (status === 401 || status === 403) return { kind: "denied" };
    if (status === 429) {
      return { kind: "slow_down", retryAfterMs: readRetryAfter(headers.get("retry-after")) };
    }
    return failed(`the token service answered ${status}`);
  }
  const body = await tryReadBody(response, MAX_BODY_BYTES, limit);
  if (body === undefined) return failed("the token service's answer is too long");
  const answer = tryJson(body);
  const token = [answer?.token, answer?.access_token].find(isToken);
  if (token === undefined) return failed("the token service's answer has no token to send");
  const told = answer?.expires_in;
  const seconds = typeof told === "number" && Number.isFinite(told) ? told : USUAL_VALIDITY_S;
  const validMs = Math.max(0, Math.min(seconds, LONGEST_VALIDITY_S)) * 1000;
  return { kind: "token", token, validMs };
}

function failed(reason: string): TokenAnswer {
  return { kind: "failed", reason };
}

function isToken(value: unknown): value is string {
  return typeof value === "string" && TOKEN.test(value);
}

type Fields = Readonly<Record<string, unknown>> | null;

function tryJson(body: Uint8Array): Fields | undefined {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}
