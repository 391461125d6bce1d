/**
 * The registry of the model, which wants a token: its tags move, repositories become private,
 * and it and its token service answer anything.
 *
 * @module
 */

import type { ModelClock } from "./clock.ts";

/** How the registry answers. */
export type RegistryMode =
  /** As it should. */
  | { readonly kind: "works" }
  /** HEAD with 405. */
  | { readonly kind: "no_head" }
  /** Every request with one status. */
  | { readonly kind: "status"; readonly status: number }
  /** 429, and for how long in seconds. */
  | { readonly kind: "slow_down"; readonly seconds: number }
  /** Not at all. */
  | { readonly kind: "hangs" }
  /** With a refused connection. */
  | { readonly kind: "refuses" }
  /** GET with other bytes than those of the digest. */
  | { readonly kind: "lies" }
  /** GET with half of the bytes. */
  | { readonly kind: "breaks_off" }
  /** With a challenge that sends elsewhere for a token. */
  | { readonly kind: "other_realm" }
  /** Blobs and manifests with a redirect to a private address. */
  | { readonly kind: "sends_inside" };

/** How the token service answers. */
export type TokenMode =
  | { readonly kind: "works" }
  | { readonly kind: "status"; readonly status: number }
  | { readonly kind: "hangs" }
  /** With a token that ends at once. */
  | { readonly kind: "short" }
  /** With a token that the registry does not know. */
  | { readonly kind: "forges" }
  /** With a redirect. */
  | { readonly kind: "redirects" };

/** A manifest of the model. */
export interface ModelManifest {
  readonly digest: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What a tag stood for, until when; `undefined` for nothing. */
export interface Meaning {
  readonly digest: string | undefined;
  readonly fromMs: number;
  untilMs: number;
}

/** A request that the registry or its token service got. */
export interface RegistryRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
}

/** The registry. */
export interface ModelRegistry {
  mode: RegistryMode;
  tokenMode: TokenMode;
  latencyMs: number;
  /** Repositories that only users may see. */
  readonly hidden: Set<string>;
  /** What each tag of a repository has stood for, the last at the end: by `app:v1`. */
  readonly history: ReadonlyMap<string, readonly Meaning[]>;
  /** Its manifests. */
  readonly manifests: readonly ModelManifest[];
  /** Moves a tag to a manifest, given by its number; `undefined` removes it. */
  move(name: string, tag: string, manifest: number | undefined): void;
  /** Answers a request; `undefined` for never. */
  respond(request: RegistryRequest): Response | undefined;
}

/** The origin of the registry and its token service. */
export const REGISTRY = "http://reg.example";
/** Where it sends clients for blobs. */
export const BLOBS = "http://cdn.example";
/** Where nobody is to be sent. */
export const INSIDE = "http://10.0.0.1";
/** Where no token is to be asked for. */
export const ELSEWHERE = "http://evil.example";

/** Its repositories. */
export const REPOSITORIES = ["one", "two", "private"] as const;
export const TAGS = ["v1", "v2"] as const;
/** How long a token is valid, in seconds. */
export const VALID_S = 300;
const MANIFESTS = 6;
const INDEX = "application/vnd.oci.image.index.v1+json";

/** Makes a registry in which all repositories have all manifests, and each tag the first. */
export async function createModelRegistry({ now }: ModelClock): Promise<ModelRegistry> {
  const manifests = await Promise.all(Array.from({ length: MANIFESTS }, (_, at) => make(at)));
  const history = new Map<string, Meaning[]>();
  const tokens = new Map<string, { readonly name: string; readonly untilMs: number }>();
  let count = 0;

  function move(name: string, tag: string, manifest: number | undefined): void {
    const key = `${name}:${tag}`;
    const meanings = history.get(key) ?? [];
    history.set(key, meanings);
    const last = meanings.at(-1);
    if (last !== undefined) last.untilMs = now();
    const digest = manifest === undefined ? undefined : manifests[manifest]!.digest;
    meanings.push({ digest, fromMs: now(), untilMs: Infinity });
  }

  for (const name of REPOSITORIES) for (const tag of TAGS) move(name, tag, 0);

  function isAllowed({ headers }: RegistryRequest, name: string): boolean {
    const token = tokens.get(headers.get("authorization")?.replace("Bearer ", "") ?? "");
    return token?.name === name && now() < token.untilMs;
  }

  function issue({ headers, url }: RegistryRequest): Response | undefined {
    const { tokenMode: mode, hidden } = registry;
    const name = /^repository:acme\/(.+):pull$/.exec(url.searchParams.get("scope") ?? "")?.[1];
    if (mode.kind === "hangs") return undefined;
    if (mode.kind === "status") return reply(mode.status);
    if (mode.kind === "redirects") return reply(307, { location: `${ELSEWHERE}/token` });
    const isUser = headers.has("authorization");
    if (name === undefined || hidden.has(name) && !isUser) return reply(403);
    const token = `${isUser ? "user" : "anybody"}-${++count}`;
    const validS = mode.kind === "short" ? 1 : VALID_S;
    if (mode.kind !== "forges") tokens.set(token, { name, untilMs: now() + validS * 1000 });
    return reply(200, {}, encode({ token, expires_in: validS }));
  }

  function find(name: string, reference: string): ModelManifest | undefined {
    const digest = reference.startsWith("sha256:")
      ? reference
      : history.get(`${name}:${reference}`)?.at(-1)?.digest;
    return manifests.find((manifest) => manifest.digest === digest);
  }

  function give(manifest: ModelManifest, isHead: boolean): Response {
    const { kind } = registry.mode;
    const { digest, bytes } = manifest;
    const headers = { "content-type": INDEX, "docker-content-digest": digest };
    if (isHead) return reply(200, headers);
    if (kind === "lies") return reply(200, headers, bytes.map((byte) => byte ^ 1));
    if (kind === "breaks_off") return reply(200, headers, bytes.slice(0, bytes.length / 2));
    return reply(200, headers, bytes);
  }

  function respond(request: RegistryRequest): Response | undefined {
    const { mode } = registry;
    const { method, url: { pathname } } = request;
    if (pathname === "/token") return issue(request);
    if (mode.kind === "refuses") throw new TypeError("client error (Connect): Connection refused");
    if (mode.kind === "hangs") return undefined;
    if (mode.kind === "status") return reply(mode.status);
    if (mode.kind === "slow_down") return reply(429, { "retry-after": String(mode.seconds) });
    const [, name = "", kind, reference = ""] =
      /^\/v2\/acme\/(.+)\/(manifests|blobs)\/(.+)$/.exec(pathname) ?? [];
    if (!isAllowed(request, name)) return challenge(name, mode);
    if (mode.kind === "sends_inside") return reply(307, { location: `${INSIDE}/secret` });
    if (kind === "blobs") return reply(307, { location: `${BLOBS}/${reference}?by=${method}` });
    if (method === "HEAD" && mode.kind === "no_head") return reply(405);
    const manifest = find(name, reference);
    return manifest === undefined ? reply(404) : give(manifest, method === "HEAD");
  }

  const registry: ModelRegistry = {
    mode: { kind: "works" },
    tokenMode: { kind: "works" },
    latencyMs: 20,
    hidden: new Set(["private"]),
    history,
    manifests,
    move,
    respond,
  };
  return registry;
}

function challenge(name: string, { kind }: RegistryMode): Response {
  const realm = `${kind === "other_realm" ? ELSEWHERE : REGISTRY}/token`;
  const scope = `repository:acme/${name}:pull`;
  const text = `Bearer realm="${realm}",service="reg.example",scope="${scope}"`;
  return reply(401, { "www-authenticate": text });
}

async function make(at: number): Promise<ModelManifest> {
  const bytes = encode({ schemaVersion: 2, mediaType: INDEX, manifests: [], at });
  return { bytes, digest: await hash(bytes) };
}

/** The digest of some bytes. */
export async function hash(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const all = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return `sha256:${[...all].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

function encode(value: unknown): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new TextEncoder().encode(JSON.stringify(value)));
}

function reply(
  status: number,
  headers: Readonly<Record<string, string>> = {},
  bytes?: Uint8Array<ArrayBuffer>,
): Response {
  return new Response(bytes === undefined ? null : streamOf(bytes), { status, headers });
}

// The bytes would come by the runtime's own time otherwise.
function streamOf(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(bytes);
      controller.close();
    },
  });
}
