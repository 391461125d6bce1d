/**
 * The slots of isolates, played at random against what is to hold after each step: deaths,
 * reloads, late and stray reports, time.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { createStage, PATIENCE_MS, type Puppet, setupOf, type Stage } from "./puppets.ts";
import { settle } from "../mirrors/virtual_clock.ts";

const SLOTS = 2;

/** What happens: to a puppet, given by its slot and how many have come after it, or to all. */
type Step =
  | { readonly kind: "ready" | "changed" | "fails" | "dies"; readonly slot: number; age: number }
  | { readonly kind: "reload" }
  | { readonly kind: "pass"; readonly ms: number };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constantFrom("ready", "changed", "fails", "dies"),
      slot: fc.nat(SLOTS - 1),
      // Mostly the newest; one before it has nothing to say any more.
      age: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.nat(3)),
    }),
    fc.record({ kind: fc.constant("reload") }),
    fc.record({ kind: fc.constant("pass"), ms: fc.constantFrom(1, 100, 1000, PATIENCE_MS) }),
  ) as fc.Arbitrary<Step>,
  { maxLength: 60, size: "max" },
);

/** Plays a step; gives the puppet whose failure is to be passed on. */
async function play(stage: Stage, step: Step, reloads: Promise<void>[]): Promise<void> {
  if (step.kind === "reload") reloads.push(stage.reload());
  else if (step.kind === "pass") await stage.timers.pass(step.ms);
  else {
    const puppet = stage.slots[step.slot]!.at(-1 - step.age);
    const before = [stage.reports.length, stage.replaced.length];
    const counts = puppet?.runs === true ? 1 : 0;
    if (puppet !== undefined) act(puppet, step.kind);
    // One that does not run any more has nothing to say.
    assertEquals([stage.reports.length, stage.replaced.length], [
      before[0]! + (step.kind === "fails" ? counts : 0),
      before[1]! + (step.kind === "dies" ? counts : 0),
    ]);
  }
  await settle();
}

function act(puppet: Puppet, kind: "ready" | "changed" | "fails" | "dies"): void {
  switch (kind) {
    case "ready":
      return puppet.ready();
    case "changed":
      return puppet.report({ kind });
    case "fails":
      return puppet.report({ kind: "failed", reason: "a fault" });
    case "dies":
      return puppet.die();
  }
}

/** How many changes a puppet was told to make, so that it may make one more. */
const changesOf = ({ orders }: Puppet) => orders.filter(({ kind }) => kind === "change").length;

/** What holds after each step. */
function holds({ isolates, slots, setup, timers }: Stage): void {
  for (const [slot, state] of isolates.states().entries()) {
    const running = slots[slot]!.filter(({ runs }) => runs);
    assertEquals(running.length, state === "waiting" ? 0 : 1, `${state}: ${running.length} run`);
    const [puppet] = running;
    if (puppet === undefined) continue;
    assert(puppet === slots[slot]!.at(-1), "it is not the last one that runs");
    // One that has not begun yet begins with the newest setup.
    if (state === "starting") assert(setupOf(puppet) === setup, "it starts by an old setup");
  }
  // One for the wait of each slot, or for its patience.
  assert(timers.waiting <= 2 * SLOTS, `${timers.waiting} timers`);
}

/** Has all puppets do what they are told, until everything has come to rest. */
async function obey({ slots, timers }: Stage): Promise<void> {
  await timers.pass(2 * PATIENCE_MS);
  for (let round = 0; round < 4; round++) {
    for (const puppets of slots) {
      const puppet = puppets.at(-1)!;
      puppet.ready();
      await settle();
      if (changesOf(puppet) > 0) puppet.report({ kind: "changed" });
      await settle();
    }
  }
}

Deno.test("whatever isolates do, each slot has one, which comes to serve by the newest setup", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (steps) => {
      const stage = createStage(SLOTS);
      const reloads: Promise<void>[] = [];
      stage.isolates.start();
      for (const step of steps) {
        await play(stage, step, reloads);
        holds(stage);
      }
      await obey(stage);
      await Promise.all(reloads);
      assertEquals(stage.isolates.states(), Array(SLOTS).fill("serving"));
      for (const puppets of stage.slots) assert(setupOf(puppets.at(-1)!) === stage.setup);
      const stopping = stage.isolates.stop(1);
      for (const puppets of stage.slots) puppets.at(-1)!.report({ kind: "stopped" });
      await stopping;
      assertEquals(stage.timers.waiting, 0);
    }),
    { numRuns: 300 },
  );
});
