import { assert, assertEquals } from "@std/assert";
import type { Config } from "../../lib/config/config.ts";
import { readDataSet } from "../../lib/locations/data_set.ts";
import { type Changes, createChanges, type Reread } from "../../lib/server/changes.ts";
import type { Setup } from "../../lib/server/setup.ts";
import { createShared, type Shared } from "../../lib/server/shared.ts";
import { type Entry, formatPublished } from "../cli/published_files.ts";
import { BEGUN, CONFIG, type ConfigFile, DATA_SET, readTestConfig, turn } from "./fixture.ts";

const SOURCES = {
  aws: "https://files.example/aws.json",
  gcp: "https://files.example/gcp.json",
  azure: "https://files.example/azure.json",
};
// So often that a test need not wait for it.
const SOON_H = 5 / 3_600_000;

const AWS: readonly Entry[] = [
  ["eu-west-3", "35.180.0.0/16"],
  ["eu-west-3", "2001:db8:a::/48"],
  ["us-east-1", "35.180.7.0/24"],
  ["us-east-1", "192.0.2.0/24"],
];
const FILES: Readonly<Record<string, string>> = {
  [SOURCES.aws]: formatPublished("aws", AWS),
  [SOURCES.gcp]: formatPublished("gcp", [["europe-west9", "34.155.0.0/16"]]),
  [SOURCES.azure]: formatPublished("azure", [["norwayeast", "198.51.100.0/24"]]),
};

/** A configuration whose data set is fetched as often as a file cannot say. */
function configOf(refreshH: number | undefined, file: ConfigFile = CONFIG): Config {
  const config = readTestConfig(file);
  return { ...config, ranges: { refresh_h: refreshH, sources: SOURCES } };
}

interface Told {
  readonly changes: Changes;
  readonly shared: Shared;
  /** What is told next. */
  readonly next: () => Promise<string>;
  /** What was told and not looked at. */
  readonly told: string[];
  readonly taken: Setup[];
  readonly fetched: string[];
  readonly files: Map<string, string>;
  readonly rereads: (Reread | Error)[];
  /** The locations that a configuration was read with. */
  readonly locations: (readonly string[])[];
  /** What a change waits for before it is taken. */
  gate: Promise<void>;
  /** Has whatever is fetched wait, until the function that it gives is called. */
  readonly hold: () => () => void;
}

function createTold(config: Config): Told {
  const shared = createShared(config, 1);
  const told: string[] = [];
  let wake = () => {};
  let held: Promise<void> | undefined;
  const tell = (line: string) => {
    told.push(line);
    wake();
  };
  const all: Told = {
    shared,
    told,
    taken: [],
    fetched: [],
    files: new Map(Object.entries(FILES)),
    rereads: [],
    locations: [],
    gate: Promise.resolve(),
    hold() {
      const { promise, resolve } = Promise.withResolvers<void>();
      held = promise;
      return resolve;
    },
    async next() {
      while (told.length === 0) await new Promise<void>((resolve) => wake = resolve);
      return told.shift()!;
    },
    changes: createChanges({
      shared,
      dataSet: DATA_SET,
      async take(setup) {
        await all.gate;
        all.taken.push(setup);
        shared.setup = setup;
      },
      reread(locations) {
        all.locations.push(locations);
        const next = all.rereads.shift()!;
        if (next instanceof Error) throw next;
        return next;
      },
      async fetch(input) {
        all.fetched.push(String(input));
        await held;
        const text = all.files.get(String(input));
        return new Response(text ?? "", { status: text === undefined ? 503 : 200 });
      },
      timeOfDay: () => BEGUN,
      random: () => 0.5,
      log: {
        reloaded: (config, later) => tell(`reloaded ${config.rules.length} ${later.join()}`),
        reloadRefused: (reason) => tell(`refused ${reason}`),
        refreshed: (changes) =>
          tell(`refreshed ${changes.map(({ provider, added }) => provider + added.length)}`),
        refreshFailed: (reasons) => tell(`failed ${reasons.join("; ")}`),
        failed: (error) => tell(String(error)),
      },
    }),
  };
  return all;
}

const config = (config: Config): Reread => ({ kind: "config", config });

/** Ends what fetches, once what is under way has ended. */
async function end({ changes, rereads, told, next }: Told): Promise<void> {
  changes.stop();
  rereads.splice(0, Infinity, { kind: "refused", reason: "the end" });
  changes.reload();
  while (await next() !== "refused the end") { /* what came before it */ }
  await turn();
  assertEquals(told, []);
}

Deno.test("a configuration that is read again is taken whole, its mirrors with their numbers", async () => {
  const world = createTold(configOf(undefined));
  const { changes, shared, next, rereads, taken } = world;
  const before = shared.setup;
  const moved = configOf(undefined, {
    ...CONFIG,
    mirrors: {
      cdn: { url: "https://moved.example" },
      paris: { url: "https://paris.example/blobs" },
    },
    rules: [{ clients: ["*"], mirrors: ["cdn"] }],
  });
  rereads.push(config(moved));
  changes.reload();
  assertEquals(await next(), "reloaded 1 ");
  assertEquals(taken.length, 1);
  assert(shared.setup.config === moved);
  assertEquals(before.mirrors, [0, 1]);
  assertEquals(shared.setup.mirrors, [2, 0]);
  assertEquals(shared.setup.isolates, before.isolates);
  assertEquals(shared.events.reloads, 1);
});

Deno.test("a configuration that cannot be used changes nothing, and it is said why", async () => {
  const { changes, shared, next, rereads, taken } = createTold(configOf(undefined));
  const before = shared.setup;
  rereads.push({ kind: "refused", reason: "it has a mistake" }, new Error("a fault"));
  changes.reload();
  changes.reload();
  assertEquals(await next(), "refused it has a mistake");
  assertEquals(await next(), "Error: a fault");
  assertEquals(taken, []);
  assert(shared.setup === before);
  assertEquals(shared.events.refusedReloads, 1);
  assertEquals(shared.events.reloads, 0);
});

Deno.test("a configuration that is not taken is told as a fault, and the next is read all the same", async () => {
  const world = createTold(configOf(undefined));
  world.gate = Promise.reject(new Error("a worker is stuck"));
  world.rereads.push(config(configOf(undefined)), config(configOf(undefined)));
  world.changes.reload();
  assertEquals(await world.next(), "Error: a worker is stuck");
  world.gate = Promise.resolve();
  world.changes.reload();
  assertEquals(await world.next(), "reloaded 3 ");
  assertEquals(world.shared.events.reloads, 1);
});

Deno.test("reloads are taken one after another, in their order", async () => {
  const world = createTold(configOf(undefined));
  const { changes, next, rereads, taken, told } = world;
  const opened = Promise.withResolvers<void>();
  world.gate = opened.promise;
  const configs = [1, 2, 3].map(() => configOf(undefined));
  rereads.push(...configs.map(config));
  for (const _ of configs) changes.reload();
  await turn(3);
  assertEquals([told.length, taken.length, rereads.length], [0, 0, 2]);
  opened.resolve();
  for (const _ of configs) await next();
  assertEquals(taken.map((setup) => configs.indexOf(setup.config)), [0, 1, 2]);
});

Deno.test("what counts from the next start only is named, for as long as it differs from this one's", async () => {
  const { changes, next, rereads } = createTold(configOf(undefined));
  const cases: readonly { file: ConfigFile; later: string }[] = [
    { file: {}, later: "" },
    { file: { listen: { port: 81 } }, later: "listen" },
    { file: { listen: { port: 81 } }, later: "listen" },
    { file: { admin: {} }, later: "admin" },
    { file: { workers: "auto" }, later: "workers" },
    { file: { workers: 2, listen: { host: "::1" }, admin: {} }, later: "listen,admin,workers" },
    { file: { probe: { timeout_ms: 7 }, health: { down_after: 9 } }, later: "" },
  ];
  for (const { file, later } of cases) {
    rereads.push(config(configOf(undefined, { ...CONFIG, ...file })));
    changes.reload();
    assertEquals(await next(), `reloaded 3 ${later}`);
  }
});

Deno.test("a data set is fetched anew and taken, and the next configuration read with its locations", async () => {
  const world = createTold(configOf(SOON_H));
  const { changes, shared, next, rereads, locations, fetched, taken } = world;
  rereads.push({ kind: "refused", reason: "no" });
  changes.reload();
  await next();
  assertEquals(locations, [["aws/eu-west-3", "aws/us-east-1", "gcp/europe-west9"]]);
  changes.start();
  assertEquals(await next(), "refreshed aws1,gcp0,azure1");
  await end(world);
  assertEquals(fetched.slice(0, 3).sort(), Object.values(SOURCES).sort());
  assertEquals(taken[0]!.config, shared.setup.config);
  assert(shared.events.refreshes >= 1);
  assertEquals(locations.at(-1), [
    "aws/eu-west-3",
    "aws/us-east-1",
    "gcp/europe-west9",
    "azure/norwayeast",
  ]);
  let prefixes = 0;
  readDataSet(shared.setup.dataSet!, { prefix: () => void prefixes++ });
  assertEquals(prefixes, 6);
});

Deno.test("a data set that cannot be had, or has lost too much, changes nothing, and it is said why", async () => {
  const cases: readonly { files: Readonly<Record<string, string | undefined>>; reason: string }[] =
    [
      {
        files: { [SOURCES.gcp]: undefined },
        reason: `gcp: cannot fetch ${SOURCES.gcp}: it answered 503`,
      },
      {
        files: { [SOURCES.azure]: "<html>", [SOURCES.gcp]: "{}" },
        reason: "gcp: Cannot read gcp's file: creationTime is missing; " +
          "azure: Cannot read azure's file: it is no JSON",
      },
      {
        files: { [SOURCES.aws]: formatPublished("aws", AWS.slice(1)) },
        reason: "aws: it has lost 1 of 3 prefixes; allowed: at most a tenth",
      },
    ];
  for (const { files, reason } of cases) {
    const world = createTold(configOf(SOON_H));
    const { changes, shared, next, taken } = world;
    for (const [url, text] of Object.entries(files)) {
      if (text === undefined) world.files.delete(url);
      else world.files.set(url, text);
    }
    changes.start();
    assertEquals(await next(), `failed ${reason}`);
    // It is fetched again when its time has come.
    assertEquals(await next(), `failed ${reason}`);
    await end(world);
    assertEquals(taken, []);
    assertEquals(shared.setup.dataSet, undefined);
    assert(shared.events.failedRefreshes >= 2);
    assertEquals(shared.events.refreshes, 0);
  }
});

Deno.test("a data set is kept when the configuration is read again", async () => {
  const world = createTold(configOf(SOON_H));
  const { changes, shared, next, rereads } = world;
  changes.start();
  await next();
  changes.stop();
  rereads.push(config(configOf(undefined)));
  changes.reload();
  while (!(await next()).startsWith("reloaded")) { /* a refresh that was under way */ }
  assert(shared.setup.dataSet!.includes("azure/norwayeast"));
});

Deno.test("a data set is fetched as often as the configuration in use says", async () => {
  const world = createTold(configOf(undefined));
  const { changes, next, rereads, fetched } = world;
  changes.start();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assertEquals(fetched, []);
  rereads.push(config(configOf(SOON_H)));
  changes.reload();
  assertEquals(await next(), "reloaded 3 ");
  assertEquals(await next(), "refreshed aws1,gcp0,azure1");
  rereads.push(config(configOf(undefined)));
  changes.reload();
  while (!(await next()).startsWith("reloaded")) { /* a refresh that was under way */ }
  const { length } = fetched;
  await new Promise((resolve) => setTimeout(resolve, 20));
  assertEquals(fetched.length, length);
  rereads.push(config(configOf(SOON_H)));
  changes.reload();
  assertEquals(await next(), "reloaded 3 ");
  assertEquals(await next(), "refreshed aws0,gcp0,azure0");
  await end(world);
});

Deno.test("a data set that is to be fetched seldom is not fetched all the time", async () => {
  // Past 596 hours a timer cannot tell the time.
  for (const hours of [1, 597, 720, 8760]) {
    const world = createTold(configOf(hours));
    world.changes.start();
    await new Promise((resolve) => setTimeout(resolve, 20));
    assertEquals(world.fetched, [], `${hours}`);
    await end(world);
  }
});

Deno.test("a reload does not wait for a data set that is being fetched", async () => {
  const world = createTold(configOf(SOON_H));
  const { changes, next, rereads, hold } = world;
  const release = hold();
  changes.start();
  while (world.fetched.length < 3) await turn();
  rereads.push(config(configOf(SOON_H)));
  changes.reload();
  assertEquals(await next(), "reloaded 3 ");
  await new Promise((resolve) => setTimeout(resolve, 20));
  assertEquals(world.fetched.length, 3); // and no second fetch begins beside the first
  release();
  assertEquals(await next(), "refreshed aws1,gcp0,azure1");
  await end(world);
});

Deno.test("a data set that comes after the end is not taken", async () => {
  const { changes, fetched, taken, told, hold } = createTold(configOf(SOON_H));
  const release = hold();
  changes.start();
  while (fetched.length < 3) await turn();
  changes.stop();
  release();
  await turn(20);
  assertEquals([taken, told, fetched.length], [[], [], 3]);
});

Deno.test("nothing is fetched before the start, nor after the end, whatever is reloaded", async () => {
  const world = createTold(configOf(undefined));
  const { changes, next, rereads, fetched } = world;
  for (const change of [() => {}, changes.start, changes.stop]) {
    change();
    if (change === changes.start) continue;
    rereads.push(config(configOf(SOON_H)));
    changes.reload();
    assertEquals(await next(), "reloaded 3 ");
    await new Promise((resolve) => setTimeout(resolve, 20));
    assertEquals(fetched, []);
    rereads.push(config(configOf(undefined)));
    changes.reload();
    await next();
  }
});
