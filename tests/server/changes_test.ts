import { assert, assertEquals } from "@std/assert";
import type { Config } from "../../lib/config/config.ts";
import { readDataSet } from "../../lib/locations/data_set.ts";
import { type ProviderName, PROVIDERS } from "../../lib/locations/providers.ts";
import { createEvents, type Events } from "../../lib/observe/events.ts";
import { createNumbering, type Setup } from "../../lib/redirect/setup.ts";
import { type Changes, createChanges, type Reread } from "../../lib/server/changes.ts";
import type { Tls } from "../../lib/server/isolate.ts";
import { createSetupOwner } from "../../lib/server/owner.ts";
import { type Entry, formatPublished } from "../cli/published_files.ts";
import { CONFIG, type ConfigFile, DATA_SET, readTestConfig } from "../redirect/fixture.ts";
import { createVirtualClock, settle, type VirtualClock } from "../mirrors/virtual_clock.ts";
import { BEGUN } from "../redirect/fixture.ts";

// Of the clouds that there are, three change.
const OTHERS = PROVIDERS.map(({ name }) => name).slice(3);
const SOURCES = {
  aws: "https://files.example/aws.json",
  gcp: "https://files.example/gcp.json",
  azure: "https://files.example/azure.json",
  ...Object.fromEntries(OTHERS.map((name) => [name, `https://files.example/${name}`])),
};
const HOUR_MS = 3_600_000;

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
  ...Object.fromEntries(
    OTHERS.map((name, at) => [
      `https://files.example/${name}`,
      formatPublished(name, [["de-frankfurt", `10.${at}.0.0/16`]]),
    ]),
  ),
};

/** A configuration whose data set is fetched so often, in hours. */
function configOf(refreshH: number | undefined, file: ConfigFile = CONFIG): Config {
  const config = readTestConfig(file);
  return { ...config, ranges: { refresh_h: refreshH, sources: SOURCES } };
}

/** What changes do, and what they are told. */
interface Stage {
  readonly changes: Changes;
  readonly timers: VirtualClock;
  readonly events: Events;
  /** The setup in use. */
  readonly current: () => Setup;
  /** What was told, since it was last looked at. */
  readonly told: () => string[];
  /** The setups that were taken. */
  readonly taken: Setup[];
  /** The URLs that were fetched, since they were last looked at. */
  readonly fetched: () => string[];
  readonly files: Map<string, string>;
  /** What is read at the next reloads. */
  readonly rereads: (Reread | Error)[];
  /** The locations that a configuration was read with. */
  readonly locations: (readonly string[])[];
  /** The certificates that were put in use. */
  readonly certificates: Tls[];
  /** What a change waits for before it is taken. */
  gate: Promise<void>;
  /** What whatever is fetched waits for. */
  held: Promise<void>;
  /** Reloads, and gives what was told. */
  readonly reload: () => Promise<string[]>;
  /** Lets time pass, and gives what was told. */
  readonly pass: (ms: number) => Promise<string[]>;
}

function createStage(config: Config, tls?: Tls): Stage {
  const timers = createVirtualClock(BEGUN);
  const events = createEvents();
  const lines: string[] = [];
  const urls: string[] = [];
  const tell = (line: string) => void lines.push(line);
  const owner = createSetupOwner({
    numbering: createNumbering(),
    config,
    isolates: 1,
    numberLocations: () => new Map(),
    tryOut: () => stage.gate,
    spread: () => Promise.resolve(),
    onTaken: (setup) => void stage.taken.push(setup),
  });
  const fetchFile: typeof fetch = async (input) => {
    urls.push(String(input));
    await stage.held;
    const text = stage.files.get(String(input));
    return new Response(text ?? "", { status: text === undefined ? 503 : 200 });
  };
  const changes = createChanges({
    ...timers,
    owner,
    dataSet: DATA_SET,
    tls,
    certify({ cert, key }) {
      if (cert === "bad") return Promise.reject(new Deno.errors.InvalidData("it is none"));
      stage.certificates.push({ cert, key });
      return Promise.resolve();
    },
    reread(locations) {
      stage.locations.push(locations);
      const next = stage.rereads.shift()!;
      if (next instanceof Error) throw next;
      return next;
    },
    fetch: fetchFile,
    fetchAnew: fetchFile,
    timeOfDay: timers.now,
    random: () => 0.5,
    events,
    log: {
      onReloaded: (config, later) => tell(`reloaded ${config.rules.length} ${later.join()}`),
      onReloadRefused: (reason) => tell(`refused ${reason}`),
      onCertified: () => tell("certified"),
      onCertificateRefused: (reason) => tell(`certificate refused ${reason}`),
      onRefreshed: (changes) =>
        tell(
          `refreshed ${
            changes.filter(({ provider }) => !OTHERS.includes(provider as ProviderName))
              .map(({ provider, added }) => provider + added.length)
          }`,
        ),
      onRefreshFailed: (reasons) => tell(`failed ${reasons.join("; ")}`),
      onFailed: (error) => tell(`internal ${error}`),
    },
  });
  const stage: Stage = {
    changes,
    timers,
    events,
    current: owner.current,
    told: () => lines.splice(0),
    taken: [],
    fetched: () => urls.splice(0),
    files: new Map(Object.entries(FILES)),
    rereads: [],
    locations: [],
    certificates: [],
    gate: Promise.resolve(),
    held: Promise.resolve(),
    async reload() {
      changes.reload();
      await settle();
      return stage.told();
    },
    async pass(ms) {
      await timers.pass(ms);
      return stage.told();
    },
  };
  return stage;
}

const config = (config: Config, tls?: Tls): Reread => ({ kind: "config", config, tls });

Deno.test("a configuration that is read again is taken whole", async () => {
  const { reload, rereads, taken, current, events } = createStage(configOf(undefined));
  const { isolates } = current();
  const next = configOf(undefined, {
    ...CONFIG,
    mirrors: { cdn: { url: "https://moved.example" } },
    rules: [{ clients: ["*"], mirrors: ["cdn"] }],
  });
  rereads.push(config(next));
  assertEquals(await reload(), ["reloaded 1 "]);
  assertEquals(taken, [current()]);
  assert(current().config === next);
  assertEquals(current().mirrors.map(({ url }) => url), ["https://moved.example"]);
  assertEquals(current().isolates, isolates);
  assertEquals(events.reloads, 1);
});

Deno.test("a configuration with mistakes changes nothing, and it is said why", async () => {
  const { reload, rereads, taken, current, events } = createStage(configOf(undefined));
  const before = current();
  rereads.push({ kind: "refused", reason: "it has a mistake" });
  assertEquals(await reload(), ["refused it has a mistake"]);
  assert(current() === before);
  assertEquals([taken.length, events.refusedReloads, events.reloads], [0, 1, 0]);
});

Deno.test("a bug in reading a configuration, or in taking it, is told as an internal error and not as a mistake in it", async () => {
  const stage = createStage(configOf(undefined));
  const { reload, rereads, events } = stage;
  const before = stage.current();
  rereads.push(new TypeError("undefined is not a function"));
  assertEquals(await reload(), ["internal TypeError: undefined is not a function"]);
  stage.gate = Promise.reject(new Error("it cannot be served by"));
  rereads.push(config(configOf(undefined)));
  assertEquals(await reload(), ["internal Error: it cannot be served by"]);
  assert(stage.current() === before);
  assertEquals([events.refusedReloads, events.reloads], [0, 0]);
  // The next is read all the same.
  stage.gate = Promise.resolve();
  rereads.push(config(configOf(undefined)));
  assertEquals(await reload(), ["reloaded 3 "]);
});

Deno.test("reloads are taken one after another, in their order", async () => {
  const stage = createStage(configOf(undefined));
  const { changes, rereads, taken, told } = stage;
  const { promise, resolve: open } = Promise.withResolvers<void>();
  stage.gate = promise;
  const configs = [1, 2, 3].map(() => configOf(undefined));
  rereads.push(...configs.map((each) => config(each)));
  for (const _ of configs) changes.reload();
  await settle();
  // The others are not even read before the first is taken.
  assertEquals([told().length, taken.length, rereads.length], [0, 0, 2]);
  open();
  await settle();
  assertEquals(told(), configs.map(() => "reloaded 3 "));
  assertEquals(taken.map((setup) => configs.indexOf(setup.config)), [0, 1, 2]);
});

Deno.test("what counts from the next start only is named, for as long as it differs from this one's", async () => {
  const tls = { cert: "/c.pem", key: "/k.pem" };
  const table: readonly { started?: ConfigFile; asked: ConfigFile; expected: string }[] = [
    { asked: {}, expected: "" },
    { asked: { listen: { port: 81 } }, expected: "listen" },
    { asked: { admin: {} }, expected: "admin" },
    { asked: { workers: "auto" }, expected: "workers" },
    { asked: { workers: 2, listen: { host: "::1" }, admin: {} }, expected: "listen,admin,workers" },
    { asked: { probe: { timeout_ms: 7 }, health: { down_after: 9 } }, expected: "" },
    { asked: { listen: { tls } }, expected: "listen" },
    // A certificate is renewed at once, wherever its files are.
    {
      started: { listen: { tls } },
      asked: { listen: { tls: { ...tls, cert: "/next.pem" } } },
      expected: "",
    },
    { started: { listen: { tls } }, asked: {}, expected: "listen" },
  ];
  for (const { started = {}, asked, expected } of table) {
    const { reload, rereads } = createStage(configOf(undefined, { ...CONFIG, ...started }));
    const next = configOf(undefined, { ...CONFIG, ...asked });
    for (let time = 0; time < 2; time++) {
      rereads.push(config(next));
      assertEquals(await reload(), [`reloaded 3 ${expected}`]);
    }
  }
});

Deno.test("a certificate whose files have changed is put in use, and one that cannot be used keeps the old one", async () => {
  const first = { cert: "first", key: "k1" };
  const { reload, rereads, certificates } = createStage(configOf(undefined), first);
  const steps: readonly { asked: Tls; told: readonly string[]; inUse: readonly string[] }[] = [
    { asked: { ...first }, told: [], inUse: [] },
    { asked: { cert: "second", key: "k2" }, told: ["certified"], inUse: ["k2"] },
    { asked: { cert: "second", key: "k2" }, told: [], inUse: ["k2"] },
    {
      asked: { cert: "bad", key: "k3" },
      told: ["certificate refused InvalidData: it is none"],
      inUse: ["k2"],
    },
    // It is tried again each time.
    {
      asked: { cert: "bad", key: "k3" },
      told: ["certificate refused InvalidData: it is none"],
      inUse: ["k2"],
    },
    { asked: { cert: "second", key: "k3" }, told: ["certified"], inUse: ["k2", "k3"] },
  ];
  for (const { asked, told, inUse } of steps) {
    rereads.push(config(configOf(undefined), asked));
    assertEquals(await reload(), ["reloaded 3 ", ...told]);
    assertEquals(certificates.map(({ key }) => key), inUse);
  }
});

Deno.test("a listener neither begins nor ends to speak TLS", async () => {
  const tls = { cert: "c", key: "k" };
  for (const { from, to } of [{ from: undefined, to: tls }, { from: tls, to: undefined }]) {
    const { reload, rereads, certificates } = createStage(configOf(undefined), from);
    rereads.push(config(configOf(undefined), to));
    assertEquals(await reload(), ["reloaded 3 "]);
    assertEquals(certificates, []);
  }
});

Deno.test("a data set is fetched soon after the start, and then once in each period, and taken when it has changed", async () => {
  const { changes, pass, fetched, taken, events, files, current } = createStage(configOf(24));
  changes.start();
  assertEquals(await pass(60_000), ["refreshed aws1,gcp0,azure1"]);
  assertEquals(fetched().sort(), Object.values(SOURCES).sort());
  assertEquals(taken.length, 1);
  let prefixes = 0;
  readDataSet(current().dataSet!, { prefix: () => void prefixes++ });
  assertEquals(prefixes, 6 + OTHERS.length);
  // Nothing new: it is told, but what is served by stays.
  assertEquals(await pass(24 * HOUR_MS), ["refreshed aws0,gcp0,azure0"]);
  assertEquals(taken.length, 1);
  files.set(SOURCES.aws, formatPublished("aws", [...AWS, ["us-east-1", "198.51.101.0/24"]]));
  assertEquals(await pass(24 * HOUR_MS), ["refreshed aws1,gcp0,azure0"]);
  assertEquals([taken.length, events.refreshes], [2, 3]);
  changes.stop();
});

Deno.test("a configuration is read with the locations of the data set in use", async () => {
  const { changes, pass, reload, rereads, locations } = createStage(configOf(24));
  rereads.push({ kind: "refused", reason: "no" });
  await reload();
  assertEquals(locations, [["aws/eu-west-3", "aws/us-east-1", "gcp/europe-west9"]]);
  changes.start();
  await pass(60_000);
  rereads.push({ kind: "refused", reason: "no" });
  await reload();
  assertEquals(locations[1], [
    "aws/eu-west-3",
    "aws/us-east-1",
    "gcp/europe-west9",
    "azure/norwayeast",
    ...OTHERS.map((name) => `${name}/de-frankfurt`),
  ]);
  changes.stop();
});

Deno.test("a provider that fails keeps its part and is asked again soon, without the others", async () => {
  const { changes, pass, fetched, files, taken, events } = createStage(configOf(24));
  files.delete(SOURCES.gcp);
  changes.start();
  const reason = `gcp: cannot fetch ${SOURCES.gcp}: it answered 503`;
  assertEquals(await pass(60_000), [`failed ${reason}`, "refreshed aws1,azure1"]);
  assertEquals(taken.length, 1);
  fetched();
  assertEquals(await pass(120_000), [`failed ${reason}`]);
  assertEquals(new Set(fetched()), new Set([SOURCES.gcp]));
  assertEquals([taken.length, events.failedRefreshes, events.refreshes], [1, 2, 1]);
  files.set(SOURCES.gcp, FILES[SOURCES.gcp]!);
  assertEquals(await pass(300_000), ["refreshed gcp0"]);
  changes.stop();
});

Deno.test("it is noted when each provider was last fetched, or first could not be", async () => {
  const stage = createStage(configOf(24));
  const { changes, pass, files, events, reload, rereads, timers } = stage;
  const atS = () => timers.now() / 1000;
  files.delete(SOURCES.gcp);
  changes.start();
  await pass(60_000);
  const first = events.fetchedS.get("aws")!;
  assert(first <= atS() && first >= atS() - 60);
  assertEquals(events.fetchedS.get("gcp"), first);
  await pass(120_000);
  assertEquals(events.fetchedS.get("gcp"), first);
  files.set(SOURCES.gcp, FILES[SOURCES.gcp]!);
  await pass(300_000);
  assert(events.fetchedS.get("gcp")! > first + 120);
  assertEquals(events.fetchedS.get("aws"), first);
  rereads.push(config(configOf(undefined)));
  await reload();
  assertEquals([...events.fetchedS], []);
  changes.stop();
});

Deno.test("a data set is kept when the configuration is read again", async () => {
  const { changes, pass, reload, rereads, current } = createStage(configOf(24));
  changes.start();
  await pass(60_000);
  rereads.push(config(configOf(undefined)));
  assertEquals(await reload(), ["reloaded 3 "]);
  assert(current().dataSet!.includes("azure/norwayeast"));
});

Deno.test("a data set is fetched as often as the configuration in use says, from the start to the end", async () => {
  const stage = createStage(configOf(24));
  const { changes, pass, reload, rereads, fetched } = stage;
  const next = async (refreshH: number | undefined) => {
    rereads.push(config(configOf(refreshH)));
    assertEquals(await reload(), ["reloaded 3 "]);
    await pass(25 * HOUR_MS);
    return fetched().length > 0;
  };
  assertEquals(await next(24), false); // not before the start
  changes.start();
  assertEquals(await next(undefined), false);
  assertEquals(await next(24), true);
  assertEquals(await next(undefined), false);
  assertEquals(await next(1), true);
  changes.stop();
  assertEquals(await next(24), false);
  assertEquals(stage.timers.waiting, 0);
});

Deno.test("a reload does not wait for a data set that is being fetched, and one that comes after the end is not taken", async () => {
  const stage = createStage(configOf(24));
  const { changes, pass, reload, rereads, fetched, taken } = stage;
  const { promise, resolve: release } = Promise.withResolvers<void>();
  stage.held = promise;
  changes.start();
  assertEquals(await pass(60_000), []);
  const { length } = fetched();
  assert(length > 0);
  rereads.push(config(configOf(24)));
  assertEquals(await reload(), ["reloaded 3 "]);
  changes.stop();
  release();
  assertEquals(await pass(48 * HOUR_MS), []);
  assertEquals([taken.length, fetched()], [1, []]);
});
