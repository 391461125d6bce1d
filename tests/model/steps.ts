/**
 * Random stories of the model: single steps, and scenes of several that belong together.
 *
 * @module
 */

import fc from "fast-check";
import type { Mode } from "./network.ts";
import { type RegistryMode, REPOSITORIES, TAGS, type TokenMode } from "./registry.ts";
import { type Ask, BLOBS, type Relay, type Step, type Story } from "./play.ts";
import { BOUNDS, type ClientNetwork, CONFIGS, MIRRORS } from "./world.ts";

const method = fc.constantFrom("all", "GET", "HEAD");
const status = fc.constantFrom(
  204,
  301,
  307,
  400,
  401,
  402,
  403,
  404,
  405,
  409,
  410,
  416,
  429,
  451,
  500,
  502,
  503,
);

const mode: fc.Arbitrary<Mode> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Mode>({ kind: "works" }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("status"), status, method }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("hangs"), method }) },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Mode>(
      { kind: "refuses" },
      { kind: "stalls" },
      { kind: "has_all" },
      { kind: "empty_all" },
      { kind: "fails_unknown" },
      { kind: "hangs_unknown" },
    ),
  },
) as fc.Arbitrary<Mode>;

const mirror = fc.constantFrom(...MIRRORS);
// Some blobs are asked for more often than others.
const blob = fc.oneof(fc.nat(5), fc.nat(BLOBS - 1));
const blobs = fc.oneof(blob, fc.constant<"all">("all"));
const from = fc.constantFrom<ClientNetwork>("x", "x", "x", "y", "y", "y", "z", "v", "w");
const isolate = fc.nat(1);
const client = fc.nat(5);
const copy = fc.constantFrom("whole", "whole", "empty", "archived");

const ask = fc.record({
  kind: fc.constant("ask"),
  from,
  client,
  blob,
  isolate,
  method: fc.constantFrom("GET", "GET", "GET", "HEAD"),
}) as fc.Arbitrary<Ask>;

const flood = fc.record({ kind: fc.constant("flood"), from, count: fc.nat(60), isolate });
const pull = fc.record({ kind: fc.constant("pull"), from, client, isolate });
const nag = fc.record({
  kind: fc.constant("nag"),
  from,
  count: fc.integer({ min: 10, max: 50 }),
  isolate,
});

const publish = fc.oneof(
  fc.record({
    kind: fc.constant("publish"),
    publisher: fc.constant("aws"),
    file: fc.constantFrom("same", "more", "more", "much", "much", "all", "broken", "nothing"),
  }),
  fc.record({
    kind: fc.constant("publish"),
    publisher: fc.constant("gcp"),
    file: fc.constantFrom("all", "nothing"),
  }),
);

const registryMode: fc.Arbitrary<RegistryMode> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<RegistryMode>({ kind: "works" }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("slow_down"), seconds: fc.constantFrom(2, 30, 600) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("status"), status }) },
  {
    weight: 6,
    arbitrary: fc.constantFrom<RegistryMode>(
      { kind: "no_head" },
      { kind: "hangs" },
      { kind: "refuses" },
      { kind: "lies" },
      { kind: "breaks_off" },
      { kind: "other_realm" },
      { kind: "sends_inside" },
    ),
  },
) as fc.Arbitrary<RegistryMode>;

const tokenMode: fc.Arbitrary<TokenMode> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<TokenMode>({ kind: "works" }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("status"), status }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom<TokenMode>(
      { kind: "hangs" },
      { kind: "short" },
      { kind: "forges" },
      { kind: "redirects" },
    ),
  },
) as fc.Arbitrary<TokenMode>;

const repository = fc.constantFrom("one", "one", "one", ...REPOSITORIES);
const tag = fc.constantFrom("v1", ...TAGS);
const manifest = fc.nat(3);

const relay = fc.record({
  kind: fc.constant("relay"),
  name: repository,
  reference: fc.oneof({ weight: 3, arbitrary: tag }, { weight: 1, arbitrary: manifest }),
  blob: fc.constantFrom(false, false, false, false, true),
  count: fc.constantFrom(1, 1, 3),
  isolate,
  method: fc.constantFrom("GET", "GET", "GET", "HEAD"),
}).map((relay) => relay.blob ? { ...relay, reference: 0 } : relay) as fc.Arbitrary<Relay>;

const move = fc.record({
  kind: fc.constant("move"),
  name: repository,
  tag,
  manifest: fc.oneof({ weight: 4, arbitrary: manifest }, fc.constant(undefined)),
}) as fc.Arbitrary<Step>;

const registryStep = fc.oneof(
  { weight: 6, arbitrary: relay },
  { weight: 2, arbitrary: move },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("registry"), mode: registryMode }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("tokens"), mode: tokenMode }) },
  {
    weight: 1,
    arbitrary: fc.oneof(
      fc.record({
        kind: fc.constant("registry_latency"),
        ms: fc.constantFrom(20, 20, 20, 400, 6000),
      }),
      fc.record({
        kind: fc.constant("hide"),
        name: fc.constantFrom("one", "two"),
        hidden: fc.boolean(),
      }),
      fc.record({ kind: fc.constant("relay_flood"), count: fc.nat(60), isolate }),
    ),
  },
) as fc.Arbitrary<Step>;

const step = fc.oneof(
  { weight: 8, arbitrary: registryStep },
  { weight: 12, arbitrary: ask },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("pass"),
      ms: fc.oneof(fc.nat(300), fc.nat(3000), fc.nat(20_000), fc.nat(90_000)),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("mode"),
      server: fc.constantFrom(...MIRRORS, ...MIRRORS, "main", "sig"),
      mode,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("latency"),
      server: mirror,
      ms: fc.constantFrom(5, 50, 400, 2500, 6000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("fill"), server: mirror, blob: blobs, copy }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("lose"), server: mirror, blob: blobs }),
  },
  { weight: 1, arbitrary: flood },
  { weight: 1, arbitrary: publish },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("reload"), variant: fc.nat(CONFIGS.length - 1) }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "kill" }) },
) as fc.Arbitrary<Step>;

function pass(ms: number): Step {
  return { kind: "pass", ms };
}

// Long enough that a mirror that works is in use again.
const calm = pass(45_000);
const failing = fc.constantFrom<Mode>(
  { kind: "refuses" },
  { kind: "status", status: 503, method: "all" },
  { kind: "status", status: 301, method: "all" },
  { kind: "status", status: 404, method: "all" },
  { kind: "hangs", method: "all" },
  { kind: "stalls" },
  { kind: "has_all" },
);
const hanging: Mode = { kind: "hangs", method: "all" };
const works: Mode = { kind: "works" };
const base = { ask, mirror, from, isolate };

/** Clients pull while a mirror dies; one tries again, others follow. */
const death = fc.record({
  ...base,
  mode: failing,
  pauseMs: fc.nat(2000),
  asks: fc.array(fc.tuple(ask, fc.nat(1500)), { minLength: 3, maxLength: 8 }),
}).map(({ ask, mirror, from, isolate, mode, pauseMs, asks }): Step[] => {
  const newcomer: Step = { ...ask, from, isolate, client: ask.client + 6, method: "GET" };
  const others = asks.flatMap(([other, ms]): Step[] => [{ ...other, from, isolate }, pass(ms)]);
  return [
    calm,
    { kind: "pull", from, client: ask.client, isolate },
    { kind: "mode", server: mirror, mode },
    pass(2400),
    newcomer,
    pass(pauseMs),
    newcomer,
    ...others,
    { kind: "nag", from, isolate, count: 1 },
    ...others,
  ];
});

/** A mirror dies at once, a probe fails there, and others follow soon. */
const suddenDeath = fc.record({
  from,
  isolate,
  server: mirror,
  mode: fc.constantFrom<Mode>(
    { kind: "refuses" },
    { kind: "status", status: 500, method: "all" },
  ),
  pauseMs: fc.integer({ min: 2550, max: 3500 }),
}).map(({ from, isolate, server, mode, pauseMs }): Step[] => [
  ...MIRRORS.map((server): Step => ({ kind: "mode", server, mode: works })),
  { kind: "fill", server, blob: "all", copy: "whole" },
  calm,
  { kind: "pull", from, client: 1, isolate },
  { kind: "mode", server, mode },
  { kind: "nag", from, isolate, count: 1 },
  pass(pauseMs),
  { kind: "pull", from, client: 2, isolate },
]);

/** A mirror comes back from an outage without its blobs. */
const loss = fc.record({
  ...base,
  asks: fc.array(ask, { minLength: 5, maxLength: 20 }),
  downMs: fc.nat(40_000),
}).map(({ mirror, from, isolate, asks, downMs }): Step[] => [
  calm,
  { kind: "pull", from, client: 1, isolate },
  { kind: "mode", server: mirror, mode: { kind: "refuses" } },
  pass(downMs),
  { kind: "lose", server: mirror, blob: "all" },
  { kind: "mode", server: mirror, mode: works },
  ...asks.flatMap((other): Step[] => [pass(2000), { ...other, from, isolate }]),
]);

/** A client asks for blobs that nobody has, at a mirror that fails at these. */
const nagging = fc.record({
  ...base,
  mode: fc.constantFrom<Mode>({ kind: "fails_unknown" }, { kind: "hangs_unknown" }),
  nag,
  variant: fc.nat(CONFIGS.length - 1),
}).map(({ ask, mirror, from, isolate, mode, nag }): Step[] => [
  { kind: "mode", server: mirror, mode },
  calm,
  { ...ask, from, isolate },
  pass(1000),
  { ...nag, from, isolate } as Step,
  { ...ask, client: ask.client + 6, from, isolate },
]);

/** A mirror gets blobs that cannot be read, or loses one alone. */
const spoiling = fc.record({
  ...base,
  copy: fc.constantFrom("empty", "archived"),
  pullAt: fc.nat(2),
})
  .map(({ ask, mirror, from, isolate, copy, pullAt }): Step[] => {
    const pull: Step = { kind: "pull", from, client: 1, isolate };
    return [
      ...pullAt > 0 ? [pull, pass(1000)] : [],
      { kind: "lose", server: mirror, blob: ask.blob },
      ...pullAt === 1 ? [] : [{ kind: "fill", server: mirror, blob: ask.blob, copy } as Step],
      ...pullAt === 2 ? [pull] : [],
      pass(90_000),
      pull,
      pass(1000),
      { ...ask, from, isolate },
      pass(1500),
      { ...ask, from, isolate },
    ];
  });

/** A flood while one mirror hangs, in an isolate that knows nothing yet; lone requests after it. */
const hangingFlood = fc.record({
  asks: fc.array(ask, { minLength: 1, maxLength: 5 }),
  ms: fc.integer({ min: 1600, max: 3500 }),
}).map(({ asks, ms }): Step[] => [
  { kind: "kill" },
  { kind: "reload", variant: 0 },
  ...MIRRORS.flatMap((server): Step[] => [
    { kind: "mode", server, mode: works },
    { kind: "latency", server, ms: 20 },
    { kind: "fill", server, blob: "all", copy: "whole" },
  ]),
  calm,
  { kind: "mode", server: "a", mode: hanging },
  { kind: "flood", from: "x", count: 40, isolate: 1 },
  pass(ms),
  ...asks.flatMap((ask): Step[] => [{ ...ask, from: "y", isolate: 1 }, pass(200)]),
]);

/** A flood of requests for which the upstream is asked, which fails. */
const upstreamFlood = fc.record({ from, isolate, mode: failing }).map((
  { from, isolate, mode },
): Step[] => [
  { kind: "reload", variant: 1 },
  calm,
  { kind: "mode", server: "main", mode },
  ...Array.from({ length: 8 }, (): Step[] => [
    { kind: "flood", from, count: 30, isolate },
    pass(300),
  ]).flat(),
  { kind: "mode", server: "main", mode: works },
]);

/** A blob that is known at one mirror, while the others change. */
const elsewhere = fc.record({ ...base, mode, other: from }).map((
  { ask, mirror, from, isolate, mode, other },
): Step[] => [
  { kind: "mode", server: mirror, mode: works },
  calm,
  { ...ask, from, isolate },
  pass(200),
  { kind: "mode", server: MIRRORS[ask.client % MIRRORS.length]!, mode },
  { ...ask, from: other, isolate, client: ask.client + 6 },
  pass(200),
  { ...ask, from, isolate, client: ask.client + 7 },
]);

/** Several mirrors hang at once. */
const allHang = fc.record({ ask, latencyMs: fc.constantFrom(2500, 6000) }).map((
  { ask, latencyMs },
): Step[] => [
  calm,
  ...MIRRORS.map((server): Step => ({ kind: "latency", server, ms: latencyMs })),
  ask,
  pass(BOUNDS.timeoutMs + 700),
  ...MIRRORS.map((server): Step => ({ kind: "latency", server, ms: 20 })),
]);

/** Data that could not be had, or not be taken; clients that they are about. */
const data = fc.record({
  files: fc.array(fc.tuple(publish, fc.constantFrom(70_000, 300_000, 3_600_000)), {
    minLength: 1,
    maxLength: 3,
  }),
  others: fc.array(fc.tuple(ask, fc.constantFrom("z", "v", "w")), { minLength: 3, maxLength: 6 }),
}).map(({ files, others }): Step[] => [
  ...files.flatMap(([file, ms]): Step[] => [file as Step, pass(ms)]),
  { kind: "mode", server: "b", mode: works },
  calm,
  ...others.flatMap(([ask, from]): Step[] => [{ ...ask, from } as Step, pass(500)]),
]);

/** A tag moves while the registry fails in turns, and clients ask for it for many minutes. */
const moving = fc.record({
  name: fc.constantFrom("one", "two"),
  tag,
  isolate,
  turns: fc.array(
    fc.tuple(
      fc.oneof(
        fc.record({ kind: fc.constant("registry"), mode: registryMode }),
        fc.record({ kind: fc.constant("tokens"), mode: tokenMode }),
        fc.record({ kind: fc.constant("hide"), name: fc.constant("one"), hidden: fc.boolean() }),
        move,
      ),
      fc.constantFrom(500, 6000, 25_000, 100_000, 320_000),
    ),
    { minLength: 3, maxLength: 8 },
  ),
}).map(({ name, tag, isolate, turns }): Step[] => {
  const ask: Step = {
    kind: "relay",
    name,
    reference: tag,
    blob: false,
    count: 2,
    isolate,
    method: "GET",
  };
  return [
    { kind: "registry", mode: { kind: "works" } },
    { kind: "tokens", mode: { kind: "works" } },
    { kind: "registry_latency", ms: 20 },
    { kind: "hide", name, hidden: false },
    { kind: "move", name, tag, manifest: 1 },
    pass(80_000),
    ask,
    pass(1000),
    ask,
    { kind: "move", name, tag, manifest: 2 },
    ...turns.flatMap(([turn, ms]): Step[] => [turn as Step, pass(1000), ask, pass(ms), ask]),
  ];
});

/** Many ask at once for what nobody has asked for before. */
const crowd = fc.record({ isolate, reference: fc.oneof(tag, manifest), latency: fc.nat(400) }).map(
  ({ isolate, reference, latency }): Step[] => {
    const ask = { kind: "relay", name: "one", reference, blob: false, isolate } as const;
    return [
      { kind: "kill" },
      pass(20_000),
      { kind: "registry_latency", ms: latency },
      { ...ask, count: 5, method: "GET" },
      pass(10),
      { ...ask, count: 5, method: "HEAD" },
      pass(1000),
      { ...ask, count: 3, method: "GET" },
    ];
  },
);

const scene = fc.oneof(
  moving,
  crowd,
  data,
  suddenDeath,
  death,
  loss,
  nagging,
  spoiling,
  hangingFlood,
  upstreamFlood,
  elsewhere,
  allHang,
);

const part = fc.oneof(
  { weight: 10, arbitrary: fc.oneof(step, pull as fc.Arbitrary<Step>).map((step) => [step]) },
  { weight: 1, arbitrary: scene },
);

/** Stories of a world that begins with full mirrors. */
export const stories: fc.Arbitrary<Story> = fc.record({
  stuck: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.constant(true)),
  parts: fc.array(part, { minLength: 20, maxLength: 100 }),
}).map(({ stuck, parts }) => ({
  stuck,
  steps: [
    ...MIRRORS.map((server): Step => ({ kind: "fill", server, blob: "all", copy: "whole" })),
    ...parts.flat(),
  ],
}));
