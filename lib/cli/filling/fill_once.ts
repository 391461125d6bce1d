/**
 * One fill by a configuration: opens what it needs, fills, and keeps what it found.
 *
 * @module
 */

import type { Config } from "../../config/config.ts";
import type { FillConfig } from "../../config/config_of_filling.ts";
import { type AskedMirror, createAskedMirror } from "../../fill/asked_mirror.ts";
import { fill, type FillOptions } from "../../fill/fill.ts";
import type { Miss } from "../../fill/misses.ts";
import { createState } from "../../fill/create_state.ts";
import { formatStateMetrics, STATE_FILE, tryState } from "../../fill/state.ts";
import type { StateFolder } from "../../fill/stores/state_folder.ts";
import type { Source } from "../../fill/source.ts";
import { createLayoutSource } from "../../fill/stores/layout_source.ts";
import type { Tally } from "../../fill/tally.ts";
import { createAsker } from "../../mirrors/asker.ts";
import type { World } from "../../mirrors/time.ts";
import { createNumbering } from "../../redirect/setup.ts";
import type { Context } from "../command.ts";
import { openParts } from "./open_parts.ts";

/** What a fill is to do. */
export interface FillTask {
  /** The configuration. */
  readonly config: Config;
  /** Its part about filling. */
  readonly fill: FillConfig;
  /** Blobs to fill in place of all that repositories have. */
  readonly misses?: readonly Miss[] | undefined;
  /** The path of an OCI image layout, which is copied in place of what upstreams have. */
  readonly layout?: string | undefined;
  /** Whether to end before anything is copied. */
  readonly dryRun: boolean;
  /** Ends it before more bytes than this are read. */
  readonly maxBytes?: number | undefined;
}

/** What a fill needs. */
export interface FillOnceOptions extends Pick<Context, "environment" | "timeout"> {
  /** The clock, timers and network. */
  readonly world: World;
  /** The state. */
  readonly state: StateFolder;
  /** Told of each stage as it begins. */
  readonly onStage: FillOptions["onStage"];
  /** Ends it. */
  readonly signal: AbortSignal;
}

// Files in the folder of state.
const METRICS_FILE = "archeio_fill.prom";
const SIZES_FILE = "sizes.json";

/** Fills once. */
export async function fillOnce(task: FillTask, options: FillOnceOptions): Promise<Tally> {
  const { config, dryRun, misses, layout, maxBytes } = task;
  const { world, state, signal, onStage } = options;
  const beganMs = world.timeOfDay();
  const parts = await openParts(task, options);
  const { limits, find, createHash } = parts;
  const walking = layout === undefined
    ? parts.walking
    : { ...parts.walking, ...walkLayout(createLayoutSource(layout, createHash)) };
  const trueSizes = await readSizes(state);
  const asked = openAsked(config, { world, limits, signal });
  const tally = await fill({ list: walking.list, find, misses, dryRun }, {
    ...world,
    ...parts,
    ...walking,
    asked,
    trueSizes,
    maxBytes,
    onStage,
  });
  if (dryRun || !tally.isCompared) return tally;
  await keepSizes(state, trueSizes, tally);
  if (misses === undefined && layout === undefined) {
    await keepState(state, tally, { beganMs, endedMs: world.timeOfDay() });
  }
  return tally;
}

/** All of a layout, as if it were a repository's only tag. */
function walkLayout(source: Source) {
  const name = "layout";
  const origin = { source: name, repository: name, name };
  return {
    list: () => Promise.resolve([{ name, origin }]),
    sources: new Map([[name, source]]),
    tags: ["*"],
  };
}

/** Opens the mirrors without a store. */
function openAsked(
  config: Config,
  { world, limits, signal }:
    & Pick<FillOnceOptions, "world" | "signal">
    & Pick<FillOptions, "limits">,
): Map<string, AskedMirror> {
  const asker = createAsker({ ...world, stop: signal });
  const without = createNumbering().enter(config).mirrors
    .filter(({ name }) => config.mirrors[name]!.store === undefined);
  return new Map(
    without.map((mirror) => [mirror.name, createAskedMirror({ mirror, asker, limits })]),
  );
}

async function keepState(
  state: StateFolder,
  tally: Tally,
  times: { readonly beganMs: number; readonly endedMs: number },
): Promise<void> {
  const before = tryState(await state.read(STATE_FILE) ?? "");
  const now = createState(tally, times, before);
  await state.write(STATE_FILE, `${JSON.stringify(now, null, 2)}\n`);
  await state.write(METRICS_FILE, formatStateMetrics(now));
}

// Manifests that lie about sizes are few.
const MOST_SIZES = 100_000;

async function readSizes(state: StateFolder): Promise<Map<string, number>> {
  try {
    const sizes: unknown = JSON.parse(await state.read(SIZES_FILE) ?? "{}");
    const entries = typeof sizes === "object" && sizes !== null ? Object.entries(sizes) : [];
    return new Map(entries.filter(([_, size]) => Number.isSafeInteger(size)));
  } catch {
    return new Map();
  }
}

async function keepSizes(
  state: StateFolder,
  before: ReadonlyMap<string, number>,
  { trueSizes }: Tally,
): Promise<void> {
  if (trueSizes.size === 0) return;
  const all = [...before, ...trueSizes].slice(-MOST_SIZES);
  await state.write(SIZES_FILE, JSON.stringify(Object.fromEntries(all)));
}
