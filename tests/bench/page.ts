/**
 * What the page for operators costs: its size, a scrape of metrics with many locations, the
 * history's memory, and counting a pull by location. `deno run -A tests/bench/page.ts`
 *
 * @module
 */

import { SCRIPT, STYLE } from "../../lib/admin/page/assets.ts";
import { createHistory, MAX_SERIES } from "../../lib/observe/history.ts";
import {
  addLocated,
  createLocated,
  createLocatedMemory,
  createLocationNumbers,
} from "../../lib/observe/located.ts";
import { locationFamily } from "../../lib/observe/metrics_of_locations.ts";
import { createReportedRepositories } from "../../lib/observe/reported_repositories.ts";
import { createProgram } from "../admin/fixture.ts";

const LOCATIONS = Array.from({ length: 300 }, (_, at) => `cloud-${at % 8}/region-${at}`);

async function compress(text: string): Promise<number> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return (await new Response(stream).bytes()).length;
}

/** The nanoseconds that a call takes, as the median of some rounds. */
function measure(calls: number, call: (at: number) => void): number {
  const rounds = Array.from({ length: 15 }, () => {
    const began = performance.now();
    for (let at = 0; at < calls; at++) call(at);
    return (performance.now() - began) * 1e6 / calls;
  });
  return rounds.toSorted((one, other) => one - other)[7]!;
}

function tell(what: string, value: string): void {
  console.log(`${what.padEnd(48)}${value}`);
}

const { ask } = await createProgram();
const page = (await ask("/")).body;
const sizes = await Promise.all([page, SCRIPT, STYLE].map(compress));
tell("page, script, style sheet, compressed", `${sizes.join(" + ")} bytes`);

const numbers = createLocationNumbers()(LOCATIONS);
const memory = createLocatedMemory();
const located = createLocated(memory, LOCATIONS, numbers);
tell(
  "a pull, counted by location",
  `${measure(1e6, (at) => located.toMirror(at % 300, false)).toFixed(1)} ns`,
);
const names = Array.from({ length: 500 }, (_, at) => `team-${at % 20}/app-${at}`);
const repositories = createReportedRepositories({
  report: () => {},
  later: () => () => {},
  random: Math.random,
});
// As after two seconds of load.
for (let pull = 0; pull < 100_000; pull++) repositories.note(names[pull % 500]!);
repositories.flush();
const noteNs = measure(1e6, (at) => repositories.note(names[at % 500]!));
tell("a pull, counted by repository, under load", `${noteNs.toFixed(1)} ns`);
let text = "";
const scrape = measure(20, () => {
  text = locationFamily({ located: addLocated([memory], numbers), locations: LOCATIONS });
});
tell("300 locations in /metrics", `${text.length} bytes, ${(scrape / 1e6).toFixed(2)} ms`);
tell("counters by location, of an isolate", `${memory.byteLength} bytes`);

const before = Deno.memoryUsage();
const history = createHistory();
const series = Array.from({ length: MAX_SERIES }, (_, at) => `mirror:mirror-${at}`);
for (let step = 0; step < 400; step++) {
  history.record(step * 10_000, new Map(series.map((name) => [name, step])));
}
const after = Deno.memoryUsage();
const external = after.external - before.external;
tell(`history of a day, ${MAX_SERIES} series`, `${external} bytes in buffers`);
