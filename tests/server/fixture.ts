/**
 * A small world for the server's tests: two clouds, two mirrors, two registries, and
 * a `fetch` that reaches none of them.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import type { Config } from "../../lib/config/config.ts";
import { readConfig } from "../../lib/config/read.ts";
import { listLocations } from "../../lib/locations/data_set.ts";
import { type Board, createBoard, createBoardMemory } from "../../lib/mirrors/board.ts";
import type { Sample } from "../../lib/mirrors/checks.ts";
import {
  createFront,
  type Front,
  type FrontOptions,
  thresholdsOf,
} from "../../lib/server/front.ts";
import type { PeerInfo } from "../../lib/server/handler.ts";
import { addNumbers, createNumbersMemory, type Totals } from "../../lib/server/numbers.ts";
import { createPullLog } from "../../lib/server/pull_log.ts";
import { createRoster, type Roster, type Setup } from "../../lib/server/setup.ts";

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

/** The path of a blob. */
export const BLOB = `/v2/kube-proxy/blobs/${DIGEST}`;

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

/** A clock that stands still until it is moved. */
export interface TestClock {
  /** The time in milliseconds. */
  readonly now: () => number;
  /** The time of day in milliseconds since 1970. */
  readonly timeOfDay: () => number;
  /** Waits until so much time has passed. */
  readonly wait: (ms: number) => Promise<void>;
  /** Lets time pass. */
  readonly pass: (ms: number) => void;
}

/** The time of day when a test clock is made. */
export const BEGUN = Date.UTC(2026, 0, 1);

/** Makes a clock. */
export function createTestClock(): TestClock {
  let nowMs = 1000;
  let waiting: { readonly untilMs: number; readonly resolve: () => void }[] = [];
  return {
    now: () => nowMs,
    timeOfDay: () => BEGUN + nowMs - 1000,
    wait(ms) {
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.push({ untilMs: nowMs + ms, resolve });
      return promise;
    },
    pass(ms) {
      nowMs += ms;
      const over = waiting.filter(({ untilMs }) => untilMs <= nowMs);
      waiting = waiting.filter(({ untilMs }) => untilMs > nowMs);
      for (const { resolve } of over) resolve();
    },
  };
}

/** Lets the event loop turn some times. */
export async function turn(times = 1): Promise<void> {
  for (let time = 0; time < times; time++) await new Promise((resolve) => setTimeout(resolve, 0));
}

/** How often the event loop turns until a front has read its data set. */
export const TURNS_TO_PREPARE = listLocations(DATA_SET).length + 2;

/** What an isolate serves by, made of a configuration. */
export function createSetup(
  config: ConfigFile,
  { roster = createRoster(), isolates = 1, dataSet }: {
    readonly roster?: Roster;
    readonly isolates?: number;
    readonly dataSet?: string;
  } = {},
): Setup {
  const read = readTestConfig(config);
  return { config: read, dataSet, ...roster.enter(read), isolates };
}

/** A line of the pull log, read. */
export type PullLine = Readonly<Record<string, unknown>>;

/** What tests of the server ask. */
export interface World extends TestClock {
  /** What the front gives: a promise only when another server has to be asked. */
  readonly handle: (path: string, incoming?: Incoming) => Response | Promise<Response>;
  /** The URLs that were asked about, in their order. */
  readonly asked: string[];
  /** What each of them is answered; changes count from the next request. */
  readonly answers: Map<string, Answer>;
  /** The URLs of the requests that got no answer. */
  readonly failed: string[];
  /** The mirrors that probes took down. */
  readonly down: string[];
  /** The blobs that mirrors can be asked for, by the mirrors' numbers. */
  readonly samples: (readonly [mirror: number, sample: Sample])[];
  /** Ends whatever is waited for. */
  readonly stop: () => void;
  /** What answers. */
  readonly front: Front;
  /** The board, by the thresholds of the configuration that the world was made with. */
  readonly board: Board;
  /** Gives numbers to other configurations' mirrors. */
  readonly roster: Roster;
  /** What was counted. */
  readonly totals: () => Totals;
  /** The lines of the pull log, since it was last looked at. */
  readonly pulls: () => PullLine[];
}

/** What a world can be given. */
export interface WorldOptions {
  /** How many isolates there are. */
  readonly isolates?: number;
  /** The memory of the numbers, which another front may have written in. */
  readonly numbers?: SharedArrayBuffer;
  /** Told what each request is for. */
  readonly tellRoute?: FrontOptions["tellRoute"];
}

/** Makes a front of which the clock stands still until it is moved. */
export async function createWorld(
  config: ConfigFile,
  given: Readonly<Record<string, Answer>> = {},
  { isolates = 1, numbers = createNumbersMemory(), tellRoute }: WorldOptions = {},
): Promise<World> {
  const answers = new Map(Object.entries(given));
  const { fetch, asked } = createFakeFetch(answers);
  const failed: string[] = [];
  const down: string[] = [];
  const samples: (readonly [mirror: number, sample: Sample])[] = [];
  const stop = new AbortController();
  const clock = createTestClock();
  const boardMemory = createBoardMemory();
  let lines = "";
  let endOfTime = () => {};
  const pulls = createPullLog({
    send: (text) => void (lines += new TextDecoder().decode(text)),
    now: clock.timeOfDay,
    later: (work) => void (endOfTime = work),
  });
  const roster = createRoster();
  const setup = createSetup(config, { roster, isolates });
  const front = createFront(setup, {
    dataSet: DATA_SET,
    board: boardMemory,
    numbers,
    pulls,
    log: {
      unanswered: (url) => failed.push(url),
      mirrorDown: (mirror) => down.push(mirror),
    },
    sample: (mirror, sample) => samples.push([mirror, sample]),
    tellRoute,
    fetch,
    now: clock.now,
    coarseNow: clock.now,
    timeOfDay: clock.timeOfDay,
    wait: clock.wait,
    random: () => 0.5,
    stop: stop.signal,
  });
  await turn(TURNS_TO_PREPARE);
  return {
    ...clock,
    handle(path, incoming = {}) {
      const { request, info } = createRequest(path, incoming);
      return front.handle(request, info);
    },
    asked,
    answers,
    failed,
    down,
    samples,
    stop: () => stop.abort(),
    front,
    board: createBoard(boardMemory, thresholdsOf(setup.config)),
    roster,
    totals: () => addNumbers([numbers]),
    pulls() {
      endOfTime();
      const written = lines;
      lines = "";
      return readLines(written);
    },
  };
}

/** Reads whole lines of JSON. */
export function readLines(text: string): PullLine[] {
  return text.split("\n").slice(0, -1).map((line) => JSON.parse(line));
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

/** Where a client is sent: a redirect, and nothing but a redirect. */
export async function locationOf(answer: Response | Promise<Response>): Promise<string | null> {
  const response = await answer;
  assertEquals(response.status, 307);
  assertEquals(response.body, null);
  assertEquals([...response.headers.keys()], ["location"]);
  return response.headers.get("location");
}
