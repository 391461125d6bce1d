/**
 * Charts of the last hour and the last day.
 *
 * @module
 */

import type { HistoryStatus, SpanStatus, Status } from "../status.ts";
import { formatBytes, formatRate, formatShort, formatSpan, formatTime, UNKNOWN } from "./format.ts";
import { type Html, html } from "./html.ts";

/** A line of a chart. */
interface Line {
  readonly name: string;
  readonly values: readonly (number | null)[];
  /** Which of the colours it has. */
  readonly colour: number;
}

/** What a chart is made of. */
interface ChartParts {
  readonly title: string;
  readonly lines: readonly Line[];
  /** Whether each line stands on the one before. */
  readonly stacked?: boolean;
  readonly format: (value: number | null) => string;
  readonly span: SpanStatus;
}

/** The charts of both spans, of which a choice shows one. */
export function renderCharts({ history }: Status): Html | undefined {
  if (history === undefined) return undefined;
  return html`${renderSpan("hour", history)}${renderSpan("day", history)}`;
}

function renderSpan(name: keyof HistoryStatus, history: HistoryStatus): Html {
  const span = history[name];
  const line = (series: string, label: string, colour: number): Line => ({
    name: label,
    values: span.series[series] ?? [],
    colour,
  });
  const charts: Omit<ChartParts, "span">[] = [
    { title: "Requests", lines: [line("requests", "requests", 0)], format: formatRate },
    {
      title: "Redirects by mirror, and blobs from upstreams",
      lines: listTargets(span),
      stacked: true,
      format: formatRate,
    },
    {
      title: "Share of blobs that upstreams serve",
      lines: [{ name: "upstreams", values: shareOfUpstreams(span), colour: UPSTREAM_COLOUR }],
      format: (value) => value === null ? UNKNOWN : `${formatShort(value)} %`,
    },
    {
      title: "Probes of mirrors",
      lines: [line("probes", "all", 0), line("probe_failures", "failed", 7)],
      format: formatRate,
    },
    {
      title: "CPU",
      lines: [line("cpu", "cores", 3)],
      format: (value) => `${formatShort(value)} cores`,
    },
    { title: "Memory", lines: [line("memory", "resident", 4)], format: formatBytes },
  ];
  const known = Object.keys(span.series).length === 0
    ? "Nothing has been measured yet."
    : `Known since ${formatTime(span.begins)}, in steps of ${formatSpan(1000 * span.step_s)}.`;
  return html`<div class="charts ${name}">${charts.map((chart) => renderChart({ ...chart, span }))}
<p class="note">${known}</p></div>`;
}

const MOST_LINES = 6;
const UPSTREAM_COLOUR = 7;

/** The busiest mirrors, the others together, and upstreams. */
function listTargets({ series }: SpanStatus): Line[] {
  const mirrors = Object.entries(series).filter(([name]) => name.startsWith("mirror:"))
    .map(([name, values]) => ({ name: name.slice("mirror:".length), values, sum: sumOf(values) }))
    .toSorted((one, other) => other.sum - one.sum);
  const lines = mirrors.slice(0, MOST_LINES).map((mirror, colour): Line => ({ ...mirror, colour }));
  const others = mirrors.slice(MOST_LINES).map(({ values }) => values);
  if (others.length > 0) {
    lines.push({ name: `${others.length} others`, values: addValues(others), colour: MOST_LINES });
  }
  const values = series.blobs_to_upstreams ?? [];
  return [...lines, { name: "upstreams", values, colour: UPSTREAM_COLOUR }];
}

/** The share of blobs that upstreams serve, in percent. */
function shareOfUpstreams({ series }: SpanStatus): (number | null)[] {
  const { to_mirrors: near = [], blobs_to_upstreams: far = [] } = series;
  return far.map((count, at) => {
    const all = (count ?? 0) + (near[at] ?? 0);
    return count === null || all === 0 ? null : 100 * count / all;
  });
}

function sumOf(values: Line["values"]): number {
  return values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
}

function addValues(all: readonly Line["values"][]): (number | null)[] {
  const length = Math.max(0, ...all.map((values) => values.length));
  return Array.from({ length }, (_, at) => {
    const measured = all.map((values) => values[at] ?? null).filter((value) => value !== null);
    return measured.length === 0 ? null : sumOf(measured);
  });
}

const WIDTH = 600;
const HEIGHT = 120;

function renderChart({ title, lines, stacked = false, format, span }: ChartParts): Html {
  const drawn = stacked ? stack(lines) : lines.map((line) => ({ line, tops: line.values }));
  const most = Math.max(0, ...drawn.flatMap(({ tops }) => tops.map((value) => value ?? 0)));
  const top = niceTop(most);
  const steps = Math.max(2, ...lines.map(({ values }) => values.length));
  const now = lines.map(({ name, values }) => `${name} ${format(values.at(-1) ?? null)}`).join(
    ", ",
  );
  // Of stacked areas, the highest lies behind.
  const shapes = drawn.toReversed().map(({ line: { colour }, tops }) =>
    html`
      <path class="c${colour}${stacked ? " area" : ""}" d="${pathOf(tops, {
        steps,
        top,
        closed: stacked,
      })}" />
    `
  );
  const ends = new Date(Date.parse(span.begins) + steps * span.step_s * 1000).toISOString();
  return html`
    <figure>
      <figcaption>${title}</figcaption>
      <div
        class="plot"><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${title}, now: ${now}">${shapes}</svg>
    <span class="top">${format(top)}</span></div>
      <p class="axis"><span>${span.begins.slice(11, 16)}</span><span>${ends.slice(
        11,
        16,
      )} UTC</span></p>
      <p class="legend">${lines.map(({ name, values, colour }) =>
        html`
          <span class="key c${colour}">${name} <b>${format(values.at(-1) ?? null)}</b></span>
        `
      )}</p>
    </figure>
  `;
}

function stack(lines: readonly Line[]): { readonly line: Line; readonly tops: Line["values"] }[] {
  let below: (number | null)[] = [];
  return lines.map((line) => {
    below = line.values.map((value, at) => value === null ? null : value + (below[at] ?? 0));
    return { line, tops: below };
  });
}

/** The least of 1, 2 and 5 times a power of ten that is not below a value. */
function niceTop(most: number): number {
  if (most <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 5, 10].map((factor) => factor * power).find((top) => top >= most)!;
}

interface Scale {
  readonly steps: number;
  readonly top: number;
  readonly closed: boolean;
}

/** A path through values; it is interrupted where there is none. */
function pathOf(values: Line["values"], { steps, top, closed }: Scale): string {
  const x = (at: number) => Math.round(WIDTH * at / (steps - 1));
  const y = (value: number) => Math.round(HEIGHT * (1 - value / top) * 10) / 10;
  let path = "";
  let first: number | undefined;
  for (const [at, value] of [...values, null].entries()) {
    if (value === null) {
      if (closed && first !== undefined) path += `L${x(at - 1)} ${HEIGHT}L${x(first)} ${HEIGHT}Z`;
      first = undefined;
      continue;
    }
    path += `${first === undefined ? "M" : "L"}${x(at)} ${y(value)}`;
    first ??= at;
  }
  return path;
}
