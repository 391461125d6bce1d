/**
 * What names and places cost: a redirect with 200 patterns of repositories, 300 locations of one's
 * own and 40 mirrors, compared with a redirect without repositories, for clients of two locations.
 *
 * Some tens of nanoseconds are lost in the noise of a server under load. So what the handler takes
 * more is measured without a server, and then put into relation to the CPU time of a redirect that
 * is served. The two handlers take turns, each in a process of its own: two in one process would
 * share compiled code. The figures are medians.
 *
 * @module
 */

import { createWorld } from "../../lib/cli/world.ts";
import { readConfig } from "../../lib/config/read.ts";
import { listLocations } from "../../lib/locations/data_set.ts";
import { EMBEDDED } from "../../lib/locations/embedded.ts";
import { createPullLog } from "../../lib/observe/pull_log.ts";
import { createRedirector } from "../../lib/redirect/redirector.ts";
import { createNumbering } from "../../lib/redirect/setup.ts";
import { createProgramMemory } from "../../lib/server/memory.ts";
import {
  ask,
  freePort,
  median,
  microsecondsPerRequest,
  requirePrograms,
  startOnCore,
  writeScript,
} from "./load.ts";
import { createOneManifest } from "./traffic.ts";
import { SILENT_LOG } from "../redirect/silent_log.ts";

const MOST_PERCENT = 3;
const PATTERNS = 200;
const LOCATIONS = 300;
const MIRRORS = 40;
const REQUESTS = 512;
const TURNS = 60;
const ROUNDS_IN_A_TURN = 40;
const PROCESSES = Number(Deno.env.get("BENCH_PROCESSES") ?? 9);

function list<T>(count: number, make: (at: number) => T): T[] {
  return Array.from({ length: count }, (_, at) => make(at));
}

const upstreams = { main: { endpoint: "https://registry.example", path: "project/images" } };
const mirrorUrl = (at: number) => `https://blobs-${at}.example/images`;

const FEW = {
  upstreams,
  mirrors: { "m-0": { url: mirrorUrl(0) }, "m-1": { url: mirrorUrl(1) } },
  locations: { "own/r-0": ["198.18.0.0/25"] },
  rules: [
    { clients: ["own/*"], mirrors: ["m-0"] },
    { clients: ["*"], mirrors: ["m-1"] },
  ],
};

const MANY = {
  upstreams,
  repositories: Object.fromEntries(
    list(PATTERNS, (at) => [at % 2 === 0 ? `team-${at}/*` : `app-${at}`, {}]),
  ),
  mirrors: Object.fromEntries(list(MIRRORS, (at) => [`m-${at}`, { url: mirrorUrl(at) }])),
  locations: Object.fromEntries(
    list(LOCATIONS, (at) => [`own/r-${at}`, [`198.18.${at >> 1}.${at % 2 * 128}/25`]]),
  ),
  rules: [
    ...list(MIRRORS, (at) => ({
      clients: [`own/r-${at}`, `own/*-${at + MIRRORS}`],
      mirrors: [`m-${at}`],
    })),
    { clients: ["aws/eu-*", "gcp/*-west*", "own/*"], mirrors: ["m-2"] },
    { clients: ["*"], mirrors: ["m-1"] },
  ],
};

type Handle = (request: Request) => Response | Promise<Response>;

function createHandler(value: object): Handle {
  const read = readConfig(JSON.stringify({ ...value, log: { pulls: true } }), {
    environment: () => undefined,
    embedded: listLocations(EMBEDDED),
  });
  if (read.kind !== "config") throw new Error(read.mistakes.join("\n"));
  const { config } = read;
  const redirector = createRedirector(
    { config, dataSet: undefined, ...createNumbering().enter(config), isolates: 1 },
    {
      ...createWorld({ fetch: () => Promise.resolve(new Response()), now: Date.now }),
      dataSet: EMBEDDED,
      memory: createProgramMemory(1).of(0),
      pulls: createPullLog({ send() {}, now: Date.now, later: () => () => {} }),
      log: SILENT_LOG,
      stop: new AbortController().signal,
    },
  );
  return (request) => redirector.fetch(request, {});
}

// Half of the names are patterns themselves, half are matched by a `*`.
function nameOf(at: number): string {
  return at % 2 === 1 ? `app-${at % PATTERNS}` : `team-${at % PATTERNS}/image`;
}

function createRequests(pathOf: (at: number) => string): Request[] {
  return list(
    REQUESTS,
    (at) =>
      new Request(`http://127.0.0.1:8080/v2/${nameOf(at)}/${pathOf(at)}`, {
        // A HEAD is not looked at a second time, though it comes again and again.
        method: "HEAD",
        headers: { "x-forwarded-for": "198.18.0.7, 10.0.0.1" },
      }),
  );
}

const digestOf = (at: number) => `sha256:${at.toString(16).padStart(8, "0").repeat(8)}`;

const WHAT: Readonly<Record<string, readonly Request[]>> = {
  "a manifest": createRequests(() => "manifests/v1.30.0"),
  "a known blob": createRequests((at) => `blobs/${digestOf(at)}`),
};

function timeTurn(handle: Handle, requests: readonly Request[]): number {
  const begunMs = performance.now();
  for (let round = 0; round < ROUNDS_IN_A_TURN; round++) {
    for (const request of requests) handle(request);
  }
  return (performance.now() - begunMs) * 1e6 / (ROUNDS_IN_A_TURN * requests.length);
}

/** What each kind of redirect takes, in nanoseconds: the fastest turn. */
async function measure(value: object): Promise<number[]> {
  const handle = createHandler(value);
  const times: number[] = [];
  for (const requests of Object.values(WHAT)) {
    for (const request of requests) await handle(request);
    let best = Infinity;
    for (let turn = 0; turn < TURNS; turn++) {
      best = Math.min(best, timeTurn(handle, requests));
      await new Promise((resolve) => setTimeout(resolve));
    }
    times.push(best);
  }
  return times;
}

async function measureApart(which: "few" | "many"): Promise<number[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", import.meta.filename!, which],
    stderr: "inherit",
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

const SECONDS = 2;
const SERVED_ROUNDS = 3;

/** The CPU time of a served redirect of a manifest without repositories, in nanoseconds. */
async function measureServed(): Promise<number> {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/few.json`;
  await Deno.writeTextFile(file, JSON.stringify({ ...FEW, log: { pulls: true } }));
  const port = freePort();
  const process = startOnCore(
    Deno.execPath(),
    ["run", "-A", "--unstable-net", "main.ts", "serve", "--config", file],
    { HOST: "127.0.0.1", PORT: String(port) },
  );
  try {
    const traffic = createOneManifest();
    const [{ path, client }] = traffic.plays as [{ path: string; client: string }];
    await ask(port, path, client);
    const script = await writeScript(folder, "manifest", traffic);
    const times: number[] = [];
    for (let round = 0; round < SERVED_ROUNDS; round++) {
      times.push(await microsecondsPerRequest({ name: "few", port, process }, script, SECONDS));
    }
    return median(times) * 1000;
  } finally {
    process.kill("SIGKILL");
    await process.status;
    await Deno.remove(folder, { recursive: true });
  }
}

async function compare(): Promise<void> {
  const few: number[][] = [];
  const many: number[][] = [];
  for (let turn = 0; turn < PROCESSES; turn++) {
    few.push(await measureApart("few"));
    many.push(await measureApart("many"));
  }
  const servedNs = await measureServed();
  console.log(`a redirect of a manifest takes ${servedNs.toFixed(0)} ns when it is served`);
  let most = 0;
  for (const [at, what] of Object.keys(WHAT).entries()) {
    const [without, withAll] = [few, many].map((all) => median(all.map((times) => times[at]!)));
    const more = withAll! - without!;
    const percent = more / servedNs * 100;
    most = Math.max(most, percent);
    console.log(
      `${what}: the handler takes ${without!.toFixed(0)} ns without, ${withAll!.toFixed(0)} ns ` +
        `with: ${more.toFixed(0)} ns more, ${percent.toFixed(1)} % of a served redirect`,
    );
  }
  if (most <= MOST_PERCENT) return;
  console.error(`more than ${MOST_PERCENT} % is too much`);
  Deno.exitCode = 1;
}

const [which] = Deno.args;
if (which === undefined) {
  await requirePrograms(["wrk", "taskset"], "wrk util-linux");
  await compare();
} else console.log(JSON.stringify(await measure(which === "many" ? MANY : FEW)));
