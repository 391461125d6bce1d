/**
 * The state file: what the last fill found and did. The server's admin listener reads it, and
 * the same as metrics is written for Prometheus' node exporter.
 *
 * @module
 */

/** What the last fill found and did. */
export interface FillState {
  /** The form of this file. */
  readonly version: 1;
  /** When it began, in seconds since 1970. */
  readonly beganS: number;
  /** When it ended, in seconds since 1970. */
  readonly endedS: number;
  /** When every mirror last had all, in seconds since 1970; 0 for never. */
  readonly completeS: number;
  /** The blobs in the plan. */
  readonly blobs: number;
  /** Their bytes. */
  readonly bytes: number;
  /** The bytes that came from the upstreams. */
  readonly readBytes: number;
  /** How many places of the upstreams could not be read. */
  readonly failures: number;
  /** Each mirror, by its name. */
  readonly mirrors: Readonly<Record<string, MirrorState>>;
}

/** A mirror's part of the state. */
export interface MirrorState {
  /** The blobs that it has of the plan. */
  readonly blobs: number;
  /** The blobs that it lacks still; -1 if that is unknown. */
  readonly missing: number;
  /** Since when it lacks any, in seconds since 1970; 0 if it lacks none. */
  readonly missingSinceS: number;
  /** The blobs that were copied to it. */
  readonly copied: number;
  /** Their bytes. */
  readonly copiedBytes: number;
  /** The blobs that could not be copied. */
  readonly failed: number;
}

/** The name of the file, in the folder of state. */
export const STATE_FILE = "state.json";

const NUMBERS = [
  "beganS",
  "endedS",
  "completeS",
  "blobs",
  "bytes",
  "readBytes",
  "failures",
] as const;
const MIRROR_NUMBERS = [
  "blobs",
  "missing",
  "missingSinceS",
  "copied",
  "copiedBytes",
  "failed",
] as const;
const MOST_MIRRORS = 10_000;

/** Reads the text of a state file; `undefined` for any other text. */
export function tryState(text: string): FillState | undefined {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(value) || value.version !== 1 || !haveNumbers(value, NUMBERS)) return undefined;
  const { mirrors } = value;
  if (!isObject(mirrors)) return undefined;
  const all = Object.entries(mirrors);
  if (all.length > MOST_MIRRORS) return undefined;
  const areGood = all.every(([name, mirror]) =>
    /^[\w.-]+$/.test(name) && isObject(mirror) && haveNumbers(mirror, MIRROR_NUMBERS)
  );
  return areGood ? value as unknown as FillState : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function haveNumbers(value: Readonly<Record<string, unknown>>, names: readonly string[]): boolean {
  return names.every((name) => Number.isFinite(value[name]));
}

interface Family {
  readonly name: string;
  readonly help: string;
  readonly value: (state: FillState) => number;
}

interface MirrorFamily {
  readonly name: string;
  readonly help: string;
  readonly value: (mirror: MirrorState) => number;
}

const FAMILIES: readonly Family[] = [
  {
    name: "archeio_fill_last_run_timestamp_seconds",
    help: "When the last fill ended.",
    value: ({ endedS }) => endedS,
  },
  {
    name: "archeio_fill_last_complete_timestamp_seconds",
    help: "When every mirror last had all blobs; 0 for never.",
    value: ({ completeS }) => completeS,
  },
  {
    name: "archeio_fill_duration_seconds",
    help: "How long the last fill took.",
    value: ({ beganS, endedS }) => endedS - beganS,
  },
  {
    name: "archeio_fill_planned_blobs",
    help: "The blobs that mirrors should have.",
    value: ({ blobs }) => blobs,
  },
  {
    name: "archeio_fill_planned_bytes",
    help: "Their bytes.",
    value: ({ bytes }) => bytes,
  },
  {
    name: "archeio_fill_read_bytes",
    help: "The bytes that the last fill read from upstreams.",
    value: ({ readBytes }) => readBytes,
  },
  {
    name: "archeio_fill_unreadable",
    help: "The places of upstreams that the last fill could not read.",
    value: ({ failures }) => failures,
  },
];

const MIRROR_FAMILIES: readonly MirrorFamily[] = [
  {
    name: "archeio_fill_mirror_blobs",
    help: "The planned blobs that the mirror has.",
    value: ({ blobs }) => blobs,
  },
  {
    name: "archeio_fill_mirror_missing_blobs",
    help: "The planned blobs that the mirror lacks; -1 if that could not be found out.",
    value: ({ missing }) => missing,
  },
  {
    name: "archeio_fill_mirror_missing_since_timestamp_seconds",
    help: "Since when the mirror lacks any; 0 if it lacks none.",
    value: ({ missingSinceS }) => missingSinceS,
  },
  {
    name: "archeio_fill_mirror_copied_blobs",
    help: "The blobs that the last fill copied to the mirror.",
    value: ({ copied }) => copied,
  },
  {
    name: "archeio_fill_mirror_copied_bytes",
    help: "Their bytes.",
    value: ({ copiedBytes }) => copiedBytes,
  },
  {
    name: "archeio_fill_mirror_failed_blobs",
    help: "The blobs that the last fill could not copy to the mirror.",
    value: ({ failed }) => failed,
  },
];

/** Formats a state as metrics, in Prometheus' text format. */
export function formatStateMetrics(state: FillState): string {
  const all = FAMILIES.map(({ name, help, value }) =>
    `${head(name, help)}${name} ${value(state)}\n`
  );
  const mirrors = MIRROR_FAMILIES.map(({ name, help, value }) => {
    const samples = Object.entries(state.mirrors).map(([mirror, own]) =>
      `${name}{mirror="${mirror}"} ${value(own)}\n`
    );
    return head(name, help) + samples.join("");
  });
  return all.join("") + mirrors.join("");
}

function head(name: string, help: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n`;
}
