import { assert, assertEquals } from "@std/assert";
import { readMetrics } from "./observe/prometheus.ts";
import { CLIENTS, DIGEST, PARIS } from "./redirect/fixture.ts";
import { createProgram } from "./admin/fixture.ts";

const DASHBOARD = JSON.parse(
  Deno.readTextFileSync(new URL("../docs/grafana.json", import.meta.url)),
);

interface Panel {
  readonly title: string;
  readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
}

/** What Prometheus adds to each sample. */
const ADDED = ["job", "instance"];

/** The labels of each metric that an expression may name. */
async function readLabels(): Promise<Map<string, Set<string>>> {
  const { ask, world, checks } = await createProgram({ answers: { [PARIS + DIGEST]: 200 } });
  const result = { kind: "good" } as const;
  checks.set(0, { atS: 1, result, answer: "", status: 206, tookMs: 1 });
  await (await world.answer(`/v2/app/blobs/${DIGEST}`, { client: CLIENTS.paris })).text();
  const labels = new Map<string, Set<string>>();
  for (const { samples } of readMetrics((await ask("/metrics")).body).values()) {
    for (const { name, labels: own } of samples) {
      const known = labels.get(name) ?? new Set(ADDED);
      labels.set(name, new Set([...known, ...Object.keys(own)]));
    }
  }
  return labels;
}

Deno.test("docs/grafana.json names only metrics and labels that there are", async () => {
  const labels = await readLabels();
  const panels: readonly Panel[] = DASHBOARD.panels;
  const named = new Set<string>();
  for (const { title, targets } of panels) {
    for (const { expr, legendFormat } of targets) {
      const metrics = expr.match(/\b(?:archeio|process)_\w+/g) ?? [];
      assert(metrics.length > 0, title);
      for (const metric of metrics) {
        assert(labels.has(metric), `${title}: there is no ${metric}`);
        named.add(metric.replace(/_bucket$/, ""));
      }
      const known = new Set(metrics.flatMap((metric) => [...labels.get(metric)!]));
      const grouped = [...expr.matchAll(/\bby \(([^)]+)\)/g)].flatMap(([, list]) =>
        list!.split(", ")
      );
      const matched = [...expr.matchAll(/(\w+)(?:=~|!=|=)"/g)].map(([, label]) => label!);
      const shown = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label!);
      for (const label of [...grouped, ...matched]) {
        assert(known.has(label), `${title}: no label ${label} in ${expr}`);
      }
      for (const label of shown) assert(grouped.includes(label), `${title}: ${label} is not kept`);
    }
  }
  // What it leaves out is told elsewhere on it, or does not change.
  const left = labels.keys().map((name) => name.replace(/_(?:bucket|sum|count)$/, ""))
    .filter((name) => !named.has(name)).toArray();
  assertEquals([...new Set(left)], [
    "archeio_data_set_prefixes",
    "archeio_workers",
    "archeio_build_info",
    "process_start_time_seconds",
  ]);
});

Deno.test("docs/grafana.json has panels that lie beside each other, and asks the chosen source", () => {
  const cells = new Set<string>();
  const { panels } = DASHBOARD;
  for (const { gridPos: { x, y, w, h }, datasource, targets } of panels) {
    assert(x + w <= 24);
    for (let column = x; column < x + w; column++) {
      for (let row = y; row < y + h; row++) {
        assert(!cells.has(`${column} ${row}`), "two panels overlap");
        cells.add(`${column} ${row}`);
      }
    }
    for (
      const one of [
        datasource,
        ...targets.map(({ datasource }: typeof panels[number]) => datasource),
      ]
    ) {
      assertEquals(one.uid, "${datasource}");
    }
  }
  assertEquals(new Set(panels.map(({ id }: { id: number }) => id)).size, panels.length);
});
