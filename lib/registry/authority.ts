/**
 * How registries want to be asked: what their challenges said, and the tokens that meet them.
 *
 * @module
 */

import { type Challenge, parseChallenges } from "./challenge.ts";
import { type Credentials, identityOf, judgeRealm, type RegistryServer } from "./server.ts";
import { formatBasic, type TokenAnswer } from "./token_service.ts";
import type { TokenKey, Tokens } from "./tokens.ts";

/** What a request is sent with. */
export interface Granted {
  /** The discriminant. */
  readonly kind: "granted";
  /** The value of `Authorization`. Never to be logged. */
  readonly authorization: string;
  /** How it was had. */
  readonly way: Way;
  /** Whether the token was fetched for this request, so that another would be no better. */
  readonly fresh: boolean;
}

/** Why a request cannot be sent with what the registry wants. */
export type NotGranted =
  | { readonly kind: "refused"; readonly by: "registry" | "token_service" }
  | { readonly kind: "slow_down"; readonly retryAfter: string | undefined }
  | {
    readonly kind: "failed";
    readonly fault: "token" | "credentials";
    readonly reason: string;
  };

/** A way to meet a challenge. */
export type Way =
  | { readonly kind: "basic" }
  | { readonly kind: "bearer"; readonly key: TokenKey };

/** Meets challenges. Its promises never reject. */
export interface Authority {
  /**
   * What to send before the registry has said anything: what it wanted before. `undefined` when
   * that is not known.
   *
   * @param name the repository, below the registry's base
   */
  guess(server: RegistryServer, name: string): Promise<Granted | NotGranted | undefined>;
  /**
   * What to send after a 401.
   *
   * @param header its `WWW-Authenticate`
   * @param sent what the request was sent with
   */
  answer(
    server: RegistryServer,
    name: string,
    header: string | null,
    sent: Granted | undefined,
  ): Promise<Granted | NotGranted>;
}

// Names of hostile clients have any length.
const MOST_KEPT = 1000;
const LONGEST_KEPT = 512;

/** Makes an authority that knows nothing. */
export function createAuthority(tokens: Tokens): Authority {
  const ways = new Map<string, Way>();
  const usual = new Map<string, Way>();

  async function grant(way: Way, server: RegistryServer): Promise<Granted | NotGranted> {
    if (way.kind === "basic") {
      const { credentials } = server;
      return credentials?.kind === "password"
        ? { kind: "granted", authorization: formatBasic(credentials), way, fresh: true }
        : failed("credentials", "it wants a user and a password: it needs credentials");
    }
    const key = { ...way.key, credentials: server.credentials };
    const held = tokens.get(key);
    const answer = await held;
    if (answer.kind !== "token") return toNotGranted(answer, server.credentials);
    const authorization = `Bearer ${answer.token}`;
    return { kind: "granted", authorization, way, fresh: held instanceof Promise };
  }

  function remember(server: RegistryServer, name: string, way: Way): void {
    const identity = identityOf(server);
    if (usual.size >= MOST_KEPT) usual.clear();
    usual.set(identity, way.kind === "basic" ? way : usualOf(way, repositoryOf(server, name)));
    if (name.length > LONGEST_KEPT) return;
    if (ways.size >= MOST_KEPT) ways.clear();
    ways.set(`${identity} ${name}`, way);
  }

  return {
    async guess(server, name) {
      const identity = identityOf(server);
      const known = ways.get(`${identity} ${name}`);
      if (known !== undefined) return await grant(known, server);
      const way = usual.get(identity);
      if (way === undefined) return undefined;
      const granted = await grant(applyTo(way, repositoryOf(server, name)), server);
      // A repository may want something else, and only its challenge says so.
      return granted.kind === "granted" ? granted : undefined;
    },
    async answer(server, name, header, sent) {
      const way = findWay(server, repositoryOf(server, name), header);
      if (way.kind === "failed") return way;
      if (sent !== undefined && isSame(sent.way, way)) {
        if (way.kind === "basic") return failed("credentials", "it refuses the credentials");
        if (sent.fresh) return { kind: "refused", by: "registry" };
        tokens.forget(way.key, sent.authorization.slice("Bearer ".length));
      }
      remember(server, name, way);
      return await grant(way, server);
    },
  };
}

/** A repository's whole name at its registry, which scopes have. */
function repositoryOf({ base }: RegistryServer, name: string): string {
  return new URL(base).pathname.slice("/v2/".length) + name;
}

// The first bearer challenge that can be met, else basic. Others are of no use to a program.
function findWay(
  server: RegistryServer,
  repository: string,
  header: string | null,
): Way | NotGranted & { readonly kind: "failed" } {
  let refusal = "its 401 has no challenge that can be met";
  const challenges = parseChallenges(header ?? "");
  for (const challenge of challenges.filter(({ scheme }) => scheme === "bearer")) {
    const read = readBearer(challenge, server, repository);
    if (typeof read === "object") return { kind: "bearer", key: read };
    refusal = read;
  }
  return challenges.some(({ scheme }) => scheme === "basic")
    ? { kind: "basic" }
    : failed("token", refusal);
}

// Scopes and services have some dozens of characters.
const LONGEST = 1024;

function readBearer(
  { parameters }: Challenge,
  server: RegistryServer,
  repository: string,
): TokenKey | string {
  const judged = judgeRealm(parameters.get("realm") ?? "", server);
  if (judged.kind === "refused") return judged.reason;
  const usual = scopeOf(repository);
  const service = parameters.get("service");
  const scope = parameters.get("scope") || usual;
  if (scope.length > LONGEST || (service?.length ?? 0) > LONGEST) {
    return "its challenge is too long";
  }
  // With credentials, a token is for nothing but what is asked for.
  const other = scope.split(" ").some((one) =>
    one.startsWith("repository:") && !one.startsWith(`repository:${repository}:`)
  );
  if (other && server.credentials !== undefined) return "its challenge is for another repository";
  const own = scope.startsWith(`repository:${repository}:`) && !scope.includes(" ");
  return {
    identity: server.credentials === undefined ? "" : identityOf(server),
    realm: judged.url,
    service,
    scope: own ? usual : scope,
  };
}

function scopeOf(repository: string): string {
  return `repository:${repository}:pull`;
}

// What the next repository of the same registry will probably want.
function usualOf(way: Way & { readonly kind: "bearer" }, repository: string): Way {
  const { key } = way;
  return key.scope === scopeOf(repository) ? { ...way, key: { ...key, scope: "" } } : way;
}

function applyTo(way: Way, repository: string): Way {
  if (way.kind === "basic" || way.key.scope !== "") return way;
  return { ...way, key: { ...way.key, scope: scopeOf(repository) } };
}

function isSame(one: Way, other: Way): boolean {
  if (one.kind === "basic" || other.kind === "basic") return one.kind === other.kind;
  const { realm, service, scope } = one.key;
  return realm === other.key.realm && service === other.key.service && scope === other.key.scope;
}

function toNotGranted(
  answer: Exclude<TokenAnswer, { readonly kind: "token" }>,
  credentials: Credentials | undefined,
): NotGranted {
  switch (answer.kind) {
    case "denied":
      return credentials === undefined
        ? { kind: "refused", by: "token_service" }
        : failed("credentials", "its token service refuses the credentials");
    case "slow_down": {
      const { retryAfterMs } = answer;
      const retryAfter = retryAfterMs === undefined ? undefined : String(retryAfterMs / 1000);
      return { kind: "slow_down", retryAfter };
    }
    case "failed":
      return failed("token", answer.reason);
  }
}

function failed(fault: "token" | "credentials", reason: string) {
  return { kind: "failed", fault, reason } as const;
}
