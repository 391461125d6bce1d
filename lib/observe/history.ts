/**
 * What was measured in the last hour and the last day, in bounded memory.
 *
 * Each series has two rings: one of an hour in steps of 10 s, and one of a day in steps of
 * 5 minutes, whose values are means.
 *
 * @module
 */

/** The spans that are kept: the time of a step, and how many steps there are. */
export const SPANS = {
  hour: { stepMs: 10_000, steps: 360 },
  day: { stepMs: 300_000, steps: 288 },
} as const;

/** The name of a span. */
export type Span = keyof typeof SPANS;

/** The most series: with both rings of each, 3 MB. */
export const MAX_SERIES = 1200;

/** A series: a value for each step, the oldest first; `null` where nothing was measured. */
export type Values = readonly (number | null)[];

/** What was measured within a span. */
export interface HistoryOfSpan {
  /** When the first step begins, in milliseconds since 1970. */
  readonly beginsMs: number;
  /** The time of a step, in milliseconds. */
  readonly stepMs: number;
  /** The time within each step for which there are readings, in milliseconds. */
  readonly measuredMs: readonly number[];
  /** The values of each series, by its name. */
  readonly series: ReadonlyMap<string, Values>;
}

/** Keeps what was measured. */
export interface History {
  /** Records a reading of each series. A series that is not among them is dropped. */
  record(atMs: number, readings: ReadonlyMap<string, number>): void;
  /** What was measured within a span, up to the last reading. */
  read(span: Span): HistoryOfSpan;
}

/** Makes a history of nothing. */
export function createHistory(): History {
  let series = new Map<string, Series>();
  const tallies = { hour: createRing(SPANS.hour), day: createRing(SPANS.day) };
  let lastMs: number | undefined;
  let firstMs: number | undefined;
  return {
    record(atMs, readings) {
      // A clock that was set back begins a history of its own.
      if (lastMs !== undefined && atMs < lastMs) series = new Map();
      if (series.size === 0) firstMs = atMs;
      lastMs = atMs;
      for (const tally of Object.values(tallies)) tally.add(atMs);
      const kept = [...readings].slice(0, MAX_SERIES).map(([name, value]) => {
        const one = series.get(name) ?? createSeries();
        one.record(atMs, value);
        return [name, one] as const;
      });
      series = new Map(kept);
    },
    read(span) {
      const { stepMs, steps } = SPANS[span];
      const last = Math.floor((lastMs ?? 0) / stepMs);
      const first = Math.max(last - steps + 1, Math.floor((firstMs ?? 0) / stepMs));
      const values = [...series].map(([name, one]) =>
        [name, one.rings[span].read(first, last)] as const
      );
      const measuredMs = tallies[span].read(first, last).map((readings) =>
        (readings ?? 0) * SPANS.hour.stepMs
      );
      return { beginsMs: first * stepMs, stepMs, measuredMs, series: new Map(values) };
    },
  };
}

interface Series {
  readonly rings: Readonly<Record<Span, Ring>>;
  record(atMs: number, value: number): void;
}

function createSeries(): Series {
  const rings = { hour: createRing(SPANS.hour), day: createRing(SPANS.day) };
  return {
    rings,
    record(atMs, value) {
      rings.hour.record(atMs, value);
      rings.day.record(atMs, value);
    },
  };
}

interface Ring {
  /** Records a reading; the value of a step is the mean of its readings. */
  record(atMs: number, value: number): void;
  /** Adds 1 to the value of a step. */
  add(atMs: number): void;
  /** The values of the steps from `first` to `last`. */
  read(first: number, last: number): Values;
}

function createRing({ stepMs, steps }: typeof SPANS[Span]): Ring {
  const values = new Float32Array(steps).fill(NaN);
  let step: number | undefined;
  let readings = 0;

  function moveTo(next: number): void {
    const from = step === undefined ? next : Math.max(step + 1, next - steps + 1);
    for (let at = from; at <= next; at++) values[at % steps] = NaN;
    step = next;
    readings = 0;
  }

  function placeAt(atMs: number): number {
    const now = Math.floor(atMs / stepMs);
    if (now !== step) moveTo(now);
    return now % steps;
  }

  return {
    record(atMs, value) {
      const place = placeAt(atMs);
      const mean = readings === 0 ? value : values[place]!;
      readings++;
      values[place] = mean + (value - mean) / readings;
    },
    add(atMs) {
      const place = placeAt(atMs);
      values[place] = (Number.isNaN(values[place]) ? 0 : values[place]!) + 1;
    },
    read(first, last) {
      return Array.from({ length: last - first + 1 }, (_, at) => {
        const wanted = first + at;
        const held = step !== undefined && wanted <= step && wanted > step - steps;
        const value = held ? values[wanted % steps]! : NaN;
        return Number.isNaN(value) ? null : value;
      });
    },
  };
}
