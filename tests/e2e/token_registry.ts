/**
 * A registry that wants a token: Debian's docker-registry, which checks it, and before it what
 * registries of today do beside that: pages of tags, referrers, redirects for blobs.
 *
 * @module
 */

import type { CertificateFiles } from "./certificate_files.ts";
import { isListening, startDaemon } from "./daemon.ts";
import { startOnFreePorts } from "./free_ports.ts";
import { filterReferrers, pageOf } from "./registry.ts";
import { INDEX } from "./layout.ts";
import { tagOf } from "./digest.ts";
import { serveBoth, type Store } from "./store.ts";
import { createTokenService, ISSUER, SERVICE, type TokenServiceOptions } from "./token_service.ts";

/** How a registry behaves. */
export interface TokenRegistryOptions extends Omit<TokenServiceOptions, "certificate"> {
  /** A folder of its own. */
  readonly folder: string;
  readonly certificate: CertificateFiles;
  /** The address that it listens at; by default 127.0.0.1. */
  readonly hostname?: string;
  /** Whether its tokens come from another host, `localhost`, and another port. */
  readonly tokensElsewhere?: boolean;
  /** Where it redirects for blobs: the base URLs, which a digest stands behind. */
  readonly redirectsTo?: { readonly http: string; readonly https: string };
  /** How many tags it lists at most in one page. */
  readonly pageSize?: number;
}

/** A registry that wants a token. */
export interface TokenRegistry extends Store {
  /** Where images are pushed: `host:port`. */
  readonly origin: string;
  /** Where its tokens come from: itself, or another server. */
  readonly tokens: Store;
  /** Whether it has anything for those without credentials from now on. */
  hide(isHidden: boolean): void;
  /** What it answers to all requests from now on, if anything. */
  fail(reply: Reply | undefined): void;
  /** What its token service answers to all requests from now on, if anything. */
  failTokens(reply: Reply | undefined): void;
}

/** What Docker Hub's manner says with manifests: how many more it gives, in how many seconds. */
export const REMAINING = "76;w=21600";

/** What a server answers instead of what it has, if anything. */
export type Reply = (request: Request) => Response | Promise<Response> | undefined;

/** Starts a registry. */
export async function startTokenRegistry(options: TokenRegistryOptions): Promise<TokenRegistry> {
  const { folder, certificate, hostname, tokensElsewhere = false } = options;
  await using started = new AsyncDisposableStack();
  await Deno.mkdir(folder, { recursive: true });
  let isHidden = false;
  let reply: Reply | undefined;
  let replyToken: Reply | undefined;

  const isPublic = (name: string) => !isHidden && options.isPublic(name);
  const issue = createTokenService({ ...options, isPublic });
  const answerToken = async (request: Request) => await replyToken?.(request) ?? issue(request);
  const elsewhere = tokensElsewhere ? started.use(serveBoth(answerToken, certificate)) : undefined;

  async function answer(request: Request): Promise<Response> {
    if (new URL(request.url).pathname === "/token") return await answerToken(request);
    const failed = await reply?.(request);
    if (failed !== undefined) return failed;
    const response = await ask(request, origins.checked);
    const challenge = response.headers.get("www-authenticate");
    if (challenge === null) return await asToday(request, response, origins.checked, options);
    const headers = new Headers(response.headers);
    const realm = realmOf(request, elsewhere);
    headers.set("www-authenticate", challenge.replace(/realm="[^"]*"/, `realm="${realm}"`));
    return new Response(response.body, { status: response.status, headers });
  }

  const front = started.use(serveBoth(answer, certificate, hostname));
  const origins = started.use(await startDaemons(folder, certificate, front.http));
  const running = started.move();
  return {
    ...front,
    origin: origins.open,
    tokens: elsewhere ?? front,
    hide: (hidden) => void (isHidden = hidden),
    fail: (by) => void (reply = by),
    failTokens: (by) => void (replyToken = by),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** The realm of a challenge. It has the scheme by which the registry was asked. */
function realmOf({ url }: Request, elsewhere: Store | undefined): string {
  const { protocol, origin } = new URL(url);
  if (elsewhere === undefined) return `${origin}/token`;
  const { port } = new URL(protocol === "https:" ? elsewhere.https : elsewhere.http);
  return `${protocol}//localhost:${port}/token`;
}

function ask(request: Request, origin: string): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  return fetch(`http://${origin}${pathname}${search}`, {
    method: request.method,
    headers: request.headers,
    redirect: "manual",
  });
}

// What docker-registry 2.8 does not: it serves blobs itself, lists all tags, knows no referrers.
async function asToday(
  request: Request,
  response: Response,
  origin: string,
  { manner, redirectsTo, pageSize }: TokenRegistryOptions,
): Promise<Response> {
  const { pathname, protocol, searchParams } = new URL(request.url);
  if (manner === "hub" && /\/manifests\/[^/]+$/.test(pathname)) {
    const headers = new Headers(response.headers);
    headers.set("ratelimit-remaining", REMAINING);
    return new Response(response.body, { status: response.status, headers });
  }
  const [, blob] = /\/blobs\/(sha256:[0-9a-f]+)$/.exec(pathname) ?? [];
  if (blob !== undefined && redirectsTo !== undefined && response.ok) {
    await response.body?.cancel();
    const base = protocol === "https:" ? redirectsTo.https : redirectsTo.http;
    const location = `${base}/${blob}?method=${request.method}&signature=a%2Fb`;
    return new Response(null, { status: 307, headers: { location } });
  }
  const [, name, digest] = /^(.*)\/referrers\/(.*)$/.exec(pathname) ?? [];
  if (digest !== undefined) {
    await response.body?.cancel();
    const headers = { accept: INDEX, authorization: request.headers.get("authorization") ?? "" };
    const fallback = await fetch(`http://${origin}${name}/manifests/${tagOf(digest)}`, { headers });
    return await filterReferrers(fallback, searchParams.get("artifactType"));
  }
  const count = Number(searchParams.get("n") ?? pageSize);
  if (!response.ok || !pathname.endsWith("/tags/list") || !Number.isFinite(count)) return response;
  const page = Math.min(count, pageSize ?? Infinity);
  return pageOf(response, pathname, page, searchParams.get("last") ?? "");
}

/** docker-registry twice over one folder: open, to push to, and with tokens. */
interface Origins extends AsyncDisposable {
  readonly open: string;
  readonly checked: string;
}

async function startDaemons(
  folder: string,
  { certFile }: CertificateFiles,
  realm: string,
): Promise<Origins> {
  const auth = `auth: { token: { realm: "${realm}/token", service: ${SERVICE}, ` +
    `issuer: ${ISSUER}, rootcertbundle: ${certFile} } }`;
  await using started = new AsyncDisposableStack();
  const start = async (name: string, more: string) => {
    const { port, daemon } = await startOnFreePorts(1, async ([port]) => {
      const config = `${folder}/${name}.yml`;
      await Deno.writeTextFile(
        config,
        `version: 0.1
log: { level: error, accesslog: { disabled: true } }
storage: { filesystem: { rootdirectory: ${folder}/data } }
http: { addr: "127.0.0.1:${port}" }
${more}
`,
      );
      const isReady = () => isListening(port!);
      return { port, daemon: await startDaemon("docker-registry", ["serve", config], { isReady }) };
    });
    started.use(daemon);
    return `127.0.0.1:${port}`;
  };
  const open = await start("open", "");
  const checked = await start("checked", auth);
  const running = started.move();
  return { open, checked, [Symbol.asyncDispose]: () => running.disposeAsync() };
}
