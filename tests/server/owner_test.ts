import { assert, assertEquals, assertRejects } from "@std/assert";
import { createNumbering, type Numbering } from "../../lib/redirect/setup.ts";
import { createSetupOwner } from "../../lib/server/owner.ts";
import { withUpstream } from "./fixture.ts";
import { CONFIG, type ConfigFile, DATA_SET, readTestConfig } from "../redirect/fixture.ts";

/** An owner that tells each step, and what was in use when it was taken. */
function createOwner(numbering: Numbering = createNumbering(), file: ConfigFile = CONFIG) {
  const steps: string[] = [];
  const so: { fault?: Error } = {};
  const tell = (step: string) => {
    const { config, dataSet } = owner.current();
    const from = new URL(config.upstreams.main!.endpoint).hostname;
    steps.push(`${step} by ${from}, ${dataSet === undefined ? "embedded" : "fetched"} data`);
  };
  const owner = createSetupOwner({
    numbering: {
      enter: numbering.enter,
      keep(servers) {
        numbering.keep(servers);
        tell(`keep ${servers.upstreams.map(({ number }) => number)}`);
      },
    },
    config: readTestConfig(file),
    isolates: 3,
    numberLocations: () => new Map(),
    tryOut() {
      tell("try");
      return so.fault === undefined ? Promise.resolve() : Promise.reject(so.fault);
    },
    spread() {
      tell("spread");
      return Promise.resolve();
    },
    onTaken: () => tell("taken"),
  });
  return { owner, steps, so };
}

Deno.test("createSetupOwner() begins with the configuration and the embedded data set", () => {
  const { current } = createOwner().owner;
  const { config, dataSet, isolates, mirrors, upstreams } = current();
  assertEquals(config, readTestConfig(CONFIG));
  assertEquals({ dataSet, isolates }, { dataSet: undefined, isolates: 3 });
  assertEquals(mirrors.map(({ name, number }) => [name, number]), [["paris", 0], ["cdn", 1]]);
  assertEquals(upstreams.map(({ name, number }) => [name, number]), [["main", 0]]);
});

Deno.test("a setup is tried in the main isolate, then put in use, then spread, then the numbers of the others are freed", async () => {
  const { owner, steps } = createOwner();
  await owner.takeConfig(readTestConfig(withUpstream("https://second.example")));
  assertEquals(steps, [
    "try by upstream.example, embedded data",
    "spread by second.example, embedded data",
    "keep 1 by second.example, embedded data",
    "taken by second.example, embedded data",
  ]);
});

Deno.test("a setup that cannot be served by changes nothing, and its numbers are free again", async () => {
  const { owner, steps, so } = createOwner();
  const before = owner.current();
  so.fault = new Error("a fault");
  const next = readTestConfig(withUpstream("https://second.example"));
  await assertRejects(() => owner.takeConfig(next), Error, "a fault");
  await assertRejects(() => owner.takeDataSet(DATA_SET), Error, "a fault");
  assert(owner.current() === before);
  assertEquals(steps, [
    "try by upstream.example, embedded data",
    "keep 0 by upstream.example, embedded data",
    "try by upstream.example, embedded data",
    "keep 0 by upstream.example, embedded data",
  ]);
});

Deno.test("a configuration keeps the data set in use, and a data set the configuration", async () => {
  const { owner } = createOwner();
  await owner.takeDataSet(DATA_SET);
  const { config, mirrors } = owner.current();
  assertEquals(owner.current().dataSet, DATA_SET);
  assertEquals(mirrors.map(({ number }) => number), [0, 1]);
  await owner.takeConfig(readTestConfig(withUpstream("https://second.example")));
  assertEquals(owner.current().dataSet, DATA_SET);
  assert(owner.current().config !== config);
});

/** A configuration of so many mirrors, each with a number in its name. */
function withMirrors(from: number, count: number): ConfigFile {
  const names = Array.from({ length: count }, (_, at) => `m${from + at}`);
  return {
    upstreams: CONFIG.upstreams,
    mirrors: Object.fromEntries(names.map((name) => [name, { url: `https://${name}.example` }])),
    rules: [{ clients: ["*"], mirrors: names }],
  };
}

Deno.test("the number of a mirror is given to another one only after the change that removes it", async () => {
  const reused: number[] = [];
  const numbering = createNumbering({
    onMirrorReused: (number) => void reused.push(number),
    onUpstreamReused: () => {},
  });
  const { owner } = createOwner(numbering, withMirrors(0, 1000));
  const numbersOf = () => owner.current().mirrors.map(({ number }) => number);
  const first = numbersOf();
  await owner.takeConfig(readTestConfig(withMirrors(1000, 1000)));
  const second = numbersOf();
  // All isolates may still have served by the first while the second came.
  assertEquals(reused, []);
  assertEquals(new Set([...first, ...second]).size, 2000);
  await owner.takeConfig(readTestConfig(withMirrors(2000, 1000)));
  assert(reused.length > 0);
  assert(reused.every((number) => first.includes(number)));
  assertEquals(new Set([...second, ...numbersOf()]).size, 2000);
});
