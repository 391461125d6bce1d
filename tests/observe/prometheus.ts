/**
 * Reading Prometheus' text format
 * (https://prometheus.io/docs/instrumenting/exposition_formats/), more strictly than
 * Prometheus does.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";

/** A family of metrics. */
export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** A value, and what it is of. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[\\"n])*)"(?:,|$)/y;

/**
 * Reads a text.
 *
 * @throws {Error} when something in it is not as it should be
 */
export function readMetrics(text: string): Map<string, Family> {
  assert(text.endsWith("\n"), "the last line has no end");
  const lines = text.slice(0, -1).split("\n");
  const families = new Map<string, Family>();
  for (let at = 0; at < lines.length;) {
    const [, name, help] = /^# HELP (\S+) (.+)$/.exec(lines[at++]!) ?? [];
    assert(
      name !== undefined && help !== undefined,
      `no HELP where it should be: ${lines[at - 1]}`,
    );
    const [, same, type] = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(lines[at++]!) ?? [];
    assertEquals(same, name, "HELP and TYPE are not of one family");
    const samples: Sample[] = [];
    while (at < lines.length && !lines[at]!.startsWith("#")) samples.push(readSample(lines[at++]!));
    assert(!families.has(name), `${name} is there twice`);
    families.set(name, { name, type: type!, help, samples });
  }
  return families;
}

function readSample(line: string): Sample {
  const [, name, inner = "", value] = LINE.exec(line) ?? [];
  assert(name !== undefined && /^-?\d+(?:\.\d+)?(?:e[+-]\d+)?$/.test(value!), `no sample: ${line}`);
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < inner.length) {
    const [, label, quoted] = LABEL.exec(inner) ?? [];
    assert(label !== undefined && !Object.hasOwn(labels, label), `labels are wrong: ${line}`);
    labels[label] = quoted!.replace(/\\(.)/g, (_, escaped) => escaped === "n" ? "\n" : escaped);
  }
  return { name, labels, value: Number(value) };
}

/** The value of a sample that is there once, by its labels. */
export function valueOf(
  families: ReadonlyMap<string, Family>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const found = families.get(name)!.samples.filter((sample) =>
    JSON.stringify(sample.labels) === JSON.stringify(labels)
  );
  assert(found.length <= 1, `${name} is there ${found.length} times`);
  return found[0]?.value;
}
