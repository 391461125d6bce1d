/**
 * Prometheus, as it scrapes archeio and evaluates rules.
 *
 * @module
 */

import { isListening, startDaemon } from "./daemon.ts";
import { startOnFreePorts } from "./free_ports.ts";

/** A sample: the labels of its series, `__name__` among them, and its value. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** An alert that fires or is about to. */
export interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly state: string;
}

/** Prometheus, scraping. */
export interface Prometheus extends AsyncDisposable {
  /** Waits until it has scraped, well, what stands there now, and has evaluated the rules. */
  catchUp(): Promise<void>;
  /** What a query gives. */
  query(expression: string): Promise<Sample[]>;
  /** The alerts of the rules. */
  alerts(): Promise<Alert[]>;
}

/** What is scraped, and where everything is kept. */
export interface PrometheusOptions {
  readonly folder: string;
  /** The base URL of what is scraped. */
  readonly target: string;
  /** The text of a file of rules. */
  readonly rules: string;
}

/** Starts Prometheus, which scrapes every second. */
export async function startPrometheus(options: PrometheusOptions): Promise<Prometheus> {
  const { folder, target, rules } = options;
  const config = {
    global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" },
    rule_files: [`${folder}/rules.yaml`],
    scrape_configs: [
      { job_name: "archeio", static_configs: [{ targets: [new URL(target).host] }] },
    ],
  };
  await Deno.writeTextFile(`${folder}/rules.yaml`, rules);
  await Deno.writeTextFile(`${folder}/prometheus.yaml`, JSON.stringify(config)); // YAML, too
  return await startOnFreePorts(1, async ([port]) => {
    const url = `http://127.0.0.1:${port}`;
    const daemon = await startDaemon("prometheus", [
      `--config.file=${folder}/prometheus.yaml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--log.level=warn",
    ], { isReady: async () => await isListening(port!) && await isReady(url) });
    return { ...createClient(url), [Symbol.asyncDispose]: daemon.stop };
  });
}

async function isReady(url: string): Promise<boolean> {
  const response = await fetch(`${url}/-/ready`);
  await response.body?.cancel();
  return response.ok;
}

// What of the answers of https://prometheus.io/docs/prometheus/latest/querying/api/ is used.
interface Targets {
  readonly activeTargets: readonly { readonly lastScrape: string; readonly health: string }[];
}
interface Rules {
  readonly groups: readonly { readonly rules: readonly Evaluation[] }[];
}
interface Evaluation {
  readonly name: string;
  readonly health: string;
  readonly lastError?: string;
  readonly lastEvaluation: string;
}
interface Vector {
  readonly result: readonly {
    readonly metric: Readonly<Record<string, string>>;
    readonly value: readonly [time: number, value: string];
  }[];
}

const LONGEST_MS = 30_000;
const PAUSE_MS = 100;

function createClient(url: string): Omit<Prometheus, keyof AsyncDisposable> {
  async function ask<Data>(path: string): Promise<Data> {
    const response = await fetch(`${url}/api/v1/${path}`);
    const { status, data, error } = await response.json();
    if (status !== "success") throw new Error(`${path}: ${error}`);
    return data;
  }

  async function waitFor(is: () => Promise<boolean>, what: string): Promise<void> {
    const deadline = performance.now() + LONGEST_MS;
    while (!await is()) {
      if (performance.now() > deadline) throw new Error(`Prometheus has not ${what} in time`);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  return {
    async catchUp() {
      const now = Date.now();
      await waitFor(async () => {
        const { activeTargets } = await ask<Targets>("targets?state=active");
        return activeTargets.length === 1 &&
          activeTargets.every(({ health, lastScrape }) =>
            health === "up" && Date.parse(lastScrape) > now
          );
      }, "scraped");
      const scraped = Date.now();
      await waitFor(async () => {
        const { groups } = await ask<Rules>("rules");
        const rules = groups.flatMap(({ rules }) => rules);
        for (const { name, health, lastError } of rules) {
          if (health === "err") throw new Error(`${name}: ${lastError}`);
        }
        return rules.length > 0 &&
          rules.every(({ lastEvaluation }) => Date.parse(lastEvaluation) > scraped);
      }, "evaluated the rules");
    },
    async query(expression) {
      const { result } = await ask<Vector>(`query?query=${encodeURIComponent(expression)}`);
      return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
    },
    async alerts() {
      return (await ask<{ alerts: Alert[] }>("alerts")).alerts;
    },
  };
}
