/**
 * `archeio fill` is killed by SIGKILL a hundred times at random moments: a bucket and a folder hold
 * right objects alone all the time, and in the end the same as if nobody had killed it.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { createRandom } from "../../model/random.ts";
import { ARCHEIO } from "../programs.ts";
import { hashObjects, listObjects } from "./objects.ts";
import { runFill } from "./run_fill.ts";
import { S3_ENVIRONMENT, tryBuild } from "./s3_server.ts";
import { configOf, type FillStage, setFillStage } from "./stage.ts";

const KILLS = 100;
// From before it reads its configuration until it has copied a part, or all.
const LONGEST_LIFE_MS = 500;
// How many of the kills must hit a store that has some blobs, and not all.
const LEAST_PARTLY = 10;
// So slow that many runs are needed.
const BYTES_PER_S = 5_000_000;

const WHY = await tryBuild();
if (WHY !== undefined) console.warn(`No fill is killed: ${WHY}`);

Deno.test({
  name: `a fill that is killed ${KILLS} times ends with the same stores as another`,
  ignore: WHY !== undefined,
  async fn() {
    const seed = Number(Deno.env.get("FILL_SEED") ?? Math.floor(Math.random() * 2 ** 31));
    console.log(`FILL_SEED=${seed}`);
    const random = createRandom(seed);
    await using stage = await setFillStage(["killed", "whole"]);
    const expected = [...stage.fleet.blobs].sort();

    const whole = await runFill(await writeConfig(stage, "whole"));
    assertEquals(whole.code, 0);
    assertEquals(await hashAll(stage, "whole"), { bucket: expected, folder: expected });

    const slow = await writeConfig(stage, "killed", { bytes_per_s: BYTES_PER_S });
    let ended = 0;
    let partly = 0;
    for (let kills = 0; kills < KILLS;) {
      const isKilled = await runAndKill(slow, random() * LONGEST_LIFE_MS);
      const count = await countRight(stage, expected);
      if (!isKilled) {
        ended++;
        await startAnew(stage);
        continue;
      }
      kills++;
      if (count > 0 && count < expected.length) partly++;
    }
    console.log(
      `killed ${KILLS} times, ${partly} with a part of all; ended by itself ${ended} times`,
    );
    assert(partly >= LEAST_PARTLY, "the moments tell something");

    const last = await runFill(await writeConfig(stage, "killed"));
    assertEquals([last.code, last.complete], [0, true]);
    assertEquals(await hashAll(stage, "killed"), await hashAll(stage, "whole"));
    assertEquals(await namesIn(stage, "killed"), await namesIn(stage, "whole"));
  },
});

function folderOf({ folder }: FillStage, bucket: string): string {
  return `${folder}/folder-${bucket}`;
}

async function writeConfig(stage: FillStage, bucket: string, limits: object = {}): Promise<string> {
  const mirror = { name: "bucket", bucket, key: "images/{digest}" };
  const config = configOf(stage, "open", [mirror]);
  const folder = folderOf(stage, bucket);
  const disk = { url: "http://127.0.0.1:9/disk", store: { folder, key: "images/{digest}" } };
  const fill = config.fill as { readonly limits: object };
  const path = `${stage.folder}/${bucket}.yaml`;
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(
    path,
    JSON.stringify({
      ...config,
      mirrors: { ...config.mirrors as object, disk },
      rules: [{ clients: ["*"], mirrors: ["bucket", "disk"] }],
      fill: { ...fill, limits: { ...fill.limits, ...limits } },
    }),
  );
  return path;
}

/** Runs a fill, and kills it after some time; whether it had not ended by itself before that. */
async function runAndKill(config: string, afterMs: number): Promise<boolean> {
  const process = new Deno.Command(ARCHEIO, {
    args: ["fill", "--config", config],
    env: S3_ENVIRONMENT,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  let isOver = false;
  const status = process.status.then(({ signal }) => (isOver = true, signal === "SIGKILL"));
  const timer = setTimeout(() => {
    if (!isOver) process.kill("SIGKILL");
  }, afterMs);
  const isKilled = await status;
  clearTimeout(timer);
  return isKilled;
}

async function hashAll(stage: FillStage, bucket: string) {
  return {
    bucket: await hashObjects(stage.s3.folderOf(bucket)),
    folder: await hashObjects(folderOf(stage, bucket)),
  };
}

/**
 * Whatever has the name of an object is one: of its length, and at the end of its bytes.
 *
 * @returns how many the bucket has
 */
async function countRight(stage: FillStage, expected: readonly string[]): Promise<number> {
  const right = new Set(expected);
  for (const folder of [stage.s3.folderOf("killed"), folderOf(stage, "killed")]) {
    for (const path of await listObjects(folder)) {
      const name = path.slice(path.lastIndexOf("/") + 1);
      // A folder's blob that is being written.
      if (name.startsWith(".")) continue;
      assert(right.has(name), path);
      const { size } = await Deno.stat(path);
      assertEquals(size, stage.layout.contents.get(name)!.length, path);
    }
  }
  return (await listObjects(stage.s3.folderOf("killed"))).length;
}

/** The names of all files, so that nothing that was left unfinished passes. */
async function namesIn(stage: FillStage, bucket: string): Promise<string[]> {
  const paths = [
    ...await listObjects(stage.s3.folderOf(bucket)),
    ...await listObjects(folderOf(stage, bucket)),
  ];
  return paths.map((path) => path.slice(path.lastIndexOf("/") + 1)).sort();
}

/** Empties what was filled, and forgets it. */
async function startAnew(stage: FillStage): Promise<void> {
  for (const folder of [stage.s3.folderOf("killed"), folderOf(stage, "killed")]) {
    await Deno.remove(`${folder}/images`, { recursive: true });
  }
  await Deno.remove(`${stage.folder}/state-killed`, { recursive: true });
}
