/**
 * What filling costs: `archeio fill` from docker-registry to versitygw, beside the halves of it by
 * other tools: `skopeo sync` from the same registry to a folder, and `rclone copy` from a folder
 * to versitygw. The same bytes, in turn, several rounds over; medians, and the most memory.
 *
 * archeio's limit of requests a second is out of the way, and the others may do as much at once
 * as archeio does.
 *
 * @module
 */

import { S3_ENVIRONMENT, startS3Server, tryBuild } from "../e2e/fill/s3_server.ts";
import { type Lot, startSource } from "./fill_source.ts";
import { median, requirePrograms } from "./load.ts";

const ROUNDS = Number(Deno.env.get("BENCH_ROUNDS") ?? 5);
const MIB = 2 ** 20;
const LARGE_MIB = Number(Deno.env.get("BENCH_MIB") ?? 16);
const LOTS: readonly Lot[] = [
  { name: "small", count: 2000, size: 10_000, layers: 100 },
  { name: "large", count: 20, size: LARGE_MIB * MIB, layers: 20 },
];
const AT_ONCE = 16;
const BUCKET = "blobs";

/** What a run took. */
interface Cost {
  readonly seconds: number;
  /** The most memory, in MB. */
  readonly megabytes: number;
}

/** Where all takes place. */
interface Place {
  readonly folder: string;
  /** The registry's `host:port`. */
  readonly registry: string;
  /** The S3 server's URL, and the folder of its bucket. */
  readonly s3: string;
  readonly bucket: string;
  readonly program: readonly [string, ...string[]];
}

const PEAK_EVERY_MS = 20;

/** Runs a program to its end. */
async function measure(
  [command, ...args]: readonly [string, ...string[]],
  env: Readonly<Record<string, string>> = {},
): Promise<Cost> {
  const began = performance.now();
  const process = new Deno.Command(command, {
    args,
    // None of the machine's settings count.
    clearEnv: true,
    env: { PATH: Deno.env.get("PATH") ?? "", HOME: Deno.env.get("HOME") ?? "/", ...env },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let peak = 0;
  const timer = setInterval(() => {
    try {
      const status = Deno.readTextFileSync(`/proc/${process.pid}/status`);
      peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024);
    } catch {
      // It has just ended.
    }
  }, PEAK_EVERY_MS);
  const { success, stderr } = await process.output();
  const seconds = (performance.now() - began) / 1000;
  clearInterval(timer);
  if (!success) throw new Error(`${command}: ${new TextDecoder().decode(stderr)}`);
  return { seconds, megabytes: peak / 1e6 };
}

async function empty(...folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    await Deno.remove(folder, { recursive: true }).catch(() => {});
    await Deno.mkdir(folder, { recursive: true });
  }
  // What is still to be written is of the round before.
  await new Deno.Command("sync").output();
}

async function fill({ folder, registry, s3, bucket, program }: Place, { name }: Lot) {
  const config = `${folder}/archeio.yaml`;
  await empty(bucket, `${folder}/state`);
  await Deno.writeTextFile(
    config,
    JSON.stringify({
      upstreams: { main: { endpoint: `http://${registry}` } },
      mirrors: {
        near: {
          url: `${s3}/${BUCKET}/{digest}`,
          store: { s3: { endpoint: s3, region: "us-east-1", bucket: BUCKET } },
        },
      },
      rules: [{ clients: ["*"], mirrors: ["near"] }],
      fill: {
        repositories: [name],
        state: `${folder}/state`,
        limits: { in_flight: AT_ONCE, requests_per_s: 100_000 },
      },
    }),
  );
  const command = [...program, "fill", "--config", config] as [string, ...string[]];
  const first = await measure(command, S3_ENVIRONMENT);
  const again = await measure(command, S3_ENVIRONMENT);
  return { first, again };
}

async function sync({ folder, registry }: Place, { name }: Lot): Promise<Cost> {
  await empty(`${folder}/synced`);
  const source = ["--src", "docker", "--src-tls-verify=false", `${registry}/${name}`];
  const to = ["--dest", "dir", `${folder}/synced`];
  return await measure(["skopeo", "--insecure-policy", "sync", ...source, ...to]);
}

/** Copies what skopeo left in the folder. */
async function copy({ folder, s3, bucket }: Place): Promise<Cost> {
  await empty(bucket);
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = S3_ENVIRONMENT;
  const atOnce = ["--transfers", String(AT_ONCE), "--checkers", String(AT_ONCE)];
  return await measure(["rclone", "copy", ...atOnce, `${folder}/synced`, `s3:${BUCKET}`], {
    RCLONE_CONFIG: "/dev/null",
    RCLONE_CONFIG_S3_TYPE: "s3",
    RCLONE_CONFIG_S3_PROVIDER: "Other",
    RCLONE_CONFIG_S3_ENDPOINT: s3,
    RCLONE_CONFIG_S3_ACCESS_KEY_ID: AWS_ACCESS_KEY_ID,
    RCLONE_CONFIG_S3_SECRET_ACCESS_KEY: AWS_SECRET_ACCESS_KEY,
  });
}

async function compare(place: Place, lot: Lot): Promise<void> {
  const costs: Record<string, Cost[]> = {};
  const note = (name: string, cost: Cost) => (costs[name] ??= []).push(cost);
  for (let round = 0; round < ROUNDS; round++) {
    const { first, again } = await fill(place, lot);
    note("archeio fill", first);
    note("archeio fill, again", again);
    note("skopeo sync", await sync(place, lot));
    note("rclone copy", await copy(place));
  }
  console.log(`\n${lot.count} blobs of ${lot.size} bytes, ${ROUNDS} rounds`);
  const medians = new Map<string, number>();
  for (const [name, all] of Object.entries(costs)) {
    const seconds = median(all.map(({ seconds }) => seconds));
    const megabytes = Math.max(...all.map(({ megabytes }) => megabytes));
    medians.set(name, seconds);
    const each = all.map(({ seconds }) => seconds.toFixed(2)).join(" ");
    console.log(`${name.padEnd(20)} ${seconds.toFixed(2)} s (${each}), ${megabytes.toFixed(0)} MB`);
  }
  const better = Math.min(medians.get("skopeo sync")!, medians.get("rclone copy")!);
  const ratio = medians.get("archeio fill")! / better;
  console.log(`archeio fill takes ${ratio.toFixed(2)} × the better one's time`);
}

async function main(program: string | undefined): Promise<void> {
  await requirePrograms(
    ["docker-registry", "skopeo", "rclone"],
    "docker-registry skopeo rclone",
  );
  const why = await tryBuild();
  if (why !== undefined) throw new Error(why);
  const folder = await Deno.makeTempDir({ prefix: "archeio-bench-" });
  try {
    await using source = await startSource(folder, LOTS);
    await using s3 = await startS3Server(`${folder}/s3`, { buckets: [BUCKET] });
    const own = [Deno.execPath(), "run", "-A", "--unstable-net", "main.ts"] as const;
    const place = {
      folder,
      registry: source.host,
      s3: s3.url,
      bucket: s3.folderOf(BUCKET),
      program: program === undefined ? own : [program] as const,
    };
    for (const lot of LOTS) await compare(place, lot);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

await main(Deno.args[0]);
