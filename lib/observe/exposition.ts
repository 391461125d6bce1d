/**
 * The text format of Prometheus
 * (https://prometheus.io/docs/instrumenting/exposition_formats/).
 *
 * @module
 */

/** The media type of the text. */
export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** The labels of a sample. */
export type Labels = Readonly<Record<string, string>>;

/** A sample: its labels and its value. */
export type Sample = readonly [labels: Labels, value: number];

/** Formats a metric family. */
export function family(
  name: string,
  type: "counter" | "gauge",
  help: string,
  samples: readonly Sample[],
): string {
  return heading(name, type, help) +
    samples.map(([labels, value]) => sample(name, labels, value)).join("");
}

/** Formats the header of a metric family. */
export function heading(name: string, type: string, help: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}

/** Formats a sample. */
export function sample(name: string, labels: Labels, value: number): string {
  return `${name}${formatLabels(labels)} ${value}\n`;
}

/** The counts of a histogram: of each bucket, the last one past all bounds, and the sum. */
export interface Buckets {
  /** How many values each bucket has. */
  readonly buckets: readonly number[];
  /** The sum of all values. */
  readonly sumS: number;
}

/** Formats the samples of a histogram's series. */
export function histogram(
  name: string,
  labels: Labels,
  { buckets, sumS }: Buckets,
  bounds: readonly number[],
): string {
  let count = 0;
  const lines = buckets.map((bucket, at) => {
    const le = String(bounds[at] ?? "+Inf");
    return sample(`${name}_bucket`, { ...labels, le }, count += bucket);
  });
  return lines.join("") + sample(`${name}_sum`, labels, sumS) +
    sample(`${name}_count`, labels, count);
}

function formatLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) =>
    `${name}="${value.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n")}"`
  );
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}
