import { assert, assertEquals } from "@std/assert";
import type { Report } from "../../lib/server/isolate.ts";
import type { SlotState } from "../../lib/server/isolates.ts";
import { createStage, PATIENCE_MS, type Puppet, setupOf, type Stage } from "./puppets.ts";
import { settle } from "../mirrors/virtual_clock.ts";

const kindsOf = ({ orders }: Puppet) => orders.map(({ kind }) => kind);

/** Starts isolates that all serve. */
function serveAll(count: number): Stage {
  const stage = createStage(count);
  stage.isolates.start();
  for (const [puppet] of stage.slots) puppet!.ready();
  return stage;
}

/** Whether a promise has resolved by now. */
async function hasResolved(promise: Promise<void>): Promise<boolean> {
  let resolved = false;
  promise.then(() => resolved = true);
  await settle();
  return resolved;
}

Deno.test("createIsolates() starts none before start(), then one in each slot", () => {
  const { isolates, slots, setup } = createStage(2);
  assertEquals(isolates.states(), ["idle", "idle"]);
  assertEquals(slots, [[], []]);
  isolates.start();
  assertEquals(isolates.states(), ["starting", "starting"]);
  for (const [puppet, ...more] of slots) {
    assertEquals([kindsOf(puppet!), more], [["start"], []]);
    assert(setupOf(puppet!) === setup);
  }
  slots[1]![0]!.ready();
  assertEquals(isolates.states(), ["starting", "serving"]);
});

Deno.test("createIsolates() with no slot resolves at once", async () => {
  const { isolates } = createStage(0);
  isolates.start();
  await isolates.sync();
  await isolates.stop(1);
});

Deno.test("createIsolates() passes on what isolates report of requests, in every state", () => {
  const { isolates, slots: [[puppet] = []], reports } = serveAll(1);
  const told: Report[] = [
    { kind: "failed", reason: "a" },
    { kind: "unanswered", url: "https://cdn.example/", reason: "b" },
    { kind: "pulls", lines: new Uint8Array(3) },
  ];
  puppet!.report(told[0]!);
  puppet!.report(told[1]!);
  isolates.stop(1);
  puppet!.report(told[2]!);
  assertEquals(reports, told);
});

Deno.test("sync() resolves once every isolate serves by the setup in use", async () => {
  const stage = serveAll(2);
  const [[first] = [], [second] = []] = stage.slots;
  const reloading = stage.reload();
  await settle();
  for (const puppet of [first!, second!]) {
    assertEquals(kindsOf(puppet), ["start", "change"]);
    assert(setupOf(puppet) === stage.setup);
  }
  first!.report({ kind: "changed" });
  assertEquals(await hasResolved(reloading), false);
  second!.report({ kind: "changed" });
  assertEquals(await hasResolved(reloading), true);
  // All serve by it already.
  assertEquals(await hasResolved(stage.isolates.sync()), true);
  assertEquals(kindsOf(first!), ["start", "change"]);
});

Deno.test("sync() gives an isolate one setup after another, and of several the newest", async () => {
  const stage = serveAll(1);
  const [[puppet] = []] = stage.slots;
  await settle();
  const first = stage.reload();
  await settle();
  const [second, third] = [stage.reload(), stage.reload()];
  await settle();
  assertEquals(kindsOf(puppet!), ["start", "change"]);
  puppet!.report({ kind: "changed" });
  await first;
  await settle();
  assertEquals(kindsOf(puppet!), ["start", "change", "change"]);
  assert(setupOf(puppet!) === stage.setup);
  puppet!.report({ kind: "changed" });
  await Promise.all([second, third]);
  assertEquals(kindsOf(puppet!), ["start", "change", "change"]);
});

Deno.test("sync() starts an isolate anew that is still starting, by the setup in use", async () => {
  const stage = createStage(1);
  stage.isolates.start();
  await stage.reload();
  const [first, second, ...more] = stage.slots[0]!;
  assertEquals([first!.runs, second!.runs, more], [false, true, []]);
  assert(setupOf(second!) === stage.setup);
  first!.ready();
  assertEquals(stage.isolates.states(), ["starting"]);
  second!.ready();
  assertEquals(stage.isolates.states(), ["serving"]);
  // It has not died, so nobody is told.
  assertEquals(stage.replaced, []);
});

Deno.test("an isolate that becomes ready by an old setup is given the one in use", async () => {
  const stage = createStage(1);
  stage.isolates.start();
  stage.setup = { ...stage.setup };
  const [[puppet] = []] = stage.slots;
  puppet!.ready();
  await settle();
  assertEquals(kindsOf(puppet!), ["start", "change"]);
  assert(setupOf(puppet!) === stage.setup);
});

Deno.test("an isolate that does not obey within the patience is replaced by one that begins with the newest setup", async () => {
  const stage = serveAll(2);
  const { slots, timers, replaced, isolates } = stage;
  const reloading = stage.reload();
  await settle();
  slots[0]![0]!.report({ kind: "changed" });
  await timers.pass(PATIENCE_MS - 1);
  assertEquals(isolates.states(), ["serving", "serving"]);
  await timers.pass(1);
  await reloading;
  assertEquals(isolates.states(), ["serving", "waiting"]);
  assertEquals(replaced, [`it did not respond for ${PATIENCE_MS} ms`]);
  assertEquals(slots[1]!.map(({ runs }) => runs), [false]);
  // What it says now counts no more.
  slots[1]![0]!.report({ kind: "changed" });
  slots[1]![0]!.die();
  await timers.pass(100);
  assertEquals(isolates.states(), ["serving", "starting"]);
  assert(setupOf(slots[1]![1]!) === stage.setup);
});

Deno.test("an isolate that dies is replaced, each time after a longer wait until one serves", async () => {
  const { isolates, slots: [puppets = []], timers, replaced } = createStage(1);
  isolates.start();
  const waits = [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000];
  for (const [time, waitMs] of waits.entries()) {
    puppets[time]!.die(`death ${time}`);
    assertEquals(isolates.states(), ["waiting"]);
    await timers.pass(waitMs - 1);
    assertEquals(isolates.states(), ["waiting"]);
    await timers.pass(1);
    assertEquals(isolates.states(), ["starting"]);
    assertEquals(puppets.length, time + 2);
  }
  assertEquals(replaced, waits.map((_, time) => `death ${time}`));
  puppets.at(-1)!.ready();
  puppets.at(-1)!.die();
  await timers.pass(100);
  assertEquals(isolates.states(), ["starting"]);
});

Deno.test("a change that an isolate dies of is begun with by the one that takes its place", async () => {
  const stage = serveAll(1);
  const { slots: [puppets = []], timers } = stage;
  const reloading = stage.reload();
  await settle();
  puppets[0]!.die("of the change");
  await reloading;
  await timers.pass(100);
  assert(setupOf(puppets[1]!) === stage.setup);
  assertEquals(kindsOf(puppets[1]!), ["start"]);
});

Deno.test("an isolate that crashes in a loop and reloads leave one in its slot, which serves by the newest setup", async () => {
  const stage = createStage(1);
  const { isolates, slots: [puppets = []], timers } = stage;
  isolates.start();
  for (let time = 0; time < 5; time++) {
    puppets.at(-1)!.die();
    await stage.reload();
    await timers.pass(20_000);
    await stage.reload();
  }
  assertEquals(puppets.filter(({ runs }) => runs).length, 1);
  for (const puppet of puppets) puppet.ready();
  await settle();
  assertEquals(isolates.states(), ["serving"]);
  assert(setupOf(puppets.at(-1)!) === stage.setup);
  // And it hears of the next one.
  const reloading = stage.reload();
  await settle();
  puppets.at(-1)!.report({ kind: "changed" });
  await reloading;
  assertEquals(kindsOf(puppets.at(-1)!), ["start", "change"]);
});

Deno.test("an isolate that is never ready keeps no change from the others", async () => {
  const stage = createStage(2);
  stage.isolates.start();
  stage.slots[0]![0]!.ready();
  const reloading = stage.reload();
  await settle();
  stage.slots[0]![0]!.report({ kind: "changed" });
  await reloading;
  assertEquals(stage.isolates.states(), ["serving", "starting"]);
});

Deno.test("tell() reaches those that start or serve, and no others", async () => {
  const { isolates, slots, timers } = createStage(3);
  isolates.start();
  const [first, second, third] = slots.map(([puppet]) => puppet!);
  first!.ready();
  second!.die();
  const forget = { kind: "forget", mirror: 1, digest: "sha256:1" } as const;
  isolates.tell(forget);
  // An order that comes before it is ready is done once it is.
  assertEquals([first!, second!, third!].map(kindsOf), [
    ["start", "forget"],
    ["start"],
    ["start", "forget"],
  ]);
  isolates.stop(1);
  isolates.tell(forget);
  await timers.pass(20_000);
  assertEquals(kindsOf(first!), ["start", "forget", "stop"]);
});

Deno.test("stop() ends in every state", async () => {
  const table: {
    state: SlotState["kind"];
    reach: (stage: Stage) => unknown;
    /** What it takes for the isolate to have stopped. */
    finish?: (puppet: Puppet) => void;
    expected: string[];
  }[] = [
    { state: "idle", reach: () => {}, expected: [] },
    {
      state: "starting",
      reach: ({ isolates }) => isolates.start(),
      finish: (puppet) => puppet.report({ kind: "stopped" }),
      expected: ["start", "stop"],
    },
    {
      state: "serving",
      reach({ isolates, slots }) {
        isolates.start();
        slots[0]![0]!.ready();
      },
      finish: (puppet) => puppet.report({ kind: "stopped" }),
      expected: ["start", "stop"],
    },
    {
      state: "serving",
      async reach(stage) {
        stage.isolates.start();
        stage.slots[0]![0]!.ready();
        stage.reload();
        await settle();
      },
      // One that dies has no requests any more.
      finish: (puppet) => puppet.die(),
      expected: ["start", "change", "stop"],
    },
    {
      state: "waiting",
      reach({ isolates, slots }) {
        isolates.start();
        slots[0]![0]!.die();
      },
      expected: ["start"],
    },
  ];
  for (const { state, reach, finish, expected } of table) {
    const stage = createStage(1);
    await reach(stage);
    assertEquals(stage.isolates.states(), [state]);
    const stopping = stage.isolates.stop(1234);
    assertEquals(stage.isolates.states(), ["stopped"]);
    const [puppet] = stage.slots[0]!;
    if (finish !== undefined) {
      assertEquals(puppet!.orders.at(-1), { kind: "stop", giveUpMs: 1234 });
      assertEquals(await hasResolved(stopping), false);
      finish(puppet!);
    }
    await stopping;
    await stage.reload();
    assertEquals(puppet === undefined ? [] : kindsOf(puppet), expected);
    assertEquals(stage.timers.waiting, 0);
    assertEquals(stage.slots[0]!.length, expected.length === 0 ? 0 : 1);
  }
});
