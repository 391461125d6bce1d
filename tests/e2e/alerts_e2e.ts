/**
 * The alert rules that docs/operation.md offers, as promtool plays them
 * (https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/).
 *
 * @module
 */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { readAlertRules } from "./alert_rules.ts";
import { ensurePrograms } from "./programs.ts";
import { runAnyhow } from "./run.ts";
import { createTempFolder } from "./temp_folder.ts";

const DAY_S = 86_400;

/** An alert that fires. */
interface Firing {
  readonly exp_labels: Readonly<Record<string, string>>;
  readonly exp_annotations: { readonly summary: string };
}

function firing(labels: Readonly<Record<string, string>>, summary: string): Firing {
  return { exp_labels: { job: "archeio", ...labels }, exp_annotations: { summary } };
}

const up = (instance: string, mirror: string) =>
  `archeio_mirror_up{job="archeio",instance="${instance}",mirror="${mirror}"}`;
const probes = (mirror: string, result: string) =>
  `archeio_probes_total{job="archeio",instance="a",mirror="${mirror}",result="${result}"}`;
const notFound = (mirror: string) =>
  `archeio_mirror_not_found_in_a_row{job="archeio",instance="a",mirror="${mirror}"}`;
const published = (job: string, provider: string) =>
  `archeio_data_set_published_timestamp_seconds{job="${job}",instance="a",provider="${provider}"}`;
const fetched = (instance: string, provider: string) =>
  `archeio_data_set_fetched_timestamp_seconds{job="archeio",instance="${instance}",provider="${provider}"}`;
const lost = (job: string) => `archeio_pull_log_lost_lines_total{job="${job}",instance="a"}`;

// A sample each minute: `1+2x3` is 1, 3, 5, 7.
const SERIES: Readonly<Record<string, string>> = {
  [up("a", "paris")]: "1x60",
  [up("b", "paris")]: "1x9 0x20 1x30", // one of two sees it down, from minute 10 to 30
  [up("a", "flapping")]: "1x3 0 0 1 1 0 0 1 0 0 0 1x50",
  [up("a", "cdn")]: "1x60",
  [probes("paris", "found")]: "0+50x60",
  [probes("paris", "missing")]: "0+47x60",
  [probes("paris", "failed")]: "0+3x60",
  [probes("cdn", "found")]: "0+30x60",
  [probes("cdn", "failed")]: "0+10x60",
  [probes("cdn", "unsent")]: "0+1000x60", // says nothing about the mirror
  [notFound("empty")]: "0+30x20 0x40", // 100 and more from minute 4 to 20
  [notFound("paris")]: "0 1 99 0 3 99x55",
  // Installed with data that is older than 60 days; a provider rarely publishes.
  [published("archeio", "aws")]: `${-90 * DAY_S}x11520`,
  [published("archeio", "exoscale")]: `${-400 * DAY_S}x11520`,
  // Fetched: what a provider rarely publishes is of no account.
  [published("fetching", "aws")]: `${-DAY_S}x11520`,
  [published("fetching", "exoscale")]: `${-400 * DAY_S}x11520`,
  [fetched("a", "aws")]: "0x1440 86400x1440 172800x8640", // up to the second day
  [fetched("b", "aws")]: "0x11520",
  [fetched("a", "gcp")]: "0x4380 _x7140", // until it is fetched no more, at a reload
  [lost("archeio")]: "0x9 0+10x30 300x30", // from minute 10 to 40
  [lost("idle")]: "0x60",
};

const PARIS = firing(
  { mirror: "paris", severity: "warning" },
  "Mirror paris is down: its clients are sent to others, or to the upstream.",
);
const CDN = firing(
  { mirror: "cdn", severity: "warning" },
  "25% of the probes of mirror cdn fail.",
);
const EMPTY = firing(
  { mirror: "empty", severity: "warning" },
  "Mirror empty has none of the last 450 blobs that it was asked for: is its URL right, " +
    "and is it filled?",
);
const OLD = firing(
  { severity: "info" },
  "The newest prefixes are 97d 1h 0m 0s old: set ranges.refresh_h, or install a newer version.",
);
const NOT_FETCHED = firing(
  { provider: "aws", severity: "info" },
  "The prefixes of aws were last fetched 3d 2h 0m 0s ago.",
);
const LOST = firing({ severity: "warning" }, "50 lines of the pull log were lost in 5 minutes.");

const TABLE: readonly { alert: string; at: string; fires: readonly Firing[] }[] = [
  { alert: "ArcheioMirrorDown", at: "9m", fires: [] },
  { alert: "ArcheioMirrorDown", at: "14m", fires: [] },
  { alert: "ArcheioMirrorDown", at: "16m", fires: [PARIS] },
  { alert: "ArcheioMirrorDown", at: "30m", fires: [PARIS] },
  { alert: "ArcheioMirrorDown", at: "32m", fires: [] },
  { alert: "ArcheioProbesFail", at: "9m", fires: [] },
  { alert: "ArcheioProbesFail", at: "20m", fires: [CDN] },
  { alert: "ArcheioMirrorHasNothing", at: "8m", fires: [] },
  { alert: "ArcheioMirrorHasNothing", at: "15m", fires: [EMPTY] },
  { alert: "ArcheioMirrorHasNothing", at: "22m", fires: [] },
  { alert: "ArcheioDataSetOld", at: "1d", fires: [] },
  { alert: "ArcheioDataSetOld", at: "6d", fires: [] },
  { alert: "ArcheioDataSetOld", at: "7d1h", fires: [OLD] },
  { alert: "ArcheioDataSetNotFetched", at: "3d30m", fires: [] },
  { alert: "ArcheioDataSetNotFetched", at: "3d2h", fires: [] },
  { alert: "ArcheioDataSetNotFetched", at: "5d2h", fires: [NOT_FETCHED] },
  { alert: "ArcheioPullLogLosesLines", at: "10m", fires: [] },
  { alert: "ArcheioPullLogLosesLines", at: "30m", fires: [LOST] },
  { alert: "ArcheioPullLogLosesLines", at: "50m", fires: [] },
];

Deno.test("docs/operation.md's alert rules fire when they should, and only then", async (test) => {
  await ensurePrograms();
  await using folder = await createTempFolder();
  const rules = await readAlertRules();
  await Deno.writeTextFile(`${folder.path}/alerts.yaml`, rules);
  const names = [...rules.matchAll(/- alert: (\S+)/g)].map(([, name]) => name!);

  await test.step("promtool takes them for rules", async () => {
    const { code, out } = await runAnyhow("promtool", [
      ...["check", "rules", `${folder.path}/alerts.yaml`],
    ]);
    assertEquals(code, 0, out);
    assertStringIncludes(out, `SUCCESS: ${names.length} rules found`);
  });

  await test.step("each of them fires, and ceases to", () => {
    for (const name of names) {
      const played = TABLE.filter(({ alert }) => alert === name);
      assertEquals(new Set(played.map(({ fires }) => fires.length > 0)).size, 2, name);
    }
  });

  const play = async (table: typeof TABLE) => {
    const played = {
      rule_files: ["alerts.yaml"],
      evaluation_interval: "1m",
      tests: [{
        interval: "1m",
        input_series: Object.entries(SERIES).map(([series, values]) => ({ series, values })),
        alert_rule_test: table.map(({ alert, at, fires }) => ({
          alertname: alert,
          eval_time: at,
          exp_alerts: fires,
        })),
      }],
    };
    await Deno.writeTextFile(`${folder.path}/test.yaml`, JSON.stringify(played)); // YAML, too
    return await runAnyhow("promtool", ["test", "rules", `${folder.path}/test.yaml`]);
  };

  await test.step("promtool plays them", async () => {
    const { code, out, err } = await play(TABLE);
    assertEquals(code, 0, out + err);
    const wrong = await play([{ alert: "ArcheioMirrorDown", at: "9m", fires: [PARIS] }]);
    assertEquals(wrong.code, 1);
    assertMatch(wrong.out + wrong.err, /FAILED/);
  });
});
