/**
 * What a request costs: archeio against a bare `Deno.serve`, nginx and HAProxy with the same
 * data, as ratios of CPU time within one run.
 *
 * Three kinds of traffic: real traffic (100,000 blobs by Zipf's law, 10,000 clients, some
 * manifests), one blob from one client, one manifest. Each server in turn runs on one core and
 * wrk on another, several rounds over, so that whatever else the machine does touches all of
 * them alike. What counts is the CPU time that the server's process has used, not the time
 * that has passed.
 *
 * @module
 */

import { learn, startMirrors } from "./learn.ts";
import {
  ask,
  median,
  microsecondsPerRequest,
  requirePrograms,
  type Script,
  type Server,
  writeScript,
} from "./load.ts";
import {
  type Archeio,
  FOR_ONE_CLIENT,
  startArcheio,
  startBare,
  startHaproxy,
  startNginx,
} from "./servers.ts";
import { createOneBlob, createOneManifest, createZipfTraffic, type Traffic } from "./traffic.ts";

const ROUNDS = Number(Deno.env.get("BENCH_ROUNDS") ?? 7);
const SECONDS = Number(Deno.env.get("BENCH_SECONDS") ?? 3);

/** A traffic, and what of it is compared. */
interface Kind {
  readonly name: string;
  readonly traffic: Traffic;
  readonly script: Script;
  readonly headers: Readonly<Record<string, string>>;
}

await requirePrograms(
  ["taskset", "wrk", "nginx", "haproxy"],
  "util-linux wrk nginx-light haproxy",
);
const folder = await Deno.makeTempDir({ prefix: "archeio-bench-" });
const zipf = createZipfTraffic();
const one = createOneBlob();
await using mirrors = startMirrors([zipf, one]);
const { targets } = mirrors;
const servers: Server[] = [];
const archeios: Archeio[] = [];

async function openKind(name: string, traffic: Traffic): Promise<Kind> {
  const script = await writeScript(folder, name.replaceAll(" ", "_"), traffic);
  const { path, client } = traffic.plays[0]!;
  const archeio = servers.find((server) => server.name === "archeio")!;
  const answer = await ask(archeio.port, path, client);
  const location = answer.slice("307 ".length);
  const headers = path.includes("/blobs/") ? { "cache-control": FOR_ONE_CLIENT } : {};
  return { name, traffic, script, headers: { ...headers, location } };
}

// All servers must send each client to the same place.
async function requireAlike({ traffic, name }: Kind): Promise<void> {
  for (let at = 0; at < Math.min(traffic.plays.length, 200); at++) {
    const { path, client } = traffic.plays[at]!;
    const answers = await Promise.all(servers.map(({ port }) => ask(port, path, client)));
    const other = answers.findIndex((answer) => answer !== answers[0]);
    if (other < 0 && answers[0]!.startsWith("307 ")) continue;
    throw new Error(
      `${name}: ${path} for ${client}: ${servers[other]?.name}: ${answers.join(" | ")}`,
    );
  }
}

async function measure({ name, script, headers }: Kind): Promise<void> {
  const bare = await startBare(folder, "bare Deno.serve", headers);
  servers.push(bare);
  await ask(bare.port, "/", "192.0.2.1");
  const costs = new Map(servers.map((server) => [server, [] as number[]]));
  const before = mirrors.probes();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [server, all] of costs) {
      all.push(await microsecondsPerRequest(server, script, SECONDS));
    }
  }
  servers.pop();
  bare.process.kill("SIGTERM");
  await bare.process.status;
  console.log(`\n${name}: CPU per request, median of ${ROUNDS} rounds; ratios to`);
  console.log(`${" ".repeat(24)}µs   bare  nginx HAProxy  (${mirrors.probes() - before} probes)`);
  const costsOf = (other: string) => [...costs].find(([server]) => server.name === other)![1];
  for (const [server, all] of costs) {
    // Each round's ratio on its own, for the machine's speed drifts from round to round.
    const ratios = ["bare Deno.serve", "nginx", "HAProxy"].map((other) =>
      median(all.map((cost, round) => cost / costsOf(other)[round]!)).toFixed(2).padStart(7)
    );
    console.log(`${server.name.padEnd(20)}${median(all).toFixed(2).padStart(6)}${ratios.join("")}`);
  }
}

try {
  archeios.push(
    await startArcheio(folder, targets, { name: "archeio", pulls: false }),
    await startArcheio(folder, targets, { name: "archeio, pull log", pulls: true }),
  );
  servers.push(
    ...archeios,
    await startNginx(folder, targets),
    await startHaproxy(folder, targets),
  );
  const wanted = Deno.args[0] ?? "real traffic,one blob,one manifest";
  const kinds = [
    ["real traffic", zipf],
    ["one blob", one],
    ["one manifest", createOneManifest()],
  ] as const;
  for (const [name, traffic] of kinds) {
    if (!wanted.includes(name)) continue;
    const kind = await openKind(name, traffic);
    await requireAlike(kind);
    for (const archeio of archeios) await learn(archeio, traffic, kind.script);
    await measure(kind);
  }
} finally {
  for (const { process } of servers) {
    process.kill("SIGTERM");
    await process.status;
  }
  await Deno.remove(folder, { recursive: true });
}
