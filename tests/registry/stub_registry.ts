/**
 * A registry that wants a token, and its token service, for tests: they behave as ghcr.io's and
 * Docker Hub's do, and as they are told.
 *
 * @module
 */

import { type Sent, untilAborted } from "../mirrors/fake_servers.ts";
import type { VirtualClock } from "../mirrors/virtual_clock.ts";

/** A registry. */
export interface StubOptions {
  /** Its origin. */
  readonly origin?: string;
  /** The URL of its token service; `null` where anybody is served without. */
  readonly realm?: string | null;
  /** Users and their passwords, who see what is private. */
  readonly users?: Readonly<Record<string, string>>;
  /** Repositories that only users see. */
  readonly hidden?: readonly string[];
  /** How the token service answers about repositories that those who ask do not see. */
  readonly manner?: "ghcr" | "hub";
  /** How long a token is valid, as the token service says it. */
  readonly expiresInS?: number | undefined;
  /** What the registry does before all else, for a request with a token that it takes. */
  readonly reply?: (sent: Request) => Response | "hangs" | undefined;
  /** What the token service does before all else. */
  readonly replyToken?: (sent: Request) => Response | "hangs" | undefined;
  /** The whole challenge, in place of the usual one. */
  readonly challenge?: string;
}

/** What the stub has: answers by path below `/v2/`. */
export type Contents = Map<string, () => Response>;

/** A request that the stub got. */
export interface Got extends Pick<Sent, "method" | "url" | "atMs"> {
  readonly headers: Headers;
  readonly body: string;
}

/** Makes a registry and its token service. */
export function createStubRegistry(clock: VirtualClock, options: StubOptions = {}) {
  const { origin = "https://ghcr.example", manner = "ghcr", users = {}, hidden = [] } = options;
  const { realm = `${origin}/token`, expiresInS } = options;
  const contents: Contents = new Map();
  const got: Got[] = [];
  const tokens = new Map<string, { readonly scope: string; readonly untilMs: number }>();

  function mayPull(repository: string, user: string | undefined): boolean {
    return contents.keys().some((path) => path.startsWith(`${repository}/`)) &&
      (user !== undefined || !hidden.includes(repository));
  }

  async function readUser(request: Request): Promise<string | undefined | "wrong"> {
    const form = request.method === "POST"
      ? new URLSearchParams(await request.clone().text())
      : undefined;
    const sent = form?.get("refresh_token") ?? form?.get("password") ?? tryPassword(request);
    if (sent === undefined) return undefined;
    const [user] = Object.entries(users).find(([, password]) => password === sent) ?? [];
    return user ?? "wrong";
  }

  async function issue(request: Request): Promise<Response> {
    const user = await readUser(request);
    if (user === "wrong") return denied(401);
    const form = request.method === "POST"
      ? new URLSearchParams(await request.clone().text())
      : new URL(request.url).searchParams;
    const scope = form.getAll("scope").join(" ");
    const repository = /^repository:(.*):pull$/.exec(scope)?.[1] ?? "";
    const allowed = mayPull(repository, user);
    if (!allowed && manner === "ghcr") return denied(403);
    const token = `token-${tokens.size + 1}`;
    tokens.set(token, {
      scope: allowed ? scope : "",
      untilMs: clock.now() + (expiresInS ?? 60) * 1000,
    });
    return Response.json({ token, ...(expiresInS !== undefined && { expires_in: expiresInS }) });
  }

  function challenge(repository: string, error = ""): Response {
    const usual = `Bearer realm="${realm}",service="${new URL(origin).host}",` +
      `scope="repository:${repository}:pull"${error}`;
    const headers = { "www-authenticate": options.challenge ?? usual };
    return denied(401, headers);
  }

  function serve(request: Request): Response | "hangs" {
    const { pathname } = new URL(request.url);
    const path = pathname.slice("/v2/".length);
    const repository = path.replace(/\/(?:manifests|blobs|tags|referrers)\/.*$/, "");
    if (realm !== null) {
      const token = /^Bearer (.*)$/.exec(request.headers.get("authorization") ?? "")?.[1];
      const held = tokens.get(token ?? "");
      if (held === undefined || held.untilMs <= clock.now()) return challenge(repository);
      if (held.scope !== `repository:${repository}:pull`) {
        return challenge(repository, ',error="insufficient_scope"');
      }
    }
    return options.reply?.(request) ?? contents.get(path)?.() ??
      Response.json({ errors: [{ code: "MANIFEST_UNKNOWN" }] }, { status: 404 });
  }

  async function answer(request: Request): Promise<Response | "hangs"> {
    const { href, origin: own } = new URL(request.url);
    if (realm !== null && href.startsWith(realm)) {
      return options.replyToken?.(request) ?? await issue(request);
    }
    if (own === origin) return serve(request);
    throw new TypeError("error sending request", { cause: new Error("no such host") });
  }

  const send: typeof fetch = async (input, init?: RequestInit) => {
    const request = new Request(input, { ...init, signal: null });
    const { method, url, headers } = request;
    got.push({
      method,
      url,
      headers,
      atMs: clock.now(),
      body: method === "POST" ? await request.clone().text() : "",
    });
    if (init?.signal?.aborted) throw init.signal.reason;
    const answered = await answer(request);
    if (answered === "hangs") return await untilAborted(init!.signal!);
    return method === "HEAD" ? new Response(null, answered) : answered;
  };
  return { fetch: send, contents, got, tokens, origin };
}

function tryPassword(request: Request): string | undefined {
  const [, encoded] = /^Basic (.*)$/.exec(request.headers.get("authorization") ?? "") ?? [];
  if (encoded === undefined) return undefined;
  const bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
  return new TextDecoder().decode(bytes).replace(/^[^:]*:/, "");
}

function denied(status: number, headers: Record<string, string> = {}): Response {
  return Response.json({ errors: [{ code: "DENIED" }] }, { status, headers });
}
