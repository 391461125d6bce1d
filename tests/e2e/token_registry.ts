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
  /** Whether its tokens come from another host name than its own. */
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
  /** What it answers to all requests from now on, if anything. */
  fail(reply: ((request: Request) => Response | undefined) | undefined): void;
  /** What its token service answers to all requests from now on, if anything. */
  failTokens(reply: (() => Response) | undefined): void;
}

/** Starts a registry. */
export async function startTokenRegistry(options: TokenRegistryOptions): Promise<TokenRegistry> {
  const { folder, certificate, tokensElsewhere = false, redirectsTo, pageSize } = options;
  await using started = new AsyncDisposableStack();
  await Deno.mkdir(folder, { recursive: true });
  const issue = createTokenService(options);
  let reply: ((request: Request) => Response | undefined) | undefined;
  let replyToken: (() => Response) | undefined;

  async function answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    if (url.pathname === "/token") return replyToken?.() ?? await issue(request);
    const failed = reply?.(request);
    if (failed !== undefined) return failed;
    const response = await ask(request, origins.checked);
    const challenge = response.headers.get("www-authenticate");
    if (challenge !== null) {
      // The realm has the scheme by which it was asked.
      const host = tokensElsewhere ? `localhost:${url.port}` : url.host;
      const realm = `${url.protocol}//${host}/token`;
      const headers = new Headers(response.headers);
      headers.set("www-authenticate", challenge.replace(/realm="[^"]*"/, `realm="${realm}"`));
      return new Response(response.body, { status: response.status, headers });
    }
    const digest = /\/blobs\/(sha256:[0-9a-f]+)$/.exec(url.pathname)?.[1];
    if (redirectsTo === undefined || digest === undefined || !response.ok) {
      return await asToday(request, response, origins.checked, pageSize);
    }
    await response.body?.cancel();
    const base = url.protocol === "https:" ? redirectsTo.https : redirectsTo.http;
    const location = `${base}/${digest}?method=${request.method}&signature=a%2Fb`;
    return new Response(null, { status: 307, headers: { location } });
  }

  const front = started.use(serveBoth(answer, certificate));
  const origins = started.use(await startDaemons(folder, certificate, front.http));
  const running = started.move();
  return {
    ...front,
    origin: origins.open,
    fail: (by) => void (reply = by),
    failTokens: (by) => void (replyToken = by),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

function ask(request: Request, origin: string): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  return fetch(`http://${origin}${pathname}${search}`, {
    method: request.method,
    headers: request.headers,
    redirect: "manual",
  });
}

// What docker-registry 2.8 does not: it lists all tags, and knows no referrers.
async function asToday(
  request: Request,
  response: Response,
  origin: string,
  pageSize: number | undefined,
): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  const [, name, digest] = /^(.*)\/referrers\/(.*)$/.exec(pathname) ?? [];
  if (digest !== undefined) {
    await response.body?.cancel();
    const headers = { accept: INDEX, authorization: request.headers.get("authorization") ?? "" };
    const fallback = await fetch(`http://${origin}${name}/manifests/${tagOf(digest)}`, { headers });
    return fallback.ok
      ? filterReferrers(fallback, searchParams.get("artifactType"))
      : new Response(fallback.body, fallback);
  }
  const count = Number(searchParams.get("n") ?? pageSize);
  return response.ok && pathname.endsWith("/tags/list") && Number.isFinite(count)
    ? pageOf(
      response,
      pathname,
      Math.min(count, pageSize ?? Infinity),
      searchParams.get("last") ?? "",
    )
    : response;
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
