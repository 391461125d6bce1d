/**
 * What relaying costs: archeio in front of a registry that it relays, against a bare
 * `Deno.serve` that sends the same, and beside docker-registry in its `proxy` mode.
 *
 * - A manifest by digest, from memory: CPU time and latency of a request.
 * - A large blob, which the registry serves itself: throughput, CPU time, memory. The bare
 *   `Deno.serve` streams what `cat` writes.
 *
 * Each server in turn runs on one core, and whoever asks or is asked on another, several rounds
 * over.
 *
 * @module
 */

import {
  cpuNanoseconds,
  freePort,
  median,
  requirePrograms,
  residentMegabytes,
  type Server,
  startOnCore,
} from "./load.ts";
import {
  MANIFEST,
  NAME,
  type Registry,
  startDockerRegistry,
  startRegistry,
  untilListening,
} from "./relay_registry.ts";

const ROUNDS = Number(Deno.env.get("BENCH_ROUNDS") ?? 5);
const SECONDS = Number(Deno.env.get("BENCH_SECONDS") ?? 3);
const MIB = Number(Deno.env.get("BENCH_MIB") ?? 512);

/** Starts archeio: a compiled program, or its source by the Deno that runs this. */
async function startArcheio(folder: string, { url }: Registry, program?: string): Promise<Server> {
  const file = `${folder}/archeio.yaml`;
  await Deno.writeTextFile(
    file,
    `workers: 1
client_address: { header: null }
upstreams: { main: { endpoint: "${url}", pull: relay } }
`,
  );
  const port = freePort();
  const args = ["serve", "--config", file];
  const env = { HOST: "127.0.0.1", PORT: String(port) };
  const process = program === undefined
    ? startOnCore(Deno.execPath(), ["run", "-A", "--unstable-net", "main.ts", ...args], env)
    : startOnCore(program, args, env);
  await untilListening(port);
  return { name: "archeio", port, process };
}

/** Starts a `Deno.serve` that sends a manifest from memory, and a blob by `cat`. */
async function startBare(folder: string, registry: Registry, from: Server): Promise<Server> {
  const manifest = await fetch(urlOf(from, pathsOf(registry).manifest));
  const { date: _, vary: __, ...headers } = Object.fromEntries(manifest.headers);
  await Deno.writeFile(`${folder}/body`, await manifest.bytes());
  const file = `${folder}/bare.ts`;
  await Deno.writeTextFile(
    file,
    `const [port, body, blob, text] = Deno.args;
const headers = JSON.parse(text);
const bytes = Deno.readFileSync(body);
Deno.serve({ hostname: "127.0.0.1", port: Number(port) }, ({ url }) => {
  if (!url.includes("/blobs/")) return new Response(bytes, { headers });
  const { stdout } = new Deno.Command("cat", { args: [blob], stdout: "piped" }).spawn();
  return new Response(stdout, { headers: { "content-type": "application/octet-stream" } });
});`,
  );
  const port = freePort();
  const args = [String(port), `${folder}/body`, registry.blobFile, JSON.stringify(headers)];
  const process = startOnCore(Deno.execPath(), ["run", "-A", "--no-config", file, ...args]);
  await untilListening(port);
  return { name: "bare Deno.serve", port, process };
}

function pathsOf({ manifest, blob }: Registry) {
  return { manifest: `/v2/${NAME}/manifests/${manifest}`, blob: `/v2/${NAME}/blobs/${blob}` };
}

function urlOf({ port }: Server, path: string): string {
  return `http://127.0.0.1:${port}${path}`;
}

async function onLoadCore(command: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("taskset", {
    args: ["-c", "1", command, ...args],
  }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${command}: ${decoder.decode(stderr)}${decoder.decode(stdout)}`);
  return decoder.decode(stdout);
}

/** What a manifest costs. */
interface ManifestCost {
  readonly microseconds: number;
  /** The time that half of all answers take, and that 99 of 100 take. */
  readonly p50: string;
  readonly p99: string;
}

async function measureManifest(server: Server, path: string): Promise<ManifestCost> {
  const { pid } = server.process;
  const args = ["-t1", "-c16", "--latency", "-H", `Accept: ${MANIFEST}`, urlOf(server, path)];
  await onLoadCore("wrk", ["-d1s", ...args]);
  const before = await cpuNanoseconds(pid);
  const text = await onLoadCore("wrk", [`-d${SECONDS}s`, ...args]);
  const [, requests] = /(\d+) requests in/.exec(text) ?? [];
  if (requests === undefined || /Non-2xx/.test(text)) throw new Error(`${server.name}: ${text}`);
  const at = (share: string) => new RegExp(`${share}%\\s+(\\S+)`).exec(text)![1]!;
  const microseconds = (await cpuNanoseconds(pid) - before) / Number(requests) / 1000;
  return { microseconds, p50: at("50"), p99: at("99") };
}

/** What a blob costs. */
interface BlobCost {
  readonly mibPerS: number;
  readonly msPerMib: number;
  /** How much more memory there was at most than before. */
  readonly moreMib: number;
}

async function measureBlob(server: Server, path: string): Promise<BlobCost> {
  const { pid } = server.process;
  const before = await residentMegabytes(pid);
  const cpuBefore = await cpuNanoseconds(pid);
  let most = before;
  let ended = false;
  const watching = (async () => {
    while (!ended) {
      most = Math.max(most, await residentMegabytes(pid));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  const args = [
    "-sSf",
    "--output",
    "/dev/null",
    "--write-out",
    "%{speed_download} %{size_download}",
  ];
  const [speed, size] = (await onLoadCore("curl", [...args, urlOf(server, path)])).split(" ");
  ended = true;
  await watching;
  if (Number(size) !== MIB * 2 ** 20) throw new Error(`${server.name} sent ${size} bytes`);
  return {
    mibPerS: Number(speed) / 2 ** 20,
    msPerMib: (await cpuNanoseconds(pid) - cpuBefore) / 1e6 / MIB,
    moreMib: most - before,
  };
}

async function compareManifests(servers: readonly Server[], registry: Registry) {
  const path = pathsOf(registry).manifest;
  const costs = new Map(servers.map((server) => [server, [] as ManifestCost[]]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [server, all] of costs) all.push(await measureManifest(server, path));
  }
  const bare = costs.get(servers[0]!)!;
  console.log(`\nmanifest by digest, median of ${ROUNDS} rounds`);
  console.log(`${" ".repeat(22)}CPU in µs   of bare       p50       p99`);
  for (const [{ name }, all] of costs) {
    const cost = median(all.map(({ microseconds }) => microseconds));
    // Each round's ratio on its own, for the machine's speed drifts from round to round.
    const ratio = median(all.map(({ microseconds }, at) => microseconds / bare[at]!.microseconds));
    const { p50, p99 } = all[Math.floor(ROUNDS / 2)]!;
    console.log(
      name.padEnd(22) + cost.toFixed(1).padStart(9) + ratio.toFixed(2).padStart(10) +
        p50.padStart(10) + p99.padStart(10),
    );
  }
}

async function compareBlobs(servers: readonly Server[], registry: Registry): Promise<void> {
  const { blob } = pathsOf(registry);
  const costs = new Map(servers.map((server) => [server, [] as BlobCost[]]));
  const first = new Map<Server, BlobCost>();
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [server, all] of costs) {
      const cost = await measureBlob(server, blob);
      if (round === 0) first.set(server, cost);
      else all.push(cost);
    }
  }
  const bare = costs.get(servers[0]!)!;
  console.log(`\nblob of ${MIB} MiB, the first time, and the median of ${ROUNDS} more`);
  console.log(`${" ".repeat(22)}    MiB/s  (first)   of bare  CPU in ms/MiB  more memory, MiB`);
  for (const [server, all] of costs) {
    const speed = median(all.map(({ mibPerS }) => mibPerS));
    const ratio = median(all.map(({ mibPerS }, at) => mibPerS / bare[at]!.mibPerS));
    const more = Math.max(first.get(server)!.moreMib, ...all.map(({ moreMib }) => moreMib));
    console.log(
      server.name.padEnd(22) + speed.toFixed(0).padStart(9) +
        `(${first.get(server)!.mibPerS.toFixed(0)})`.padStart(9) + ratio.toFixed(2).padStart(10) +
        median(all.map(({ msPerMib }) => msPerMib)).toFixed(2).padStart(15) +
        more.toFixed(0).padStart(18),
    );
  }
}

async function compareMemory(servers: readonly Server[], when: string): Promise<void> {
  const sizes = await Promise.all(
    servers.map(async ({ name, process }) =>
      `${name} ${(await residentMegabytes(process.pid)).toFixed(0)}`
    ),
  );
  console.log(`memory in MiB, ${when}: ${sizes.join(", ")}`);
}

await requirePrograms(
  ["taskset", "wrk", "curl", "docker-registry"],
  "util-linux wrk curl docker-registry",
);
const folder = await Deno.makeTempDir({ prefix: "archeio-bench-" });
const servers: Server[] = [];
try {
  await using registry = await startRegistry(folder, MIB);
  const archeio = await startArcheio(folder, registry, Deno.args[0]);
  servers.push(archeio);
  servers.unshift(await startBare(folder, registry, archeio));
  const proxied = `proxy: { remoteurl: "${registry.url}" }`;
  servers.push(await startDockerRegistry(folder, "docker-registry proxy", proxied));
  await compareMemory(servers, "at the start");
  await compareManifests(servers, registry);
  await compareBlobs(servers, registry);
  await compareMemory(servers, "at the end");
} finally {
  for (const { process } of servers) {
    process.kill("SIGTERM");
    await process.status;
  }
  await Deno.remove(folder, { recursive: true });
}
