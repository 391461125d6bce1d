/**
 * The metrics of the program as a whole.
 *
 * @module
 */

import { family } from "./exposition.ts";
import type { Standing } from "./metrics.ts";

/** Formats the metrics of the program as a whole. */
export function* programFamilies(standing: Standing): Generator<string> {
  const { events, isolates } = standing;
  yield family("archeio_reloads_total", "counter", "Reloads of the configuration.", [
    [{ result: "taken" }, events.reloads],
    [{ result: "refused" }, events.refusedReloads],
  ]);
  yield family("archeio_workers", "gauge", "Isolates that serve.", [[{}, isolates]]);
  yield family(
    "archeio_worker_replacements_total",
    "counter",
    "Isolates that died and were replaced.",
    [
      [{}, events.replacedIsolates],
    ],
  );
  yield family(
    "archeio_pull_log_lost_lines_total",
    "counter",
    "Lines of the pull log that could not be written in time.",
    [[{}, events.lostPullLines]],
  );
  yield family(
    "archeio_event_log_lost_lines_total",
    "counter",
    "Lines of the event log that could not be written in time.",
    [[{}, events.lostEventLines]],
  );
  yield family("archeio_build_info", "gauge", "Versions, as labels.", [[standing.versions, 1]]);
  yield* processFamilies(standing);
}

// Under the names that Prometheus' client libraries give them.
function* processFamilies({ residentBytes, cpuS, startedS }: Standing): Generator<string> {
  yield family("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.", [
    [{}, residentBytes],
  ]);
  yield family(
    "process_cpu_seconds_total",
    "counter",
    "Total user and system CPU time spent in seconds.",
    [[{}, cpuS]],
  );
  yield family(
    "process_start_time_seconds",
    "gauge",
    "Start time of the process since unix epoch in seconds.",
    [[{}, startedS]],
  );
}
