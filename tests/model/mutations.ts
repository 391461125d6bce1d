/**
 * Puts faults that were seen back into a copy of the code, and sees that the model or a test
 * finds each: a model that finds nothing in a program with faults shows nothing.
 *
 * `deno task mutations` plays all of them, `deno task mutations 5a 8` those that are named.
 *
 * @module
 */

import { run, runAnyhow } from "../e2e/run.ts";
import { createTempFolder } from "../e2e/temp_folder.ts";
import { type Edit, type Fault, FAULTS } from "./faults.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const SOURCES = ["deno.json", "deno.lock", "main.ts", "lib", "tests"];
const MODEL_MINUTES = 1;
const FIRST_SEED = 1;
// A test that waits for what a fault prevents waits for ever.
const LONGEST_S = 120;
const AT_ONCE = 2;
// The model alone is to find so many of the thirteen kinds.
const KINDS_BY_MODEL = 9;
const NO_FAULT: Fault = { number: "-", name: "no fault", edits: [], tests: [] };

/** Who found a fault. */
interface Finding {
  readonly fault: Fault;
  readonly by: "model" | "test" | "nobody";
  readonly words: string;
}

/** Makes a copy of the code with a fault in it. */
async function copyWith({ edits }: Fault, folder: string): Promise<void> {
  await run("cp", ["--recursive", ...SOURCES.map((name) => ROOT + name), folder]);
  for (const edit of edits) await put(edit, folder);
}

async function put({ file, text, instead }: Edit, folder: string): Promise<void> {
  const path = `${folder}/${file}`;
  const parts = (await Deno.readTextFile(path)).split(text);
  if (parts.length === 2) return await Deno.writeTextFile(path, parts.join(instead));
  throw new Error(`${file} has ${parts.length - 1} times ${JSON.stringify(text)}, not once`);
}

async function deno(args: readonly string[], cwd: string) {
  const env = {
    NO_COLOR: "1",
    MODEL_MINUTES: String(MODEL_MINUTES),
    MODEL_SEED: String(FIRST_SEED),
    MODEL_SHRINK: "no",
  };
  return await runAnyhow(Deno.execPath(), args, { cwd, env, longestS: LONGEST_S });
}

/** Plays the model in a copy; says what it found, or `undefined`. */
async function playModel(folder: string): Promise<string | undefined> {
  const args = ["run", "--no-check", "--frozen", "-A", "tests/model/run.ts"];
  const { code, out, err } = await deno(args, folder);
  if (code === 0) return undefined;
  const [, runs] = /found after (\d+) runs/.exec(out) ?? [];
  if (runs === undefined) throw new Error(`the model failed:\n${out}${err}`);
  const [, promise] = /^broken: (.*)$/m.exec(out) ?? [];
  return `model after ${runs} runs: ${promise}`;
}

/** Runs test files in a copy; gives those that failed. */
async function runTests(tests: readonly string[], folder: string): Promise<string[]> {
  const failed: string[] = [];
  for (const test of tests) {
    const { code } = await deno(["test", "--no-check", "--frozen", "-A", test], folder);
    if (code !== 0) failed.push(test);
  }
  return failed;
}

async function find(fault: Fault): Promise<Finding> {
  await using folder = await createTempFolder();
  await copyWith(fault, folder.path);
  const found = fault.unplayed ? undefined : await playModel(folder.path);
  if (found !== undefined) return { fault, by: "model", words: found };
  const failed = await runTests(fault.tests, folder.path);
  if (failed.length > 0) return { fault, by: "test", words: failed.join(", ") };
  return { fault, by: "nobody", words: "nobody" };
}

/** Works on several at once; gives what came of each, in their order. */
async function inTurns<Thing, Result>(
  things: readonly Thing[],
  work: (thing: Thing) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const left = things.entries();
  const workers = Array.from({ length: AT_ONCE }, async () => {
    for (const [at, thing] of left) results[at] = await work(thing);
  });
  await Promise.all(workers);
  return results;
}

function kindOf({ fault }: Finding): number {
  return parseInt(fault.number);
}

const named = Deno.args;
const chosen = FAULTS.filter(({ number }) =>
  named.length === 0 || named.some((name) => number === name || parseInt(number) === Number(name))
);
// Without a fault, what is to find it must find nothing.
const tests = [...new Set(chosen.flatMap(({ tests }) => tests))];
const findings = await inTurns([{ ...NO_FAULT, tests }, ...chosen], async (fault) => {
  const finding = await find(fault);
  console.log(`${fault.number}\t${fault.name}\t${finding.words}`);
  return finding;
});
const [sound, ...found] = findings;
const kinds = new Set(found.map(kindOf));
const missed = new Set(found.filter(({ by }) => by !== "model").map(kindOf));
const byModel = kinds.difference(missed).size;
const unfound = found.filter(({ by }) => by === "nobody").length;
console.log(`found: ${found.length - unfound} of ${found.length} faults`);
console.log(`the model alone finds every fault of ${byModel} of ${kinds.size} kinds`);
const isSound = sound!.by === "nobody";
if (!isSound) console.log("what finds faults fails without one, too");
if (!isSound || unfound > 0 || named.length === 0 && byModel < KINDS_BY_MODEL) Deno.exit(1);
