/**
 * What the program promises of what it relays, and how it is seen from outside whether that
 * holds.
 *
 * @module
 */

import { BLOBS, type Meaning, REGISTRY, type RegistryRequest, VALID_S } from "./registry.ts";
import { CONFIGS, MISSING_TTL_S, type ModelIsolate, type ModelWorld, RELAY } from "./world.ts";

// What an answer may take: HEAD and GET, each within its limit, and turns of the clock.
const LONGEST_MS = 2 * RELAY.timeout_ms + 500;
// How long the registry, or its token service, is left alone after it failed: 60 s at most.
const RECOVERED_MS = 70_000;
// After a flood, requests are turned away, and what is remembered is served for 5 s.
const FLOOD_MS = 20_000;
// A denied token is remembered for 10 s, and what is missing for its time after that.
const EVIDENCE_MS = MISSING_TTL_S * 1000 + 10_000 + LONGEST_MS;
const LONGEST_PAUSE_S = 60;
// A setup is in use everywhere soon after a reload.
const RELOAD_MS = 3000;
const QUICK_MS = 100;
const PATIENCE = 100;
const PATIENCE_MS = 5;
// A new name has the next turn after a second.
const ALONE_MS = 1000;

/** A client's request for a manifest or a blob of the registry. */
export interface Relaying {
  /** The repository's name at the registry; ours begins with `pub/`. */
  readonly name: string;
  /** A tag, or a digest. */
  readonly reference: string;
  readonly blob: boolean;
  readonly method: "GET" | "HEAD";
  readonly isolate: ModelIsolate;
}

/** A request that was made. */
export interface Relayed extends Relaying {
  readonly askedMs: number;
  /** Whether the isolate has the manifest, which is in use, in memory. */
  readonly isRemembered: boolean;
  /** Whether nobody asks for anything else at that time: it finds a place. */
  readonly isAlone: boolean;
}

/** What the program promises of what it relays. */
export interface RelayPromises {
  /** The registry changes. */
  changes(work: () => void): void;
  /** Clients flood the registry. */
  floods(): void;
  /** The configuration or the isolates change. */
  unrests(): void;
  /** A client asks. */
  asks(relaying: Relaying): Relayed;
  /** It is answered. */
  answers(relayed: Relayed, response: Response): Promise<void>;
  /** Tells of requests that were not answered in time. */
  check(): Promise<void>;
}

/** What is seen of an isolate. */
interface Seen {
  /** What is being fetched. */
  readonly inFlight: Set<string>;
  /** The manifests that were fetched whole. */
  readonly fetched: Set<string>;
  /** When the registry last said that something is not there, or for others, by name. */
  readonly missingMs: Map<string, number>;
  /** What a tag stood for, by HEAD, when the registry last said it. */
  readonly told: Map<string, { readonly digest: string; readonly atMs: number }>;
  /** Between when it has to leave the registry alone, by whom the registry is asked as. */
  readonly pauses: Map<boolean, { readonly fromMs: number; readonly untilMs: number }>;
}

/** Watches whether a world's program keeps its promises. */
export function createRelayPromises(
  world: ModelWorld,
  breaks: (promise: string) => void,
): RelayPromises {
  const { clock: { now }, registry } = world;
  const isolates = new WeakMap<ModelIsolate, Seen>();
  const pending = new Set<Relayed>();
  const hiddenMs = new Map<string, number>();
  let last = { what: "", atMs: -Infinity };
  let goodMs = now();
  let floodMs = -Infinity;
  let unrestMs = now();

  function seenOf(isolate: ModelIsolate): Seen {
    const seen = isolates.get(isolate) ?? {
      inFlight: new Set(),
      fetched: new Set(),
      missingMs: new Map(),
      told: new Map(),
      pauses: new Map(),
    };
    isolates.set(isolate, seen);
    return seen;
  }

  function isGood(): boolean {
    const { mode, tokenMode, latencyMs } = registry;
    return ["works", "no_head"].includes(mode.kind) && latencyMs <= QUICK_MS &&
      ["works", "short"].includes(tokenMode.kind);
  }

  /** Whether the registry has worked for so long that nothing holds requests back. */
  function isCalm(name: string): boolean {
    return isGood() && now() - goodMs > RECOVERED_MS && now() - floodMs > FLOOD_MS &&
      !registry.hidden.has(name);
  }

  function isLate({ isolate, askedMs }: Relayed): boolean {
    return isolate.alive && now() - askedMs > LONGEST_MS;
  }

  function isSettled(): boolean {
    return now() - unrestMs > RELOAD_MS;
  }

  function sends(isolate: ModelIsolate, request: RegistryRequest) {
    judgeSent(request);
    judgePause(isolate, request);
    const { inFlight, fetched, missingMs } = seenOf(isolate);
    const what = fetchOf(request);
    if (what !== undefined) {
      if (inFlight.has(what)) breaks(`${what} was being fetched, and is fetched again`);
      if (fetched.has(what)) breaks(`${what} was fetched, and is fetched again`);
      inFlight.add(what);
    }
    const { mode, tokenMode } = registry;
    return (response?: Response) => {
      if (what !== undefined) inFlight.delete(what);
      if (response === undefined) return;
      const { status } = response;
      noteAnswer(seenOf(isolate), request, response);
      const isWhole = mode === registry.mode && ["works", "no_head"].includes(mode.kind);
      if (what?.startsWith("manifest") && status === 200 && isWhole) fetched.add(what);
      // A token that is no good for what is asked for is an answer to that.
      const isDenied = tokenMode.kind === "forges" || request.headers.has("authorization") ||
        request.url.pathname === "/token";
      const says = status === 404 || status === 403 || status === 401 && isDenied;
      if (says) missingMs.set(nameOf(request), now());
    };
  }

  function noteAnswer(
    { told, pauses }: Seen,
    { url, headers, method }: RegistryRequest,
    { status, headers: answered }: Response,
  ): void {
    const authorization = headers.get("authorization") ?? "";
    if (authorization === "" || url.pathname === "/token") return;
    const isSignedIn = isUsers(authorization);
    const [, name, tag] = /^\/v2\/acme\/(.+)\/manifests\/(v\d)$/.exec(url.pathname) ?? [];
    const digest = answered.get("docker-content-digest");
    if (tag !== undefined) {
      const key = formatFetch(name!, tag, isSignedIn);
      if (status === 200 && method === "HEAD") told.set(key, { digest: digest!, atMs: now() });
      else if (status === 404) told.delete(key);
    }
    const seconds = Number(answered.get("retry-after") ?? 0);
    if (status !== 429 || seconds === 0) return;
    const untilMs = now() + Math.min(LONGEST_PAUSE_S, seconds) * 1000;
    pauses.set(isSignedIn, { fromMs: now(), untilMs });
  }

  /** A registry that says for how long is left alone for so long. */
  function judgePause(isolate: ModelIsolate, { url, headers }: RegistryRequest): void {
    const authorization = headers.get("authorization") ?? "";
    if (authorization === "" || url.pathname === "/token") return;
    const pause = seenOf(isolate).pauses.get(isUsers(authorization));
    if (pause === undefined) return;
    // Requests that had begun go on.
    if (now() <= pause.fromMs + LONGEST_MS || now() >= pause.untilMs) return;
    breaks(`asked ${now() - pause.fromMs} ms after a 429`);
  }

  /** Nothing is asked but the registry, and its token service alone with what is secret. */
  function judgeSent({ url, headers, method }: RegistryRequest): void {
    const asked = `${method} ${url}`;
    if (url.origin !== REGISTRY) return breaks(`sent ${asked}`);
    const isBasic = headers.get("authorization")?.startsWith("Basic ") ?? false;
    if (isBasic !== (url.pathname === "/token") && isBasic) breaks(`sent a password: ${asked}`);
    if (isBasic && url.search.includes("private")) breaks(`asked for what is private: ${asked}`);
  }

  function asks(relaying: Relaying): Relayed {
    const { isolate, name, reference } = relaying;
    const { fetched } = seenOf(isolate);
    const isSignedIn = CONFIGS[world.variant]!.signedIn;
    const key = formatFetch(name, reference, isSignedIn);
    const what = `${name} ${reference}`;
    // Each request for a blob is one to the registry, and has a place of its own.
    const isAlone = !relaying.blob &&
      pending.values().every((one) => what === `${one.name} ${one.reference}`) &&
      (last.what === what || now() - last.atMs > ALONE_MS);
    last = { what, atMs: now() };
    const relayed: Relayed = {
      ...relaying,
      isAlone,
      askedMs: now(),
      isRemembered: isSettled() && !relaying.blob && fetched.has(key),
    };
    pending.add(relayed);
    return relayed;
  }

  async function answers(relayed: Relayed, response: Response): Promise<void> {
    pending.delete(relayed);
    const answeredMs = now();
    const { status, headers } = response;
    const what = `${relayed.method} ${relayed.name} ${relayed.reference}`;
    if (relayed.isRemembered && (status !== 200 || answeredMs > relayed.askedMs)) {
      breaks(`${what} was remembered, and got ${status} after ${answeredMs - relayed.askedMs} ms`);
    }
    if (status === 307) return judgeRedirect(relayed, headers.get("location") ?? "");
    if (status === 404) return judgeMissing(relayed, what);
    if (status === 429 || status === 503) {
      if (!headers.has("retry-after")) breaks(`${what} got ${status} without Retry-After`);
      return judgeFailure(relayed, what, status);
    }
    if (status !== 200) return breaks(`${what} got ${status}`);
    judgeAge(relayed, headers.get("docker-content-digest"), answeredMs);
    const bytes = new Uint8Array(await response.arrayBuffer());
    judgeBytes(relayed, headers, bytes, what);
  }

  function judgeRedirect({ blob, method, reference }: Relayed, location: string): void {
    if (blob && location === `${BLOBS}/${reference}?by=${method}`) return;
    breaks(`${method} ${reference} was sent to ${location}`);
  }

  /** 404 means that the registry has said so lately, or that we do. */
  function judgeMissing({ isolate, name, reference }: Relayed, what: string): void {
    if (!isNamed(name) || !isSettled()) return;
    const { missingMs } = seenOf(isolate);
    const saidMs = Math.max(
      missingMs.get(name) ?? -Infinity,
      missingMs.get(`${name} ${reference}`) ?? -Infinity,
      ...digestsOf(name, reference).map((digest) =>
        missingMs.get(`${name} ${digest}`) ?? -Infinity
      ),
    );
    if (now() - saidMs > EVIDENCE_MS) breaks(`${what} got 404, which the registry has not said`);
  }

  function digestsOf(name: string, tag: string): string[] {
    const meanings = registry.history.get(`${name}:${tag}`) ?? [];
    return meanings.map(({ digest }) => digest).filter((digest) => digest !== undefined);
  }

  function isNamed(name: string): boolean {
    return !CONFIGS[world.variant]!.signedIn || name !== "private";
  }

  /** While the registry works, so does what it has. */
  function judgeFailure(
    { name, reference, isolate, askedMs, isAlone }: Relayed,
    what: string,
    status: number,
  ): void {
    if (isServable(isolate, name, reference)) breaks(`${what} was known, and got ${status}`);
    if (!isAlone || !isCalm(name) || !isSettled() || askedMs - goodMs < RECOVERED_MS) return;
    breaks(`${what} got ${status} while the registry works`);
  }

  /** Whether a tag was seen so lately that it is served while the registry fails. */
  function isServable(isolate: ModelIsolate, name: string, tag: string): boolean {
    const isSignedIn = CONFIGS[world.variant]!.signedIn;
    const { told, fetched } = seenOf(isolate);
    const last = told.get(formatFetch(name, tag, isSignedIn));
    // The answer was for what is asked for before it came.
    return last !== undefined && isSettled() &&
      now() - last.atMs < (RELAY.stale_s * 1000) - LONGEST_MS &&
      fetched.has(formatFetch(name, last.digest, isSignedIn));
  }

  /** No tag is older than it may be, and nothing private is shown. */
  function judgeAge(relayed: Relayed, digest: string | null, answeredMs: number): void {
    const { name, reference, askedMs } = relayed;
    if (name === "private") return breaks(`showed ${name} ${reference}`);
    if (reference.startsWith("sha256:")) return;
    const calm = isCalm(name) && askedMs - goodMs > RECOVERED_MS;
    const boundMs = 1000 * (calm ? RELAY.tag_ttl_s : RELAY.stale_s) + LONGEST_MS;
    const lastMs = Math.max(
      ...registry.history.get(`${name}:${reference}`)!.filter((one) => one.digest === digest)
        .map(({ untilMs }: Meaning) => untilMs),
    );
    const ageMs = answeredMs - lastMs;
    if (ageMs > boundMs) breaks(`${name}:${reference} is ${ageMs} ms old, ${boundMs} is allowed`);
    const isHidden = registry.hidden.has(name) && !CONFIGS[world.variant]!.signedIn;
    const hiddenForMs = answeredMs - (hiddenMs.get(name) ?? Infinity);
    // A token that was issued before opens the repository until it expires.
    const hiddenBoundMs = 1000 * (VALID_S + RELAY.stale_s) + LONGEST_MS;
    if (isHidden && isSettled() && hiddenForMs > hiddenBoundMs) {
      breaks(`showed ${name}:${reference}, hidden for ${hiddenForMs} ms`);
    }
  }

  function judgeBytes(
    { method, reference }: Relayed,
    headers: Headers,
    bytes: Uint8Array,
    what: string,
  ): void {
    const digest = headers.get("docker-content-digest");
    const manifest = registry.manifests.find((one) => one.digest === digest);
    if (manifest === undefined || reference.startsWith("sha256:") && reference !== digest) {
      return breaks(`${what} got ${digest}`);
    }
    const length = headers.get("content-length");
    if (length !== String(manifest.bytes.length)) breaks(`${what} has a length of ${length}`);
    const expected = method === "HEAD" ? new Uint8Array() : manifest.bytes;
    const isSame = bytes.length === expected.length &&
      bytes.every((byte, at) => byte === expected[at]);
    if (!isSame) breaks(`${what} got wrong bytes`);
  }

  world.watcher = { sends };
  return {
    changes(work) {
      const hidden = new Set(registry.hidden);
      work();
      goodMs = now();
      for (const name of registry.hidden) if (!hidden.has(name)) hiddenMs.set(name, now());
    },
    floods: () => void (floodMs = now()),
    unrests: () => void (unrestMs = now()),
    asks,
    answers,
    async check() {
      // On a busy machine, a hash may take longer than the clock has waited for it.
      for (let left = PATIENCE; left > 0 && pending.values().some(isLate); left--) {
        await new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
      }
      for (const { askedMs, name, reference } of pending.values().filter(isLate)) {
        breaks(`no answer to ${name} ${reference} for ${now() - askedMs} ms`);
      }
    },
  };
}

/** What a request fetches, so that nobody has to fetch it again meanwhile. */
function fetchOf({ method, url, headers }: RegistryRequest): string | undefined {
  const authorization = headers.get("authorization") ?? "";
  if (url.pathname === "/token") return `token ${url.searchParams.get("scope")} ${authorization}`;
  const [, name, digest] = /^\/v2\/acme\/(.+)\/manifests\/(sha256:.+)$/.exec(url.pathname) ?? [];
  // Without a token, or with an old one, it is a challenge that is fetched.
  if (method !== "GET" || name === undefined || authorization === "") return undefined;
  return formatFetch(name, digest!, isUsers(authorization));
}

function formatFetch(name: string, reference: string, isSignedIn: boolean): string {
  return `manifest ${name} ${reference}${isSignedIn ? " for a user" : ""}`;
}

/** Whether a token was issued to a user. */
function isUsers(authorization: string): boolean {
  return authorization.startsWith("Bearer user-");
}

function nameOf({ url }: RegistryRequest): string {
  const scope = /^repository:acme\/(.+):pull$/.exec(url.searchParams.get("scope") ?? "");
  if (scope !== null) return scope[1]!;
  const [, name, reference] = /^\/v2\/acme\/(.+)\/(?:manifests|blobs)\/(.+)$/.exec(url.pathname) ??
    [];
  return `${name} ${reference}`;
}
