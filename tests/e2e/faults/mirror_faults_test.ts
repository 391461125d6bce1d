/**
 * Mirrors that fail while pulls go on: no pull fails, no client is sent to a dead mirror
 * for longer than was promised, and one that is back is used again.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { type Behaviour, type FaultyStore, startFaultyStore } from "./faulty_store.ts";
import { type Program, startProgram } from "./program.ts";
import { type Pulls, startPulls } from "./pulls.ts";

const INTERVAL_MS = 400;
const DOWN_AFTER = 3;
const NOTICED_MS = DOWN_AFTER * INTERVAL_MS;
const DIGESTS = Array.from({ length: 20 }, (_, at) => `sha256:${String(at).padStart(64, "0")}`);

interface World extends AsyncDisposable {
  readonly near: FaultyStore;
  readonly far: FaultyStore;
  readonly program: Program;
  readonly pulls: Pulls;
}

/** Two mirrors and an upstream that have all blobs, and clients that were sent to the near one. */
async function startWorld(): Promise<World> {
  const stack = new AsyncDisposableStack();
  const near = stack.use(startFaultyStore());
  const far = stack.use(startFaultyStore());
  const upstream = stack.use(startFaultyStore());
  const program = stack.use(
    await startProgram(`
upstreams: { main: { endpoint: "${upstream.url}" } }
mirrors: { near: { url: "${near.url}" }, far: { url: "${far.url}" } }
rules: [ { clients: [ aws/eu-west-3 ], mirrors: [ near, far ] } ]
probe: { timeout_ms: 1000, missing_ttl_s: 1 }
health: { interval_ms: ${INTERVAL_MS}, down_after: ${DOWN_AFTER}, max_interval_ms: 1600 }
`),
  );
  const pulls = startPulls({ url: program.url, digests: DIGESTS });
  stack.defer(() => pulls.stop());
  await until(() => pulls.done > 5 * DIGESTS.length);
  return { near, far, program, pulls, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

const since = (pulls: Pulls, time: number) =>
  pulls.redirects.filter(({ askedAt }) => askedAt >= time);

const FAULTS: readonly { readonly name: string; readonly behaviour: Behaviour }[] = [
  { name: "refuses connections", behaviour: "refuses" },
  { name: "hangs", behaviour: "hangs" },
  { name: "answers 500", behaviour: 500 },
  { name: "answers 429", behaviour: 429 },
  { name: "answers 403", behaviour: 403 },
];

for (const { name, behaviour } of FAULTS) {
  Deno.test(`a mirror ${name}: no pull fails, it is noticed in time, and used again when it is back`, async () => {
    await using world = await startWorld();
    const { near, pulls } = world;
    assertEquals(pulls.redirects.at(-1)!.to, near.url);

    await near.behave(behaviour);
    const failedAt = performance.now();
    const enough = NOTICED_MS + 1000;
    await until(() => performance.now() > failedAt + enough);
    const toDead = since(pulls, failedAt).filter(({ to }) => to === near.url);
    const noticedMs = Math.max(0, ...toDead.map(({ askedAt }) => askedAt - failedAt));
    console.log(`a mirror that ${name} got its last client after ${Math.round(noticedMs)} ms`);
    assert(noticedMs <= NOTICED_MS, `noticed after ${noticedMs} ms`);
    assertEquals(new Set(since(pulls, failedAt + noticedMs + 1).map(({ to }) => to)).size, 1);

    await near.behave("well");
    const backAt = performance.now();
    await until(() => since(pulls, backAt).some(({ to }) => to === near.url));
    console.log(`and is used again after ${Math.round(performance.now() - backAt)} ms`);
    await pulls.stop();
    assertEquals(pulls.failures, []);
  });
}

Deno.test("a mirror that comes and goes every second fails no pull", async () => {
  await using world = await startWorld();
  const { near, pulls, program } = world;
  for (let second = 0; second < 6; second++) {
    await near.behave(second % 2 === 0 ? "refuses" : "well");
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  const backAt = performance.now();
  await until(() => since(pulls, backAt).some(({ to }) => to === near.url));
  await pulls.stop();
  assertEquals(pulls.failures, []);
  console.log(
    `it went down ${await program.metric("archeio_mirror_transitions_total", "down")} times`,
  );
});

Deno.test("a mirror takes no more than its fallback_limit in place of one that is down", async () => {
  await using near = startFaultyStore();
  await using far = startFaultyStore();
  await using upstream = startFaultyStore();
  await using program = await startProgram(`
workers: 2
upstreams: { main: { endpoint: "${upstream.url}" } }
mirrors: { near: { url: "${near.url}" }, far: { url: "${far.url}", fallback_limit: 20 } }
rules: [ { clients: [ aws/eu-west-3 ], mirrors: [ near, far ] } ]
health: { interval_ms: 100, down_after: 2 }
`);
  const pulls = startPulls({ url: program.url, digests: DIGESTS, clients: 8 });
  await until(() => pulls.done > 100);
  await near.behave("refuses");
  await program.logged("mirror is down");
  const from = performance.now();
  await until(() => performance.now() > from + 3000);
  await pulls.stop();
  const diverted = since(pulls, from).filter(({ to }) => to === far.url).length;
  const rest = since(pulls, from).filter(({ to }) => to === upstream.url).length;
  // Three seconds touch four of the clock's.
  assert(diverted >= 40 && diverted <= 80, `${diverted} in 3 s`);
  assert(rest > diverted, `${rest} to the upstream`);
  assertEquals(pulls.failures, []);
});
