/**
 * Plays the model for as long as it is told: `MODEL_MINUTES` (30), from `MODEL_SEED`. With
 * `MODEL_SHRINK=no` what is found is told at once, and not made shorter first.
 *
 * @module
 */

import { playSeed } from "./property.ts";

const minutes = Number(Deno.env.get("MODEL_MINUTES") ?? 30);
const firstSeed = Number(Deno.env.get("MODEL_SEED") ?? Date.now() & 0x7fffffff);
const shrink = Deno.env.get("MODEL_SHRINK") !== "no";
const endMs = Date.now() + minutes * 60_000;
let all = 0;

for (let seed = firstSeed; Date.now() < endMs; seed++) {
  const { runs, broken } = await playSeed(seed, shrink);
  all += runs;
  if (broken !== undefined) {
    console.log(broken.report);
    console.log(`broken: ${broken.promise}`);
    console.log(`seed ${seed}: found after ${all} runs from seed ${firstSeed}`);
    Deno.exit(1);
  }
  console.log(`seed ${seed}: ok, ${all} runs so far`);
}
console.log(`nothing found in ${minutes} minutes, ${all} runs from seed ${firstSeed}`);
