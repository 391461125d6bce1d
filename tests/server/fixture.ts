/**
 * A small world for the server's tests: two clouds, two mirrors, two registries, and
 * a `fetch` that reaches none of them.
 *
 * @module
 */

import type { Config } from "../../lib/config/config.ts";
import { readConfig } from "../../lib/config/read.ts";
import { listLocations } from "../../lib/locations/data_set.ts";
import type { PeerInfo } from "../../lib/server/handler.ts";
import { createConfiguredHandler } from "../../lib/server/serve.ts";

export const DATA_SET = `provider aws
source https://aws.example/ranges.json
date 2026-01-01
count 3
location aws/eu-west-3
35.180.0.0/16
2001:db8:a::/48
location aws/us-east-1
35.180.7.0/24
provider gcp
source https://gcp.example/ranges.json
date 2026-01-01
count 1
location gcp/europe-west9
34.155.0.0/16
`;

/** An address in each of the locations that there are, and one in none. */
export const CLIENTS = {
  paris: "35.180.1.1",
  virginia: "35.180.7.1",
  google: "34.155.1.1",
  elsewhere: "203.0.113.9",
} as const;

export const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;
export const OTHER_DIGEST = `sha256:${"f".repeat(64)}`;
export const LONG_DIGEST = `sha512:${"0123456789abcdef".repeat(8)}`;

export const MAIN = "https://upstream.example/v2/project/images/";
export const SIGNATURES = "https://signatures.example/v2/signed/";
export const PARIS = "https://paris.example/blobs/";
export const CDN = "https://cdn.example/blobs/";
export const INFO_PAGE = "https://pages.example/info";
export const PRIVACY_PAGE = "https://pages.example/privacy";

/** A configuration as a file has it. */
export type ConfigFile = Readonly<Record<string, unknown>>;

/** A configuration without a signature upstream. */
export const CONFIG: ConfigFile = {
  pages: { info: INFO_PAGE, privacy: PRIVACY_PAGE },
  upstreams: {
    main: { endpoint: "https://upstream.example", path: "project/images" },
    signatures: { endpoint: "https://signatures.example", path: "signed" },
  },
  mirrors: {
    paris: { url: "https://paris.example/blobs" },
    cdn: { url: "https://cdn.example/blobs" },
  },
  rules: [
    { clients: ["gcp/*"], mirrors: [] },
    { clients: ["aws/eu-west-3"], mirrors: ["paris", "cdn"] },
    { clients: ["*"], mirrors: ["cdn"] },
  ],
};

export const SIGNED_CONFIG: ConfigFile = { ...CONFIG, signature_upstream: "signatures" };

/** What a configuration says, with its defaults. */
export function readTestConfig(config: ConfigFile): Config {
  const read = readConfig(JSON.stringify(config), {
    environment: () => undefined,
    embedded: listLocations(DATA_SET),
  });
  if (read.kind === "mistakes") throw new SyntaxError(read.mistakes.join("\n"));
  return read.config;
}

/** A status; or a server that cannot be reached; or one that never answers. */
export type Answer = number | "fails" | "hangs";

/**
 * A `fetch` that tells what it was asked for, and gives what `answers` has for a URL,
 * 404 for any other. Like the platform's it is rejected when its signal is aborted.
 */
export function createFakeFetch(answers: Pick<ReadonlyMap<string, Answer>, "get">): {
  readonly fetch: typeof fetch;
  readonly asked: string[];
} {
  const asked: string[] = [];
  return {
    asked,
    fetch(input, init) {
      asked.push(String(input));
      const answer = answers.get(String(input)) ?? 404;
      if (answer === "fails") return Promise.reject(new TypeError("cannot connect"));
      return answer === "hangs"
        ? untilAborted(init!.signal!)
        : Promise.resolve(new Response(null, { status: answer }));
    },
  };
}

/** A promise that is rejected when a signal is aborted, and else waits forever. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  if (signal.aborted) reject(signal.reason);
  signal.addEventListener("abort", () => reject(signal.reason));
  return promise;
}

/** How a request comes in. */
export interface Incoming {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  /** The client's address, in the header where load balancers put it. */
  readonly client?: string;
  readonly peer?: Deno.Addr;
}

const LOAD_BALANCER: Deno.Addr = { transport: "tcp", hostname: "10.0.0.1", port: 50000 };

/** What tests of the server ask. */
export interface World {
  /** What the handler gives: a promise only when another server has to be asked. */
  readonly handle: (path: string, incoming?: Incoming) => Response | Promise<Response>;
  /** The URLs that were asked about, in their order. */
  readonly asked: string[];
  /** What each of them is answered; changes count from the next request. */
  readonly answers: Map<string, Answer>;
  /** The URLs of the requests that got no answer. */
  readonly failed: string[];
  /** Ends whatever is waited for. */
  readonly stop: () => void;
  /** Lets time pass for what is remembered. */
  readonly pass: (ms: number) => void;
}

/** Makes a handler of which the clock stands still until it is moved. */
export function createWorld(
  config: ConfigFile,
  given: Readonly<Record<string, Answer>> = {},
): World {
  const answers = new Map(Object.entries(given));
  const { fetch, asked } = createFakeFetch(answers);
  const failed: string[] = [];
  const stop = new AbortController();
  let nowMs = 0;
  const handler = createConfiguredHandler(readTestConfig(config), {
    dataSet: DATA_SET,
    log: {
      listening: unexpected,
      stopping: unexpected,
      failed: unexpected,
      unanswered: (url) => failed.push(url),
    },
    fetch,
    now: () => nowMs,
    stop: stop.signal,
    defer: (work) => work(),
  });
  return {
    handle(path, incoming = {}) {
      const { request, info } = createRequest(path, incoming);
      return handler(request, info);
    },
    asked,
    answers,
    failed,
    stop: () => stop.abort(),
    pass: (ms) => void (nowMs += ms),
  };
}

function unexpected(): never {
  throw new Error("this should not happen");
}

/** A request as the platform makes it: its path is normalised. */
export function createRequest(
  path: string,
  { method = "GET", headers = {}, client, peer = LOAD_BALANCER }: Incoming,
): { request: Request; info: PeerInfo } {
  const forwarded: HeadersInit = client === undefined
    ? {}
    : { "x-forwarded-for": `${client}, 10.0.0.1` };
  const request = new Request(`http://registry.example${path}`, {
    method,
    headers: { ...forwarded, ...headers },
  });
  return { request, info: { remoteAddr: peer } };
}
