/**
 * Mirrors that fail while pulls go on: no pull fails of whoever tries again within 5 s, no
 * client is sent to a mirror that fails for longer than was promised, and one that is back is
 * used again. `deno task e2e:faults` plays the same at the default settings, for docs/faults.md.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { createFaults, type Fault } from "./faults.ts";
import { startFaultyStore } from "./faulty_store.ts";
import { type Outcome, playFault, until } from "./play_fault.ts";
import { startProgram } from "./program.ts";
import { startPulls } from "./pulls.ts";
import { startClients } from "./real_clients.ts";
import { findTable } from "../table.ts";

const INTERVAL_MS = 400;
const DOWN_AFTER = 3;
const PROMISED_MS = DOWN_AFTER * INTERVAL_MS;
// From the moment in which a client asks until its redirect is counted, on a busy machine.
const SLACK_MS = 300;
const CONFIG = `
health: { interval_ms: ${INTERVAL_MS}, down_after: ${DOWN_AFTER}, max_interval_ms: 800 }
probe: { timeout_ms: 1000, missing_ttl_s: 1 }
`;
const DIGESTS = Array.from({ length: 20 }, (_, at) => `sha256:${String(at).padStart(64, "0")}`);

Deno.test("mirrors fail in many ways while docker, BuildKit, skopeo and others pull", async (test) => {
  await using started = await startClients();
  const { clients, certificate } = started;
  for (const fault of createFaults(INTERVAL_MS)) {
    await test.step(`a mirror that ${fault.name}`, async () => {
      const failsMs = PROMISED_MS + 2 * SLACK_MS;
      const options = { clients, certificate, config: CONFIG, failsMs, pauseMs: 5, imagesEach: 5 };
      const outcome = await playFault(fault, options);
      console.log(describe(outcome));
      assertNoticed(fault, outcome);
      assertEquals(outcome.pulls.failures, []);
      assertEquals(outcome.runs.flatMap(({ failures }) => failures), []);
    });
  }
});

function assertNoticed({ delivers = false }: Fault, { sentMs, noticedBy }: Outcome): void {
  assertEquals(noticedBy === "", delivers, noticedBy);
  if (!delivers) assert(sentMs <= PROMISED_MS + SLACK_MS, `noticed after ${sentMs} ms`);
}

function describe({ sentMs, backMs, noticedBy, pulls, runs }: Outcome): string {
  const tries = [{ client: "curl", pulls: pulls.done, failedFirst: pulls.failedTries }, ...runs];
  return [
    `clients were sent there for ${Math.round(sentMs)} ms; ${noticedBy || "nothing is noticed"}`,
    `used again after ${Math.round(backMs)} ms`,
    ...tries.map(({ client, pulls, failedFirst }) =>
      `${client}: ${failedFirst} of ${pulls} failed`
    ),
  ].join("; ");
}

Deno.test("docs/faults.md tells of each way in which a mirror fails", async () => {
  const text = await Deno.readTextFile(new URL("../../../docs/faults.md", import.meta.url));
  const table = findTable(text, "How long each kind goes unnoticed") ?? "";
  assertEquals(
    table.split("\n").slice(2).map((row) => row.split("|")[1]!.trim()),
    createFaults(5000).map(({ name }) => name),
  );
});

Deno.test("a mirror that comes and goes every second fails no pull", async () => {
  await using stack = new AsyncDisposableStack();
  const near = stack.use(startFaultyStore());
  const far = stack.use(startFaultyStore());
  const upstream = stack.use(startFaultyStore());
  const program = stack.use(
    await startProgram(`
upstreams: { main: { endpoint: "${upstream.url}" } }
mirrors: { near: { url: "${near.url}" }, far: { url: "${far.url}" } }
rules: [ { clients: [ aws/eu-west-3 ], mirrors: [ near, far ] } ]
${CONFIG}`),
  );
  const pulls = startPulls({ url: program.url, digests: DIGESTS });
  stack.defer(() => pulls.stop());
  await until(() => pulls.done > 5 * DIGESTS.length);
  for (let second = 0; second < 6; second++) {
    await near.behave(second % 2 === 0 ? "refuses" : "well");
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  const backAt = performance.now();
  await until(() =>
    pulls.redirects.some(({ askedAt, to }) => askedAt >= backAt && to === near.url)
  );
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
  const since = pulls.redirects.filter(({ askedAt }) => askedAt >= from);
  const diverted = since.filter(({ to }) => to === far.url).length;
  const rest = since.filter(({ to }) => to === upstream.url).length;
  // Three seconds touch four of the clock's.
  assert(diverted >= 40 && diverted <= 80, `${diverted} in 3 s`);
  assert(rest > diverted, `${rest} to the upstream`);
  assertEquals(pulls.failures, []);
});
