import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type ProviderName, PROVIDERS } from "../../lib/locations/providers.ts";
import { createRefresher, type Refresher } from "../../lib/locations/refresher.ts";
import type { Update } from "../../lib/locations/update.ts";
import { createVirtualClock, settle, type VirtualClock } from "../mirrors/virtual_clock.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
// 2^31 ms and more go off at once in real timers.
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** How one update ends: those that fail, or that it rejects; and after how long. */
interface Outcome {
  readonly failed?: readonly ProviderName[];
  readonly rejects?: boolean;
  readonly tookMs?: number;
}

interface World {
  readonly refresher: Refresher;
  readonly clock: VirtualClock;
  /** When an update began, and of which providers. */
  readonly begun: { readonly atMs: number; readonly of: string }[];
  readonly taken: string[];
  readonly timers: number[];
  /** How many timers are set. */
  readonly armed: () => number;
  readonly updating: () => number;
}

function createWorld(
  outcomeOf: (number: number) => Outcome,
  { random = () => 0, onUpdate = () => {} }: {
    readonly random?: () => number;
    readonly onUpdate?: () => void | Promise<void>;
  } = {},
): World {
  const clock = createVirtualClock();
  const begun: { atMs: number; of: string }[] = [];
  const taken: string[] = [];
  const timers: number[] = [];
  let armed = 0;
  let updating = 0;
  const refresher = createRefresher({
    async update(providers) {
      const { failed = [], rejects = false, tookMs = 0 } = outcomeOf(begun.length);
      const of = providers?.join() ?? "all";
      begun.push({ atMs: clock.now(), of });
      updating++;
      if (tookMs > 0) await clock.wait(tookMs);
      updating--;
      if (rejects) throw new Error(`fault of ${of}`);
      const failures = failed.map((provider) => ({ provider, reason: "it answered 503" }));
      return { dataSet: of, changes: [], failures } satisfies Update;
    },
    async onUpdate({ dataSet }) {
      await onUpdate();
      taken.push(dataSet);
    },
    onError: (error) => void taken.push(String(error)),
    setTimer(call, ms) {
      assert(ms >= 0 && ms <= LONGEST_TIMER_MS, `timer of ${ms} ms`);
      timers.push(ms);
      armed++;
      let isSet = true;
      const unset = () => {
        if (isSet) armed--;
        isSet = false;
      };
      clock.wait(ms).then(() => {
        if (!isSet) return;
        unset();
        call();
      });
      return unset;
    },
    now: clock.now,
    random,
  });
  const counts = { armed: () => armed, updating: () => updating };
  return { refresher, clock, begun, taken, timers, ...counts };
}

const timesOf = ({ begun }: World) => begun.map(({ atMs }) => atMs);

Deno.test("createRefresher() asks all within a minute of the start, then each period", async () => {
  const table = [
    { asked: { periodMs: DAY_MS, random: 0 }, expected: [0, DAY_MS, 2 * DAY_MS] },
    { asked: { periodMs: DAY_MS, random: 0.5 }, expected: [30_000, 82_110_000, 164_190_000] },
    { asked: { periodMs: 4000, random: 0.5 }, expected: [2000, 5800, 9600] },
  ];
  for (const { asked, expected } of table) {
    const world = createWorld(() => ({}), { random: () => asked.random });
    world.refresher.start(asked.periodMs);
    await world.clock.goTo(expected.at(-1)!);
    assertEquals(timesOf(world), expected);
    assertEquals(world.taken, ["all", "all", "all"]);
    world.refresher.stop();
    assertEquals(world.armed(), 0);
  }
});

Deno.test("createRefresher() keeps periods that no timer can", async () => {
  const world = createWorld(() => ({}));
  world.refresher.start(365 * DAY_MS);
  await world.clock.goTo(365 * DAY_MS);
  assertEquals(timesOf(world), [0, 365 * DAY_MS]);
});

Deno.test("createRefresher() asks those that failed again, with waits that double up to the period", async () => {
  const failed: readonly ProviderName[][] = [["aws", "gcp"], ["gcp"], ["gcp", "gcp"], []];
  const world = createWorld((number) => ({ failed: failed[number] ?? [] }));
  world.refresher.start(DAY_MS);
  await world.clock.goTo(DAY_MS);
  assertEquals(world.begun, [
    { atMs: 0, of: "all" },
    { atMs: MINUTE_MS, of: "aws,gcp" },
    { atMs: 3 * MINUTE_MS, of: "gcp" },
    { atMs: 7 * MINUTE_MS, of: "gcp" },
    { atMs: DAY_MS, of: "all" },
  ]);
});

Deno.test("createRefresher() asks all when their time has come, whoever fails", async () => {
  const world = createWorld(() => ({ failed: ["azure"] }));
  world.refresher.start(5 * MINUTE_MS);
  await world.clock.goTo(13 * MINUTE_MS);
  assertEquals(world.begun.map(({ atMs, of }) => [atMs / MINUTE_MS, of]), [
    [0, "all"],
    [1, "azure"],
    [3, "azure"],
    [5, "all"],
    [10, "all"],
  ]);
});

Deno.test("createRefresher() takes a rejection for a failure of all that were asked", async () => {
  const outcomes: readonly Outcome[] = [
    { rejects: true },
    { failed: ["gcp"] },
    { rejects: true },
    {},
  ];
  const world = createWorld((number) => outcomes[number] ?? {});
  world.refresher.start(DAY_MS);
  await world.clock.goTo(HOUR_MS);
  assertEquals(world.begun, [
    { atMs: 0, of: "all" },
    { atMs: MINUTE_MS, of: "all" },
    { atMs: 3 * MINUTE_MS, of: "gcp" },
    { atMs: 7 * MINUTE_MS, of: "gcp" },
  ]);
  assertEquals(world.taken, ["Error: fault of all", "all", "Error: fault of gcp", "gcp"]);
});

Deno.test("createRefresher() begins no update before the last one is taken", async () => {
  let open = Promise.withResolvers<void>();
  const world = createWorld(() => ({ failed: ["aws"] }), { onUpdate: () => open.promise });
  world.refresher.start(2 * MINUTE_MS);
  await world.clock.goTo(HOUR_MS);
  assertEquals([world.begun.length, world.taken.length], [1, 0]);
  world.refresher.start(MINUTE_MS);
  await world.clock.goTo(2 * HOUR_MS);
  assertEquals([world.begun.length, world.taken.length], [1, 0]);
  open.resolve();
  open = Promise.withResolvers();
  await world.clock.pass(MINUTE_MS);
  assertEquals([world.begun.length, world.taken.length], [2, 1]);
});

Deno.test("createRefresher() drops what comes after stop(), and begins anew only when it has come", async () => {
  const outcomes: readonly Outcome[] = [
    { tookMs: HOUR_MS, failed: ["aws"] },
    { tookMs: HOUR_MS, rejects: true },
  ];
  const world = createWorld((number) => outcomes[number] ?? {});
  const { refresher, clock } = world;
  for (const round of [1, 2]) {
    refresher.start(DAY_MS);
    await clock.pass(MINUTE_MS);
    assertEquals([world.begun.length, world.updating()], [round, 1]);
    refresher.stop();
    refresher.stop();
    await clock.pass(2 * HOUR_MS);
    assertEquals([world.begun.length, world.updating(), world.armed()], [round, 0, 0]);
  }
  assertEquals(world.taken, []);
  refresher.start(DAY_MS);
  await clock.pass(0);
  assertEquals(world.taken, ["all"]);
  refresher.start(undefined);
  await clock.pass(7 * DAY_MS);
  assertEquals([world.begun.length, world.armed()], [3, 0]);
});

Deno.test("createRefresher() waits for an update of before stop() to end", async () => {
  const world = createWorld((number) => number === 0 ? { tookMs: HOUR_MS, failed: ["aws"] } : {});
  world.refresher.start(DAY_MS);
  await world.clock.pass(MINUTE_MS);
  world.refresher.stop();
  world.refresher.start(DAY_MS);
  await world.clock.goTo(HOUR_MS - 1);
  assertEquals(timesOf(world), [0]);
  await world.clock.goTo(2 * HOUR_MS);
  assertEquals(world.begun, [{ atMs: 0, of: "all" }, { atMs: HOUR_MS, of: "all" }]);
  assertEquals(world.taken, ["all"]);
});

Deno.test("createRefresher() takes another period over, from when all were last asked", async () => {
  const world = createWorld(() => ({}));
  const { refresher, clock } = world;
  refresher.start(DAY_MS);
  await clock.goTo(2 * HOUR_MS);
  refresher.start(DAY_MS); // no change
  refresher.start(6 * HOUR_MS);
  await clock.goTo(7 * HOUR_MS);
  assertEquals(timesOf(world), [0, 6 * HOUR_MS]);
  refresher.start(30 * MINUTE_MS); // is over already
  await clock.goTo(7 * HOUR_MS);
  assertEquals(timesOf(world), [0, 6 * HOUR_MS, 7 * HOUR_MS]);
});

const names = PROVIDERS.map(({ name }) => name);
const outcome: fc.Arbitrary<Outcome> = fc.record({
  failed: fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, fc.subarray(names)),
  rejects: fc.integer({ min: 0, max: 9 }).map((of10) => of10 === 0),
  tookMs: fc.oneof(fc.constant(0), fc.nat(3 * MINUTE_MS), fc.nat(2 * HOUR_MS)),
});
const period = fc.oneof(
  fc.integer({ min: 3600, max: HOUR_MS }),
  fc.nat(400).map((d) => (d + 1) * DAY_MS),
);
const step = fc.oneof(
  fc.record({ kind: fc.constant("start" as const), ms: fc.option(period, { nil: undefined }) }),
  fc.record({ kind: fc.constant("stop" as const), ms: fc.constant(0) }),
  fc.record({
    kind: fc.constant("pass" as const),
    ms: fc.oneof(fc.nat(HOUR_MS), fc.nat(30 * DAY_MS)),
  }),
);

Deno.test("createRefresher() keeps its promises whatever comes", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 12 }),
      fc.array(outcome, { minLength: 1, maxLength: 8 }),
      fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 1, maxLength: 8 }),
      async (steps, outcomes, randoms) => {
        let drawn = 0;
        const world = createWorld((number) => outcomes[number % outcomes.length]!, {
          random: () => randoms[drawn++ % randoms.length]!,
        });
        const { refresher, clock, begun, taken } = world;
        let periodMs: number | undefined;
        for (const { kind, ms } of steps) {
          if (kind !== "pass") {
            periodMs = kind === "stop" ? undefined : ms;
            if (kind === "stop") refresher.stop();
            else refresher.start(periodMs);
            continue;
          }
          const [had, hadTaken, beganMs] = [begun.length, taken.length, clock.now()];
          // A short period over a long time would only take long to play.
          await clock.pass(Math.min(ms!, 50 * (periodMs ?? DAY_MS)));
          const passedMs = clock.now() - beganMs;
          assert(world.updating() <= 1, "two at once");
          assert(world.armed() <= 1 - world.updating(), "a timer beside an update, or another");
          if (periodMs === undefined) {
            assertEquals([begun.length, taken.length], [had, hadTaken], "it goes on after stop()");
          } else {
            const busyMs = 2 * HOUR_MS;
            const most = 2 + passedMs / (0.9 * Math.min(periodMs, MINUTE_MS));
            assert(begun.length - had <= most, "too many");
            const least = Math.floor(passedMs / (periodMs + busyMs + MINUTE_MS)) - 1;
            assert(begun.length - had >= least, "too few");
          }
        }
        refresher.stop();
        const had = [begun.length, taken.length];
        await clock.pass(DAY_MS);
        await settle();
        assertEquals([begun.length, taken.length], had);
        assertEquals([world.updating(), world.armed()], [0, 0]);
      },
    ),
    { numRuns: 300 },
  );
});
