/**
 * Mixed load for ten minutes, or as many as `SOAK_MINUTES` says: known blobs, manifests,
 * tags, what nobody knows, what no client should send, a mirror that comes and goes, and
 * configurations that are read again. What is looked at is the program's memory: when it
 * is warm, it must not grow any more.
 *
 * @module
 */

import { askAll, blobPath, createAnswers } from "./asking.ts";
import { numberedBlob, startFaultyStore } from "./faulty_store.ts";
import { startProgram } from "./program.ts";

const MINUTES = Number(Deno.env.get("SOAK_MINUTES") ?? 10);
const WORKERS = Number(Deno.env.get("SOAK_WORKERS") ?? 1);
const SAMPLES = 40;
// Warm: everything has been loaded, and what is remembered has its full size.
const WARM_FROM = SAMPLES / 4;
const MOST_GROWTH = Number(Deno.env.get("SOAK_MOST_GROWTH") ?? 1.1);
const KNOWN = 1;
const MOST_ENTRIES = 5000;

function* mixedPaths(until: () => boolean): Generator<string> {
  for (let number = 0; !until(); number++) {
    yield blobPath(number % 3000, KNOWN);
    yield `/v2/app/manifests/v${number % 50}`;
    if (number % 10 === 0) yield blobPath(number, 2);
    if (number % 20 === 0) yield `/v2/app/manifests/sha256:${blobPath(number, 3).slice(-64)}`;
    if (number % 50 === 0) yield `/v2/app-${number}/tags/list?n=50&last=v${number}`;
    if (number % 100 === 0) yield `/v2/..%2f${number}/blobs/none`;
  }
}

await using mirror = startFaultyStore({
  find: (path) => path.includes(`/sha256:${KNOWN}0`) ? numberedBlob(path) : undefined,
  delayMs: 2,
});
await using other = startFaultyStore({ delayMs: 2 });
await using upstream = startFaultyStore({ delayMs: 2 });
const configFor = (number: number) => `
workers: ${WORKERS}
upstreams:
  main: { endpoint: "${upstream.url}" }
  signatures: { endpoint: "http://signatures-${number}.example" }
signature_upstream: signatures
mirrors: { near: { url: "${mirror.url}" }, far: { url: "${other.url}" } }
rules: [ { clients: [ "*" ], mirrors: [ near, far ] } ]
probe: { max_entries: ${MOST_ENTRIES} }
health: { interval_ms: 500, max_interval_ms: 2000 }
`;
await using program = await startProgram(configFor(0));

const end = performance.now() + MINUTES * 60_000;
const answers = createAnswers();
const load = askAll(program.url, mixedPaths(() => performance.now() > end), {
  clients: 32,
  answers,
});

const memory: number[] = [];
for (let sample = 0; sample < SAMPLES; sample++) {
  await new Promise((resolve) => setTimeout(resolve, MINUTES * 60_000 / SAMPLES));
  memory.push(await program.residentMiB());
  answers.tookMs.length = 0; // This process's memory is not what is looked at.
  console.log(
    `${((sample + 1) * MINUTES / SAMPLES).toFixed(1)} min: ${memory.at(-1)!.toFixed(0)} MiB, ` +
      `${[...answers.counts.values()].reduce((sum, count) => sum + count, 0)} answers`,
  );
  await mirror.behave(sample % 4 === 1 ? "refuses" : sample % 4 === 3 ? 500 : "well");
  if (sample % 3 === 0) await program.reload(configFor(sample % 2));
}
await load;

const warm = memory.slice(WARM_FROM);
const half = warm.length / 2;
const first = median(warm.slice(0, half));
const last = median(warm.slice(half));
const replaced = await program.metric("archeio_worker_replacements_total");
console.log(`answers: ${JSON.stringify(Object.fromEntries(answers.counts))}`);
console.log(
  `memory, medians of the two halves after warm-up: ${first.toFixed(0)} and ${
    last.toFixed(0)
  } MiB (${(last / first).toFixed(3)} times); workers replaced: ${replaced}`,
);
if (last > first * MOST_GROWTH || replaced > 0) {
  console.error(`the program's memory grew, or a worker died`);
  Deno.exitCode = 1;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
