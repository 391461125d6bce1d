/**
 * Distributes the reports of all isolates, including the main one.
 *
 * @module
 */

import type { Checks } from "../mirrors/checks.ts";
import type { LineSink } from "../observe/line_sink.ts";
import type { MissTable } from "../observe/misses.ts";
import type { SeenHost } from "../redirect/seen_hosts.ts";
import type { Report } from "./isolate.ts";
import type { ServerLog } from "./log.ts";
import type { Records } from "./records.ts";

/** The receivers of reports. */
export interface ReportReaders {
  /** Notified of events. */
  readonly log: ServerLog;
  /** Notified of mirrors to check, and of samples. */
  readonly checks: Checks;
  /** Accepts lines of the pull log. */
  readonly pulls: LineSink;
  /** Takes what isolates counted by repository. */
  readonly records: Pick<Records, "takeRepositories">;
  /** Called with a host that a relaying upstream sends clients of an isolate to. */
  readonly onRedirectHost: (seen: SeenHost) => void;
  /** Adds up what mirrors lacked. */
  readonly misses: MissTable;
  /** Called with the address that an isolate listens at. */
  readonly onReady: (address: Deno.NetAddr) => void;
}

/** Makes a function that distributes reports. */
export function createReportReader(
  { log, checks, pulls, records, misses, onReady, onRedirectHost }: ReportReaders,
): (report: Report) => void {
  return (report) => {
    switch (report.kind) {
      case "ready":
        return onReady(report.address);
      case "unanswered":
        return log.onUnanswered(report.url, report.reason);
      case "stale":
        return log.onStale(report.upstream, report.reason);
      case "failed":
        return log.onFailed(report.reason);
      case "suspect":
        return checks.suspect(report.mirror);
      case "sample":
        return checks.addSample(report.mirror, report.digest);
      case "nothing_found":
        return log.onNothingFound(report.mirror, report.blobs, report.answer);
      case "redirect_host":
        return onRedirectHost(report.seen);
      case "no_address":
        return log.onNoAddress(report.reason);
      case "misses":
        return misses.add(report.misses);
      case "pulls":
        return pulls.take(report.lines);
      case "repositories":
        return records.takeRepositories(report.slot, report.counts);
    }
  };
}
