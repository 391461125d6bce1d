/**
 * A registry to fetch from, and the places that it may send requests and clients to.
 *
 * @module
 */

import ipaddr from "ipaddr.js";

/** A registry to fetch from. It can be sent to another isolate. */
export interface RegistryServer {
  /** The URL that repository names are appended to: `https://registry.example/v2/project/`. */
  readonly base: string;
  /** Hosts, each with or without a port, that may issue tokens, beside its own. */
  readonly tokenHosts: readonly string[];
  /** Hosts with or without a port that it may redirect to although they are private. */
  readonly redirectHosts: readonly string[];
  /** What it is asked with; without credentials, it is asked as anybody may. */
  readonly credentials?: Credentials | undefined;
}

/** Who to ask as. Never to be logged. */
export type Credentials =
  | { readonly kind: "password"; readonly username: string; readonly password: string }
  /** A refresh token of OAuth 2.0, which the token service exchanges for others. */
  | { readonly kind: "identity_token"; readonly identityToken: string };

/** A place, or why it is none to go to. The reason repeats nothing that may be secret. */
export type Judged =
  | { readonly kind: "url"; readonly url: string }
  | { readonly kind: "refused"; readonly reason: string };

/** The token services of registries that have them elsewhere. */
const WELL_KNOWN: Readonly<Record<string, readonly string[]>> = {
  "registry-1.docker.io": ["auth.docker.io"],
  "index.docker.io": ["auth.docker.io"],
  "registry.gitlab.com": ["gitlab.com"],
};

/** Whether a registry is Docker Hub, which counts pulls by the address that asks. */
export function isDockerHub({ base }: Pick<RegistryServer, "base">): boolean {
  const { hostname } = new URL(base);
  return hostname === "registry-1.docker.io" || hostname === "index.docker.io";
}

/**
 * What distinguishes a registry from others: what one gives is not what another gives, and two
 * with different credentials are two. Not a secret.
 */
export function identityOf({ base, credentials }: RegistryServer): string {
  if (credentials === undefined) return base;
  return credentials.kind === "password" ? `${base} ${credentials.username}` : `${base} *`;
}

/** The hosts that may issue tokens for a registry, beside its own, each with or without a port. */
export function listTokenHosts(
  { base, tokenHosts }: Pick<RegistryServer, "base" | "tokenHosts">,
): readonly string[] {
  return [...tokenHosts, ...WELL_KNOWN[new URL(base).hostname] ?? []];
}

// As long as any that registries send.
const LONGEST_REALM = 2048;

/**
 * Where to ask for a token: the realm of a registry's challenge, if it is at the registry's
 * own host or one that the configuration names, and by https unless the registry is not.
 */
export function judgeRealm(realm: string, server: RegistryServer): Judged {
  const url = realm.length > LONGEST_REALM ? undefined : tryUrl(realm);
  if (url === undefined) return refuse("the realm of its challenge is no URL");
  const base = new URL(server.base);
  if (hasUser(url)) return refuse("the realm of its challenge has a user in it");
  if (!isSecureEnough(url, base)) {
    return refuse(`the realm of its challenge, at ${url.host}, is not https:`);
  }
  const names = listTokenHosts(server);
  const isNamed = names.some((name) => name === hostOf(url) || name === withPort(url));
  const isOwn = url.hostname === base.hostname;
  const isHost = isOwn || isNamed || names.some((name) => hostOfName(name) === hostOf(url));
  if (!isHost) {
    return refuse(`the realm of its challenge is at ${url.host}, which token_hosts does not name`);
  }
  const port = portOf(url);
  if (port === portOf(base) || port === "443" || names.includes(withPort(url))) {
    return { kind: "url", url: url.href };
  }
  return refuse(
    `the realm of its challenge is at port ${port}: name ${withPort(url)} in token_hosts`,
  );
}

// As long as any signed URL.
const LONGEST_LOCATION = 16 * 1024;
// What a URL consists of (RFC 3986, section 2). Others are read differently by clients.
const URL_CHARACTERS = /^[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]*$/;

/**
 * Where a registry sends for a blob, if a client can be sent there: a `Location` by https
 * unless the registry is not, without a user, and not at a private address. Names in it are not
 * resolved.
 *
 * @param location the header's value; it may be relative
 * @param asked the URL that was asked
 * @returns the URL as the registry wrote it, because it may be signed
 */
export function judgeLocation(
  location: string | null,
  asked: string,
  server: Pick<RegistryServer, "base" | "redirectHosts">,
): Judged {
  if (location === null) return refuse("it redirects without a Location");
  if (location.length > LONGEST_LOCATION) return refuse("its Location is too long");
  if (!URL_CHARACTERS.test(location)) return refuse("its Location is no URL");
  const url = tryUrl(location, asked);
  if (url === undefined) return refuse("its Location is no URL");
  const base = new URL(server.base);
  if (hasUser(url)) return refuse("its Location has a user in it");
  if (!isSecureEnough(url, base)) return refuse("its Location is not https:");
  const names = server.redirectHosts;
  const isNamed = names.includes(hostOf(url)) || names.includes(withPort(url));
  if (isInner(url) && !isNamed && !isInner(base)) {
    return refuse(
      `its Location is at ${url.host}, a private address that redirect_hosts does not name`,
    );
  }
  return { kind: "url", url: isWritten(location, url) ? location : url.href };
}

function refuse(reason: string): Judged {
  return { kind: "refused", reason };
}

function tryUrl(text: string, base?: string): URL | undefined {
  return URL.canParse(text, base) ? new URL(text, base) : undefined;
}

function hasUser({ username, password }: URL): boolean {
  return username !== "" || password !== "";
}

function isSecureEnough({ protocol }: URL, base: URL): boolean {
  return protocol === "https:" || protocol === "http:" && base.protocol === "http:";
}

function portOf({ port, protocol }: URL): string {
  return port !== "" ? port : protocol === "http:" ? "80" : "443";
}

function hostOf({ hostname }: URL): string {
  return hostname.replace(/\.$/, "");
}

function withPort(url: URL): string {
  return `${hostOf(url)}:${portOf(url)}`;
}

function hostOfName(name: string): string {
  return name.replace(/:\d+$/, "");
}

// A location that begins with the host that the platform reads in it, and so means no other to
// a client. Others are written anew.
function isWritten(location: string, { protocol, host }: URL): boolean {
  const port = protocol === "http:" ? ":80" : ":443";
  const written = /^([a-z]+:\/\/[^/?#]*)/i.exec(location)?.[1]?.toLowerCase();
  return written === `${protocol}//${host}` || written === `${protocol}//${host}${port}`;
}

/** Whether a URL's host is an address that is none of the public Internet's, or localhost. */
function isInner(url: URL): boolean {
  const host = hostOf(url).replace(/^\[|\]$/g, "");
  if (host === "localhost" || host.endsWith(".localhost")) return true;
  if (!ipaddr.isValid(host)) return false;
  // An IPv4 address in an IPv6 address of an old form (RFC 4291, section 2.5.5.1).
  if (host.startsWith("::") && !host.startsWith("::ffff:")) return true;
  const range = ipaddr.process(host).range();
  return range !== "unicast" && range !== "reserved";
}
