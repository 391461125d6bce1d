/**
 * The tokens of an isolate: asked for once, whoever waits for them, and used until shortly
 * before they end.
 *
 * @module
 */

import type { TokenAnswer, TokenRequest, TokenService } from "./token_service.ts";

/** What a token is for, and for whom. */
export interface TokenKey extends TokenRequest {
  /** Distinguishes credentials from others, without being secret. */
  readonly identity: string;
}

/** A token store. */
export interface Tokens {
  /** A token, from memory or the token service. The promise never rejects. */
  get(key: TokenKey): TokenAnswer | Promise<TokenAnswer>;
  /** Forgets a token that a registry has refused, if it is the one in use. */
  forget(key: TokenKey, token: string): void;
}

/** What a token store needs. */
export interface TokensOptions {
  /** Asks the token service. */
  readonly ask: TokenService;
  /** The time in milliseconds, of any monotonic clock. */
  readonly now: () => number;
  /** Called with each answer of a token service. */
  readonly onAnswer?: ((key: TokenKey, answer: TokenAnswer) => void) | undefined;
}

// A token has up to some kilobytes. Repositories have one each.
const MAX_TOKENS = 1000;
// A token ends on its way to the registry, or earlier by a clock that is ahead.
const MARGIN_SHARE = 0.1;
const MAX_MARGIN_MS = 30_000;
// How long an answer without a token, or with one that ended at once, is remembered: a token
// service that fails must not be asked again by each request.
const LEAST_MS = 1000;
// Wrong credentials do not become right. A service may lock out who tries them too often.
const DENIED_MS = 10_000;
const MAX_PAUSE_MS = 60_000;

/** Makes an empty token store. */
export function createTokens({ ask, now, onAnswer }: TokensOptions): Tokens {
  const kept = new Map<string, { readonly answer: TokenAnswer; readonly untilMs: number }>();
  const inFlight = new Map<string, Promise<TokenAnswer>>();

  async function send(id: string, key: TokenKey): Promise<TokenAnswer> {
    const beganMs = now();
    const answer = await ask(key);
    inFlight.delete(id);
    // The least recently fetched goes.
    if (kept.size >= MAX_TOKENS) kept.delete(kept.keys().next().value!);
    kept.delete(id);
    kept.set(id, { answer, untilMs: beganMs + keepMs(answer) });
    onAnswer?.(key, answer);
    return answer;
  }

  return {
    get(key) {
      const id = formatKey(key);
      const held = kept.get(id);
      if (held !== undefined && now() < held.untilMs) return held.answer;
      const sent = inFlight.get(id) ?? send(id, key);
      inFlight.set(id, sent);
      return sent;
    },
    forget(key, token) {
      const id = formatKey(key);
      const answer = kept.get(id)?.answer;
      if (answer?.kind === "token" && answer.token === token) kept.delete(id);
    },
  };
}

function formatKey({ identity, realm, service, scope }: TokenKey): string {
  return JSON.stringify([identity, realm, service, scope]);
}

function keepMs(answer: TokenAnswer): number {
  switch (answer.kind) {
    case "token":
      return Math.max(
        LEAST_MS,
        answer.validMs - Math.min(MAX_MARGIN_MS, answer.validMs * MARGIN_SHARE),
      );
    case "denied":
      return DENIED_MS;
    case "slow_down":
      return Math.min(MAX_PAUSE_MS, Math.max(LEAST_MS, answer.retryAfterMs ?? 0));
    case "failed":
      return LEAST_MS;
  }
}
