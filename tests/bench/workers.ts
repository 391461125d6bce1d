/**
 * What a second core costs: CPU time per request with two workers, as a ratio to one,
 * for known blobs, with metrics and with a line for each pull.
 *
 * The load is paced, as far below what two cores can do as leaves room for the program
 * that makes it: on a machine of two cores, threads that wait for each other's core would
 * be measured, not archeio. Two processes of a bare `Deno.serve` on one port are measured
 * beside it, for what the machine takes from whoever uses both of its cores.
 *
 * @module
 */

import { freePort, median } from "./load.ts";

const ROUNDS = Number(Deno.env.get("BENCH_ROUNDS") ?? 5);
const SECONDS = Number(Deno.env.get("BENCH_SECONDS") ?? 3);
const CONNECTIONS = 200;
const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;
const PATH = `/v2/kube-proxy/blobs/${DIGEST}`;
const NANOSECONDS_PER_TICK = 10_000_000;

interface Served extends AsyncDisposable {
  readonly port: number;
  /** The CPU time it has used, in nanoseconds. */
  cpu(): Promise<number>;
}

const folder = await Deno.makeTempDir({ prefix: "archeio-bench-" });

async function start(port: number, commands: readonly string[][]): Promise<Served> {
  const processes = commands.map((args) =>
    new Deno.Command(Deno.execPath(), {
      args,
      env: { HOST: "127.0.0.1", PORT: String(port) },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn()
  );
  for (;;) {
    try {
      await (await fetch(`http://127.0.0.1:${port}${PATH}`, { redirect: "manual" })).body?.cancel();
      break;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  return {
    port,
    async cpu() {
      const used = await Promise.all(processes.map(async ({ pid }) => {
        const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
        const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        return (Number(fields[11]) + Number(fields[12])) * NANOSECONDS_PER_TICK;
      }));
      return used.reduce((sum, each) => sum + each, 0);
    },
    async [Symbol.asyncDispose]() {
      for (const process of processes) process.kill("SIGTERM");
      await Promise.all(processes.map(({ status }) => status));
    },
  };
}

async function startArcheio(workers: number, mirror: string): Promise<Served> {
  const file = `${folder}/archeio-${workers}.yaml`;
  await Deno.writeTextFile(
    file,
    `workers: ${workers}
log: { pulls: true }
upstreams: { main: { endpoint: "https://registry.example" } }
mirrors: { near: { url: "${mirror}" } }
rules: [ { clients: [ "*" ], mirrors: [ near ] } ]
`,
  );
  const args = ["run", "-A", "--unstable-net", "main.ts", "serve", "--config", file];
  return await start(freePort(), [args]);
}

async function startBare(processes: number): Promise<Served> {
  const file = `${folder}/bare.ts`;
  await Deno.writeTextFile(
    file,
    `Deno.serve({ hostname: "127.0.0.1", port: Number(Deno.env.get("PORT")), reusePort: true }, () =>
  new Response(null, { status: 307, headers: { location: "https://registry.example/" } }));`,
  );
  const args = ["run", "-A", "--no-config", "--unstable-net", file];
  return await start(freePort(), Array.from({ length: processes }, () => args));
}

async function microsecondsPerRequest({ port, cpu }: Served): Promise<number> {
  const before = await cpu();
  const { stdout } = await new Deno.Command("wrk", {
    args: [
      ...["-t1", `-c${CONNECTIONS}`, `-d${SECONDS}s`, "-s", `${folder}/paced.lua`],
      ...["-H", "X-Forwarded-For: 35.180.1.1, 10.0.0.1", `http://127.0.0.1:${port}${PATH}`],
    ],
  }).output();
  const [, requests] = /(\d+) requests in/.exec(new TextDecoder().decode(stdout)) ?? [];
  return (await cpu() - before) / Number(requests) / 1000;
}

try {
  await Deno.writeTextFile(
    `${folder}/paced.lua`,
    "function delay() return math.random(2, 6) end\n",
  );
  await using mirror = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    ({ url }) => new Response("x", { status: url.endsWith(DIGEST) ? 200 : 404 }),
  );
  const mirrorUrl = `http://127.0.0.1:${mirror.addr.port}`;
  await using one = await startArcheio(1, mirrorUrl);
  await using two = await startArcheio(2, mirrorUrl);
  await using bareOne = await startBare(1);
  await using bareTwo = await startBare(2);
  const servers = { one, two, bareOne, bareTwo };
  const costs = Object.fromEntries(Object.keys(servers).map((name) => [name, [] as number[]]));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, server] of Object.entries(servers)) {
      const cost = await microsecondsPerRequest(server);
      if (round > 0) costs[name]!.push(cost); // the first only warms up
    }
  }
  console.log(`CPU per request, median of ${ROUNDS} rounds\n`);
  for (
    const [name, [first, second]] of [
      ["archeio, 1 and 2 workers", ["one", "two"]],
      ["bare Deno.serve, 1 and 2 processes", ["bareOne", "bareTwo"]],
    ] as const
  ) {
    const ratio = median(costs[second]!.map((cost, round) => cost / costs[first]![round]!));
    console.log(
      `${name.padEnd(36)}${median(costs[first]!).toFixed(2).padStart(6)} µs${
        median(costs[second]!).toFixed(2).padStart(7)
      } µs   ${ratio.toFixed(2)} times`,
    );
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}
