import { assert, assertEquals } from "@std/assert";
import { createBoardMemory } from "../../lib/mirrors/board.ts";
import { createNumbersMemory } from "../../lib/server/numbers.ts";
import type { Order, Report } from "../../lib/server/worker.ts";
import { startWorkers, type WorkerListener, type Workers } from "../../lib/server/workers.ts";
import { CONFIG, createSetup, DIGEST, turn } from "./fixture.ts";

/** A worker that does nothing but what a test has it do. */
interface Puppet {
  readonly orders: Order[];
  readonly listener: WorkerListener;
  terminated: boolean;
}

interface Stage {
  readonly workers: Workers;
  /** All workers that ever were, in the order in which they were started. */
  readonly puppets: Puppet[];
  readonly reports: Report[];
  readonly replaced: string[];
  readonly numbers: readonly SharedArrayBuffer[];
  /** The next worker that is started. */
  readonly nextPuppet: () => Promise<Puppet>;
  readonly setup: ReturnType<typeof createSetup>;
}

function createStage(count: number, patienceMs = 60_000): Stage {
  const puppets: Puppet[] = [];
  const reports: Report[] = [];
  const replaced: string[] = [];
  let tell = (_: Puppet) => {};
  const setup = createSetup(CONFIG);
  const numbers = Array.from({ length: count }, createNumbersMemory);
  const workers = startWorkers({
    spawn(listener) {
      const puppet: Puppet = { orders: [], listener, terminated: false };
      puppets.push(puppet);
      tell(puppet);
      return {
        order: (order) => void puppet.orders.push(order),
        terminate: () => void (puppet.terminated = true),
      };
    },
    start: { setup, listener: { host: "127.0.0.1", port: 1 }, board: createBoardMemory() },
    numbers,
    patienceMs,
    report: (report) => void reports.push(report),
    replaced: (reason) => void replaced.push(reason),
  });
  const nextPuppet = () => new Promise<Puppet>((resolve) => tell = resolve);
  return { workers, puppets, reports, replaced, numbers, nextPuppet, setup };
}

/** Whether a promise is kept by now. */
async function isKept(promise: Promise<void>): Promise<boolean> {
  let kept = false;
  promise.then(() => kept = true);
  await turn();
  return kept;
}

const kindsOf = ({ orders }: Puppet) => orders.map(({ kind }) => kind);

Deno.test("workers are ready when all of them are, each with numbers of its own", async () => {
  const { workers, puppets, numbers, setup } = createStage(2);
  assertEquals(puppets.length, 2);
  for (const [at, { orders: [start, ...more] }] of puppets.entries()) {
    assert(start?.kind === "start" && more.length === 0);
    assert(start.setup === setup && start.numbers === numbers[at]);
  }
  puppets[0]!.listener.report({ kind: "ready" });
  assertEquals(await isKept(workers.ready), false);
  puppets[1]!.listener.report({ kind: "ready" });
  await workers.ready;
});

Deno.test("no workers are ready, changed and stopped at once", async () => {
  const { workers, setup } = createStage(0);
  await workers.ready;
  await workers.change(setup);
  await workers.stop(1);
});

Deno.test("what workers tell of requests is handed on", () => {
  const { puppets: [puppet], reports } = createStage(1);
  const told: Report[] = [
    { kind: "failed", reason: "a" },
    { kind: "unanswered", url: "https://cdn.example/", reason: "b" },
    { kind: "mirror_down", mirror: "cdn", answer: 500 },
    { kind: "sample", mirror: 1, sample: { digest: DIGEST, found: true } },
    { kind: "pulls", lines: new Uint8Array(new TextEncoder().encode("{}\n")) },
  ];
  for (const report of [{ kind: "ready" }, ...told] as const) puppet!.listener.report(report);
  puppet!.listener.report({ kind: "changed" });
  assertEquals(reports, told);
});

Deno.test("a change is kept when all workers have changed", async () => {
  const { workers, puppets, setup } = createStage(2);
  for (const { listener } of puppets) listener.report({ kind: "ready" });
  for (const round of [1, 2]) {
    const next = { ...setup };
    const changing = workers.change(next);
    for (const { orders } of puppets) {
      const order = orders[round]!;
      assert(order.kind === "change" && order.setup === next);
    }
    puppets[0]!.listener.report({ kind: "changed" });
    assertEquals(await isKept(changing), false);
    puppets[1]!.listener.report({ kind: "changed" });
    await changing;
  }
});

Deno.test("a change is not kept by a worker that has just begun with the setup before", async () => {
  const { workers, puppets: [puppet], setup } = createStage(1);
  const changing = workers.change({ ...setup });
  puppet!.listener.report({ kind: "ready" });
  await workers.ready;
  assertEquals(await isKept(changing), false);
  puppet!.listener.report({ kind: "changed" });
  await changing;
});

Deno.test("a worker that does not take a change is replaced by one that begins with it", async () => {
  const { workers, puppets, replaced, nextPuppet, setup } = createStage(2, 20);
  for (const { listener } of puppets) listener.report({ kind: "ready" });
  const next = { ...setup };
  const replacement = nextPuppet();
  const changing = workers.change(next);
  puppets[0]!.listener.report({ kind: "changed" });
  await changing;
  assertEquals(replaced, ["it took no order for 20 ms"]);
  assertEquals(puppets.map(({ terminated }) => terminated), [false, true]);
  const { orders, listener } = await replacement;
  await turn();
  assert(orders[0]?.kind === "start" && orders[0].setup === next);
  listener.report({ kind: "ready" });
  const again = workers.change({ ...next });
  puppets[0]!.listener.report({ kind: "changed" });
  listener.report({ kind: "changed" });
  await again;
  assertEquals(replaced.length, 1);
});

Deno.test("a worker that dies is replaced by one that serves by the same setup", async () => {
  const { workers, puppets, replaced, nextPuppet, numbers, setup } = createStage(2);
  for (const { listener } of puppets) listener.report({ kind: "ready" });
  const next = { ...setup };
  const changing = workers.change(next);
  for (const { listener } of puppets) listener.report({ kind: "changed" });
  await changing;
  puppets[1]!.listener.died("out of memory");
  assertEquals(replaced, ["out of memory"]);
  assertEquals(puppets.map(({ terminated }) => terminated), [false, true]);
  // Not at once, for it may die as soon as it lives.
  assertEquals(puppets.length, 2);
  const replacement = await nextPuppet();
  await turn();
  const [start] = replacement.orders;
  assert(start?.kind === "start" && start.setup === next && start.numbers === numbers[1]);
  replacement.listener.died("again");
  await nextPuppet();
  assertEquals(replaced, ["out of memory", "again"]);
  assertEquals(replacement.terminated, true);
  assertEquals(puppets.length, 4);
});

Deno.test("a change that a worker dies of is kept by the one that takes its place", async () => {
  const { workers, puppets: [first], nextPuppet, setup } = createStage(1);
  first!.listener.report({ kind: "ready" });
  const next = { ...setup };
  const changing = workers.change(next);
  first!.listener.died("of the change");
  const second = await nextPuppet();
  assertEquals(await isKept(changing), false);
  const [start] = second.orders;
  assert(start?.kind === "start" && start.setup === next);
  second.listener.report({ kind: "ready" });
  await changing;
});

Deno.test("a change while a worker is dead is kept by the one that takes its place", async () => {
  const { workers, puppets: [first], nextPuppet, setup } = createStage(1);
  first!.listener.died("before it was ready");
  const next = { ...setup };
  const changing = workers.change(next);
  const second = await nextPuppet();
  await turn();
  assert(second.orders[0]?.kind === "start" && second.orders[0].setup === next);
  second.listener.report({ kind: "ready" });
  await Promise.all([changing, workers.ready]);
});

Deno.test("workers are stopped when all of them have answered their last request", async () => {
  const { workers, puppets } = createStage(2);
  const stopping = workers.stop(1234);
  for (const { orders } of puppets) assertEquals(orders[1], { kind: "stop", giveUpMs: 1234 });
  puppets[0]!.listener.report({ kind: "stopped" });
  assertEquals(await isKept(stopping), false);
  // One that dies has no requests any more, and is not replaced.
  puppets[1]!.listener.died("at the end");
  await stopping;
  assertEquals(puppets.length, 2);
});

Deno.test("a worker that is to be replaced when all stop is not replaced", async () => {
  const { workers, puppets, replaced } = createStage(1);
  puppets[0]!.listener.died("just before");
  await workers.stop(1);
  assertEquals(puppets.length, 1);
  assertEquals(replaced, ["just before"]);
  assertEquals(kindsOf(puppets[0]!), ["start", "stop"]);
});
