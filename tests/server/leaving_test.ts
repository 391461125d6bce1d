import { assertEquals } from "@std/assert";
import { type Leaving, NOTHING_LEAVING } from "../../lib/fill/leaving.ts";
import { readFillState } from "../../lib/server/fill_state.ts";
import { createLeavingWatch } from "../../lib/server/leaving.ts";
import { temporaryFolder } from "../cli/program.ts";
import { configOf } from "../config/fixture.ts";
import { createVirtualClock } from "../mirrors/virtual_clock.ts";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

function config(state?: string, recheckS = 600) {
  return configOf(JSON.stringify({
    upstreams: { main: { endpoint: "https://registry.example" } },
    probe: { recheck_s: recheckS },
    fill: { repositories: ["app"], ...state === undefined ? {} : { state } },
  }));
}

/** Waits for the next time that something is told. */
function createTold() {
  const told: Leaving[] = [];
  let onTold = () => {};
  return {
    told,
    tell(leaving: Leaving): void {
      told.push(leaving);
      onTold();
    },
    next: (): Promise<void> => new Promise((resolve) => onTold = resolve),
  };
}

Deno.test("what is leaving is told again and again, and once that nothing is any more", async () => {
  using folder = temporaryFolder();
  const path = `${folder.path}/leaving.json`;
  const clock = createVirtualClock(0);
  const { told, tell, next } = createTold();
  const inUse = config(folder.path, 60);
  const watch = createLeavingWatch({ config: () => inUse, later: clock.later, tell });
  watch.start();
  watch.start();
  assertEquals(clock.waiting, 1);
  await Deno.writeTextFile(path, JSON.stringify({ near: [DIGEST] }));
  const expected: Leaving = new Map([["near", new Set([DIGEST])]]);
  for (let round = 0; round < 2; round++) {
    const telling = next();
    await clock.pass(20_000);
    await telling;
  }
  assertEquals(told, [expected, expected]);
  await Deno.writeTextFile(path, "{}");
  const telling = next();
  await clock.pass(20_000);
  await telling;
  assertEquals(told.at(-1), NOTHING_LEAVING);
  watch.stop();
  assertEquals([clock.waiting, told.length], [0, 3]);
});

Deno.test("nothing is watched where no folder of state is named", () => {
  const clock = createVirtualClock(0);
  const inUse = config();
  const watch = createLeavingWatch({ config: () => inUse, later: clock.later, tell() {} });
  watch.start();
  assertEquals(clock.waiting, 0);
});

Deno.test("a file that is none says that nothing is leaving", async () => {
  using folder = temporaryFolder();
  const clock = createVirtualClock(0);
  const { told, tell, next } = createTold();
  const path = `${folder.path}/leaving.json`;
  const inUse = config(folder.path);
  const watch = createLeavingWatch({ config: () => inUse, later: clock.later, tell });
  watch.start();
  await Deno.writeTextFile(path, JSON.stringify({ near: [DIGEST] }));
  let telling = next();
  await clock.pass(60_000);
  await telling;
  await Deno.remove(path);
  await Deno.mkdir(path);
  telling = next();
  await clock.pass(60_000);
  await telling;
  assertEquals(told.at(-1), NOTHING_LEAVING);
  watch.stop();
});

Deno.test("the state of filling is read where there is a good one", async () => {
  using folder = temporaryFolder();
  const path = `${folder.path}/state.json`;
  const state = {
    version: 1,
    beganS: 1,
    endedS: 2,
    completeS: 2,
    blobs: 1,
    bytes: 1,
    readBytes: 0,
    failures: 0,
    mirrors: {},
  };
  assertEquals(await readFillState(config()), undefined);
  assertEquals(await readFillState(config(folder.path)), undefined);
  await Deno.writeTextFile(path, JSON.stringify(state));
  assertEquals(await readFillState(config(folder.path)), state as never);
  await Deno.writeTextFile(path, " ".repeat(5 * 1024 * 1024));
  assertEquals(await readFillState(config(folder.path)), undefined);
});

Deno.test("a file that cannot be read says that nothing is leaving", async () => {
  const clock = createVirtualClock(0);
  const { told, tell } = createTold();
  const inUse = config("/nowhere/at/all");
  const watch = createLeavingWatch({ config: () => inUse, later: clock.later, tell });
  watch.start();
  await clock.pass(60_000);
  await new Promise((resolve) => setTimeout(resolve, 5));
  watch.stop();
  assertEquals(told, []);
});
