/**
 * A small world for tests of the redirector: two clouds, two mirrors, two registries that
 * answer as they are told, and a clock that stands still until it is moved.
 *
 * @module
 */

import type { CountedMiss } from "../../lib/observe/misses.ts";
import { assertEquals } from "@std/assert";
import type { Config } from "../../lib/config/config.ts";
import { readConfig } from "../../lib/config/read.ts";
import { listLocations } from "../../lib/locations/data_set.ts";
import { type Board, createBoard, createBoardMemory } from "../../lib/mirrors/board.ts";
import { countPlaces, createPlacesMemory } from "../../lib/mirrors/places.ts";
import { SERVER_NUMBERS } from "../../lib/mirrors/upstream_check.ts";
import { createLocatedMemory } from "../../lib/observe/located.ts";
import { addNumbers, createNumbersMemory, type Totals } from "../../lib/observe/numbers.ts";
import { createPullLog } from "../../lib/observe/pull_log.ts";
import type { PeerInfo } from "../../lib/redirect/client.ts";
import {
  createRedirector,
  type Redirector,
  type RedirectorOptions,
  type SharedMemory,
} from "../../lib/redirect/redirector.ts";
import { createNumbering, type Numbering, type Setup } from "../../lib/redirect/setup.ts";
import { createFakeServers, type Reply, type Sent } from "../mirrors/fake_servers.ts";
import { createVirtualClock, settle, type VirtualClock } from "../mirrors/virtual_clock.ts";

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

/** What a configuration says, with its defaults; mirrors and upstreams without a use are left out. */
export function readTestConfig(config: ConfigFile): Config {
  const read = readConfig(JSON.stringify(withoutUnused(config)), {
    environment: () => undefined,
    embedded: listLocations(DATA_SET),
  });
  if (read.kind === "mistakes") throw new SyntaxError(read.mistakes.join("\n"));
  return read.config;
}

/** What of a configuration decides which mirrors and upstreams are used. */
interface Uses {
  readonly upstreams: ConfigFile;
  readonly mirrors?: ConfigFile;
  readonly signature_upstream?: string;
  readonly repositories?: Readonly<Record<string, { readonly upstream?: string }>>;
  readonly rules?: readonly { readonly mirrors?: readonly string[]; readonly upstream?: string }[];
}

function withoutUnused(config: ConfigFile): ConfigFile {
  const { upstreams, mirrors = {}, rules = [], repositories = {}, signature_upstream: signatures } =
    config as ConfigFile & Uses;
  const named = [...rules, ...Object.values(repositories)].map(({ upstream }) => upstream);
  const names = [...named, signatures, "main"];
  const isSole = Object.keys(upstreams).length === 1;
  return {
    ...config,
    upstreams: isSole ? upstreams : only(upstreams, names),
    mirrors: only(mirrors, rules.flatMap(({ mirrors = [] }) => mirrors)),
  };
}

function only(all: ConfigFile, names: readonly unknown[]): ConfigFile {
  return Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name)));
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

/** The time of day when a world is made. */
export const BEGUN = Date.UTC(2026, 0, 1);

/** What an isolate serves by, made of a configuration. */
export function createSetup(
  config: ConfigFile,
  { numbering = createNumbering(), isolates = 1, dataSet }: {
    readonly numbering?: Numbering;
    readonly isolates?: number;
    readonly dataSet?: string;
  } = {},
): Setup {
  const read = readTestConfig(config);
  return { config: read, dataSet, ...numbering.enter(read), isolates };
}

/** The memory of a program with so many isolates, as the first of them has it. */
export function createMemory(isolates = 1): SharedMemory {
  return {
    board: createBoardMemory(),
    places: createPlacesMemory(isolates, SERVER_NUMBERS),
    streams: createPlacesMemory(isolates, 1),
    numbers: createNumbersMemory(),
    located: createLocatedMemory(),
    slot: 0,
  };
}

/** What is told of, kept. */
export interface Told {
  /** The URLs of requests that got no answer. */
  readonly unanswered: string[];
  /** The mirrors that may have failed, by their numbers. */
  readonly suspects: number[];
  /** The blobs that mirrors can be checked by. */
  readonly samples: (readonly [mirror: number, digest: string])[];
  /** What mirrors that had nothing answered last. */
  readonly nothingFound: (readonly [mirror: string, blobs: number, answer: string])[];
  /** Why requests were refused for want of a client address. */
  readonly noAddress: string[];
  readonly misses: CountedMiss[];
  /** Which upstreams' failures were covered by what is remembered. */
  readonly stale: string[];
}

/** Makes a log that keeps what it is told of. */
export function createTold(): { readonly told: Told; readonly log: RedirectorOptions["log"] } {
  const told: Told = {
    unanswered: [],
    suspects: [],
    samples: [],
    nothingFound: [],
    noAddress: [],
    misses: [],
    stale: [],
  };
  return {
    told,
    log: {
      onUnanswered: (url) => told.unanswered.push(url),
      onStale: (upstream) => told.stale.push(upstream),
      onSuspect: (mirror) => told.suspects.push(mirror),
      onSample: (mirror, digest) => told.samples.push([mirror, digest]),
      onNothingFound: (...found) => told.nothingFound.push(found),
      onNoAddress: (reason) => told.noAddress.push(reason),
      onMisses: (misses) => told.misses.push(...misses),
    },
  };
}

/** A line of the pull log, read. */
export type PullLine = Readonly<Record<string, unknown>>;

/** What tests of the redirector ask. */
export interface World {
  /** Moves the time on. */
  readonly clock: VirtualClock;
  /** What the handler gives: a promise only when another server has to be asked. */
  readonly handle: (path: string, incoming?: Incoming) => Response | Promise<Response>;
  /** The same, with the clock moved on until the answer is there. */
  readonly answer: (path: string, incoming?: Incoming) => Promise<Response>;
  /** The URLs that were asked about, in their order, second looks apart. */
  readonly asked: string[];
  /** The URLs of second looks. */
  readonly looks: string[];
  /** What each URL is answered; 404 for any other. Changes count from the next request. */
  readonly answers: Map<string, Reply>;
  /** What was told of. */
  readonly told: Told;
  /** Ends whatever is waited for. */
  readonly stop: () => void;
  /** What answers. */
  readonly redirector: Redirector;
  /** What all isolates know of mirrors. */
  readonly board: Board;
  /** Gives numbers to other configurations' mirrors. */
  readonly numbering: Numbering;
  /** What was counted. */
  readonly totals: () => Totals;
  /** How many probes are under way. */
  readonly inFlight: () => number;
  /** The lines of the pull log, since it was last looked at. */
  readonly pulls: () => PullLine[];
}

/** What a world can be given. */
export interface WorldOptions {
  /** How many isolates there are. */
  readonly isolates?: number;
  /** The memory, in which another isolate may have written. */
  readonly memory?: SharedMemory;
  /** Told what each request is for. */
  readonly tellRoute?: RedirectorOptions["tellRoute"];
}

/**
 * Makes a world whose redirector has read its data set.
 *
 * @param given what URLs are answered; 404 for any that is not there
 */
export async function createWorld(
  config: ConfigFile,
  given: Readonly<Record<string, Reply>> | ((url: string) => Reply) = {},
  { isolates = 1, memory = createMemory(isolates), tellRoute }: WorldOptions = {},
): Promise<World> {
  const clock = createVirtualClock(BEGUN);
  const answers = new Map(Object.entries(given));
  const otherwise = typeof given === "function" ? given : () => 404;
  const asked: string[] = [];
  const looks: string[] = [];
  const servers = createFakeServers(clock, ({ url, method, anew }: Sent) => {
    // What is sent again on a new connection is the same question.
    if (method === "GET") looks.push(url);
    else if (!anew) asked.push(url);
    return answers.get(url) ?? otherwise(url);
  });
  const stop = new AbortController();
  const { told, log } = createTold();
  let lines = "";
  const pulls = createPullLog({
    send: (bytes) => void (lines += new TextDecoder().decode(bytes)),
    now: clock.now,
    later: clock.later,
  });
  const numbering = createNumbering();
  const redirector = createRedirector(createSetup(config, { numbering, isolates }), {
    ...servers,
    dataSet: DATA_SET,
    memory,
    pulls,
    log,
    tellRoute,
    now: clock.now,
    timeOfDay: clock.now,
    later: clock.later,
    random: () => 0.5,
    stop: stop.signal,
  });
  await clock.pass(0);

  function handle(path: string, incoming: Incoming = {}): Response | Promise<Response> {
    const { request, info } = createRequest(path, incoming);
    return redirector.fetch(request, info);
  }

  return {
    clock,
    handle,
    answer: (path, incoming) => patiently(clock, handle(path, incoming)),
    asked,
    looks,
    answers,
    told,
    stop: () => stop.abort(),
    redirector,
    board: createBoard(memory.board),
    numbering,
    totals: () => addNumbers([memory.numbers]),
    inFlight: () => countPlaces(memory.places, SERVER_NUMBERS),
    pulls() {
      pulls.flush();
      const written = lines;
      lines = "";
      return readLines(written);
    },
  };
}

/** Moves a clock on until some work is done. */
export async function patiently<Result>(
  clock: VirtualClock,
  work: Result | Promise<Result>,
): Promise<Result> {
  let isDone = false;
  const done = Promise.resolve(work).finally(() => isDone = true);
  await settle();
  while (!isDone) await clock.toNext();
  return await done;
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

/** Where a client is sent: a redirect, and nothing but a redirect and who may keep it. */
export async function locationOf(answer: Response | Promise<Response>): Promise<string | null> {
  const response = await answer;
  assertEquals(response.status, 307);
  assertEquals(response.body, null);
  const said = ["cache-control", "content-length"];
  assertEquals([...response.headers.keys()].filter((key) => !said.includes(key)), ["location"]);
  return response.headers.get("location");
}
